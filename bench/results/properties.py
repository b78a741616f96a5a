"""Properties of trained networks, measured right after their training: from this machine and from evidence.

Numbers of another version, of other images or of other weights than the run's own are not used, nor is a table of which
a part is missing. Where two places have the same property of a run they must agree.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.config import layout, property_info
from bench.config.plan import Plan
from bench.config.planned_properties import VERSION, PlannedProperty, properties_of
from bench.config.run_record import run_record
from bench.foundation.errors import BenchError
from bench.results.columns import COLUMNS
from bench.results.evidence import Pair, rows_of, without_other_trainings

if TYPE_CHECKING:
    import pandas as pd

FILE = "properties.csv"
FIELDS = tuple(COLUMNS[FILE])
PROVENANCE = ("date", "device", "computed", "machine")
"""Columns that tables from before they existed lack."""
NEEDED = tuple(column for column in FIELDS if column not in PROVENANCE)
KEY = ("part", "image", "metric")
LOWEST_DB = -100.0
"""Energy shares below are rounding, which every processor does in its own way: they are all the same."""
UNDECLARED = (1e-6, 1e-3)
"""Tolerance of a metric that no property of this version declares."""
Row = Mapping[str, str]
Measured = dict[Pair, "pd.DataFrame"]
"""(run, property) to its numbers, columns of ``properties.csv``."""


def properties(plan: Plan, evidence: Sequence[Path] | None = None) -> Measured:
    """The numbers of a plan's properties.

    Args:
        plan: whose runs.
        evidence: folders in the published format that alone count, the first first; None: this machine, then
            committed evidence.

    Raises:
        BenchError: a file that cannot be read, or two places that contradict each other.
    """
    import pandas as pd

    places = _published(plan, evidence) if evidence is not None else _everywhere(plan)
    found: Measured = {}
    first: dict[Pair, tuple[str, list[Row]]] = {}
    for place, pair, rows in places:
        values = [number_of(row, place) for row in rows]
        if pair not in first:
            first[pair] = place, rows
            found[pair] = pd.DataFrame(rows, columns=list(FIELDS)).assign(value=values)
        elif why := property_disagreement(first[pair][1], rows):
            raise BenchError(
                f"run {pair[0]}, property {pair[1]}: {first[pair][0]} and {place} disagree: {why}. One of them is "
                f"wrong: remove it (--config anew={pair[0]} leaves the evidence out)"
            )
    return found


def property_frame(plan: Plan) -> pd.DataFrame:
    """The numbers of `properties`, one below the other.

    Raises:
        BenchError: a file that cannot be read, or two places that contradict each other.
    """
    import pandas as pd

    found = list(properties(plan).values())
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(FIELDS))


def local_properties(plan: Plan) -> pd.DataFrame:
    """What counts of this machine, as text.

    Raises:
        BenchError: a file that is no such table, by name.
    """
    import pandas as pd

    return pd.DataFrame([row for _, _, rows in _local(plan) for row in rows], columns=list(FIELDS), dtype=str)


def published_properties(plan: Plan) -> set[Pair]:
    """(run, property) that committed evidence answers; pandas-free, since the Snakefile asks."""
    return {pair for _, pair, _ in _counting(plan)}


def property_weights(path: Path) -> set[str]:
    """sha256 of the weights that a table of properties is of; none where it has no number (a run that diverged)."""
    return {row["weights_sha256"] for row in rows_of(path, *NEEDED)}


def whole(rows: Sequence[Row], name: str, images: Sequence[str] | None) -> bool:
    """Whether rows are a property of one run, each number once: every metric of every part of every image.

    Args:
        rows: of one run and property.
        name: of the property.
        images: of the test; None where they are not known: then those of the rows.
    """
    info = property_info.available()[name]
    made = {image for extra in info.metrics.values() for image in extra}
    images = images if images is not None else list({row["image"] for row in rows} - made)
    parts = info.parts or {row["part"] for row in rows}
    wanted = [(p, i, m) for p in parts for m, extra in info.metrics.items() for i in (*images, *extra)]
    return bool(rows and images) and sorted(wanted) == sorted(tuple(row[c] for c in KEY) for row in rows)


def property_disagreement(a: Sequence[Row], b: Sequence[Row]) -> str:
    """What two tables of one run and property contradict each other in; empty if they agree.

    Raises:
        BenchError: a value that is no number.
    """
    for column, what in (("content", "other images were measured"), ("weights_sha256", "other weights were measured")):
        mine, yours = ({row[column] for row in rows} for rows in (a, b))
        if mine and yours and mine != yours:
            return f"{what} ({column} {min(mine)[:12]} and {min(yours)[:12]})"
    first, second = ({tuple(row[c] for c in KEY): number_of(row) for row in rows} for rows in (a, b))
    if first.keys() != second.keys():
        return "one has numbers that the other has not"
    declared = property_info.available()
    kinds = {row["property"] for row in a} & declared.keys()
    tolerance = {metric: apart for kind in kinds for metric, apart in declared[kind].tolerance.items()}
    for part, image, metric in first:
        values = first[part, image, metric], second[part, image, metric]
        if not agree(metric, *values, tolerance.get(metric, UNDECLARED)):
            what = " ".join(filter(None, (metric, "of", part, image)))
            return f"{what} is {values[0]:.4g} and {values[1]:.4g}"
    return ""


def agree(metric: str, a: float, b: float, tolerance: tuple[float, float]) -> bool:
    """Whether two values of a metric differ by no more than what another processor or backend changes."""
    if a == b or (math.isnan(a) and math.isnan(b)):
        return True
    if metric.startswith("share_db"):
        a, b = max(a, LOWEST_DB), max(b, LOWEST_DB)
    absolute, relative = tolerance
    return abs(a - b) <= max(absolute, relative * max(abs(a), abs(b)))


def number_of(row: Row, place: str = "") -> float:
    """The value of a row.

    Raises:
        BenchError: it is no number.
    """
    try:
        return float(row["value"])
    except ValueError:
        about = f"{f'{place}, ' if place else ''}run {row['run']}, property {row['property']}"
        raise BenchError(f"{about}: value {row['value']!r} is no number") from None


def _wanted(plan: Plan) -> dict[Pair, PlannedProperty]:
    return {(run.id, one.name): one for run in plan.runs.values() for one in properties_of(plan, run)}


def _everywhere(plan: Plan) -> Iterator[tuple[str, Pair, list[Row]]]:
    yield from _local(plan)
    yield from _counting(plan)


def _counting(plan: Plan) -> Iterator[tuple[str, Pair, list[Row]]]:
    """What counts of committed evidence: not what is made anew, nor what is of another training than lies here."""
    folders = layout.evidence_folders()
    plan = without_other_trainings(plan, folders)
    yield from (found for found in _published(plan, folders) if not plan.is_anew(found[1][0]))


def _local(plan: Plan) -> Iterator[tuple[str, Pair, list[Row]]]:
    """What fits on this machine. A table from before its provenance was kept has that of the training before it."""
    for (run, name), one in _wanted(plan).items():
        path = layout.property_csv(run, one.stem)
        if rows := rows_of(path, *NEEDED):
            record = run_record(run)
            about = {column: str(record.get(column) or "") for column in ("date", "device")}
            about["computed"] = json.dumps((record.get("computed") or [{}])[-1], sort_keys=True)
            about["machine"] = json.dumps(record.get("machine") or {}, sort_keys=True)
            fitting = _fitting(plan, (run, name), one, rows, str(record.get("weights_sha256") or ""))
            if fitting:
                yield str(path), (run, name), [{**about, **row} for row in fitting]


def _published(plan: Plan, folders: Sequence[Path]) -> Iterator[tuple[str, Pair, list[Row]]]:
    """What fits in folders of evidence."""
    wanted = _wanted(plan)
    for folder in folders if wanted else ():
        rows: dict[Pair, list[Row]] = {}
        for row in rows_of(folder / FILE, *NEEDED):
            rows.setdefault((row["run"], row["property"]), []).append(dict.fromkeys(PROVENANCE, "") | row)
        records = rows_of(folder / "runs.csv", "run") if rows else []
        weights = {row["run"]: row.get("weights_sha256") or "" for row in records}
        for pair in [pair for pair in rows if pair in wanted]:
            if fitting := _fitting(plan, pair, wanted[pair], rows[pair], weights.get(pair[0], "")):
                yield str(folder / FILE), pair, fitting


def _fitting(plan: Plan, pair: Pair, one: PlannedProperty, rows: Sequence[Row], weights: str) -> list[Row]:
    """The rows of the present version, of the images that would be measured now and of the run's own weights; none
    where not all of them are there."""
    about = {"run": pair[0], "property": one.name, "evaluation": one.test.key, "version": VERSION}
    about |= {"content": one.test.content, "weights_sha256": weights}
    found = [row for row in rows if weights and all(row[column] == value for column, value in about.items())]
    cases = plan.scored(one.test).cases()
    images = None if cases is None else list(dict.fromkeys(image for image, _ in cases))
    return found if whole(found, one.name, images) else []
