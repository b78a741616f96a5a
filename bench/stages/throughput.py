"""Stage ``throughput``: how long operators and networks take on this machine, and how much memory.

All operators that take a case are timed in turn in one process (`bench.models.timing`), float32, on all cores, and
among them what this machine can do at most (`bench.models.yardsticks`); so are the networks of the main tables, one of
them again on the paper's Algorithm 1. What each of them gives is held against float64 in the same command
(`bench.models.gate`). Ratios are computed where tables are made.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.config import layout
from bench.config.code_digest import code_digest
from bench.config.plan import Plan
from bench.config.resolve import digest
from bench.config.spec import Case
from bench.config.timed_variants import PASSES, variants
from bench.foundation import atomic, provenance, versions
from bench.foundation.errors import BenchError
from bench.foundation.lifeline import Interrupted, stopping
from bench.foundation.progress import Progress
from bench.results.columns import COLUMNS
from bench.results.model_cases import case_name, timed_models, what_is_timed
from converse.native.build import built

if TYPE_CHECKING:
    import torch

    from bench.models.timed import Job

FIELDS = [c for c in COLUMNS["throughput.csv"] if c != "source"]


def throughput(plan: Plan, *, device: str | None = None, progress: bool = True) -> Path:
    """Time what the preset asks for.

    An operator that declines a case, fails or runs out of memory gets a row with the reason; the others go on.

    Args:
        plan: whose ``throughput`` cases, plugins and networks are timed.
        device: ``cpu``, ``cuda``, ``cuda:N`` or None for the preset's choice.
        progress: show a progress bar.

    Returns:
        The tidy CSV at `bench.config.layout.throughput_csv`.

    Raises:
        BenchError: no such device, or the file cannot be written.
        Interrupted: stopped by a signal or by the death of Snakemake; complete cases are kept.
    """
    from bench.models.measured import side_by_side
    from bench.models.networks import choose_device

    chosen = choose_device(device or plan.preset.device)
    target = layout.throughput_csv(plan.name)
    work = [(kind, case, jobs, which) for kind, case, jobs in _groups(plan) for which in PASSES]
    log = _Log(target.with_suffix(".partial"), _identity(plan, chosen))
    done = sum((kind, case, which) in log.cases for kind, case, _, which in work)
    with stopping() as stop, Progress("throughput", len(work), done=done, unit="case", show=progress) as bar:
        for kind, case, jobs, which in work:
            if (kind, case, which) in log.cases:
                continue
            if stop:
                raise Interrupted(
                    f"throughput: stopped by {stop.reason} after {len(log.cases)} of {len(work)} cases; "
                    "the same command goes on from there"
                )
            rows = side_by_side(kind, case, jobs, which, chosen, _threads(), plan.preset)
            log.add((kind, case, which), rows)
            bar.step(f"{case}, {which}")
    rows = [row for kind, case, _, which in work for row in log.cases[kind, case, which]]
    written = _write(plan, target, [{"preset": plan.name, **row} for row in rows], chosen)
    log.path.unlink(missing_ok=True)
    return written


def _identity(plan: Plan, device: torch.device) -> dict[str, Any]:
    """What must be the same for the cases of an interrupted measurement to be used."""
    return {
        "timed": what_is_timed(plan),
        "where": str(device),
        **_where(plan, device),
        "code": code_digest("throughput"),
        "library": getattr(built(), "name", None),
    }


class _Log:
    """The cases that are done, kept on disk while the others run."""

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        self.path, self.identity = path, identity
        self.cases: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
            if saved["identity"] == identity:
                self.cases = {(k, c, w): rows for k, c, w, rows in saved["cases"]}
        except (OSError, ValueError, KeyError, TypeError):
            pass  # nothing there, or damaged: everything is timed again

    def add(self, case: tuple[str, str, str], rows: list[dict[str, Any]]) -> None:
        self.cases[case] = rows
        data = {"identity": self.identity, "cases": [[*key, rows] for key, rows in self.cases.items()]}
        atomic.write_bytes(self.path, json.dumps(data).encode())


def _groups(plan: Plan) -> list[tuple[str, str, dict[str, Job]]]:
    """(kind, case, name → job): what is timed together."""
    from bench.models.timed import Job

    groups: list[tuple[str, str, dict[str, Job]]] = []
    for case in plan.preset.throughput.operators:
        role = "spatial" if case.scale == 1 else "upsampler"
        known = plan.timed_operators()
        names = [n for n, info in known.items() if info.error or role in info.roles]
        jobs = {n: _operator_job(n, case, plan.plugins, digest([n, known[n].sha256])) for n in names}
        for one in variants(case.kernel, case.scale, names):
            changed: dict[str, Any] = {
                "padding_mode": one.padding_mode,
                "channels_last": one.channels_last,
                "native": one.native,
            }
            job, timed = jobs[one.operator], digest([known[one.operator].sha256, dataclasses.asdict(one)])
            jobs[one.name] = dataclasses.replace(job, timed=timed, **changed)
        groups.append(("operator", case.name, jobs))
    for model in plan.preset.throughput.models:
        jobs = {
            timed.name: Job(
                "model",
                timed.model,
                (model.batch, *model.size),
                options=timed.options,
                plugins=plan.plugins,
                timed=timed.timed,
            )
            for timed in timed_models(plan, model.task)
        }
        groups.append(("model", case_name(model), jobs))
    return groups


def _operator_job(name: str, case: Case, plugins: Sequence[str], timed: str) -> Job:
    from bench.models.timed import Job

    shape = (case.input, case.kernel, case.padding, case.scale)
    return Job("operator", name, *shape, plugins=tuple(plugins), timed=timed)


def _threads() -> int:
    """All cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _where(plan: Plan, device: torch.device) -> dict[str, Any]:
    """What a timing holds for, beside what was timed."""
    import torch

    computed = provenance.computation(str(device), _threads(), plan.preset.precision)
    return {
        "version": f"v{versions.THROUGHPUT_VERSION}",
        "threads": computed["threads"],
        "device": device.type,
        "machine": computed["device"],
        "instructions": computed["instructions"],
        "backend": computed["backend"],
        "precision": computed["precision"],
        "torch": torch.__version__,
    }


def _write(plan: Plan, path: Path, rows: Sequence[dict[str, Any]], device: torch.device) -> Path:
    if not any(row["status"] == "ok" for row in rows):
        reasons = "; ".join(dict.fromkeys(f"{row['name']}: {row['reason']}" for row in rows))
        raise BenchError(f"nothing could be timed ({reasons or 'the preset names no case'})")
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, FIELDS, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows([{**row, **_where(plan, device)} for row in rows])
    atomic.write_bytes(path, buffer.getvalue().encode())
    return path
