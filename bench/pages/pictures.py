"""Figures as the pages carry them: the drawn file, its caption, the numbers it was drawn from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.config import layout
from bench.config.plan import Plan
from bench.foundation.errors import BenchError
from bench.pages import attached
from bench.pages.attached import Attached
from bench.pages.drawings import KINDS
from bench.results.done import Done
from bench.results.reading import csv_text
from bench.results.tidy import Results


@dataclass(frozen=True)
class Picture:
    """A figure on the page; ``missing`` says why it is not there."""

    id: str
    caption: str
    path: str
    image: Attached | None = None
    data: Attached | None = None
    missing: str = ""


def picture(plan: Plan, results: Results, done: Done, figure: str, *, allow_missing: bool) -> Picture:
    """A figure of a table.

    Raises:
        BenchError: it is not drawn, or what its words need is missing; unless ``allow_missing``.
    """
    if why := done.undrawable(figure):
        return Picture(figure, "", "", missing=why)
    drawn = embedded(plan, figure, "", "", allow_missing)  # a missing file is said before its caption needs the data
    if drawn.missing:
        lacking = next((path for path in done.figure_inputs(figure) if not path.is_file()), None)
        return replace(drawn, missing=f"{drawn.missing}; it needs {lacking}") if lacking else drawn
    table, kind = plan.figures[figure]
    try:
        caption = KINDS[kind].caption(plan, results, table)
        text = csv_text(KINDS[kind].data(plan, results, table))
    except BenchError as error:
        if not allow_missing:
            raise
        return Picture(figure, "", "", missing=str(error))
    return replace(drawn, caption=caption, data=attached.csv(figure, text))


def embedded(plan: Plan, figure: str, caption: str, tidy: str, allow_missing: bool) -> Picture:
    """The drawn file of a figure or an analysis, with its numbers (CSV text, empty for none).

    Raises:
        BenchError: it is not drawn; unless ``allow_missing``.
    """
    path = layout.figure_stem(plan.name, figure).with_suffix(".png")
    relative = path.relative_to(layout.report_dir(plan.name)).as_posix()
    if not path.is_file():
        text = f"{path} is missing (python -m bench figures {figure} --preset {plan.name})"
        if not allow_missing:
            raise BenchError(text)
        return Picture(figure, "", relative, missing=text)
    name = f"{figure}-figure" if figure in plan.analyses else figure  # the section itself has the analysis' name
    image = Attached(path.name, "image/png", path.read_bytes())
    return Picture(name, caption, relative, image, attached.csv(figure, tidy) if tidy else None)
