"""Stage ``report``: one Markdown page, and one HTML page that needs nothing beside it.

Rendering twice from the same results gives the same bytes: every date comes from the results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.config import layout, reproducibility
from bench.config.plan import Plan
from bench.foundation import atomic
from bench.foundation.errors import BenchError
from bench.pages import attached, formats, reproducibility_page
from bench.pages.analysis_section import AnalysisSection, analysis_section
from bench.pages.drawings import KINDS
from bench.pages.pictures import embedded, picture
from bench.pages.provenance_section import dataset_rows, provenance_rows
from bench.pages.table_remarks import said_once
from bench.pages.table_view import table_view
from bench.pages.verdict_section import verdict_section
from bench.pages.viewer import Viewer, viewer
from bench.results import captions
from bench.results.columns import COLUMNS
from bench.results.curves import curve_frame
from bench.results.done import Done
from bench.results.failures import Failure, failures
from bench.results.properties import property_frame
from bench.results.reading import csv_text
from bench.results.record_frame import records_frame
from bench.results.rendered import fingerprint, stamp
from bench.results.throughput_ratios import throughput_frame
from bench.results.throughput_table import throughput_views
from bench.results.tidy import Results, load
from bench.results.verdicts import files as verdict_files
from bench.results.view import View

TEMPLATES = Path(__file__).resolve().parents[1] / "pages" / "templates"


def report(plan: Plan, *, allow_missing: bool = False) -> Path:
    """Write ``index.md``, ``index.html``, ``verdicts.md``, ``reproducibility.md``, the tidy data and their dictionary.

    Args:
        plan: what to report.
        allow_missing: report what exists and list what is missing; otherwise that is refused.

    Returns:
        ``reports/<preset>/index.md``.

    Raises:
        BenchError: a result or a figure is missing (diverged and skipped rows are results, and are listed).
    """
    import jinja2
    import markupsafe

    made_from = fingerprint(plan, "report")
    results = load(plan)
    failed = failures(plan, results)
    lost = [f for f in failed if f.status == "missing"]
    if lost and not allow_missing:
        first = f"{lost[0].table}, row {lost[0].row}: {lost[0].reason}"
        raise BenchError(
            f"{len(lost)} rows of preset {plan.name!r} have no result ({first}); --allow-missing reports what exists"
        )
    analyses = [analysis_section(plan, name) for name in plan.analyses]
    for section in analyses:
        if section.missing and not allow_missing:
            raise BenchError(f"analysis {section.id}: {section.missing}; --allow-missing reports what exists")
    context = _context(plan, results, analyses, failed, allow_missing)
    folder = layout.report_dir(plan.name)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=lambda name: bool(name and ".html" in name),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    # Styles and scripts go in as they are: their braces are not the templates'.
    environment.globals["verbatim"] = lambda name: markupsafe.Markup((TEMPLATES / name).read_text(encoding="utf-8"))
    for page in layout.report_pages(plan.name):
        text = environment.get_template(f"{page.name}.j2").render(context)
        atomic.write_bytes(page, text.encode())
    _write_data(folder / "data", plan, results, analyses, judged=context["verdicts"] is not None)
    for drawn in (p for section in context["sections"] for p in section["pictures"] if p.data is not None):
        atomic.write_bytes(folder / "data" / "figures" / drawn.data.name, drawn.data.content)
    complete = not lost and not any(section.missing for section in analyses)
    complete = complete and not any(p.missing for section in context["sections"] for p in section["pictures"])
    stamp(plan, "report", "", layout.report_pages(plan.name), complete=complete, made_from=made_from)
    return layout.report_index(plan.name)


def _context(
    plan: Plan,
    results: Results,
    analyses: Sequence[AnalysisSection],
    failed: Sequence[Failure],
    allow_missing: bool,
) -> dict[str, Any]:
    sections: list[dict[str, Any]] = []
    said: dict[str, str] = {}
    done = Done(plan)
    for name in plan.tables:
        view = said_once(table_view(plan, results, name), said)
        mine = [figure for figure, (table, _) in plan.figures.items() if table == name]
        pictures = [picture(plan, results, done, figure, allow_missing=allow_missing) for figure in mine]
        sections.append(
            {
                "id": name,
                "title": view.title,
                "md": formats.markdown(view),
                "html": formats.html_fragment(view),
                "csv": attached.csv(name, csv_text(records_frame(plan, results, name))),
                "pictures": pictures,
                "viewer": _viewer(plan, results, name),
                "explanation": (),
            }
        )
    for part in analyses:
        sections.append(
            {
                "id": part.id,
                "title": part.title,
                "md": part.md,
                "html": part.html,
                "csv": attached.csv(part.id, part.tidy) if part.tidy else None,
                "pictures": [] if part.missing else [embedded(plan, part.id, part.caption, part.tidy, allow_missing)],
                "viewer": None,
                "explanation": part.explanation,
            }
        )
    timings = throughput_views(results)
    return {
        "preset": plan.name,
        "title": plan.preset.title,
        "statement": plan.preset.statement,
        "warning": _subset(plan),
        "verdicts": verdict_section(plan, [*plan.tables, *(part.id for part in analyses), layout.THROUGHPUT]),
        "sections": sections,
        "throughput_md": "\n".join(formats.markdown(v) for v in timings),
        "throughput_html": "\n".join(formats.html_fragment(v) for v in timings),
        "throughput_csv": attached.csv("throughput", csv_text(throughput_frame(results.throughput))),
        "reading": [KINDS[kind].READING for kind in dict.fromkeys(kind for _, kind in plan.figures.values())],
        "provenance": provenance_rows(plan, results),
        "datasets": dataset_rows(plan),
        "failures": [
            *failed,
            *(Failure("analyses", part.title, "missing", part.missing) for part in analyses if part.missing),
        ],
        "reproducibility": _reproducibility(plan, results),
    }


def _reproducibility(plan: Plan, results: Results) -> dict[str, Any] | None:
    """The reproducibility page in both formats; None where the configuration has no words for it."""
    words = reproducibility.load(plan)
    if words is None:
        return None
    page = reproducibility_page.page(plan, results, words)

    def both(view: View) -> dict[str, str]:
        return {"md": formats.markdown(view), "html": formats.html_fragment(view)}

    return {
        "statement": page.statement,
        "overview": both(page.overview),
        "parts": [
            {"id": part.id, "title": part.title, "views": [both(v) for v in part.views], "lists": part.lists}
            for part in page.parts
        ],
    }


def _viewer(plan: Plan, results: Results, table: str) -> Viewer | None:
    """The table's restorations; None where it shows none or there are none yet (which its figure says)."""
    if not any(owner == table and kind == "visual" for owner, kind in plan.figures.values()):
        return None
    try:
        return viewer(plan, results, table)
    except BenchError:
        return None


