"""Scores that this run has already: of every tenth image, of the set before an image was swapped, without a metric.

All evaluations of a run share a folder. A finished one leaves beside its table what the scores belong to (run,
weights, protocol, versions), the sha256 of every image and kernel, and the checksum of the table; an image's scores are
taken over where all of that is the same, whatever the names of the files and of the evaluation.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.data.images import read_image, write_png
from bench.foundation import atomic
from bench.scoring.score_log import Case, Scores, Source, read_scores


def signature(table: Path) -> Path:
    """The file beside a table of scores that says what they belong to."""
    return table.with_suffix(".json")


def sign(table: Path, identity: Mapping[str, Any], cases: Iterable[Case]) -> None:
    """Writes beside a finished table what its scores belong to; `earlier` believes no table without it."""
    record = {
        "identity": dict(identity),
        "sha256": hashlib.sha256(table.read_bytes()).hexdigest(),
        "images": {case.image: case.source[0] for case in cases},
        "kernels": {case.kernel: case.source[1] for case in cases},
    }
    atomic.write_bytes(signature(table), (json.dumps(record, indent=1) + "\n").encode())


def earlier(folder: Path, identity: Mapping[str, Any]) -> Scores:
    """Scores of all finished and unfinished evaluations in a run's folder that belong to ``identity``."""
    found: Scores = {}
    for path in sorted(folder.glob("*")):
        if path.suffix == ".partial":
            scores = read_scores(path, identity)
        elif path.suffix == ".csv":
            scores = _signed(path, identity)
        else:
            continue
        for source, values in scores.items():
            found[source] = {**values, **found.get(source, {})}
    return found


def take_showcase(table: Path, identity: Mapping[str, Any], first: Source) -> bool:
    """Copies the restored first image from a finished evaluation beside ``table`` that begins with the same case."""
    for sibling in sorted(table.parent.glob("*.csv")):
        picture = sibling.with_suffix(".png")
        if picture.is_file() and next(iter(_signed(sibling, identity)), None) == first:
            write_png(table.with_suffix(".png"), read_image(picture))
            return True
    return False


def _signed(table: Path, identity: Mapping[str, Any]) -> Scores:
    """The scores of a finished table in its order; none where it is altered or belongs to something else."""
    try:
        record = json.loads(signature(table).read_text(encoding="utf-8"))
        text = table.read_bytes()
        if record["identity"] != dict(identity) or record["sha256"] != hashlib.sha256(text).hexdigest():
            return {}
        found: Scores = {}
        for row in csv.DictReader(io.StringIO(text.decode())):
            source = record["images"][row["image"]], record["kernels"][row["kernel"]]
            found.setdefault(source, {})[row["metric"]] = float(row["value"]) if row["value"] else None
        return found
    except (OSError, ValueError, KeyError, TypeError):
        return {}
