"""What a cell of evidence may hold, by file and column. Strict: what Python would read as a number and no table has
(``1_000``, ``nan``, another script's digits) is none."""

from __future__ import annotations

import datetime
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from bench.config.run_record import UNSCORED
from bench.config.timed_variants import PASSES
from bench.foundation.errors import nearest

Row = Mapping[str, str]
STATUSES = ("trained", "loaded", *UNSCORED, "classical")
"""What may become of a run."""
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class Kind:
    """What a cell may hold, and that in words; an empty cell is judged by `FILLED`."""

    allowed: str
    fits: Callable[[str], bool]
    words: tuple[str, ...] = ()


def plain(text: str) -> float | None:
    """A finite number that is written as one; else None."""
    value = float(text) if _PLAIN.fullmatch(text) else inf
    return value if isfinite(value) else None


def number(low: float = -inf, *, above: bool = False) -> Kind:
    """Numbers from ``low``, or above it."""

    def fits(text: str) -> bool:
        value = plain(text)
        return value is not None and (value > low if above else value >= low)

    return Kind("a finite number" + (f" {'above' if above else 'from'} {low:g}" if isfinite(low) else ""), fits)


def pattern(allowed: str, expression: str) -> Kind:
    """Texts of a form."""
    return Kind(allowed, lambda text: re.fullmatch(expression, text, re.ASCII) is not None)


def words(*allowed: str) -> Kind:
    """Some words."""
    return Kind(", ".join(allowed), lambda text: text in allowed, allowed)


def parsed(text: str) -> Any:
    """JSON; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _day(text: str) -> bool:
    try:
        return bool(_DAY.fullmatch(text) and datetime.date.fromisoformat(text))
    except ValueError:
        return False


def _steps(text: str) -> bool:
    found = parsed(text)
    return isinstance(found, list) and all(type(s) is int and s >= 0 for s in found) and found == sorted(found)


def _computed(text: str) -> bool:
    found = parsed(text)
    return isinstance(found, list) and all(isinstance(entry, dict) for entry in found)


POSITIVE, FROM_ZERO, ANY = number(0, above=True), number(0), number()
COUNT = Kind("a whole number", lambda text: _WHOLE.fullmatch(text) is not None)
STEP = Kind("a whole number from 1", lambda text: COUNT.fits(text) and int(text) >= 1)
DAY = Kind("a day as YYYY-MM-DD", _day)
SHA256 = pattern("64 hexadecimal digits", "[0-9a-f]{64}")
OBJECT = Kind("a JSON object", lambda text: isinstance(parsed(text), dict))
OBJECTS = Kind("a JSON object or a list of them", lambda text: OBJECT.fits(text) or _computed(text))
DEVICE = pattern("cpu, cuda or cuda:N", r"cpu|cuda(:\d+)?")
KINDS: dict[str, dict[str, Kind]] = {
    "runs.csv": {
        "status": words(*STATUSES),
        "parameters": COUNT,
        "steps": COUNT,
        "training_macs": COUNT,
        "seconds": FROM_ZERO,
        "date": DAY,
        "resumed_from": Kind("a JSON list of ascending steps", _steps),
        "device": DEVICE,
        "computed": Kind("a JSON list of objects", _computed),
        "machine": OBJECT,
        "versions": OBJECT,
        "checkpoint_sha256": SHA256,
        "weights_sha256": SHA256,
    },
    "scores.csv": {
        "version": pattern("e and d with a number each", r"e\d+d\d+"),
        "values": COUNT,
        "values_sha256": SHA256,
        "weights_sha256": SHA256,
        "date": DAY,
        "device": DEVICE,
        "computed": OBJECTS,
        "machine": OBJECT,
        "versions": OBJECT,
    },
    "properties.csv": {
        "version": pattern("p, e and d with a number each", r"p\d+e\d+d\d+"),
        "weights_sha256": SHA256,
        "value": ANY,
        "date": DAY,
        "device": DEVICE,
        "computed": OBJECT,
        "machine": OBJECT,
    },
    "curves.csv": {
        "step": STEP,
        "loss": FROM_ZERO,
        "lr": FROM_ZERO,
        "seconds": FROM_ZERO,
        "val_loss": FROM_ZERO,
        "val_psnr": ANY,
    },
    "throughput.csv": {
        "kind": words("operator", "model", "machine"),
        "pass": words(*PASSES),
        "median_s": POSITIVE,
        "iqr_s": FROM_ZERO,
        "repeats": FROM_ZERO,
        "extra_peak_bytes": FROM_ZERO,
        "bytes": POSITIVE,
        "flops": POSITIVE,
        "error": Kind("a number from 0, or inf", lambda text: text == "inf" or FROM_ZERO.fits(text)),
        "status": words("ok", "skipped", "failed"),
        "version": pattern("v with a number", r"v\d+"),
        "threads": STEP,
        "device": DEVICE,
        "precision": words("float32", "tf32"),
    },
}
FILLED: dict[str, tuple[str, ...]] = {
    "runs.csv": ("status", "spec"),
    "scores.csv": ("version", "values", "values_sha256", "date", "machine", "versions"),
    "properties.csv": ("version", "weights_sha256", "value"),
    "curves.csv": ("step", "loss", "lr", "seconds"),
    "throughput.csv": ("kind", "pass", "status", "threads", "device", "machine"),
}
"""Columns that are never empty; in others an empty cell was not recorded, or there was nothing to record."""


def wrong_cells(row: Row, kinds: Mapping[str, Kind], filled: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """(column, what is wrong with its cell and what is allowed) of one row.

    Args:
        row: as text; columns that it lacks were not there to be filled.
        kinds: of `KINDS`, or of an analysis.
        filled: columns that must not be empty.
    """
    for column in (c for c in {**kinds, **dict.fromkeys(filled)} if c in row):
        text = row[column]
        if text == "" and column in filled:
            yield column, f"{column} is empty" + (f" (allowed: {kinds[column].allowed})" if column in kinds else "")
        elif text != "" and column in kinds and not kinds[column].fits(text):
            hint = nearest(text, kinds[column].words)
            yield column, f"{column} {text[:80]!r} is not allowed{hint} (allowed: {kinds[column].allowed})"


def cells_of(
    rows: Iterable[tuple[str, str, Row]], kinds: Mapping[str, Kind], filled: Collection[str] = ()
) -> Iterator[str]:
    """Wrong cells of named rows, one line for a name and a column; how many more there are is counted.

    Args:
        rows: (name, which row of that name, row).
        kinds: as in `wrong_cells`.
        filled: as in `wrong_cells`.
    """
    first: dict[tuple[str, str], str] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for name, which, row in rows:
        for column, why in wrong_cells(row, kinds, filled):
            first.setdefault((name, column), f"{name}{f', {which}' if which else ''}: {why}")
            counts[name, column] += 1
    for key, line in first.items():
        yield line + (f", and {counts[key] - 1} more such cells" if counts[key] > 1 else "")
