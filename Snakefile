# Thin: one rule per verb. What is to be done comes from bench.config.plan; how, from bench/stages.
#   snakemake --cores 8 all                          the six test sets, reduced budgets
#   snakemake --cores 8 released                     the released weights, no training (as every preset's name:
#   snakemake --cores 8 all --config preset=released is the same)
#   snakemake --cores 2 table4 --config preset=quick one table
import os
import re
import shlex
import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)
# Snakemake's own prefix, which this one replaces, has the first half: without it a failure ahead of a pipe is lost.
# It formats the prefix and environments, so that braces of a path are doubled.
BIN, ENVIRONMENT = (
    path.replace("{", "{{").replace("}", "}}")
    for path in (
        shlex.quote(os.path.dirname(sys.executable)),
        os.path.join(workflow.basedir, "envs", "bench.yaml"),
    )
)
shell.prefix(f"set -euo pipefail; export PATH={BIN}:$PATH; ")

from bench.config import layout
from bench.foundation.errors import BenchError
from bench.results.model_cases import what_is_timed
from bench.workflow import launch, places, stale_lock
from bench.workflow.presets import Presets
from converse.native.build import built

places.resolve(config, os.environ, Path.cwd(), Path(workflow.basedir))


workdir: workflow.basedir


places.without_braces(os.environ)
ALIVE = stale_lock.alive()  # kept open: says that this Snakemake is alive

try:
    launch.refuse_repeated(sys.argv)
    PRESETS = Presets(config)
except BenchError as error:
    sys.exit(f"error: {error}")

PLAN = PRESETS.chosen.plan
OPTIONS = PRESETS.chosen.options


report: "report/workflow.rst"


wildcard_constraints:
    preset="|".join(map(re.escape, PRESETS.names)),
    run="[^/]+",
    key="[^/]+",
    seal=r"e\d+d\d+-[^/.]+",
    measured=r"p\d+e\d+d\d+-[^/.]+",
    table="[^/]+",
    figure="[^/]+",
    analysis="[^/]+",


# On a cluster these run on the machine that submits, which is the one with a network.
localrules:
    all,
    fetch,
    reports,


rule all:
    default_target: True
    input:
        lambda w: PRESETS.everything(PLAN.name),


for preset in PRESETS.targets:

    rule:
        name:
            preset
        input:
            lambda w, preset=preset: PRESETS.everything(preset),
        localrule: True


rule reports:
    # From existing results; never trains, evaluates or downloads.
    log:
        f"results/logs/report/{PLAN.name}.reports.log",
    conda:
        ENVIRONMENT
    resources:
        options=OPTIONS,
    shell:
        "(python -m bench tables {resources.options} --allow-missing"
        " && python -m bench figures {resources.options} --allow-missing"
        " && python -m bench report {resources.options} --allow-missing) 2>&1 | tee -i {log:q}"


for short, files in PRESETS.chosen.tables().items():

    rule:
        name:
            short
        input:
            files,


rule fetch:
    output:
        str(layout.manifest("{name}")),
    log:
        "results/logs/fetch/{name}.log",
    retries: 2
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=120,
        download=1,
    params:
        content=lambda w: PLAN.datasets[w.name].content_hash(layout.data_root()),
    shell:
        "python -m bench fetch {wildcards.name:q} 2>&1 | tee -i {log:q}"


rule check:
    input:
        lambda w: PRESETS[w.preset].manifests(),
    output:
        str(layout.check_json("{preset}")),
    log:
        "results/logs/check/{preset}.log",
    conda:
        ENVIRONMENT
    resources:
        options=lambda w: PRESETS[w.preset].options,
        mem_mb=2000,
        runtime=10,
    params:
        rows=lambda w: PRESETS[w.preset].plan.digest(),
    shell:
        "python -m bench check {resources.options} 2>&1 | tee -i {log:q}"


rule train:
    input:
        lambda w: PRESETS.of_run(w.run).training_inputs(w.run),
    output:
        weights=str(layout.weights("{run}")),
        curve=str(layout.curve_csv("{run}")),
        run=str(layout.run_json("{run}")),
    log:
        "results/logs/train/{run}.log",
    benchmark:
        "results/benchmarks/train/{run}.tsv"
    group:
        lambda w: PRESETS.of_run(w.run).group(w.run)
    conda:
        ENVIRONMENT
    threads: lambda w: PRESETS.of_run(w.run).plan.run(w.run).threads
    resources:
        options=lambda w: PRESETS.of_run(w.run).options,
        mem_mb=3000,
        runtime=lambda w: PRESETS.of_run(w.run).minutes(w.run, most=2880),
        gpu=lambda w: PRESETS.of_run(w.run).gpus,
    shell:
        "python -m bench train {wildcards.run:q} {resources.options} 2>&1 | tee -i {log:q}"


rule evaluate:
    input:
        lambda w: PRESETS.of_run(w.run, w.key).evaluation_inputs(w.run, w.key),
    output:
        metrics=str(layout.metrics_csv("{run}", "{key}.{seal}")),
        record=str(layout.score_record(layout.metrics_csv("{run}", "{key}.{seal}"))),
        showcase=str(layout.showcase_png("{run}", "{key}.{seal}")),
    log:
        "results/logs/evaluate/{run}.{key}.{seal}.log",
    benchmark:
        "results/benchmarks/evaluate/{run}.{key}.{seal}.tsv"
    priority: 1  # a long test of loaded weights runs beside the trainings, not after them
    group:
        lambda w: PRESETS.of_run(w.run).group(w.run)
    conda:
        ENVIRONMENT
    threads: lambda w: PRESETS.of_run(w.run).plan.run(w.run).threads
    resources:
        options=lambda w: PRESETS.of_run(w.run, w.key).options,
        mem_mb=4000,
        runtime=lambda w: PRESETS.of_run(w.run).minutes(w.run, most=1440),
        gpu=lambda w: PRESETS.of_run(w.run).gpus,
    shell:
        "python -m bench evaluate {wildcards.run:q} --key {wildcards.key:q} {resources.options} > {log:q} 2>&1"
        " || {{ cat {log:q}; exit 1; }}"


