# Thin: one rule per verb. What is to be done comes from bench.plan; how, from bench/stages.
#   snakemake --cores 8 all                          the six test sets, reduced budgets
#   snakemake --cores 8 all --config preset=paper    full networks and budgets
#   snakemake --cores 2 table4 --config preset=quick one table
import os
import sys

sys.path.insert(0, workflow.basedir)
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]

from bench import layout
from bench import plan as planning
from bench.errors import BenchError
from bench.snake import Targets, trained

try:
    PLAN = planning.plan_from_config(config)
except BenchError as error:
    sys.exit(f"error: {error}")

# Reaches the jobs through the command line, and not through `params`, so that a run which two presets
# share is not stale in the other one.
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
    input:
        TARGETS.everything(),
    default_target: True


rule reports:
    # From existing results; never trains, evaluates or downloads.
    shell:
        "python -m bench tables {OPTIONS} --allow-missing"
        " && python -m bench figures {OPTIONS} --allow-missing"
        " && python -m bench report {OPTIONS} --allow-missing"


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
    resources:
        mem_mb=1000,
        runtime=120,
        download=1,
    shell:
        "python -m bench fetch {wildcards.name} 2>&1 | tee {log}"


rule check:
    input:
        ancient(TARGETS.manifests()),
    output:
        str(layout.check_json()),
    params:
        rows=PLAN.digest(),
    log:
        "results/logs/check.log",
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "python -m bench check {OPTIONS} > {log} 2>&1 || {{ cat {log}; exit 1; }}"


rule train:
    input:
        lambda w: TARGETS.training_inputs(w.run, ancient),
    output:
        weights=str(layout.weights("{run}")),
        curve=str(layout.curve_csv("{run}")),
        run=str(layout.run_json("{run}")),
    wildcard_constraints:
        run=trained(PLAN),
    threads: lambda w: PLAN.run(w.run).threads
    log:
        "results/logs/train/{run}.log",
    benchmark:
        "results/benchmarks/train/{run}.tsv"
    resources:
        mem_mb=3000,
        runtime=2880,
        gpu=TARGETS.gpus,
    shell:
        "python -m bench train {wildcards.run} {OPTIONS} 2>&1 | tee {log}"


rule evaluate:
    input:
        lambda w: TARGETS.evaluation_inputs(w.run, w.key, ancient),
    output:
        metrics=str(layout.metrics_csv("{run}", "{key}")),
        showcase=str(layout.showcase_png("{run}", "{key}")),
    params:
        metrics=PLAN.metrics,
    threads: lambda w: PLAN.run(w.run).threads
    log:
        "results/logs/evaluate/{run}.{key}.log",
    benchmark:
        "results/benchmarks/evaluate/{run}.{key}.tsv"
    resources:
        mem_mb=4000,
        runtime=1440,
        gpu=TARGETS.gpus,
    shell:
        "python -m bench evaluate {wildcards.run} --key {wildcards.key} {OPTIONS} > {log} 2>&1"
        " || {{ cat {log}; exit 1; }}"


rule throughput:
    input:
        ancient(layout.check_json()),
    output:
        str(layout.throughput_csv(PLAN.name)),
    params:
        cases=PLAN.preset.throughput.model_dump(mode="json"),
        operators=PLAN.operators_digest(),
    threads: workflow.cores
    priority: 1
    log:
        "results/logs/throughput.log",
    resources:
        mem_mb=6000,
        runtime=120,
        gpu=TARGETS.gpus,
    shell:
        "python -m bench throughput {OPTIONS} 2>&1 | tee {log}"


rule tables:
    input:
        lambda w: TARGETS.table_inputs(w.table),
    output:
        multiext(str(layout.table_stem(PLAN.name, "{table}")), ".md", ".tex", ".csv"),
    params:
        rows=lambda w: PLAN.fingerprint(w.table),
        code=layout.code_digest("tables"),
    log:
        f"results/logs/tables/{PLAN.name}.{{table}}.log",
    group:
        "render"
    resources:
        mem_mb=1000,
        runtime=10,
    shell:
        "python -m bench tables {wildcards.table} {OPTIONS} > {log} 2>&1 || {{ cat {log}; exit 1; }}"


rule figures:
    input:
        lambda w: [*PLAN.figure_inputs(w.figure)],
    output:
        multiext(str(layout.figure_stem(PLAN.name, "{figure}")), ".png", ".pdf"),
    params:
        rows=lambda w: PLAN.fingerprint(PLAN.figures[w.figure][0]),
        code=layout.code_digest("figures"),
    log:
        f"results/logs/figures/{PLAN.name}.{{figure}}.log",
    group:
        "render"
    resources:
        mem_mb=1500,
        runtime=10,
    shell:
        "python -m bench figures {wildcards.figure} {OPTIONS} > {log} 2>&1 || {{ cat {log}; exit 1; }}"


rule report:
    input:
        TARGETS.rendered(),
        layout.throughput_csv(PLAN.name),
    output:
        multiext(str(layout.report_dir(PLAN.name) / "index"), ".md", ".html"),
    params:
        rows=PLAN.fingerprint(),
        code=layout.code_digest("report"),
    log:
        f"results/logs/report/{PLAN.name}.log",
    resources:
        mem_mb=1500,
        runtime=10,
    shell:
        "python -m bench report {OPTIONS} > {log} 2>&1 || {{ cat {log}; exit 1; }}"


onsuccess:
    report = layout.report_dir(PLAN.name) / "index.md"
    if report.exists():
        print(f"\nThe report: {report} (and index.html beside it)")


onerror:
    print("\nSomething failed (see above). Rendering what exists; the same command goes on from here.")
    shell(
        f"python -m bench tables {OPTIONS} --allow-missing; "
        f"python -m bench figures {OPTIONS} --allow-missing; "
        f"python -m bench report {OPTIONS} --allow-missing || true"
    )
