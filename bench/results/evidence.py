"""Committed evidence: its folders, and which groups of scores (run, evaluation, version) each of them holds.

``metrics.csv`` has the values. ``scores.csv`` has one row for every group: where, when and with which weights, images
and versions it was measured, and a checksum of its values, so that a group that was cut short or edited is not used.
Folders that were published before there was a ``scores.csv`` are read too; of them none of this is known. Neither
pandas nor torch is imported here: the Snakefile asks what is done every time it is parsed.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from bench.config import layout
from bench.config.evaluation import PlannedTest
from bench.config.plan import Plan
from bench.config.run_record import run_record
from bench.data.file_hashes import file_key
from bench.foundation.errors import BenchError
from bench.scoring.score_record import VERSION

Pair = tuple[str, str]
"""Run and evaluation."""


def published(plan: Plan) -> dict[Pair, list[Path]]:
    """(run, evaluation) of a plan to the folders that answer it: its scores in the present version, of the images and
    kernels that the plan would score now, and the run's own record, which names the checkpoint that is declared now.

    Raises:
        BenchError: a file of evidence that is no table.
    """
    wanted = {
        (run.id, test.key): test
        for run in plan.runs.values()
        if not plan.is_anew(run.id)
        for test in plan.evaluations(run)
    }
    found: dict[Pair, list[Path]] = {}
    for folder in layout.evidence_folders():
        runs = checkpoints_of(folder)
        for pair, (content, cases) in _groups(folder).items():
            if pair[0] not in runs or pair not in wanted or other_checkpoint(plan, pair[0], runs[pair[0]]):
                continue
            if same_content(plan, wanted[pair], content, cases):
                found.setdefault(pair, []).append(folder)
    return found


def same_content(plan: Plan, test: PlannedTest, content: str, cases: set[tuple[str, str]]) -> bool:
    """Whether published scores are of the images and kernels that the plan would score now, all of them.

    Scores from before their content was kept count where its bytes are declared: of a folder nobody knows them.

    Args:
        plan: whose data sets.
        test: what is to be scored.
        content: what was recorded; empty if nothing was.
        cases: (image, kernel) of the scores; needed where nothing was recorded.
    """
    if content:
        return content == test.content
    wanted = plan.scored(test).cases()
    return wanted is not None and plan.datasets[test.data].folder is None and cases == set(wanted)


def checkpoints_of(folder: Path) -> dict[str, str]:
    """Run to the sha256 of the checkpoint that it was loaded from, as a folder of evidence records it; else empty."""
    return {row["run"]: row.get("checkpoint_sha256") or "" for row in rows_of(folder / "runs.csv", "run")}


def other_checkpoint(plan: Plan, run: str, recorded: str) -> str:
    """Why what was computed of a run does not count: it was loaded from another file than is declared; else empty."""
    declared = plan.checkpoint_sha256(plan.runs[run])
    if not declared or recorded == declared:
        return ""
    return f"loaded from a checkpoint of sha256 {recorded[:12] or 'unknown'}, declared is {declared[:12]}"


def without_other_trainings(plan: Plan, folders: Iterable[Path]) -> Plan:
    """A plan for which evidence does not count of trainings that lie here with other weights: made on another
    processor, say, for a test that evidence lacks.

    What is made here counts, and counts whole: scores and properties of one run are never of two trainings.
    """
    found = set()
    for folder in folders:
        for row in rows_of(folder / "runs.csv", "run"):
            run, theirs = plan.runs.get(row["run"]), row.get("weights_sha256")
            if run is not None and run.train and theirs and run.id not in found:
                mine = run_record(run.id).get("weights_sha256") or theirs
                found |= {run.id} if mine != theirs else set()
    return replace(plan, anew=(*plan.anew, *sorted(found))) if found else plan


def runs_of(path: Path) -> set[str]:
    """The runs that a file of evidence says anything of; none where there is no file."""
    return set(_runs_of(path, file_key(path))) if path.is_file() else set()


@lru_cache
def _runs_of(path: Path, key: str) -> frozenset[str]:
    """`runs_of` a file as it is: a plan asks for the same curves once for every figure."""
    return frozenset(row["run"] for row in rows_of(path, "run"))


def _groups(folder: Path) -> dict[Pair, tuple[str, set[tuple[str, str]]]]:
    """(run, evaluation) in the present version to the content on record and, where there is none, to its cases."""
    index = folder / "scores.csv"
    if index.is_file():
        rows = rows_of(index, "run", "evaluation", "version", "content")
        return {(r["run"], r["evaluation"]): (r["content"], set()) for r in rows if r["version"] == VERSION}
    found: dict[Pair, tuple[str, set[tuple[str, str]]]] = {}
    for r in rows_of(folder / "metrics.csv", "run", "evaluation", "version", "image", "kernel"):
        if r["version"] == VERSION:
            group = found.setdefault((r["run"], r["evaluation"]), (r.get("content") or "", set()))
            group[1].add((r["image"], r["kernel"]))
    return found


VALUES = ("image", "kernel", "metric", "value")
"""What the checksum of a group's values is of."""


def values_sha256(rows: Iterable[Mapping[Any, str]]) -> str:
    """Checksum of a group's values, whatever the order of its rows."""
    lines = sorted("|".join(row[c] for c in VALUES) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def rows_of(path: Path, *columns: str) -> list[dict[str, str]]:
    """The rows of a file of evidence; none where there is no file.

    Raises:
        BenchError: no table that can be read, or one without those columns.
    """
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [c for c in columns if c not in (reader.fieldnames or ())]
            if missing:
                raise BenchError(f"{path}: column {missing[0]!r} is missing")
            return list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BenchError(f"{path}: not a table that can be read ({error})") from error
