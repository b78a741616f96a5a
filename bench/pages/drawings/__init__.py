"""One file per kind of figure.

A figure of a table has ``draw(plan, results, table)``, ``caption`` (what is particular to it), ``data`` (a frame of
what is drawn) and ``READING``, the words that hold for every figure of its kind and are said once. An analysis
(``bench/analyses``) has ``draw(found)``, ``caption(found)``, ``explanation(found)`` (paragraphs) and ``view(found)``
(its table in the report), each of its `bench.results.findings.Findings`.
"""

from __future__ import annotations

from types import ModuleType

from bench.config.spec import Figure
from bench.pages.drawings import (
    axis,
    boundary,
    checkerboard,
    curves,
    latency,
    paired,
    paper_figure2,
    paper_figure4,
    paper_figure5,
    paper_figure6,
    protocol_sensitivity,
    reconvolution,
    response,
    seeds,
    size_dependence,
    visual,
)

KINDS: dict[Figure | str, ModuleType] = {
    "axis": axis,
    "curves": curves,
    "visual": visual,
    "latency": latency,
    "paired": paired,
    "seeds": seeds,
}
"""Kind of figure to its file."""
ANALYSES: dict[str, ModuleType] = {
    "boundary": boundary,
    "checkerboard": checkerboard,
    "paper_figure2": paper_figure2,
    "paper_figure4": paper_figure4,
    "paper_figure5": paper_figure5,
    "paper_figure6": paper_figure6,
    "protocol_sensitivity": protocol_sensitivity,
    "reconvolution": reconvolution,
    "response": response,
    "size_dependence": size_dependence,
}
"""Analysis to the file that draws and words it."""
