"""Does the mode of the padding matter more than its size? Range over modes minus range over sizes, per seed.

A range is never negative, so its null distribution comes from permuting the rows within seeds. The circular mode and
the size 4×4 are one network, which belongs to both ranges.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.results.comparison import FEWEST_SEEDS
from bench.results.statistics.decisions import ALPHA, CANNOT_TELL
from bench.results.statistics.permutation import compare_ranges
from bench.results.statistics.seed_means import seed_means
from bench.results.verdicts.ladder import Ladder, Rung
from bench.results.verdicts.published_gaps import published_means
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import NO_VERDICT, NOT_MEASURED, Verdict, joined

MODES, SIZES = "table2_padding_mode", "table2_padding_size"
TABLES = (MODES, SIZES)


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """One verdict for each rung that has every row of both tables."""
    return [v for rung in ladder.rungs if (v := _on(claim, rung)) is not None]


def _on(claim: str, rung: Rung) -> Verdict | None:
    means: dict[tuple[str, ...], pd.Series] = {}
    groups: dict[str, list[int]] = {MODES: [], SIZES: []}
    settled, lost, without = [], [], []
    for table, members in groups.items():
        for row in rung.plan.rows.get(table, ()):
            scores = rung.scores(table, row.id)
            if scores is None:
                return None
            if scores.runs not in means:
                means[scores.runs] = seed_means(scores.values)
                lost += [f"seed {seed} of {row.id} diverged" for seed in scores.diverged]
                without += [] if len(scores.values) else [row.id]
            members.append(list(means).index(scores.runs))
            settled.append(scores.settled)
    if not all(groups.values()) or not (lost or any(len(m) for m in means.values())):
        return None
    values = pd.DataFrame(dict(enumerate(means.values()))).astype(float).dropna().to_numpy()
    declared = rung.declared(MODES)
    complete = declared is not None and min(settled) >= declared
    blank = Verdict(claim, rung.name, n=len(values), complete=complete, source=MODES)
    if without or not len(values):
        words = f"no result of {', '.join(without)}" if without else "no seed that every row has"
        word = CANNOT_TELL if min(settled) else NOT_MEASURED
        return blank.with_numbers(verdict=word, n=0, reason=joined(words, *lost))
    few = "" if complete else f"{min(settled)} of {declared} declared seeds"
    effect, p = compare_ranges(values, groups[MODES], groups[SIZES])
    known = blank.with_numbers(effect_db=effect, published_db=_published(rung))
    if len(values) < FEWEST_SEEDS:
        seeds = f"{len(values)} seed{'' if len(values) == 1 else 's'}"
        return known.with_numbers(verdict=NO_VERDICT, reason=joined(f"{seeds}: a difference, no verdict", *lost))
    # Permuted rows tell only whether modes matter more; sizes mattering more is the same test the other way round.
    _, other = compare_ranges(values, groups[SIZES], groups[MODES])
    word = "holds" if p < ALPHA / 2 else "reversed" if other < ALPHA / 2 else CANNOT_TELL
    spans = [np.ptp(values[:, members], axis=1).mean() for members in groups.values()]
    numbers = f"range over modes {spans[0]:.3f} dB, over sizes {spans[1]:.3f} dB (permutation test)"
    return known.with_numbers(verdict=word, p_holm=min(1.0, 2 * min(p, other)), reason=joined(few, numbers, *lost))


def _published(rung: Rung) -> float | None:
    ranges = [[v for v in published_means(rung.plan, table).values() if v is not None] for table in (MODES, SIZES)]
    if not all(ranges):
        return None
    return float(np.ptp(ranges[0]) - np.ptp(ranges[1]))
