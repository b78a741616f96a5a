"""The report's section of one analysis: its table, its words, its tidy data; or what is missing."""

from __future__ import annotations

import html
from dataclasses import dataclass

from bench.config import analysis_info
from bench.config.plan import Plan
from bench.foundation.errors import BenchError
from bench.pages import formats
from bench.pages.drawings import of_analysis
from bench.results.findings import load_findings
from bench.results.reading import csv_text


@dataclass(frozen=True)
class AnalysisSection:
    """Ready for the templates; ``missing`` says why there is nothing."""

    id: str
    title: str
    md: str
    html: str
    caption: str = ""
    explanation: tuple[str, ...] = ()
    tidy: str = ""
    """The tidy table as CSV."""
    columns: tuple[tuple[str, str], ...] = ()
    missing: str = ""


def analysis_section(plan: Plan, name: str) -> AnalysisSection:
    """One analysis of a plan."""
    info = analysis_info.available()[name]
    drawing = of_analysis(name)
    try:
        found = load_findings(plan, name)
        caption = drawing.caption(found)
    except BenchError as error:
        return AnalysisSection(
            name,
            info.title,
            f"### {info.title}\n\nMissing: {error}\n",
            f'<h3 id="{name}">{html.escape(info.title)}</h3>\n<p class="note">Missing: {html.escape(str(error))}</p>\n',
            missing=str(error),
        )
    view = drawing.view(found)
    return AnalysisSection(
        name,
        info.title,
        formats.markdown(view),
        formats.html_fragment(view),
        caption,
        tuple(drawing.explanation(found)),
        csv_text(found.frame),
        tuple(info.columns.items()),
    )
