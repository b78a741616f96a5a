# Thin: one rule per verb. What is to be done comes from bench.plan; how, from bench/stages.
#   snakemake --cores 8 all                          the six test sets, reduced budgets
#   snakemake --cores 8 all --config preset=paper    full networks and budgets
#   snakemake --cores 2 table4 --config preset=quick one table
import os
import sys

sys.path.insert(0, workflow.basedir)
shell.prefix(f"export PATH={os.path.dirname(sys.executable)}:$PATH; ")

from bench import layout
from bench import plan as planning
from bench.errors import BenchError
from bench.snake import Targets, trained

try:
    PLAN = planning.plan_from_config(config)
except BenchError as error:
    sys.exit(f"error: {error}")

# Reaches the jobs as a resource and not as `params`, which make a job rerun when they change: a run that
# two presets share must not be stale in the other one.
OPTIONS = planning.command_options(PLAN)
TARGETS = Targets(PLAN)


wildcard_constraints:
    run="[^/]+",
    key="[^/]+",
    table="|".join([*PLAN.tables, layout.THROUGHPUT]),
    figure="|".join(PLAN.figures) or "none",


localrules:
    all,
    reports,


rule all:
    default_target: True
    input:
        TARGETS.everything(),


rule reports:
    # From existing results; never trains, evaluates or downloads.
    log:
        f"results/logs/report/{PLAN.name}.reports.log",
    conda:
        "envs/bench.yaml"
    resources:
        options=OPTIONS,
    shell:
        "(python -m bench tables {resources.options} --allow-missing"
        " && python -m bench figures {resources.options} --allow-missing"
        " && python -m bench report {resources.options} --allow-missing) 2>&1 | tee {log}"


for short, files in TARGETS.tables().items():

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
        "envs/bench.yaml"
    resources:
        mem_mb=1000,
        runtime=120,
        download=1,
    params:
        content=lambda w: PLAN.datasets[w.name].content_hash(layout.data_root()),
    shell:
        "python -m bench fetch {wildcards.name} 2>&1 | tee {log}"


rule check:
    input:
        TARGETS.manifests(),
    output:
        str(layout.check_json()),
    log:
        "results/logs/check.log",
    conda:
        "envs/bench.yaml"
    resources:
        options=OPTIONS,
        mem_mb=2000,
        runtime=10,
    params:
        rows=PLAN.digest(),
    shell:
        "python -m bench check {resources.options} > {log} 2>&1 || {{ cat {log}; exit 1; }}"


rule train:
    input:
        lambda w: TARGETS.training_inputs(w.run),
    output:
        weights=str(layout.weights("{run}")),
        curve=str(layout.curve_csv("{run}")),
        run=str(layout.run_json("{run}")),
    log:
        "results/logs/train/{run}.log",
    benchmark:
        "results/benchmarks/train/{run}.tsv"
    wildcard_constraints:
        run=trained(PLAN),
    conda:
        "envs/bench.yaml"
    threads: lambda w: PLAN.run(w.run).threads
    resources:
        options=OPTIONS,
        mem_mb=3000,
        runtime=2880,
        gpu=TARGETS.gpus,
    shell:
        "python -m bench train {wildcards.run} {resources.options} 2>&1 | tee {log}"


rule evaluate:
    input:
        lambda w: TARGETS.evaluation_inputs(w.run, w.key),
    output:
        metrics=str(layout.metrics_csv("{run}", "{key}")),
        showcase=str(layout.showcase_png("{run}", "{key}")),
    log:
        "results/logs/evaluate/{run}.{key}.log",
    benchmark:
        "results/benchmarks/evaluate/{run}.{key}.tsv"
    conda:
        "envs/bench.yaml"
    threads: lambda w: PLAN.run(w.run).threads
    resources:
        options=OPTIONS,
        mem_mb=4000,
        runtime=1440,
        gpu=TARGETS.gpus,
    params:
        metrics=PLAN.metrics,
    shell:
        "python -m bench evaluate {wildcards.run} --key {wildcards.key} {resources.options} > {log} 2>&1"
        " || {{ cat {log}; exit 1; }}"


rule throughput:
    input:
        TARGETS.timing_inputs(),
    output:
        str(layout.throughput_csv(PLAN.name)),
    log:
        "results/logs/throughput.log",
    priority: 1
    conda:
        "envs/bench.yaml"
    threads: workflow.cores
    resources:
        options=OPTIONS,
        mem_mb=6000,
        runtime=120,
        gpu=TARGETS.gpus,
    params:
        cases=PLAN.preset.throughput.model_dump(mode="json"),
        operators=PLAN.operators_digest(),
    shell:
        "python -m bench throughput {resources.options} 2>&1 | tee {log}"


rule tables:
    input:
        lambda w: TARGETS.table_inputs(w.table),
    output:
        multiext(str(layout.table_stem(PLAN.name, "{table}")), ".md", ".tex", ".csv"),
    log:
        f"results/logs/tables/{PLAN.name}.{{table}}.log",
    group:
        "render"
    conda:
        "envs/bench.yaml"
    resources:
        options=OPTIONS,
        mem_mb=1000,
        runtime=10,
    params:
        rows=lambda w: PLAN.fingerprint(w.table),
        code=layout.code_digest("tables"),
    shell:
        "python -m bench tables {wildcards.table} {resources.options} > {log} 2>&1 || {{ cat {log}; exit 1; }}"


rule figures:
    input:
        lambda w: [*PLAN.figure_inputs(w.figure)],
    output:
        multiext(str(layout.figure_stem(PLAN.name, "{figure}")), ".png", ".pdf"),
    log:
        f"results/logs/figures/{PLAN.name}.{{figure}}.log",
    group:
        "render"
    conda:
        "envs/bench.yaml"
    resources:
        options=OPTIONS,
        mem_mb=1500,
        runtime=10,
    params:
        rows=lambda w: PLAN.fingerprint(PLAN.figures[w.figure][0]),
        code=layout.code_digest("figures"),
    shell:
        "python -m bench figures {wildcards.figure} {resources.options} > {log} 2>&1 || {{ cat {log}; exit 1; }}"


rule report:
    input:
        TARGETS.rendered(),
        layout.throughput_csv(PLAN.name),
    output:
        multiext(str(layout.report_dir(PLAN.name) / "index"), ".md", ".html"),
    log:
        f"results/logs/report/{PLAN.name}.log",
    conda:
        "envs/bench.yaml"
    resources:
        options=OPTIONS,
        mem_mb=1500,
        runtime=10,
    params:
        rows=PLAN.fingerprint(),
        code=layout.code_digest("report"),
    shell:
        "python -m bench report {resources.options} > {log} 2>&1 || {{ cat {log}; exit 1; }}"


onsuccess:
    report = layout.report_dir(PLAN.name) / "index.md"
    if report.exists():
        print(f"\nThe report: {report} (and index.html beside it)")


onerror:
    print(
        "\nSomething failed (see above). Rendering what exists; the same command goes on from here."
    )
    shell(
        f"python -m bench tables {OPTIONS} --allow-missing; "
        f"python -m bench figures {OPTIONS} --allow-missing; "
        f"python -m bench report {OPTIONS} --allow-missing || true"
    )
