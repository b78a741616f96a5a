"""What a property of trained networks declares about itself, read without importing it. Torch-free.

``bench/analyses/trained`` is the registry: a file's name is the name of its property, and it opens with a literal::

    PROPERTY = {
        "metrics": {"psnr": []},  # of every image of the test, and of pictures of these names, which are made for it
        "parts": ["border", "interior"],  # [""] where it is of the whole; left out: what the network has, its layers
        "tolerance": {"psnr": [0.005, 0.0]},  # of two measurements of the same weights: absolute, or of the larger
    }
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.foundation.errors import BenchError, nearest
from converse.declarations.literals import LiteralError, check_keys, read_literal

_FOLDER = Path(__file__).parents[1] / "analyses" / "trained"


@dataclass(frozen=True)
class PropertyInfo:
    """What a property declares about itself."""

    metrics: Mapping[str, tuple[str, ...]]
    """Metric to the pictures that are made for it."""
    parts: tuple[str, ...] | None
    """None: those of the network."""
    tolerance: Mapping[str, tuple[float, float]]
    """Metric to how far two measurements of the same weights may be apart, absolute and relative."""


@functools.cache
def available() -> Mapping[str, PropertyInfo]:
    """Every property by name.

    Raises:
        BenchError: a file without a valid literal.
    """
    found = {}
    for path in sorted(_FOLDER.glob("*.py")):
        if path.stem == "__init__":
            continue
        try:
            literal = read_literal(path, "PROPERTY")
            data: Any = check_keys(literal, "PROPERTY", {"metrics": dict, "tolerance": dict}, {"parts": list})
        except LiteralError as error:
            raise BenchError(f"{path}: {error}") from error
        if data["metrics"].keys() != data["tolerance"].keys():
            raise BenchError(f"{path}: PROPERTY: tolerance and metrics name different metrics")
        found[path.stem] = PropertyInfo(
            {metric: tuple(pictures) for metric, pictures in data["metrics"].items()},
            tuple(data["parts"]) if data.get("parts") is not None else None,
            {metric: (float(low), float(high)) for metric, (low, high) in data["tolerance"].items()},
        )
    return found


def check_name(name: str) -> str:
    """The name of a property.

    Raises:
        ValueError: there is none of that name; with the nearest.
    """
    known = available()
    if name not in known:
        raise ValueError(f"unknown property {name!r}{nearest(name, known)} (allowed: {', '.join(known)})")
    return name
