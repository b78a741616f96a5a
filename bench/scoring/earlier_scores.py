"""Scores that another evaluation of the same run has already: every tenth image first, all of them later.

Evaluations that differ only in which images or kernels they take share a folder. A finished one leaves its
identity (weights, data, metrics) and the checksum of its table beside the table; what is not proven to
belong to the same weights, data, protocol, metrics and versions is not taken over.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.config.spec import Evaluation
from bench.data.images import read_image, write_png
from bench.foundation import atomic
from bench.scoring.score_log import Values, read_scores

Scores = dict[tuple[str, str], Values]


def sign(table: Path, identity: Mapping[str, Any]) -> None:
    """Writes beside a finished table what its scores belong to; `earlier` believes no table without it."""
    record = {"identity": dict(identity), "sha256": hashlib.sha256(table.read_bytes()).hexdigest()}
    atomic.write_bytes(_signature(table), (json.dumps(record, indent=1) + "\n").encode())


def earlier(table: Path, test: Evaluation, identity: Mapping[str, Any]) -> Scores:
    """Scores by (image, kernel) from the evaluations beside ``table`` that differ in images or kernels only.

    Args:
        table: the metrics CSV that is to be made; the version of scoring is part of its name.
        test: its evaluation.
        identity: what its scores belong to.
    """
    found: Scores = {}
    for sibling in _siblings(table, test):
        if sibling.suffix == ".partial":
            found |= read_scores(sibling, identity)
        elif _signed(sibling, identity):
            found |= _read(sibling)
    return found


def take_showcase(table: Path, test: Evaluation, identity: Mapping[str, Any], first: tuple[str, str]) -> bool:
    """Copies the restored first image from a finished evaluation beside ``table`` that begins with the same case."""
    for sibling in _siblings(table, test):
        picture = sibling.with_suffix(".png")
        whole = sibling.suffix == ".csv" and picture.is_file() and _signed(sibling, identity)
        if whole and next(iter(_read(sibling)), None) == first:
            write_png(table.with_suffix(".png"), read_image(picture))
            return True
    return False


def _signature(table: Path) -> Path:
    return table.with_suffix(".json")


def _siblings(table: Path, test: Evaluation) -> Iterator[Path]:
    """Finished and unfinished evaluations of the same data, protocol and kernels in the same version."""
    common = test.model_copy(update={"subset": None, "only": None}).key
    version = table.name.removeprefix(test.key)  # e.g. ".e1d1.csv"
    for suffix in (version, str(Path(version).with_suffix(".partial"))):
        for path in sorted(table.parent.glob(f"*{suffix}")):
            key = path.name.removesuffix(suffix)
            if path.name != f"{test.key}{suffix}" and (key == common or key.startswith(f"{common}@")):
                yield path


def _signed(table: Path, identity: Mapping[str, Any]) -> bool:
    try:
        record = json.loads(_signature(table).read_text(encoding="utf-8"))
        checksum = hashlib.sha256(table.read_bytes()).hexdigest()
        return bool(record["identity"] == dict(identity) and record["sha256"] == checksum)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _read(table: Path) -> Scores:
    found: Scores = {}
    for row in csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))):
        value = float(row["value"]) if row["value"] else None
        found.setdefault((row["image"], row["kernel"]), {})[row["metric"]] = value
    return found
