"""What an analysis found: its tidy table, read for drawing and reporting, and the pictures that it kept.

A table that was not measured on this machine is taken from published evidence, the newest first; pictures are
never part of that, since they show third-party photographs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.analyses import Case
from bench.config import analysis_info, layout
from bench.config.plan import Plan
from bench.config.planned_analyses import AnalysisSpec
from bench.foundation.errors import BenchError
from bench.results.analysis_table import read_analysis
from bench.results.captions import dataset_name
from bench.results.view import Cell, Column, Kind, Line, Section, View
from converse.declarations import model_info


@dataclass(frozen=True)
class Findings:
    """One analysis with its results."""

    spec: AnalysisSpec
    title: str
    frame: Any
    """pandas.DataFrame; Any, since its stubs know nothing of columns."""
    source: str = ""
    """Empty: this machine; otherwise the folder of published evidence."""

    def picture(self, case: Case, name: str) -> Any:
        """A NumPy array that a case kept (`bench.analyses.laboratory.Laboratory.keep`).

        Raises:
            BenchError: it is not on this machine.
        """
        import numpy as np

        path = layout.analysis_case(self.spec.id, case, ".npz")
        try:
            with np.load(path) as file:
                return np.asarray(file[name])
        except (OSError, ValueError, KeyError) as error:
            raise BenchError(
                f"{path}: picture {name!r} is missing; run: python -m bench analyze {self.spec.name}"
            ) from (error)

    def view(self, columns: Sequence[Column], sections: Sequence[Section], remarks: Sequence[str]) -> View:
        """A table of the report under the analysis' title."""
        where = (f"Not measured on this machine: published evidence {self.source}.",) if self.source else ()
        return View(self.spec.name, self.title, tuple(columns), tuple(sections), remarks=(*remarks, *where))


def load_findings(plan: Plan, name: str) -> Findings:
    """The results of one analysis of a plan.

    Raises:
        BenchError: not carried out yet, or a damaged table.
    """
    spec = plan.analyses[name]
    path, source = layout.analysis_csv(spec.id), ""
    if not path.is_file():
        published = ((layout.evidence_analysis(f.name, spec.id), f.name) for f in layout.evidence_folders())
        found = next((pair for pair in published if pair[0].is_file()), None)
        if found is None:
            raise BenchError(f"{path} is missing (python -m bench analyze {name} --preset {plan.name})")
        path, source = found
    return Findings(spec, analysis_info.available()[name].title, read_analysis(path, name), source)


def network_label(name: str) -> str:
    """``conversenet`` as people write it."""
    models = model_info.models()
    return str(models[name].label) if name in models else name


def columns(*heads: tuple[str, Kind, str]) -> list[Column]:
    """Columns from (name, kind, group)."""
    return [Column(name, kind, group) for name, kind, group in heads]


def line(*texts: str, reference: bool = False) -> Line:
    """A row of a table from its cells' texts."""
    return Line(tuple(Cell(text) for text in texts), reference)


def image_text(dataset: str, image: str) -> str:
    """A photograph in words, e.g. ``img_001 of Urban100``."""
    return f"{image.removesuffix('.png').removesuffix('_SRF_4_HR')} of {dataset_name(dataset)}"
