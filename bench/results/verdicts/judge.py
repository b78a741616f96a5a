"""All claims judged on all rungs, and which verdict of a claim is the one to be read. Torch-free."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from bench.config.claims import Picture, Property, RowClaim
from bench.results.tidy import load
from bench.results.verdicts import properties, row_claims
from bench.results.verdicts.comparisons import comparisons_frame
from bench.results.verdicts.ladder import Ladder, load_ladder
from bench.results.verdicts.spread import spread_frame
from bench.results.verdicts.tidy_tables import TidyTables, load_tables
from bench.results.verdicts.verdict import SHOWN, Verdict


def judge(ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """Every claim, in the order of its file: on each rung over all data sets and in each cell.

    Args:
        ladder: the rungs and what was measured on them.
        tables: what the analyses found.
    """
    found: list[Verdict] = []
    for name, claim in ladder.claims.by_id.items():
        mine: list[Verdict] = []
        if isinstance(claim, Picture):
            mine = [Verdict(name, verdict=SHOWN, reason=f"figure {claim.figure} of the paper")]
        elif isinstance(claim, Property):
            mine = properties.judge(name, ladder, tables)
        elif isinstance(claim, RowClaim):
            mine = [v for rung in ladder.rungs for v in row_claims.judge(name, claim, rung, ladder)]
            mine = mine or [row_claims.unmeasured(name, claim, ladder)]
        found += mine or [Verdict(name)]
    return found


def decisive(verdicts: Iterable[Verdict], ladder: Ladder) -> dict[str, Verdict]:
    """The verdict to be read, by claim: that of the highest rung with its declared seeds.

    Without such a rung the highest one that can decide at all (provisionally), then the highest one with a number.
    """
    order = {rung.name: i for i, rung in enumerate(ladder.rungs)}
    best: dict[str, Verdict] = {}

    def rank(v: Verdict) -> tuple[bool, bool, bool, int]:
        return v.decided and v.complete, v.decided, v.effect_db is not None, order.get(v.rung, -1)

    for v in verdicts:
        if not v.dataset and (v.claim not in best or rank(v) > rank(best[v.claim])):
            best[v.claim] = v
    return best


@dataclass(frozen=True)
class Judgement:
    """The study judged: the rungs, what the analyses found, and every verdict."""

    ladder: Ladder
    tables: TidyTables
    verdicts: tuple[Verdict, ...]

    @cached_property
    def decisive(self) -> dict[str, Verdict]:
        """The verdict to be read, by claim."""
        return decisive(self.verdicts, self.ladder)

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """Every single comparison (`bench.results.verdicts.comparisons`)."""
        return comparisons_frame(self.ladder)

    @cached_property
    def spread(self) -> pd.DataFrame:
        """Where the spread of every row comes from (`bench.results.verdicts.spread`)."""
        return spread_frame(self.ladder)

    @property
    def tested(self) -> int:
        """How many of the verdicts to be read rest on a test at 5 %."""
        return sum(v.decided and v.p_holm is not None for v in self.decisive.values())


def judge_study(
    config: Path, evidence: Sequence[Path] | None, plugins: Sequence[str] = (), anew: Sequence[str] = ()
) -> Judgement | None:
    """The claims of a configuration, judged; None where it has none.

    Args:
        config: the configuration folder.
        evidence: folders in the published format that alone count; None: this machine, then committed evidence.
        plugins: operator files, whose rows take part.
        anew: runs for which committed evidence does not count.

    Raises:
        BenchError: anything wrong in the configuration or in a result, by name.
    """
    ladder = load_ladder(config, lambda plan: load(plan, evidence), plugins, anew)
    if not ladder.claims.by_id:
        return None
    tables = load_tables(config, [rung.plan for rung in ladder.rungs], evidence, plugins)
    return Judgement(ladder, tables, tuple(judge(ladder, tables)))
