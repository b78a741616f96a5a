"""One file per kind of figure.

A figure of a table has ``draw(plan, results, table)``, ``caption`` (what is particular to it), ``data`` (a frame of
what is drawn) and ``READING``, the words that hold for every figure of its kind and are said once. An analysis
(``bench/analyses``) has a file of its own name with ``draw(found)``, ``caption(found)``, ``explanation(found)``
(paragraphs) and ``view(found)`` (its table in the report), each of its `bench.results.findings.Findings`.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from bench.config.spec import Figure
from bench.pages.drawings import axis, curves, latency, paired, seeds, visual

KINDS: dict[Figure | str, ModuleType] = {
    "axis": axis,
    "curves": curves,
    "visual": visual,
    "latency": latency,
    "paired": paired,
    "seeds": seeds,
}
"""Kind of figure to its file."""


def of_analysis(name: str) -> ModuleType:
    """The file that draws and words an analysis."""
    return importlib.import_module(f"bench.pages.drawings.{name}")
