"""What is wrong with a folder of evidence that somebody contributes; nothing is run and no image is needed.

A run's id is a hash of its specification, so a row cannot claim another budget, network or degradation than it had.
Protocols, data sets and operators must be known here. Where, when and with which versions a number was made must be
said. That the number is what that machine gave cannot be checked; that it can be repeated is what all this is for.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.config.planned_properties import NUMBERS
from bench.config.run_spec import RunSpec
from bench.data import protocols
from bench.foundation.errors import nearest
from bench.results.columns import COLUMNS
from bench.results.evidence import values_sha256
from bench.results.properties import NEEDED as PROPERTY_COLUMNS
from bench.results.properties import whole

NEEDED = ("runs.csv", "metrics.csv", "columns.json")
KEYS = {
    "runs.csv": ("run",),
    "metrics.csv": ("run", "evaluation", "version", "image", "kernel", "metric"),
    "scores.csv": ("run", "evaluation", "version"),
    "properties.csv": ("run", "property", "version", "part", "image", "metric"),
    "curves.csv": ("run", "step"),
    "throughput.csv": ("preset", "kind", "case", "name", "pass", "threads", "device", "machine"),
}
LATER = ("training_macs", "weights_sha256", "computed")
"""Columns of runs.csv that folders from before they existed lack."""
VERSIONS = ("python", "torch", "train_version", "eval_version", "degrade_version", "commit")
RANGES = {"psnr": (0.0, 100.0), "ssim": (-1.0, 1.0), "seconds": (0.0, float("inf"))}
"""Metric to the values that it can have; of others every finite one."""
Row = Mapping[str, str]


def problems(folder: Path, datasets: Mapping[str, Any], operators: Collection[str]) -> list[str]:
    """Everything that is wrong with a folder in the format of ``bench publish``, one line each; empty if nothing is.

    Args:
        folder: ``results/evidence/<date-machine>``.
        datasets: of ``datasets.yaml``, by name.
        operators: names that rows may use.
    """
    found = [f"{folder / name} is missing" for name in NEEDED if not (folder / name).is_file()]
    if found:
        return found
    found += [
        f"{path}: only CSV files and columns.json are evidence (no weights, no pictures)" for path in _other(folder)
    ]
    tables: dict[str, Sequence[Row]] = {}
    for name in [n for n in COLUMNS if (folder / n).is_file()]:
        tables[name], wrong = _table(folder / name)
        found += wrong
    if found:
        return found  # what follows reads those columns
    runs = {row["run"]: row for row in tables["runs.csv"]}
    for row in tables["runs.csv"]:
        found += [f"{folder / 'runs.csv'}, {row['run']}: {why}" for why in _run(row, datasets, operators)]
    metrics = tables["metrics.csv"]
    found += [f"{folder / 'metrics.csv'}: {why}" for why in (*_scores(metrics, runs, datasets), *_groups(metrics))]
    if "scores.csv" in tables:
        found += [f"{folder / 'scores.csv'}: {why}" for why in _checksums(tables["scores.csv"], metrics)]
    measured = tables.get("properties.csv", ())
    found += [f"{folder / 'properties.csv'}: {why}" for why in _properties(measured, runs)]
    return found


def _properties(rows: Sequence[Row], runs: Mapping[str, Row]) -> Iterator[str]:
    """What is wrong with the properties of a run."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[c] for c in ("run", "property", "evaluation", "version")), []).append(row)
    for (run, name, *_), group in groups.items():
        if run not in runs:
            yield f"{run} is not in runs.csv"
            continue
        if name not in NUMBERS:
            yield f"{run}: unknown property {name!r}{nearest(name, NUMBERS)}"
            continue
        if {row["weights_sha256"] for row in group} != {runs[run].get("weights_sha256")}:
            yield f"{run} {name}: measured of other weights than those of the run (weights_sha256)"
        if wrong := [row["value"] for row in group if not _finite(row["value"])]:
            yield f"{run} {name}: value {wrong[0]!r} is no finite number"
        if not whole(group, name, None):
            yield f"{run} {name}: not every metric of every part of every image is there"


