"""One file per kind of figure; each has ``draw(plan, results, table)`` and ``caption(plan, results, table)``."""

from __future__ import annotations

from types import ModuleType

from bench.drawings import axis, curves, latency, visual
from bench.spec import Figure

KINDS: dict[Figure | str, ModuleType] = {
    "axis": axis,
    "curves": curves,
    "visual": visual,
    "latency": latency,
}
"""Kind of figure to its file."""
