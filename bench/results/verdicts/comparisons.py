"""Every single comparison that an axis shows on a rung, corrected after Holm, as tidy rows."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from bench.results.comparison import holm
from bench.results.verdicts.family import family
from bench.results.verdicts.ladder import Ladder

COLUMNS = {
    "rung": "budget of the ladder (config/study.yaml)",
    "table": "table of both rows",
    "first": "row of that table",
    "second": "row of that table",
    "effect_db": "first minus second (dB) over all data sets, equally weighted",
    "low": "lower end of its 95 % interval over training seeds, by the declared design; empty with one seed",
    "high": "its upper end",
    "n": "seeds: pairs, or of the row that has fewer",
    "design": "declared for the axis: paired, or welch (independent samples)",
    "p": "two-sided p-value of the t test; empty below three seeds",
    "p_holm": "after Holm's correction over the comparisons of this table and rung",
    "p_sign_flip": "of an exact two-sided sign-flip test in pairs; empty below six pairs",
    "correlation": "of the two rows over common seeds",
    "low_paired": "lower end of the 95 % interval in pairs of common seeds, whatever was declared; empty below three",
    "high_paired": "its upper end",
    "detectable_db": "smallest true difference (dB) that this n and spread find with 80 % power",
}
"""The columns of ``comparisons.csv`` and their meaning."""


def comparisons_frame(ladder: Ladder) -> pd.DataFrame:
    """One row per rung, table and pair of rows with a number; NaN: there is none."""
    lines = []
    for rung in ladder.rungs:
        for table in rung.plan.tables:
            gaps = family(rung, table, ladder.claims)
            for (pair, gap), p_holm in zip(gaps.items(), holm(list(gaps.values())), strict=True):
                pairs = replace(gap, design="paired")
                lines.append(
                    (
                        *(rung.name, table, *pair),
                        *(gap.effect, *(gap.interval() or (None, None)), gap.n, gap.design),
                        *(gap.p, p_holm, pairs.p_sign_flip, gap.correlation),
                        *((pairs.interval() if pairs.testable else None) or (None, None)),
                        gap.detectable,
                    )
                )
    numbers = [c for c in COLUMNS if c not in ("rung", "table", "first", "second", "n", "design")]
    return pd.DataFrame(lines, columns=list(COLUMNS)).astype(dict.fromkeys(numbers, float))