rule measure:
    input:
        lambda w: PRESETS.of_property(w.run, w.key).property_inputs(w.run, w.key),
    output:
        str(layout.property_csv("{run}", "{key}.{measured}")),
    log:
        "results/logs/measure/{run}.{key}.{measured}.log",
    group:
        lambda w: PRESETS.of_run(w.run).group(w.run)
    conda:
        ENVIRONMENT
    threads: lambda w: PRESETS.of_run(w.run).plan.run(w.run).threads
    resources:
        options=lambda w: PRESETS.of_property(w.run, w.key).options,
        mem_mb=3000,
        runtime=20,
        gpu=lambda w: PRESETS.of_run(w.run).gpus,
    shell:
        "python -m bench measure {wildcards.run:q} --key {wildcards.key:q} {resources.options} > {log:q} 2>&1"
        " || {{ cat {log:q}; exit 1; }}"


rule throughput:
    input:
        lambda w: PRESETS[w.preset].timing_inputs(),
    output:
        str(layout.throughput_csv("{preset}")),
    log:
        "results/logs/throughput/{preset}.log",
    priority: 1
    conda:
        ENVIRONMENT
    threads: lambda w: workflow.cores
    resources:
        options=lambda w: PRESETS[w.preset].options,
        mem_mb=6000,
        runtime=120,
        gpu=lambda w: PRESETS[w.preset].gpus,
    params:
        timed=lambda w: what_is_timed(PRESETS[w.preset].plan),
        library=lambda w: getattr(built(), "name", "none"),
    shell:
        "python -m bench throughput {resources.options} 2>&1 | tee -i {log:q}"


rule analyze:
    input:
        lambda w: PRESETS.of_analysis(w.analysis).analysis_inputs(w.analysis),
    output:
        str(layout.analysis_csv("{analysis}")),
    log:
        "results/logs/analyze/{analysis}.log",
    benchmark:
        "results/benchmarks/analyze/{analysis}.tsv"
    conda:
        ENVIRONMENT
    threads: lambda w: PRESETS.of_analysis(w.analysis).plan.preset.threads
    resources:
        options=lambda w: PRESETS.of_analysis(w.analysis).options,
        mem_mb=4000,
        runtime=480,
        gpu=lambda w: PRESETS.of_analysis(w.analysis).gpus,
    shell:
        "python -m bench analyze {wildcards.analysis:q} {resources.options} > {log:q} 2>&1"
        " || {{ cat {log:q}; exit 1; }}"


rule tables:
    input:
        lambda w: PRESETS[w.preset].table_inputs(w.table),
    output:
        multiext(str(layout.table_stem("{preset}", "{table}")), ".md", ".tex"),
        report(
            f"{layout.table_stem('{preset}', '{table}')}.csv",
            caption="report/table.rst",
            category="Tables",
            labels={"preset": "{preset}", "table": "{table}"},
        ),
    log:
        "results/logs/tables/{preset}.{table}.log",
    group:
        "render"
    conda:
        ENVIRONMENT
    resources:
        options=lambda w: PRESETS[w.preset].options,
        mem_mb=1000,
        runtime=10,
    shell:
        "python -m bench tables {wildcards.table:q} {resources.options} > {log:q} 2>&1 || {{ cat {log:q}; exit 1; }}"


rule figures:
    input:
        lambda w: PRESETS[w.preset].figure_inputs(w.figure),
    output:
        f"{layout.figure_stem('{preset}', '{figure}')}.pdf",
        report(
            f"{layout.figure_stem('{preset}', '{figure}')}.png",
            caption="report/figure.rst",
            category="Figures",
            labels={"preset": "{preset}", "figure": "{figure}"},
        ),
    log:
        "results/logs/figures/{preset}.{figure}.log",
    group:
        "render"
    conda:
        ENVIRONMENT
    resources:
        options=lambda w: PRESETS[w.preset].options,
        mem_mb=1500,
        runtime=10,
    shell:
        "python -m bench figures {wildcards.figure:q} {resources.options} > {log:q} 2>&1 || {{ cat {log:q}; exit 1; }}"


rule report:
    input:
        lambda w: PRESETS[w.preset].report_inputs(),
    output:
        str(layout.report_index("{preset}")),
        [
            report(
                str(page),
                caption=f"report/{page.stem}.rst",
                category="Report",
                labels={
                    "preset": "{preset}",
                    "page": {"index": "tables and figures"}.get(page.stem, page.stem),
                },
            )
            for page in layout.shown_pages("{preset}")
        ],
    log:
        "results/logs/report/{preset}.log",
    conda:
        ENVIRONMENT
    resources:
        options=lambda w: PRESETS[w.preset].options,
        mem_mb=1500,
        runtime=10,
    shell:
        "python -m bench report {resources.options} > {log:q} 2>&1 || {{ cat {log:q}; exit 1; }}"


onsuccess:
    for targets in PRESETS.asked():
        report = layout.report_index(targets.plan.name)
        if report.exists():
            print(f"\nThe report: {report} (and index.html beside it)")


onerror:
    print(
        "\nSomething failed (see above). Rendering what exists; the same command goes on from here."
    )
    for targets in PRESETS.asked():
        shell(
            f"python -m bench tables {targets.options} --allow-missing || true; "
            f"python -m bench figures {targets.options} --allow-missing || true; "
            f"python -m bench report {targets.options} --allow-missing || true"
        )
