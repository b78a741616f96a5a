"""Analyses of the operator: this folder is the registry, file name = analysis name. Torch-free.

A file opens with a literal that is read without importing it::

    ANALYSIS = {
        "title": "…",
        "version": 1,            # raise it when a change of code changes numbers
        "sets": ["photographs"],  # those settings whose value is a data set of datasets.yaml
        "settings": {"photographs": "urban100", …},  # a preset may change them
        "columns": {"psnr": "…"},  # of the tidy table, with their meaning
    }

and defines ``cases(lab) -> list[Case]`` and ``measure(lab, case) -> pandas.DataFrame``: cases are measured one by
one and kept, so that an interrupted analysis loses one of them (`bench.analyses.laboratory`,
`bench.stages.analyze`). Its drawing and its words are the file of the same name in ``bench/pages/drawings``.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.foundation.errors import BenchError, nearest
from converse.declarations.literals import LiteralError, check_keys, read_literal

Case = tuple[str, ...]
"""What is measured at a time, e.g. (network, image, kernel); its words make a file name."""
WEIGHTS = "released_weights"
"""The data set that every setting ``networks`` reads."""
_KEYS = {"title": str, "version": int, "sets": list, "settings": dict, "columns": dict}


@dataclass(frozen=True)
class AnalysisInfo:
    """What an analysis declares about itself."""

    name: str
    title: str
    version: int
    sets: tuple[str, ...]
    settings: Mapping[str, Any]
    columns: Mapping[str, str]


def available() -> dict[str, AnalysisInfo]:
    """Every analysis by name.

    Raises:
        BenchError: a file without a valid literal.
    """
    found = {}
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        if path.stem == "laboratory":
            continue
        try:
            data: Any = check_keys(read_literal(path, "ANALYSIS"), "ANALYSIS", _KEYS, {})
        except LiteralError as error:
            raise BenchError(f"{path}: {error}") from error
        for key in data["sets"]:
            if key not in data["settings"]:
                raise BenchError(f"{path}: ANALYSIS: sets names {key!r}{nearest(key, data['settings'])}")
        found[path.stem] = AnalysisInfo(path.stem, **{**data, "sets": tuple(data["sets"])})
    return found


def module(name: str) -> ModuleType:
    """The code of an analysis; imports torch."""
    return importlib.import_module(f"{__name__}.{name}")
