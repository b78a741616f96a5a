"""Scores that this run has already: of every tenth image, of the set before an image was swapped, without a metric.

All evaluations of a run share a folder. The record of a finished one (`bench.scoring.score_record`) says what the
scores belong to (run, weights, protocol, versions), the sha256 of every image and kernel, and the checksum of the
table; an image's scores are taken over where all of that is the same, whatever the names of the files and of the
evaluation.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.data.images import read_image, write_png
from bench.foundation.errors import BenchError
from bench.scoring.score_log import Known, Scores, Source, Values, read_scores
from bench.scoring.score_record import read_record


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
        for source, known in scores.items():
            found[source] = found.get(source, Known()).over(known)
    return found


def take_showcase(table: Path, identity: Mapping[str, Any], first: Source) -> bool:
    """Copies the restored first image from a finished evaluation beside ``table`` that begins with the same case."""
    for sibling in sorted(table.parent.glob("*.csv")):
        picture = sibling.with_suffix(".png")
        if picture.is_file() and next(iter(_signed(sibling, identity)), None) == first:
            try:
                pixels = read_image(picture)
            except BenchError:  # gone meanwhile, or damaged: it is made here
                continue
            write_png(table.with_suffix(".png"), pixels)
            return True
    return False


def _signed(table: Path, identity: Mapping[str, Any]) -> Scores:
    """The scores of a finished table in its order; none where it is altered or belongs to something else."""
    record = read_record(table)
    if record is None or record.identity != dict(identity):
        return {}
    try:
        text = table.read_bytes()
    except FileNotFoundError:  # of another evaluation of the run, which its own job may be making anew
        return {}
    if record.sha256 != hashlib.sha256(text).hexdigest():
        return {}
    found: dict[Source, Values] = {}
    try:
        for row in csv.DictReader(io.StringIO(text.decode())):
            source = record.images[row["image"]], record.kernels[row["kernel"]]
            value = float(row["value"]) if row["value"] else row.get("reason") or None
            found.setdefault(source, {})[row["metric"]] = value
    except (ValueError, KeyError):
        return {}
    return {source: Known(values, record.computations) for source, values in found.items()}
