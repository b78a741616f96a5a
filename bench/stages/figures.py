"""Stage ``figures``: what the tables cannot show, as PNG and PDF."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.config import layout
from bench.config.plan import Plan
from bench.foundation.errors import BenchError, nearest
from bench.pages.drawings import KINDS, of_analysis
from bench.pages.style import save, theme
from bench.results.done import Done
from bench.results.findings import load_findings
from bench.results.rendered import stamp
from bench.results.tidy import load


def figures(plan: Plan, names: Iterable[str] | None = None, *, allow_missing: bool = False) -> list[Path]:
    """Draw figures of a plan (all, or by name) at `bench.config.layout.figure_stem`.

    Args:
        plan: what to draw.
        names: keys of ``plan.figures`` and ``plan.analyses``, e.g. ``table4_denoising-curves``.
        allow_missing: draw what exists, and leave out figures of which nothing exists.

    Returns:
        The files, in order.

    Raises:
        BenchError: an unknown name, or an input that is missing; complete figures have been drawn by then.
    """
    allowed = [*plan.figures, *plan.analyses]
    chosen = list(dict.fromkeys(names)) if names is not None else allowed
    for name in chosen:
        if name not in allowed:
            hint = nearest(name, allowed)
            raise BenchError(f"no figure {name!r} in preset {plan.name!r}{hint} (allowed: {', '.join(allowed)})")
    results, done = load(plan), Done(plan)
    written: list[Path] = []
    incomplete = []
    for name in chosen:
        if why := done.undrawable(name):
            print(f"{name}: not drawn: {why}", flush=True)
            continue
        missing = [p for p in done.figure_inputs(name) if not p.is_file()]
        if missing and not allow_missing:
            incomplete.append(f"{name}: {missing[0]} is missing")
            continue
        try:
            with theme():
                if name in plan.analyses:
                    drawn = of_analysis(name).draw(load_findings(plan, name))
                else:
                    table, kind = plan.figures[name]
                    drawn = KINDS[kind].draw(plan, results, table)
                files = save(drawn, layout.figure_stem(plan.name, name))
            stamp(plan, "figures", name, files, complete=not missing)
            written += files
        except BenchError as error:
            if not allow_missing:
                incomplete.append(f"{name}: {error}")
    if incomplete:
        more = f" (and {len(incomplete) - 1} more figures)" if len(incomplete) > 1 else ""
        raise BenchError(f"figure {incomplete[0]}{more}; --allow-missing draws what exists")
    return written
