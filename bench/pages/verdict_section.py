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
from bench.results.verdicts.files import verdict_files
from bench.results.verdicts.judge import Judgement, judge_study
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
    files: tuple[Attached, ...]
    """The tidy data behind it (`bench.results.verdicts.files`)."""
    caption: str
    image: Attached | None
    """The ladder; None where no claim about rows has a number."""
    path: str


def verdict_section(plan: Plan, sections: Collection[str]) -> VerdictSection | None:
    """The verdicts of the study that a plan's configuration holds; None where it has no claims.

    Draws the ladder and writes the tidy files (`bench.results.verdicts.files`) into ``data`` of the report.

    Args:
        plan: whose report it is.
        sections: ids of tables and analyses on the page.
    """
    folder = plan.folder
    anew = [run for run in plan.runs if plan.is_anew(run)]  # of this preset: what evidence has of other rungs counts
    found = judge_study(folder, None, plan.plugins, anew) if folder else None
    if found is None:
        return None
    files = verdict_files(found)
    for name, content in files.items():
        atomic.write_bytes(layout.report_dir(plan.name) / "data" / name, content)
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
        tuple(attached.csv(name.removesuffix(".csv"), content.decode()) for name, content in files.items()),
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
