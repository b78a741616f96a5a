"""Stage analyze: what the released networks do, case by case (`bench.analyses`); one tidy table per analysis.

A case that is done is kept (its part of the table, and the pictures it kept), so that an interrupted analysis goes
on; the table itself is written when every case is there. Pictures are of third-party photographs and stay in
``results/analyses/<id>/``, which git ignores and ``publish`` does not read.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from bench import analyses
from bench.analyses.laboratory import Laboratory
from bench.config import analysis_info, layout
from bench.config.analysis_info import AnalysisInfo
from bench.config.plan import Plan
from bench.config.planned_analyses import AnalysisSpec
from bench.foundation import atomic
from bench.foundation.errors import BenchError, nearest
from bench.foundation.lifeline import Interrupted, Stop, only_worker, stopping
from bench.foundation.memory import within_memory
from bench.foundation.progress import Progress
from bench.models import networks
from bench.models.arithmetic import arithmetic
from bench.results.reading import csv_text


def analyze(
    plan: Plan, names: Sequence[str] | None = None, *, device: str | None = None, progress: bool = True
) -> list[Path]:
    """Carries out analyses of a plan.

    Args:
        plan: the plan that names them.
        names: some of them, by name or by id (`bench.config.planned_analyses.AnalysisSpec.id`); None: all.
        device: overrides the preset's (auto, cpu, cuda, cuda:N).
        progress: show progress.

    Returns:
        The tables, `bench.config.layout.analysis_csv`.

    Raises:
        BenchError: an unknown name; or, after all other analyses are done, missing data by name.
        Interrupted: stopped by a signal or by the death of Snakemake; finished cases are kept.
    """
    by_name = {key: spec for spec in plan.analyses.values() for key in (spec.name, spec.id)}
    for name in names or ():
        if name not in by_name:
            allowed = ", ".join(plan.analyses) or "none"
            raise BenchError(
                f"no analysis {name!r} in preset {plan.name!r}{nearest(name, by_name)} (allowed: {allowed})"
            )
    chosen = list({by_name[n].id: by_name[n] for n in (names or plan.analyses)}.values())
    where = networks.choose_device(device or plan.preset.device)
    failures: list[str] = []
    with arithmetic(plan.preset.threads), stopping() as stop:
        for spec in chosen:
            target = layout.analysis_csv(spec.id)
            try:
                lock = only_worker(target.with_suffix(".lock"), f"analyze {spec.id}")
                with lock, within_memory(spec.id):
                    _carry_out(spec, Laboratory(spec, plan.datasets, where), stop, progress)
            except Interrupted:
                raise
            except BenchError as error:
                failures.append(f"{spec.name}: {error}")
    if failures:
        raise BenchError("; ".join(failures))
    return [layout.analysis_csv(spec.id) for spec in chosen]


def _carry_out(spec: AnalysisSpec, lab: Laboratory, stop: Stop, progress: bool) -> None:
    code = analyses.module(spec.name)
    info = analysis_info.available()[spec.name]
    cases: list[analyses.Case] = code.cases(lab)
    left = [case for case in cases if not layout.analysis_case(spec.id, case, ".npz").is_file()]
    with Progress(spec.name, len(cases), done=len(cases) - len(left), unit="case", show=progress) as bar:
        for case in left:
            _measure(code, spec, info, lab, case)
            bar.step(" ".join(case))
            if stop and case != left[-1]:
                raise Interrupted(f"{spec.name}: stopped by {stop.reason}; the same command goes on from there")
    parts = [pd.read_csv(layout.analysis_case(spec.id, case, ".csv"), dtype=str, na_filter=False) for case in cases]
    atomic.write_bytes(layout.analysis_csv(spec.id), csv_text(pd.concat(parts)).encode())


def _measure(code: ModuleType, spec: AnalysisSpec, info: AnalysisInfo, lab: Laboratory, case: analyses.Case) -> None:
    """One case on the disk: its table first, so that the pictures' file says that it is whole."""
    lab.kept.clear()
    frame = code.measure(lab, case)
    if list(frame.columns) != list(info.columns):
        raise BenchError(f"columns {list(frame.columns)}, declared are {list(info.columns)}")
    atomic.write_bytes(layout.analysis_case(spec.id, case, ".csv"), csv_text(frame).encode())
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **lab.kept)  # type: ignore[arg-type]
    atomic.write_bytes(layout.analysis_case(spec.id, case, ".npz"), buffer.getvalue())
