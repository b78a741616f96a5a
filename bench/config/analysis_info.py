"""What an analysis declares about itself, read without importing it: ``bench/analyses`` is the registry. Torch-free.

A file's name is the name of its analysis; it opens with a literal::

    ANALYSIS = {
        "title": "…",
        "version": 1,            # raise it when a change of code changes numbers
        "sets": ["photographs"],  # those settings whose value is a data set of datasets.yaml
        "settings": {"photographs": "urban100", …},  # a preset may change them
        "columns": {"psnr": "…"},  # of the tidy table, with their meaning
        "words": ["habit"],  # columns that hold no numbers, beside `WORDS`; may be left out
        "may_be_empty": ["psnr"],  # numbers that do not apply to every row; may be left out
    }
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.foundation.errors import BenchError, nearest
from converse.declarations.literals import LiteralError, check_keys, read_literal

WEIGHTS = "released_weights"
"""The data set that every setting ``networks`` reads."""
_FOLDER = Path(__file__).parents[1] / "analyses"
_OTHERS = ("__init__", "laboratory")
"""Files of the folder that are no analyses."""
_KEYS = {"title": str, "version": int, "sets": list, "settings": dict, "columns": dict}
_MAY: dict[str, type] = {"words": list, "may_be_empty": list}
WORDS = ("network", "method", "upsampler", "layer", "dataset", "image", "kernel", "protocol", "region")
"""Columns that hold words wherever they stand."""


@dataclass(frozen=True)
class AnalysisInfo:
    """What an analysis declares about itself."""

    name: str
    title: str
    version: int
    sets: tuple[str, ...]
    settings: Mapping[str, Any]
    columns: Mapping[str, str]
    words: tuple[str, ...] = ()
    may_be_empty: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns that hold numbers."""
        return tuple(column for column in self.columns if column not in (*WORDS, *self.words))


def available() -> dict[str, AnalysisInfo]:
    """Every analysis by name.

    Raises:
        BenchError: a file without a valid literal.
    """
    found = {}
    for path in sorted(_FOLDER.glob("*.py")):
        if path.stem in _OTHERS:
            continue
        try:
            data: Any = check_keys(read_literal(path, "ANALYSIS"), "ANALYSIS", _KEYS, _MAY)
        except LiteralError as error:
            raise BenchError(f"{path}: {error}") from error
        for key in (*data.get("words", ()), *data.get("may_be_empty", ())):
            if key not in data["columns"]:
                raise BenchError(f"{path}: ANALYSIS: no column {key!r}{nearest(key, data['columns'])}")
        for key in data["sets"]:
            if key not in data["settings"]:
                raise BenchError(f"{path}: ANALYSIS: sets names {key!r}{nearest(key, data['settings'])}")
        lists = {key: tuple(data.get(key, ())) for key in ("sets", *_MAY)}
        found[path.stem] = AnalysisInfo(path.stem, **{**data, **lists})
    return found
