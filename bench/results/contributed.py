"""What is wrong with a folder of evidence that somebody contributes; nothing is run and no image is needed.

A run's id is a hash of its specification, so a row cannot claim another budget, network or degradation than it had.
Protocols, data sets and operators must be known here. Where, when and with which versions a number was made must be
said. That the number is what that machine gave cannot be checked; that it can be repeated is what all this is for.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.config.run_spec import RunSpec
from bench.foundation.errors import nearest
from bench.results.columns import COLUMNS, KEYS
from bench.results.contributed_cells import Row
from bench.results.contributed_curves import curve_faults
from bench.results.contributed_runs import Count, run_cells, run_faults, specification
from bench.results.contributed_scores import property_faults, score_faults, value_faults
from bench.results.contributed_tables import analysis_faults, timing_faults
from bench.results.properties import NEEDED as PROPERTY_COLUMNS

NEEDED = ("runs.csv", "metrics.csv", "columns.json")
LATER = {
    "runs.csv": ("training_macs", "weights_sha256", "computed"),
    "throughput.csv": ("instructions", "backend", "precision"),
}
"""Columns that folders from before they existed lack."""
WANTED = {
    "runs.csv": COLUMNS["runs.csv"].keys() - {"source", *LATER["runs.csv"]},
    "metrics.csv": {*KEYS["metrics.csv"], "dataset", "protocol", "value"},
    "scores.csv": COLUMNS["scores.csv"].keys() - {"source", "computed"},
    "properties.csv": {*PROPERTY_COLUMNS},
    "curves.csv": {*COLUMNS["curves.csv"]},
    "throughput.csv": {*KEYS["throughput.csv"], "median_s", "iqr_s", "repeats", "status", "reason"}
    - {*LATER["throughput.csv"]},
}
"""Columns that a file must have."""


def problems(
    folder: Path,
    datasets: Mapping[str, Any],
    operators: Collection[str],
    plugins: Sequence[str] = (),
    parameters: Count | None = None,
) -> list[str]:
    """Everything that is wrong with a folder in the format of ``bench publish``, one line each; empty if nothing is.

    Args:
        folder: ``results/evidence/<date-machine>``.
        datasets: of ``datasets.yaml``, by name.
        operators: names that rows may use.
        plugins: operator files among them.
        parameters: counts those of a run's network; None: they are not counted.
    """
    found = [f"{folder / name} is missing" for name in NEEDED if not (folder / name).is_file()]
    if found:
        return found
    found += [
        f"{path}: only CSV files and columns.json are evidence (no weights, no pictures)" for path in _other(folder)
    ]
    tables: dict[str, Sequence[Row]] = {}
    for name in [n for n in COLUMNS if (folder / n).is_file()]:
        tables[name], _, wrong = _table(folder / name)
        found += wrong
    for path in sorted((folder / "analyses").glob("*.csv")):
        rows, columns, wrong = _table(path)
        found += wrong or [f"{path}: {why}" for why in analysis_faults(path, rows, columns)]
    if any(name not in tables for name in NEEDED[:2]) or any(rows is BROKEN for rows in tables.values()):
        return found  # what follows reads those columns
    runs = {row["run"]: row for row in tables["runs.csv"]}
    about, specs = _runs(folder / "runs.csv", tables["runs.csv"], datasets, operators, plugins, parameters)
    found += about
    read = {
        "metrics.csv": lambda rows: value_faults(rows, runs, datasets),
        "scores.csv": lambda rows: score_faults(rows, tables["metrics.csv"], runs),
        "properties.csv": lambda rows: property_faults(rows, runs),
        "curves.csv": lambda rows: curve_faults(rows, runs, specs),
        "throughput.csv": timing_faults,
    }
    for name, faults in read.items():
        if name in tables:
            found += [f"{folder / name}: {why}" for why in faults(tables[name])]
    found += [f"{folder / name} is missing: {why}" for name, why in _left_out(tables)]
    return found


BROKEN: Sequence[Row] = []
"""Stands for the rows of a file that cannot be read, or that has not the columns it needs."""


def _runs(
    path: Path,
    rows: Sequence[Row],
    datasets: Mapping[str, Any],
    operators: Collection[str],
    plugins: Sequence[str],
    parameters: Count | None,
) -> tuple[list[str], dict[str, RunSpec]]:
    """What is wrong with the runs, and the specifications of those of which everything else can be asked."""
    found, specs = [], {}
    for row in rows:
        faults, spec = list(run_cells([row])), specification(row)
        if isinstance(spec, str):
            faults.append(f"{row['run']}: {spec}")
        elif not faults:
            specs[row["run"]] = spec
            about = run_faults(row, spec, datasets, operators, plugins, parameters)
            faults += [f"{row['run']}: {why}" for why in about]
        found += [f"{path}, {why}" for why in faults]
    return found, specs


def _left_out(tables: Mapping[str, Sequence[Row]]) -> Iterator[tuple[str, str]]:
    """Files that a folder lacks though ``publish`` wrote them when it wrote the others."""
    if "scores.csv" not in tables and any("content" in row for row in tables["metrics.csv"][:1]):
        yield "scores.csv", "metrics.csv has the column 'content', so it was published with it"
    trained = [row for row in tables["runs.csv"] if row["status"] == "trained" and row.get("weights_sha256")]
    if "curves.csv" not in tables and trained:
        yield "curves.csv", f"{trained[0]['run']} was trained and published with its curve"


def _other(folder: Path) -> list[Path]:
    """Files that are no evidence."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    tables = {folder / name for name in (*COLUMNS, "columns.json")}
    return [p for p in files if p not in tables and not (p.parent == folder / "analyses" and p.suffix == ".csv")]


def _table(path: Path) -> tuple[Sequence[Row], Sequence[str], list[str]]:
    """The rows of a file, its columns, and what is wrong with columns and keys."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            rows, names = list(reader), list(reader.fieldnames or ())
    except (OSError, ValueError, csv.Error) as error:
        return BROKEN, (), [f"{path}: not a table that can be read ({error})"]
    found = [f"{path}: column {name!r} is there twice" for name, count in Counter(names).items() if count > 1]
    if path.name in COLUMNS:
        known, keys = COLUMNS[path.name], KEYS[path.name]
        found += [f"{path}: unknown column {name!r}{nearest(name, known)}" for name in names if name not in known]
        found += [f"{path}: column {n!r} is missing" for n in sorted(WANTED[path.name] - {*names})]
    if any(None in row or None in row.values() for row in rows):
        found.append(f"{path}: a row has more or fewer cells than the header")
    if found:
        return BROKEN, names, found
    if path.name in COLUMNS:
        counts = Counter(tuple(row.get(key, "") for key in keys) for row in rows)
        found += [f"{path}: twice {' '.join(filter(None, key))}" for key, count in counts.items() if count > 1]
    return rows, names, found
