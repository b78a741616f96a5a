"""Where a claim stands in the paper, in words."""

from __future__ import annotations

from bench.config.claims import RowClaim
from bench.results.verdicts.judge import Judgement
from bench.results.verdicts.verdict import Verdict

AXES = {
    "init": "start of K",
    "kernel_size": "size of K",
    "padding_mode": "padding mode",
    "padding": "padding size",
    "lam": "λ",
    "x0": "X0",
}
"""Axis of a table to words."""


def place(found: Judgement, source: str) -> str:
    """A table as the paper numbers it, an analysis by its name; a claim of neither is only in the full list."""
    tables = [rung.plan.tables[source] for rung in found.ladder.rungs if source in rung.plan.tables]
    name = source.replace("_", " ") or "in full"
    return tables[0].paper or name if tables else name


def table_name(found: Judgement, table: str) -> str:
    """A table, and what its rows differ in where their names do not say it."""
    name = place(found, table)
    axes = [str(rung.plan.tables[table].axis) for rung in found.ladder.rungs if table in rung.plan.tables]
    return name[0].upper() + name[1:] + (f", {AXES[axes[0]]}" if axes and axes[0] in AXES else "")


def subject(found: Judgement, verdict: Verdict) -> str:
    """Where the claim of a verdict stands."""
    claim = found.ladder.claims.by_id[verdict.claim]
    return table_name(found, claim.table if isinstance(claim, RowClaim) else verdict.source)
