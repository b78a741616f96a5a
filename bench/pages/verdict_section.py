"""The answer at the top of a report, and the page with every verdict, its comparisons and the proof."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from bench.config import layout
from bench.config.plan import Plan
from bench.foundation import atomic
from bench.pages import attached, formats, verdict_summary, verdict_views
from bench.pages.attached import Attached
from bench.pages.drawings import ladder
from bench.pages.style import save, theme
from bench.results.verdicts.judge import Judgement, judge_study, to_csv
from bench.results.verdicts.runs_table import runs_csv
from bench.results.view import View

FIGURE = "ladder"


@dataclass(frozen=True)
class VerdictSection:
    """Ready for the templates."""

    summary: list[tuple[str, str]]
    """Heading and claims (`bench.pages.verdict_summary.groups`)."""
    rungs: str
    answers: dict[str, str]
    views: tuple[dict[str, str], ...]
    csv: Attached
    runs: Attached
    """The runs behind every claim."""
    caption: str
    image: Attached | None
    """The ladder; None where no claim about rows has a number."""
    path: str


def verdict_section(plan: Plan, sections: Collection[str]) -> VerdictSection | None:
    """The verdicts of the study that a plan's configuration holds; None where it has no claims.

    Draws the ladder and writes ``data/verdicts.csv`` and ``data/verdict_runs.csv`` of the report.

    Args:
        plan: whose report it is.
        sections: ids of tables and analyses on the page.
    """
    folder = plan.folder
    anew = [run for run in plan.runs if plan.is_anew(run)]  # of this preset: what evidence has of other rungs counts
    found = judge_study(folder, None, plan.plugins, anew) if folder else None
    if found is None:
        return None
    lines, runs = to_csv(found.verdicts), runs_csv(found)
    data = layout.report_dir(plan.name) / "data"
    atomic.write_bytes(data / "verdicts.csv", lines)
    atomic.write_bytes(data / "verdict_runs.csv", runs)
    stem = layout.figure_stem(plan.name, FIGURE)
    image = _draw(found, stem)
    return VerdictSection(
        verdict_summary.groups(found),
        verdict_summary.rungs(found),
        {
            **_both(verdict_views.answers(found, sections, "#verdicts-in-full")),
            "md": formats.markdown(verdict_views.answers(found, sections, "verdicts.md")),
        },
        tuple(_both(view) for view in verdict_views.full(found)),
        attached.csv("verdicts", lines.decode()),
        attached.csv("verdict_runs", runs.decode()),
        ladder.caption(found),
        image,
        stem.with_suffix(".png").relative_to(layout.report_dir(plan.name)).as_posix(),
    )


def _draw(found: Judgement, stem: Any) -> Attached | None:
    if not ladder.effects(found):
        return None
    with theme():
        png = save(ladder.draw(found), stem)[0]
    return Attached(png.name, "image/png", png.read_bytes())


def _both(view: View) -> dict[str, str]:
    return {"id": view.id, "title": view.title, "md": formats.markdown(view), "html": formats.html_fragment(view)}
