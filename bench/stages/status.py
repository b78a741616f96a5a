"""``plan``: rows, cached or not, time left. ``doctor``: what this machine has and lacks."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from pathlib import Path

from tabulate import tabulate

from bench.config import layout
from bench.config.layout import analysis_csv
from bench.config.plan import Plan
from bench.config.run_spec import RunSpec
from bench.data.datasets import data_root
from bench.foundation import provenance
from bench.results.done import Done
from bench.workflow import cluster
from bench.workflow.time_left import TimeLeft, time_left
from converse.declarations import registry
from converse.declarations.operator_info import OperatorInfo


def show_plan(plan: Plan) -> None:
    """Print every row with its runs, what is done, and how long the rest will take (`bench.workflow.time_left`)."""
    lines, done = [], Done(plan)
    unscored: dict[tuple[str, str], RunSpec] = {}
    unmeasured: set[tuple[str, str]] = set()
    for table, rows in plan.rows.items():
        for row in rows:
            todo = [r for r in row.runs if done.to_make(r)]
            tests = [(r, e) for r in row.runs for e in plan.table_tests(table, r.task)]
            missing = [(r, e) for r, e in tests if e in done.left(r)]
            unscored |= {(r.id, e.key): r for r, e in missing}
            verb = "load" if any(r.checkpoint for r in row.runs) else "train"
            measure = {(r.id, p.key) for r in row.runs for p in done.to_measure(r) if not done.is_measured(r.id, p)}
            unmeasured |= measure
            left = f"{len(todo)} to {verb}, {len(missing)} to score"
            left += f", {len(measure)} to measure" if measure else ""
            published = any(done.published(r, e) for r, e in tests)
            state = row.skipped or (
                left if todo or missing or measure else "published evidence" if published else "done"
            )
            lines.append([table, row.label, len(row.runs), state, ", ".join(r.id for r in row.runs)])
    for analysis in plan.analyses.values():
        carried_out = analysis_csv(analysis.id).exists()
        lines.append(["analyses", analysis.name, "", "done" if carried_out else "to carry out", analysis.id])
    print(tabulate(lines, headers=["table", "row", "runs", "state", "ids"], tablefmt="simple"))
    untrained = [r for r in plan.runs.values() if done.to_make(r)]
    networks = [r for r in plan.runs.values() if not r.method]
    print(
        f"\n{len(plan.runs)} distinct runs in preset {plan.name!r}; "
        f"{len(networks) - len(untrained)} of {len(networks)} networks are trained or loaded, "
        "here or in published evidence."
    )
    for info in registry.operators(plan.plugins).values():
        if info.external and (reason := _problem(info)):
            print(f"{reason}: its rows will be dashes or fail")
    again = [r for r in untrained if done.lies_in_part(r)]
    if again:
        print(
            f"{len(again)} of the trainings stand in published evidence without some test that is asked of them here; "
            f"all scores of a run are of one training, so they are made again: {', '.join(r.id for r in again)}"
        )
    if unmeasured:
        print(f"Right after the trainings {len(unmeasured)} properties are measured; no estimate has their time.")
    lacking = {run.id: found for run in plan.runs.values() if (found := done.unmeasured(run))}
    if lacking:
        print(
            f"{sum(map(len, lacking.values()))} properties of {len(lacking)} runs that evidence answers are not in it, "
            f"and need weights, which are not here: --anew RUN (snakemake: --config anew=RUN) trains and measures one "
            f"again: {', '.join(lacking)}"
        )
    if untrained or unscored:
        _print_time(plan, time_left(plan, untrained, [(run, key) for (_, key), run in unscored.items()]))


def _problem(info: OperatorInfo) -> str:
    """What the contract says of an operator (`converse.assembly.contract.problem`), if torch is there to ask."""
    if info.error is not None or not importlib.util.find_spec("torch"):
        return info.error or ""
    from converse.assembly.contract import problem

    return problem(info)


def _print_time(plan: Plan, left: TimeLeft) -> None:
    cores = os.cpu_count() or 1
    parallel = max(1, cores // plan.preset.threads)
    if left.training_s or left.scoring_s:
        about = "at least" if left.unknown else "about"
        print(
            f"Left: {about} {_duration(left.seconds(parallel))} on {cores} cores (of one core: "
            f"{_duration(left.training_s)} of training and loading, {_duration(left.scoring_s)} of scoring), from "
            f"measurements on this machine{' and published evidence' if left.elsewhere else ''}; "
            f"{plan.preset.threads} thread{'' if plan.preset.threads == 1 else 's'} each."
        )
    for source, count in left.sources.items():
        print(f"  {count} trainings estimated from {source}")
    if left.unknown:
        print(
            f"No estimate for {left.unknown} trainings and evaluations: nothing like them was measured here or is "
            f"published (python -m bench throughput --preset {plan.name} times the networks)."
        )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:,.1f} hours"


def doctor(plan: Plan) -> None:
    """Print what this machine has: torch, device, pyiqa, mirror, disk, data sets, operators."""
    rows = [("python", platform.python_version(), ""), ("cores", str(os.cpu_count()), "")]
    if importlib.util.find_spec("torch"):
        import torch

        from converse.native.loading import backend

        device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU only"
        rows.append(("torch", torch.__version__, device))
        rows.append(("operator on CPU", backend().split()[0].rstrip(","), backend()))
        if torch.cuda.is_available():
            from converse.cuda.serving import backend as on_cuda

            rows.append(("operator on GPU", on_cuda().split()[0].rstrip(","), on_cuda()))
    else:
        rows.append(("torch", "missing", "pip install torch"))
    for name, use in (
        ("snakemake", "make, snakemake"),
        ("pooch", "downloads"),
        ("pyiqa", "metrics: [fsim, …] only"),
    ):
        rows.append((name, "present" if importlib.util.find_spec(name) else "missing", f"used for: {use}"))
    mirror = os.environ.get("BENCH_MIRROR")
    if mirror and "://" not in mirror and not Path(mirror).is_dir():
        rows.append(("BENCH_MIRROR", "missing", f"{mirror} is no folder"))
    else:
        rows.append(
            (
                "BENCH_MIRROR",
                "set" if mirror else "not set",
                mirror or "downloads go to the public URLs",
            )
        )
    memory = provenance.machine().get("memory_gib")
    rows.append(("slurm", "present" if (said := cluster.slurm()) else "missing", said or "used for: profiles/slurm"))
    rows.append(("memory", f"{memory} GiB" if memory else "unknown", ""))
    root = data_root()
    free = shutil.disk_usage(root if root.exists() else Path.cwd()).free / 2**30
    rows.append(("disk", f"{free:.1f} GiB free", str(root)))
    for name in dict.fromkeys(d for t in plan.preset.tasks.values() for d in [*t.train, *(e.data for e in t.evaluate)]):
        state = "fetched" if layout.manifest(name).exists() else "not fetched"
        rows.append((f"data: {name}", state, f"python -m bench fetch {name}" if state != "fetched" else ""))
    for name, info in registry.operators(plan.plugins).items():
        reason = _problem(info)
        rows.append((f"operator: {name}", "broken" if reason else "ok", reason or info.origin))
    print(tabulate(rows, headers=["what", "state", "note"], tablefmt="simple"))
