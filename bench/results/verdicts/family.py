"""The single comparisons that one axis shows on one rung, and their p-values after Holm's correction. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping

from bench.config.claims import Claims, Order, Pair
from bench.results.comparison import Comparison, holm
from bench.results.verdicts.ladder import Rung


def family(rung: Rung, table: str, claims: Claims) -> Mapping[Pair, Comparison]:
    """Every row against the table's default, and what the claims compare singly; only trained rows.

    A claim over several rows is one conjunction, tested by intersection–union, and adds nothing.
    """
    default = rung.plan.tables[table].default
    pairs = [(default, row.id) for row in rung.plan.rows[table] if default and row.id != default]
    for claim in claims.by_id.values():
        if isinstance(claim, Order) and claim.table == table and len(claim.pairs) == 1:
            (pair,) = claim.pairs
            if pair not in pairs and pair[::-1] not in pairs:
                pairs.append(pair)
    found = {pair: rung.compare(table, *pair) for pair in pairs}
    return {pair: gap for pair, gap in found.items() if gap is not None and gap.effect is not None}


def corrected(comparisons: Mapping[Pair, Comparison]) -> dict[Pair, float]:
    """p-value after Holm's correction by pair, in either direction; NaN below three seeds."""
    values = dict(zip(comparisons, holm(list(comparisons.values())), strict=True))
    return values | {(b, a): p for (a, b), p in values.items()}
