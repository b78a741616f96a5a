"""What is wrong with the numbers of contributed evidence: single values, their index, and properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.config import property_info
from bench.config.run_record import UNSCORED
from bench.data import protocols
from bench.foundation.errors import BenchError, nearest
from bench.results.columns import GROUP
from bench.results.contributed_cells import FILLED, KINDS, Row, cells_of, parsed, plain
from bench.results.contributed_runs import provenance_faults
from bench.results.evidence import values_sha256
from bench.results.properties import whole

RANGES = {"psnr": (0.0, 100.0), "ssim": (-1.0, 1.0), "seconds": (0.0, float("inf"))}
"""Metric to the values that it can have; of others every finite one. A psnr is infinite where images are equal."""
ALWAYS = ("psnr", "ssim", "seconds")
"""Metrics that every image has; another may say why it has none."""


def value_faults(rows: Sequence[Row], runs: Mapping[str, Row], datasets: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with metrics.csv."""
    yield from _values(rows, runs, datasets)
    yield from _cases(rows)


def score_faults(index: Sequence[Row], metrics: Sequence[Row], runs: Mapping[str, Row]) -> Iterator[str]:
    """What is wrong with scores.csv: groups of values that are not what was published, or of which too little is said.

    Args:
        index: of scores.csv.
        metrics: of metrics.csv.
        runs: of runs.csv, by run.
    """
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in metrics:
        groups.setdefault(tuple(row[c] for c in GROUP), []).append(row)
    said = {tuple(row[c] for c in GROUP): row for row in index}
    contents: dict[tuple[str, ...], tuple[str, str]] = {}
    for key in sorted(said.keys() | groups.keys()):
        name, values = " ".join(key), groups.get(key, [])
        if key not in said or said[key]["values_sha256"] != values_sha256(values):
            yield f"{name}: its checksum is not that of the values in metrics.csv"
        if key not in said:
            continue
        row = said[key]
        bad = list(cells_of([(name, "", row)], KINDS["scores.csv"], FILLED["scores.csv"]))
        yield from bad or (f"{name}: {why}" for why in (*provenance_faults(row), *_group(row, values, runs)))
        if not row["content"]:
            continue
        first, content = contents.setdefault(key[1:], (key[0], row["content"]))
        if row["content"] != content:
            yield f"{name}: content {row['content']!r}, that of {first} is {content!r} (allowed: the same in one test)"


def _group(row: Row, values: Sequence[Row], runs: Mapping[str, Row]) -> Iterator[str]:
    """What a row of scores.csv says otherwise than metrics.csv and runs.csv do."""
    if row["values"] != str(len(values)):
        yield f"values {row['values']}, metrics.csv has {len(values)}"
    if other := sorted({value.get("content", "") for value in values} - {"", row["content"]}):
        yield f"content {row['content']!r}, metrics.csv says {other[0]!r}"
    versions = parsed(row["versions"]) or {}
    made = f"e{versions.get('eval_version')}d{versions.get('degrade_version')}"
    if made != row["version"]:
        yield f"its versions say {made}, it is of version {row['version']}"
    run = runs.get(row["run"], {})
    mine, trained = row["weights_sha256"], run.get("weights_sha256") or ""
    if mine and run.get("status") == "classical":
        yield f"weights_sha256 {mine[:12]}, though it is a classical method (allowed: none)"
    elif mine and trained and mine != trained:
        yield f"weights_sha256 {mine[:12]}, that of the run in runs.csv is {trained[:12]} (allowed: the same)"
    elif trained and not mine:
        yield f"weights_sha256 is empty, that of the run in runs.csv is {trained[:12]} (allowed: the same)"


def property_faults(rows: Sequence[Row], runs: Mapping[str, Row]) -> Iterator[str]:
    """What is wrong with properties.csv."""
    named = [(f"{r['run']} {r['property']}", " ".join(r[c] for c in ("part", "image", "metric")), r) for r in rows]
    yield from cells_of(named, KINDS["properties.csv"], FILLED["properties.csv"])
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[c] for c in ("run", "property", "evaluation", "version")), []).append(row)
    for (run, name, *_), group in groups.items():
        if run not in runs:
            yield f"{run} is not in runs.csv"
            continue
        known = property_info.available()
        if name not in known:
            yield f"{run}: unknown property {name!r}{nearest(name, known)}"
            continue
        if {row["weights_sha256"] for row in group} != {runs[run].get("weights_sha256")}:
            yield f"{run} {name}: measured of other weights than those of the run (weights_sha256)"
        if runs[run]["status"] in UNSCORED:
            yield f"{run} {name}: has values, but its status is {runs[run]['status']!r} (allowed: none)"
        if not whole(group, name, None):
            yield f"{run} {name}: not every metric of every part of every image is there"


def _values(rows: Sequence[Row], runs: Mapping[str, Row], datasets: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with single values, each kind of it once."""
    said: dict[str, None] = {}
    for row in rows:
        where = f"{row['run']} {row['evaluation']}"
        if row["run"] not in runs:
            said[f"{row['run']} is not in runs.csv"] = None
            continue
        if why := _unknown(row["protocol"]):
            said[f"{where}: {why}"] = None
        data = datasets.get(row["dataset"])
        if data is None:
            said[f"{where}: data set {row['dataset']!r} is not in datasets.yaml"] = None
        elif data.folder is not None:
            said[f"{where}: data set {row['dataset']!r} is a folder of one machine: nobody else can repeat it"] = None
        if not f"{row['evaluation']}@".startswith(f"{row['dataset']}@{row['protocol']}@"):
            said[f"{where}: its rows name data set {row['dataset']!r} and protocol {row['protocol']!r}"] = None
        if not KINDS["scores.csv"]["version"].fits(row["version"]):
            said[f"{where}: version {row['version']!r} (allowed: {KINDS['scores.csv']['version'].allowed})"] = None
        status = runs[row["run"]]["status"]
        if status in UNSCORED:
            if row["value"]:
                said[f"{where}: has values, though the status of its run is {status!r} (allowed: none)"] = None
        elif why := _value(row, status):
            said[f"{where}, {row['image']} {row['kernel']}: {row['metric']} {why}"] = None
    return iter(said)


def _unknown(protocol: str) -> str:
    try:
        protocols.get(protocol)
    except BenchError as error:
        return str(error)
    return ""


def _value(row: Row, status: str) -> str:
    text, reason = row["value"], row.get("reason")
    if text == "":
        told = reason and row["metric"] not in ALWAYS
        return "" if told else f"has no value, though the status of its run is {status!r} (it did not diverge)"
    if row["metric"] == "psnr" and text == "inf":
        return ""
    value = plain(text)
    low, high = RANGES.get(row["metric"], (float("-inf"), float("inf")))
    if value is None:
        return f"is {text[:40]!r}, no finite number" + (f" from {low:g} to {high:g}" if row["metric"] in RANGES else "")
    return "" if low <= value <= high else f"is {text}, outside {low:g} to {high:g}"


def _cases(rows: Sequence[Row]) -> Iterator[str]:
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
