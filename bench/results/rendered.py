"""What a rendered table, figure or page was made from: a stamp, so that nobody takes it for something else.

A page lies under one name for whatever was asked (a subset of images, plugins, a preview of what exists). Its stamp
says from what request and code it was made, whether all of that was there, and the checksum of every file. Snakemake
renders again what is not fresh. Torch-free.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from bench.config import layout, reproducibility, study
from bench.config.code_digest import code_digest
from bench.config.plan import Plan
from bench.config.resolve import digest
from bench.data.datasets import data_root
from bench.data.file_hashes import hash_folder, sha256_file
from bench.foundation import atomic
from bench.results.model_cases import what_is_timed

Stage = Literal["tables", "figures", "report"]
State = Literal["missing", "stale", "partial", "fresh"]
"""Not there; of another request, other code or altered; of this request, but of what existed; as it should be."""


TABLE_SUFFIXES = (".md", ".tex", ".csv")
FIGURE_SUFFIXES = (".png", ".pdf")


def fingerprint(plan: Plan, stage: Stage, name: str = "") -> str:
    """Hash of all that decides a rendering beside the results of its runs: request, words, rows, code, evidence.

    Of a report also all that was measured here: its verdicts are of every rung, whatever preset trained it.
    """
    table = name if name in plan.tables else plan.figures[name][0] if name in plan.figures else None
    tables = [table] if table else [*plan.tables]
    if name == layout.THROUGHPUT:  # no image and no row
        return digest([what_is_timed(plan), code_digest(stage), _evidence()])
    request: list[Any] = [
        plan.fingerprint(table),
        plan.subset,
        plan.plugins,
        {t: [test.stem for test in plan.table_tests(t)] for t in tables},
        [a.id for a in plan.analyses.values() if name in ("", a.name)],
        what_is_timed(plan),
        study.of(plan).model_dump(mode="json"),
        [reproducibility.digest(plan), _measured_here()] if stage == "report" else "",
        code_digest(stage),
        _evidence(),
    ]
    return digest(request)


def stamp(
    plan: Plan, stage: Stage, name: str, files: Iterable[Path], *, complete: bool, made_from: str | None = None
) -> None:
    """Says of files that were just rendered what they are.

    Args:
        plan: the request.
        stage: what rendered them.
        name: table or figure; empty for the report.
        files: all of them.
        complete: nothing that the plan asks for was missing.
        made_from: `fingerprint` before the results were read, where they may have changed since; None: that of now.
    """
    record = {
        "fingerprint": made_from or fingerprint(plan, stage, name),
        "complete": complete,
        "files": {str(path): sha256_file(path) for path in files},
    }
    target = layout.stamp_json(plan.name, stage, name)
    atomic.write_json(target, record)


def state(plan: Plan, stage: Stage, name: str, files: Iterable[Path]) -> State:
    """What rendered files are, for this request."""
    wanted = list(files)
    if not all(path.is_file() for path in wanted):
        return "missing"
    try:
        record = json.loads(layout.stamp_json(plan.name, stage, name).read_text(encoding="utf-8"))
        same = record["fingerprint"] == fingerprint(plan, stage, name)
        if not same or any(record["files"].get(str(path)) != sha256_file(path) for path in wanted):
            return "stale"
        return "fresh" if record["complete"] else "partial"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "stale"


def _evidence() -> list[Any]:
    """Committed tidy files by their bytes: a row that was not measured here is shown from them."""
    inside = [folder for each in layout.evidence_folders() for folder in (each, each / "analyses")]
    return [[str(folder), hash_folder(sorted(folder.glob("*.csv")), data_root())] for folder in inside]


def _measured_here() -> str:
    """Every local result by its bytes; one that goes while it is read counts as gone."""
    found = []
    for path in layout.local_results():
        with contextlib.suppress(FileNotFoundError):
            found.append([str(path), sha256_file(path)])
    return digest(found)
