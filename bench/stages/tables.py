"""Stage ``tables``: tidy metrics and the paper's numbers to Markdown, LaTeX and CSV."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.config import layout
from bench.config.plan import Plan
from bench.foundation import atomic
from bench.foundation.errors import BenchError, nearest
from bench.pages import formats
from bench.pages.table_view import table_view
from bench.results.record_frame import records_frame
from bench.results.rendered import stamp
from bench.results.throughput_ratios import throughput_frame
from bench.results.throughput_table import ID as THROUGHPUT
from bench.results.throughput_table import throughput_views
from bench.results.tidy import Results, load
from bench.results.view import View


def tables(plan: Plan, names: Iterable[str] | None = None, *, allow_missing: bool = False) -> list[Path]:
    """Render tables of a plan (all of them and ``throughput``, or by name).

    Each becomes ``.md``, ``.tex`` and ``.csv`` (tidy) at `bench.config.layout.table_stem`.

    Args:
        plan: what to render.
        names: tables of the plan, or ``throughput``.
        allow_missing: show rows without a result as a dash instead of refusing.

    Returns:
        The files, in order.

    Raises:
        BenchError: an unknown name, a table that mixes protocols, or results that are missing; complete tables
            have been written by then.
    """
    chosen = _choose(plan, names)
    results = load(plan)
    written, incomplete = [], []
    for name in chosen:
        missing = _missing(results, plan, name)
        if missing and not allow_missing:
            incomplete.append(f"{name}: {missing}")
            continue
        files = _throughput(plan, results) if name == THROUGHPUT else _table(plan, results, name, missing)
        stamp(plan, "tables", name, files, complete=not missing)
        written += files
    if incomplete:
        more = f" (and {len(incomplete) - 1} more tables)" if len(incomplete) > 1 else ""
        raise BenchError(f"table {incomplete[0]}{more}; --allow-missing renders what exists")
    return written


def _choose(plan: Plan, names: Iterable[str] | None) -> list[str]:
    allowed = [*plan.tables, THROUGHPUT]
    chosen = list(dict.fromkeys(names)) if names is not None else allowed
    for name in chosen:
        if name not in allowed:
            raise BenchError(
                f"no table {name!r} in preset {plan.name!r}{nearest(name, allowed)} (allowed: {', '.join(allowed)})"
            )
    return chosen


def _missing(results: Results, plan: Plan, name: str) -> str:
    """What stands in the way of a complete table; empty if nothing does."""
    if name == THROUGHPUT:
        return "" if len(results.throughput) else f"not timed yet (python -m bench throughput --preset {plan.name})"
    known = set(results.runs["run"])
    for run in plan.table_runs(name):
        if run.train and not plan.table_tests(name, run.task) and run.id not in known:
            return f"{layout.run_json(run.id)} is missing (python -m bench train {run.id} --preset {plan.name})"
        for test in plan.table_tests(name, run.task):
            if (run.id, test.key) not in results.sources:
                if why := results.faults.get((run.id, test.key)):
                    return why
                path = layout.metrics_csv(run.id, test.stem)
                return f"{path} is missing (python -m bench evaluate {run.id} --preset {plan.name})"
    return ""


def _table(plan: Plan, results: Results, name: str, missing: str) -> list[Path]:
    view = table_view(plan, results, name)
    if missing:
        view = dataclasses.replace(view, warning=f"{view.warning} Incomplete: results are missing.".strip())
    return _write(layout.table_stem(plan.name, name), [view], records_frame(plan, results, name))


def _throughput(plan: Plan, results: Results) -> list[Path]:
    frame = throughput_frame(results)
    return _write(layout.table_stem(plan.name, THROUGHPUT), throughput_views(results), frame)


def _write(stem: Path, views: Sequence[View], frame: object) -> list[Path]:
    import pandas as pd

    assert isinstance(frame, pd.DataFrame)
    texts = {
        ".md": "\n".join(formats.markdown(v) for v in views) or "Not timed yet.\n",
        ".tex": "\n".join(formats.latex(v) for v in views),
        ".csv": frame.to_csv(index=False, lineterminator="\n"),
    }
    paths = []
    for suffix, text in texts.items():
        path = stem.with_suffix(suffix)
        atomic.write_bytes(path, text.encode())
        paths.append(path)
    return paths
