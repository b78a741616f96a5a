"""Stage ``tables``: tidy metrics and the paper's numbers to Markdown, LaTeX and CSV."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.config import layout
from bench.config.plan import Plan
from bench.foundation.errors import BenchError, nearest
from bench.pages.table_files import table_texts, write_texts
from bench.results.rendered import stamp
from bench.results.tidy import Results, load


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
        texts = table_texts(plan, results, name, complete=not missing)
        files = write_texts(layout.table_stem(plan.name, name), texts)
        stamp(plan, "tables", name, files, complete=not missing)
        written += files
    if incomplete:
        more = f" (and {len(incomplete) - 1} more tables)" if len(incomplete) > 1 else ""
        raise BenchError(f"table {incomplete[0]}{more}; --allow-missing renders what exists")
    return written


def _choose(plan: Plan, names: Iterable[str] | None) -> list[str]:
    allowed = [*plan.tables, layout.THROUGHPUT]
    chosen = list(dict.fromkeys(names)) if names is not None else allowed
    for name in chosen:
        if name not in allowed:
            raise BenchError(
                f"no table {name!r} in preset {plan.name!r}{nearest(name, allowed)} (allowed: {', '.join(allowed)})"
            )
    return chosen


def _missing(results: Results, plan: Plan, name: str) -> str:
    """What stands in the way of a complete table; empty if nothing does."""
    if name == layout.THROUGHPUT:
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