def _finite(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _checksums(index: Sequence[Row], metrics: Sequence[Row]) -> Iterator[str]:
    """Groups of values that are not what was published, or of which nothing is said."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in metrics:
        groups.setdefault((row["run"], row["evaluation"], row["version"]), []).append(row)
    said = {(row["run"], row["evaluation"], row["version"]): row.get("values_sha256") for row in index}
    for group in sorted(said.keys() | groups.keys()):
        if group not in said or said[group] != values_sha256(groups.get(group, [])):
            yield f"{' '.join(group)}: its checksum is not that of the values in metrics.csv"


def _other(folder: Path) -> list[Path]:
    """Files that are no evidence."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    tables = {folder / name for name in (*COLUMNS, "columns.json")}
    return [p for p in files if p not in tables and not (p.parent == folder / "analyses" and p.suffix == ".csv")]


def _table(path: Path) -> tuple[Sequence[Row], list[str]]:
    """The rows of a file, and what is wrong with its columns and keys."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            rows, names = list(reader), list(reader.fieldnames or ())
    except (OSError, ValueError, csv.Error) as error:
        return [], [f"{path}: not a table that can be read ({error})"]
    known = COLUMNS[path.name]
    found = [f"{path}: unknown column {name!r}{nearest(name, known)}" for name in names if name not in known]
    keys = KEYS.get(path.name, ())
    wanted = {
        "runs.csv": known.keys() - {"source", *LATER},
        "metrics.csv": {*keys, "dataset", "protocol", "value"},
        "properties.csv": {*PROPERTY_COLUMNS},
    }
    found += [f"{path}: column {n!r} is missing" for n in sorted(wanted.get(path.name, {*keys}) - {*names})]
    if not found and any(None in row or None in row.values() for row in rows):
        found.append(f"{path}: a row has more or fewer cells than the header")
    if not found and keys:
        counts = Counter(tuple(row[key] for key in keys) for row in rows)
        found += [f"{path}: twice {' '.join(filter(None, key))}" for key, count in counts.items() if count > 1]
    return rows, found


def _run(row: Row, datasets: Mapping[str, Any], operators: Collection[str]) -> Iterator[str]:
    """What is wrong with a run: its hash, its operator and data, where and when it was made."""
    try:
        spec = RunSpec.model_validate_json(row["spec"])
    except ValidationError as error:
        yield f"its specification is not one ({error.errors()[0]['loc']}: {error.errors()[0]['msg']})"
        return
    if spec.id != row["run"]:
        yield f"its specification has the id {spec.id}: one of the two was changed"
    if spec.method:
        return
    operator = (spec.network or {}).get("operator")
    if operator and operator not in operators:
        yield f"operator {operator!r} is not known here: add its file to the pull request, or name it (--plugins)"
    for name in spec.train.data if spec.train else ():
        if name not in datasets:
            yield f"training set {name!r} is not in datasets.yaml{nearest(name, datasets)}"
    if spec.train and row["status"] == "trained" and row["steps"] != str(spec.train.budget.steps):
        yield f"trained for {row['steps']} of {spec.train.budget.steps} steps"
    if row["status"] == "loaded" and not re.fullmatch(r"[0-9a-f]{64}", row["checkpoint_sha256"]):
        yield "loaded weights without their sha256 (checkpoint_sha256)"
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", row["date"]):
        yield f"date {row['date']!r} is no YYYY-MM-DD"
    machine, versions = _json(row["machine"]), _json(row["versions"])
    if not (machine.get("cpu") or machine.get("gpu")):
        yield "machine says neither cpu nor gpu"
    if lost := [name for name in VERSIONS if not versions.get(name)]:
        yield f"versions lack {', '.join(lost)}"


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _scores(rows: Sequence[Row], runs: Mapping[str, Row], datasets: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with single values, each kind of it once."""
    said: dict[str, None] = {}
    for row in rows:
        where = f"{row['run']} {row['evaluation']}"
        if row["run"] not in runs:
            said[f"{row['run']} is not in runs.csv"] = None
            continue
        if row["protocol"] not in protocols.NAMES:
            said[f"{where}: unknown protocol {row['protocol']!r}{nearest(row['protocol'], protocols.NAMES)}"] = None
        data = datasets.get(row["dataset"])
        if data is None:
            said[f"{where}: data set {row['dataset']!r} is not in datasets.yaml"] = None
        elif data.folder is not None:
            said[f"{where}: data set {row['dataset']!r} is a folder of one machine: nobody else can repeat it"] = None
        if not f"{row['evaluation']}@".startswith(f"{row['dataset']}@{row['protocol']}@"):
            said[f"{where}: its rows name data set {row['dataset']!r} and protocol {row['protocol']!r}"] = None
        if why := _value(row, diverged=runs[row["run"]]["status"] == "diverged"):
            said[f"{where}, {row['image']} {row['kernel']}: {row['metric']} {why}"] = None
    return iter(said)


def _value(row: Row, diverged: bool) -> str:
    if row["value"] == "":
        return "" if diverged else "has no value, though its run did not diverge"
    try:
        value = float(row["value"])
    except ValueError:
        return f"is {row['value']!r}, no number"
    low, high = RANGES.get(row["metric"], (float("-inf"), float("inf")))
    return "" if isfinite(value) and low <= value <= high else f"is {row['value']}, outside {low:g} to {high:g}"


def _groups(rows: Sequence[Row]) -> Iterator[str]:
    """Groups (run, evaluation, version) whose metrics, or whose images, are not those of the others."""
    cases: dict[tuple[str, ...], set[tuple[str, str]]] = {}
    for row in rows:
        cases.setdefault((row["evaluation"], row["version"], row["run"], row["metric"]), set()).add(
            (row["image"], row["kernel"])
        )
    first: dict[tuple[str, ...], tuple[str, set[tuple[str, str]]]] = {}
    for (evaluation, version, run, metric), mine in cases.items():
        other, theirs = first.setdefault((evaluation, version), (f"{run} {metric}", mine))
        if mine != theirs:
            yield f"{evaluation}: {run} has {metric} of {len(mine)} images and kernels, {other} of {len(theirs)} others"
