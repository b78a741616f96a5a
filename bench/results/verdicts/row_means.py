"""Several rows of one table on one rung, as one number per seed: what property claims are tested on. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

import pandas as pd

from bench.results.captions import seed_names
from bench.results.comparison import FEWEST_SEEDS
from bench.results.seed_scores import SeedScores
from bench.results.statistics.decisions import CANNOT_TELL
from bench.results.statistics.estimate import Design, Estimate, contrast
from bench.results.statistics.seed_means import seed_means
from bench.results.verdicts.ladder import Rung
from bench.results.verdicts.verdict import NO_VERDICT, Verdict, joined


@dataclass(frozen=True)
class RowMeans:
    """Rows over the images that all of them were scored on."""

    rung: Rung
    table: str
    scores: Mapping[str, SeedScores]
    means: Mapping[str, pd.Series]
    """Row to its mean (dB) by seed, over the seeds of all rows; NaN where a seed has none."""
    unmeasured: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Row to its seeds that have scores and not the property that the means are of."""

    @property
    def design(self) -> Design:
        """How rows of the table are compared."""
        return self.rung.study.design(self.rung.plan.tables[self.table])

    def contrast(self, weights: Mapping[str, float]) -> Estimate:
        """The weighted sum of rows (dB)."""
        return contrast(self.design, list(weights.values()), [self.means[row].to_numpy() for row in weights])

    def converged(self, row: str) -> int:
        """Seeds of a row with a number."""
        return int(self.means[row].notna().sum())

    def diverged(self, row: str) -> tuple[int, int]:
        """Seeds of a row that diverged, and seeds whose outcome is known."""
        return len(self.scores[row].diverged), len(self.scores[row].diverged) + self.converged(row)

    def begun(self, claim: str) -> tuple[Verdict, bool]:
        """A verdict with everything but its answer, and whether the seeds allow one.

        A seed that diverged is an outcome too: n counts it here.
        """
        declared = self.rung.declared(self.table)
        known = min(self.diverged(row)[1] for row in self.scores)
        lost = joined(*(s.lost for s in self.scores.values() if s.lost and (s.diverged or len(s.values))))
        without_property = [f"{seed_names(seeds)} of {row}" for row, seeds in self.unmeasured.items() if seeds]
        if without_property:
            lost = joined(lost, f"scored, without this property: {', '.join(without_property)}")
        without = [row for row in self.scores if not self.diverged(row)[1]]
        complete = declared is not None and known >= declared
        blank = Verdict(claim, self.rung.name, n=known, complete=complete, source=self.table)
        if without:
            return blank.with_numbers(reason=joined(f"no result of {', '.join(without)}", lost)), False
        if known < FEWEST_SEEDS:
            words = f"{known} seed{'' if known == 1 else 's'}: a difference, no verdict"
            return blank.with_numbers(verdict=NO_VERDICT, reason=joined(words, lost)), False
        few = "" if complete else f"{known} of {declared} declared seeds"
        return blank.with_numbers(verdict=CANNOT_TELL, reason=joined(few, lost)), True


def row_means(rung: Rung, table: str, rows: Sequence[str]) -> RowMeans | None:
    """Rows of a table; None where the rung has not all of them in its plan, or no result of any."""
    found = {row: side for row in rows if (side := rung.scores(table, row)) is not None}
    if len(found) < len(rows) or not any(len(s.values) or s.diverged for s in found.values()):
        return None
    whole = {row: side.values.drop(columns=list(side.missing), errors="ignore") for row, side in found.items()}
    frames = {row: frame.dropna(how="all") for row, frame in whole.items()}
    images = [frame.index for frame in frames.values() if len(frame)]
    common = reduce(lambda a, b: a.intersection(b, sort=False), images) if images else None
    seeds = sorted({seed for frame in frames.values() for seed in frame.columns})
    means = {
        row: (seed_means(f.loc[common]) if len(f) and common is not None else pd.Series(dtype=float))
        .reindex(seeds)
        .astype(float)
        for row, f in frames.items()
    }
    return RowMeans(rung, table, found, means)
