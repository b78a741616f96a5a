"""Stage ``present``: all committed evidence, whoever measured it, as the pages that git keeps.

Tables of every preset and all verdicts go into ``reports/evidence``, the answer into the README. What lies in
``results`` beside the evidence does not count, so every clone gives the same pages, and a test asks for them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.config import layout
from bench.config.loading import load_plan, preset_names
from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.foundation import atomic
from bench.foundation.errors import BenchError
from bench.pages import formats, verdict_views
from bench.pages.table_files import table_texts, write_texts
from bench.pages.verdict_short import short
from bench.results.tidy import Results, load
from bench.results.verdicts.files import verdict_files
from bench.results.verdicts.judge import Judgement, judge_study

HEAD = """# Verdicts

What the claims of `config/claims.yaml` come to on all committed evidence, by the rules of `config/study.yaml`, which
[docs/statistics.md](../../docs/statistics.md) explains. Tidy: [verdicts](verdicts.csv), [the runs behind
them](verdict_runs.csv), [single comparisons](comparisons.csv), [spread](spread.csv). [The tables](README.md).
"""


def present(reports: Path, readme: Path) -> list[Path]:
    """Render what stands in ``results/evidence``.

    Args:
        reports: the folder of rendered evidence; the preset's tables and the verdicts in it are replaced. Its
            ``README.md`` gets the list of tables between the marks ``evidence``.
        readme: a file that gets the answer between the marks ``verdicts``.

    Returns:
        The files.

    Raises:
        BenchError: no evidence, a file of it that cannot be used, or a page without its two marks.
    """
    places = layout.evidence_folders()
    if not places:
        raise BenchError(f"no evidence in {layout.evidence_root()}")
    written, lists = [], []
    for preset in preset_names():
        plan = load_plan(preset)
        results = load(plan, places)
        named = [name for name in [*plan.tables, layout.THROUGHPUT] if _has_any(plan, results, name)]
        shutil.rmtree(reports / preset, ignore_errors=True)
        for name in named:
            texts = table_texts(plan, results, name, complete=not _left(plan, results, name))
            written += write_texts(reports / preset / name, texts)
        if named:
            lines = "\n".join(_line(plan, results, name) for name in named)
            lists.append(f"### {plan.preset.title}\n\n{lines}\n")
    found = judge_study(layout.CONFIG, places)
    if found is not None:
        written += _verdicts(found, reports)
        written.append(_between(readme, "verdicts", formats.markdown(short(found)).partition("\n\n")[2]))
    return [*written, _between(reports / "README.md", "evidence", "\n".join(lists))]


def _verdicts(found: Judgement, reports: Path) -> Iterator[Path]:
    views = (f'<a id="{view.id}"></a>\n\n{formats.markdown(view)}' for view in verdict_views.full(found))
    pages = {"verdicts.md": "\n".join([HEAD, *views]).encode(), **verdict_files(found)}
    for name, content in pages.items():
        atomic.write_bytes(reports / name, content)
        yield reports / name


def _has_any(plan: Plan, results: Results, name: str) -> bool:
    """Whether a table has a number of its own: of a network, or a timing."""
    if name == layout.THROUGHPUT:
        return bool(len(results.throughput))
    networks = [row for row in plan.rows[name] if not row.reference]
    return any(_known(plan, results, row) for row in networks)


def _known(plan: Plan, results: Results, row: PlannedRow) -> int:
    """How many runs of a row have every result that the table asks of them."""
    return sum(
        results.status(run.id).status != "missing"
        and all((run.id, test.key) in results.sources for test in plan.table_tests(row.table, run.task))
        for run in row.runs
    )


def _left(plan: Plan, results: Results, name: str) -> list[PlannedRow]:
    """The rows that lack a run."""
    return [row for row in plan.rows.get(name, ()) if _known(plan, results, row) < len(row.runs)]


def _line(plan: Plan, results: Results, name: str) -> str:
    """A table of the list, with what it lacks."""
    if name == layout.THROUGHPUT:
        return f"- [Throughput]({plan.name}/{name}.md)"
    left = _left(plan, results, name)
    lacks = ", ".join(f"{row.label} {_known(plan, results, row)} of {len(row.runs)}" for row in left)
    table = plan.tables[name]
    title = f"{table.paper}: {table.title}" if table.paper else table.title
    return f"- [{title}]({plan.name}/{name}.md)" + (f"; not all runs yet: {lacks}" if lacks else "")


def _between(path: Path, name: str, text: str) -> Path:
    """The file with the text between its marks ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->``."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    if old.count(begin) != 1 or old.count(end) != 1:
        raise BenchError(f"{path}: the lines {begin.strip()} and {end.strip()} must stand in it once each")
    before, _, rest = old.partition(begin)
    atomic.write_bytes(path, (before + begin + text + end + rest.partition(end)[2]).encode())
    return path