def _subset(plan: Plan) -> str:
    tests = list({t.key: t for table in plan.tables for t in plan.table_tests(table)}.values())
    if plan.subset:
        return f"Only a subset of the test images was used: {captions.subset_text(plan.subset)} of every set."
    return captions.subset_warning(tests)


def _write_data(
    folder: Path, plan: Plan, results: Results, analyses: Sequence[AnalysisSection], *, judged: bool
) -> None:
    """The tidy frames, and what their columns and those of the verdicts mean."""
    frames: Mapping[str, Any] = {
        "runs.csv": results.runs,
        "metrics.csv": results.metrics,
        "scores.csv": results.scores,
        "properties.csv": property_frame(plan),
        "curves.csv": curve_frame(plan.runs),
        "throughput.csv": results.throughput,
    }
    for name, frame in frames.items():
        atomic.write_bytes(folder / name, csv_text(frame[list(COLUMNS[name])]).encode())
    columns: dict[str, Mapping[str, str]] = {name: COLUMNS[name] for name in frames}
    columns |= verdict_files.COLUMNS if judged else {}
    for part in analyses:
        if not part.missing:
            atomic.write_bytes(folder / f"{part.id}.csv", part.tidy.encode())
            columns[f"{part.id}.csv"] = dict(part.columns)
    atomic.write_bytes(folder / "columns.md", _dictionary(columns).encode())


def _dictionary(columns: Mapping[str, Mapping[str, str]]) -> str:
    parts = ["# Columns of the tidy data\n"]
    for name, meanings in columns.items():
        parts.append(f"\n## {name}\n\n| column | meaning |\n|:--|:--|\n")
        parts += ["| {} | {} |\n".format(column, meaning.replace("|", "\\|")) for column, meaning in meanings.items()]
    return "".join(parts)
