"""``plan``: rows, cached or not, time left. ``doctor``: what this machine has and lacks."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
from pathlib import Path

from tabulate import tabulate

from bench import plan as layout
from bench.datasets import data_root
from bench.layout import analysis_csv
from bench.plan import Plan
from bench.spec import RunSpec


def show_plan(plan: Plan) -> None:
    """Print every row with its runs, what is done, and the time that the rest will take.

    The estimate uses the seconds per step that finished runs of the same task took on this
    machine; where nothing is measured yet it says so.
    """
    seconds = _seconds_per_step(plan)
    lines, left, unknown = [], 0.0, 0
    for table, rows in plan.rows.items():
        for row in rows:
            todo = [r for r in row.runs if not _trained(r)]
            tests = [(r, e) for r in row.runs for e in plan.table_tests(table, r.task)]
            missing = sum(not layout.metrics_csv(r.id, e.key).exists() for r, e in tests)
            state = row.skipped or ("done" if not todo and not missing else f"{len(todo)} to train, {missing} to score")
            lines.append([table, row.label, len(row.runs), state, ", ".join(r.id for r in row.runs)])
    for analysis in plan.analyses.values():
        done = analysis_csv(analysis.id).exists()
        lines.append(["analyses", analysis.name, "", "done" if done else "to carry out", analysis.id])
    for run in plan.runs.values():
        if run.train and not _trained(run):
            if run.task in seconds:
                left += seconds[run.task] * run.train.budget.steps
            else:
                unknown += 1
    print(tabulate(lines, headers=["table", "row", "runs", "state", "ids"], tablefmt="simple"))
    print(f"\n{len(plan.runs)} distinct runs in preset {plan.name!r}.")
    if left:
        cores = os.cpu_count() or 1
        parallel = max(1, cores // plan.preset.threads)
        print(
            f"Training left: about {left / 60:.1f} core-minutes, {left / 60 / parallel:.1f} minutes on {cores} cores."
        )
    if unknown:
        print(f"{unknown} runs of tasks that have not been timed on this machine yet: no estimate.")


def _trained(run: RunSpec) -> bool:
    return run.method is not None or layout.run_json(run.id).exists()


def _seconds_per_step(plan: Plan) -> dict[str, float]:
    """Mean seconds of one training step by task, from the runs of this preset that are finished."""
    seen: dict[str, list[float]] = {}
    for run in plan.runs.values():
        path = layout.run_json(run.id)
        if run.train and path.exists():
            record = json.loads(path.read_text())
            if record.get("steps") and record.get("seconds"):
                seen.setdefault(run.task, []).append(record["seconds"] / record["steps"])
    return {task: sum(values) / len(values) for task, values in seen.items()}


def doctor(plan: Plan) -> None:
    """Print what this machine has: torch, device, pyiqa, mirror, disk, data sets, operators."""
    from converse import registry

    rows = [("python", platform.python_version(), ""), ("cores", str(os.cpu_count()), "")]
    if importlib.util.find_spec("torch"):
        import torch

        device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU only"
        rows.append(("torch", torch.__version__, device))
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
    root = data_root()
    free = shutil.disk_usage(root if root.exists() else Path.cwd()).free / 2**30
    rows.append(("disk", f"{free:.1f} GiB free", str(root)))
    for name in dict.fromkeys(d for t in plan.preset.tasks.values() for d in [*t.train, *(e.data for e in t.evaluate)]):
        state = "fetched" if layout.manifest(name).exists() else "not fetched"
        rows.append((f"data: {name}", state, f"python -m bench fetch {name}" if state != "fetched" else ""))
    for name, info in registry.operators(plan.plugins).items():
        rows.append((f"operator: {name}", "broken" if info.error else "ok", info.error or info.origin))
    print(tabulate(rows, headers=["what", "state", "note"], tablefmt="simple"))
