"""The runs of a plan, one row each: this machine's own record, or the one that evidence has.

Where the run stands in several places, the records must agree on what became of it, and its scores must all be of
the same weights: otherwise the run was trained twice with different results, and a row would mix the two.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.config import layout as paths
from bench.config.plan import Plan
from bench.config.run_record import run_record
from bench.config.run_spec import RunSpec
from bench.foundation.errors import BenchError
from bench.results.columns import COLUMNS
from bench.results.contributed_cells import KINDS, wrong_cells
from bench.results.evidence import other_checkpoint
from bench.results.reading import read_csv

if TYPE_CHECKING:
    import pandas as pd

SAME = ("status", "parameters", "checkpoint_sha256", "weights_sha256")
"""What two records of one run must agree on, where both know it."""
PARSED = {c: kind for c, kind in KINDS["runs.csv"].items() if c not in ("date", "device", *SAME[2:])}
"""Columns of evidence that are read as numbers, states and JSON: what is none is an error here, too."""


def run_rows(plan: Plan, folders: Sequence[Path], scores: pd.DataFrame, local: bool) -> pd.DataFrame:
    """One row for every run that anything is known of, in the order of the plan.

    Args:
        plan: whose runs.
        folders: of evidence, in order of preference.
        scores: what is known of the groups of scores (``scores.csv``): of an equal choice the folder is taken that a
            run's scores come from.
        local: whether this machine's own records count.

    Raises:
        BenchError: a record that cannot be read, or two that contradict each other.
    """
    import pandas as pd

    found: dict[str, list[dict[str, Any]]] = {run_id: [] for run_id in plan.runs}
    for run_id in plan.runs:
        path = paths.run_json(run_id)
        if local and path.is_file():
            here = _run_row(path, run_id)
            found[run_id] += [] if other_checkpoint(plan, run_id, here["checkpoint_sha256"]) else [here]
    for folder in folders:
        path = folder / "runs.csv"
        if path.is_file():
            for row in read_csv(path, ("run", "status")).to_dict("records"):
                if row["run"] not in found or plan.is_anew(row["run"]):
                    continue
                for _, why in wrong_cells({str(k): v for k, v in row.items()}, PARSED):
                    raise BenchError(f"{path}, {row['run']}: {why}; see python -m bench check-evidence {folder}")
                if not other_checkpoint(plan, row["run"], row.get("checkpoint_sha256") or ""):
                    found[row["run"]].append({**{str(k): v for k, v in row.items()}, "source": folder.name})
    used: dict[str, dict[str, str]] = {}
    for score in scores.to_dict("records"):
        used.setdefault(score["run"], {})[score["source"]] = score["weights_sha256"]
    rows = []
    for run_id, run in plan.runs.items():
        mine, sources = found[run_id], used.get(run_id, {})
        if run.method:
            if sources:
                source = next(iter(sources))
                rows.append({"run": run_id, "status": "classical", "spec": _spec_json(run), "source": source})
            continue
        if mine:
            _agree(run_id, mine, sources)
            rows.append(next((r for r in mine if r["source"] in ("", *sources)), mine[0]))
    columns = list(COLUMNS["runs.csv"])
    return pd.DataFrame([{c: row.get(c, "") for c in columns} for row in rows], columns=columns)


def _agree(run_id: str, rows: list[dict[str, Any]], weights: Mapping[str, str]) -> None:
    """Refuses records, or scores of weights, that cannot be of one training."""
    known = [(column, row[column], row["source"]) for column in SAME for row in rows if row.get(column)]
    known += [("weights_sha256", sha256, source) for source, sha256 in weights.items() if sha256]
    first: dict[str, tuple[str, str]] = {}
    for column, value, source in known:
        text, place = str(value), f"evidence {source}" if source else "this machine"
        before = first.setdefault(column, (text, place))
        if before[0] != text:
            raise BenchError(
                f"run {run_id}: {column} is {before[0]} on {before[1]} and {text} on {place}: it was made twice, "
                f"differently; remove one of the two (--config anew={run_id} leaves the evidence out)"
            )


def _spec_json(run: RunSpec) -> str:
    return json.dumps(run.model_dump(mode="json", exclude_none=True), sort_keys=True)


def _run_row(path: Path, run_id: str) -> dict[str, Any]:
    data = run_record(run_id)
    if "status" not in data:
        raise BenchError(f"{path}: damaged; delete it and train again")
    row = {c: data.get(c) for c in COLUMNS["runs.csv"]}
    for key in ("spec", "computed", "machine", "versions", "resumed_from"):
        row[key] = json.dumps(data.get(key) or ([] if key in ("resumed_from", "computed") else {}), sort_keys=True)
    row["date"] = data.get("date") or time.strftime("%Y-%m-%d", time.gmtime(path.stat().st_mtime))
    row = {k: "" if v is None else v for k, v in row.items()}
    return {**row, "run": run_id, "status": data["status"], "source": ""}
