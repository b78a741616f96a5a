"""Properties of trained networks, measured right after their training: from this machine and from evidence.

Numbers of another version, of other images or of other weights than the run's own are not used. Where two places have
the same property of a run they must agree.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.config import layout
from bench.config.plan import Plan
from bench.config.planned_properties import VERSION, PlannedProperty, properties_of
from bench.foundation.errors import BenchError
from bench.results.columns import COLUMNS
from bench.results.evidence import rows_of
from bench.results.reading import number, read_csv

if TYPE_CHECKING:
    import pandas as pd

FILE = "properties.csv"
FIELDS = tuple(COLUMNS[FILE])
KEY = ("part", "image", "metric")
Measured = dict[tuple[str, str], "pd.DataFrame"]
"""(run, property) to its numbers, columns of ``properties.csv``."""


def local_properties(plan: Plan) -> pd.DataFrame:
    """What lies on this machine, as text, of the weights that the runs have.

    Raises:
        BenchError: a file that is no such table, by name.
    """
    import pandas as pd

    frames = []
    for run in plan.runs.values():
        for one in properties_of(plan, run):
            path = layout.property_csv(run.id, one.stem)
            if path.is_file():
                frame = read_csv(path, FIELDS)
                frames.append(frame[frame["weights_sha256"] == weights_here(run.id)])
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(FIELDS))


def weights_here(run: str) -> str:
    """sha256 of a run's weights as its record on this machine has it; empty where there is none."""
    try:
        record = json.loads(layout.run_json(run).read_text(encoding="utf-8"))
        return str(record.get("weights_sha256") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def property_weights(path: Path) -> set[str]:
    """sha256 of the weights that a table of properties is of; none where it has no number (a run that diverged)."""
    return {row["weights_sha256"] for row in rows_of(path, *FIELDS)}


def properties(plan: Plan, evidence: Sequence[Path] | None = None) -> Measured:
    """The numbers of a plan's properties.

    Args:
        plan: whose runs.
        evidence: folders in the published format that alone count, the first first; None: this machine, then
            committed evidence.

    Raises:
        BenchError: a file that cannot be read, or two places that contradict each other.
    """
    places = [("this machine", local_properties(plan))] if evidence is None else []
    for folder in layout.evidence_folders() if evidence is None else evidence:
        if (folder / FILE).is_file():
            places.append((str(folder), _of_own_weights(folder)))
    wanted = {(run.id, one.name): one for run in plan.runs.values() for one in properties_of(plan, run)}
    found: Measured = {}
    origin: dict[tuple[str, str], str] = {}
    for place, frame in places:
        for (run, name), part in frame.groupby(["run", "property"], sort=False):
            pair = (str(run), str(name))
            fitting = _fitting(part, wanted[pair]) if pair in wanted else part[:0]
            if not len(fitting) or (evidence is None and place != "this machine" and plan.is_anew(pair[0])):
                continue
            numbers = number(fitting, "value").reset_index(drop=True)
            if pair in found:
                _agree(pair, (origin[pair], found[pair]), (place, numbers))
            else:
                found[pair], origin[pair] = numbers, place
    return found


def property_frame(plan: Plan) -> pd.DataFrame:
    """The numbers of `properties`, one below the other.

    Raises:
        BenchError: a file that cannot be read, or two places that contradict each other.
    """
    import pandas as pd

    found = list(properties(plan).values())
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(FIELDS))


def published_properties(plan: Plan) -> set[tuple[str, str]]:
    """(run, property) that committed evidence answers; pandas-free, since the Snakefile asks."""
    wanted = {(run.id, one.name): one for run in plan.runs.values() for one in properties_of(plan, run)}
    found = set()
    for folder in layout.evidence_folders() if wanted else ():
        rows = rows_of(folder / FILE, *FIELDS)
        weights = {r["run"]: r.get("weights_sha256") for r in rows_of(folder / "runs.csv", "run")} if rows else {}
        for row in rows:
            one = wanted.get((row["run"], row["property"]))
            fits = one is not None and all(row[c] == v for c, v in _about(one).items())
            if fits and weights.get(row["run"]) == row["weights_sha256"] and not plan.is_anew(row["run"]):
                found.add((row["run"], row["property"]))
    return found


def _about(one: PlannedProperty) -> dict[str, str]:
    """What rows of the present version, and of the images that would be measured now, have in their columns."""
    return {"version": VERSION, "content": one.test.content, "evaluation": one.test.key}


def _fitting(frame: pd.DataFrame, one: PlannedProperty) -> pd.DataFrame:
    about = _about(one)
    return frame[(frame[list(about)] == list(about.values())).all(axis=1)]


def _of_own_weights(folder: Path) -> pd.DataFrame:
    """A folder's properties, without those of other weights than its record of the run names."""
    frame, runs = read_csv(folder / FILE, FIELDS), folder / "runs.csv"
    known = read_csv(runs, ("run",)) if runs.is_file() else frame[:0]
    weights = dict(zip(known["run"], known["weights_sha256"], strict=True)) if "weights_sha256" in known else {}
    return frame[frame["weights_sha256"] == frame["run"].map(weights)]


def _agree(pair: tuple[str, str], first: tuple[str, pd.DataFrame], second: tuple[str, pd.DataFrame]) -> None:
    import numpy as np

    a, b = (frame.set_index(list(KEY))["value"] for _, frame in (first, second))
    common = a.index.intersection(b.index)
    if len(common) != len(a) or len(a) != len(b) or not np.allclose(a.loc[common], b.loc[common], rtol=1e-2, atol=1e-2):
        raise BenchError(
            f"run {pair[0]}, property {pair[1]}: {first[0]} and {second[0]} disagree. One of them is wrong: remove it "
            f"(--config anew={pair[0]} leaves the evidence out)"
        )
