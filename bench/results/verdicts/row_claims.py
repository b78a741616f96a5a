"""A claim about rows of a table, judged on one rung: over all data sets, then in every data set and kernel.

To assert a claim over several rows every comparison must pass at 5 % (intersection–union, nothing is corrected); to
reject it one is enough, after Holm's correction. A claim that compares two rows is one of the single comparisons of
its axis and is corrected as such. Torch-free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from bench.config.claims import Equivalence, NonInferiority, Order, Pair, RowClaim
from bench.config.plan import Plan
from bench.config.published import published_table
from bench.results.comparison import FEWEST_SEEDS, Comparison
from bench.results.statistics import decisions, power
from bench.results.statistics.decisions import ALPHA, CANNOT_TELL
from bench.results.statistics.estimate import Estimate, Floats
from bench.results.statistics.multiplicity import holm
from bench.results.verdicts.family import corrected, family
from bench.results.verdicts.ladder import Cell, Ladder, Rung
from bench.results.verdicts.published_gaps import published_gap
from bench.results.verdicts.verdict import NO_VERDICT, NOT_MEASURED, Verdict, joined

REJECTED = ("reversed", "different", "worse")
LEVELS = {"order": 0.95, "equivalence": 0.90, "non_inferiority": 0.90}
"""Level of the interval that decides: two one-sided tests at 5 % are a 90 % interval."""


@dataclass(frozen=True)
class _Case:
    """What one verdict is about."""

    name: str
    claim: RowClaim
    rung: Rung
    cells: tuple[Cell, ...]
    comparisons: tuple[Comparison, ...]
    cell: Cell | None = None

    @property
    def gaps(self) -> Estimate:
        """All comparisons as one array."""
        return Estimate.stacked(c.estimate for c in self.comparisons)


def judge(name: str, claim: RowClaim, rung: Rung, ladder: Ladder) -> list[Verdict]:
    """The verdicts of a claim on one rung; none where the rung has nothing to say about it.

    The first is over all data sets; those of single data sets and kernels follow where there are several.
    """
    if claim.table not in rung.plan.tables or any(rung.scores(claim.table, row) is None for row in claim.row_ids):
        return []
    cells = tuple(rung.cells(claim.table, claim.row_ids))
    if not cells:
        return []
    whole = _case(name, claim, rung, cells)
    p_axis = corrected(family(rung, claim.table, ladder.claims))
    p_single = np.array([p_axis.get(pair, float("nan")) for pair in claim.pairs])
    several = len(claim.pairs) > 1
    found = _verdict(whole, p_single, holm(_rejections(whole)) if several or not isinstance(claim, Order) else p_single)
    if len(cells) == 1 or found.effect_db is None:
        return [found]
    parts = [_case(name, claim, rung, cells, cell) for cell in cells]
    p_cells = holm([p for part in parts for p in _rejections(part)]).reshape(len(parts), -1)
    by_cell = [_verdict(part, p, p) for part, p in zip(parts, p_cells, strict=True)]
    if not isinstance(claim, Equivalence):
        turned = sum(v.verdict in ("reversed", "worse") for v in by_cell)
        words = f"significantly reversed in {turned} of {len(cells)} cells" if turned else ""
        found = replace(found, cells=len(cells), reversed_cells=turned, reason=joined(found.reason, words))
    return [found, *by_cell]


def _rejections(case: _Case) -> list[float]:
    """p-values that could reject the claim, uncorrected; NaN where a comparison cannot be tested."""
    claim, found = case.claim, []
    for c in case.comparisons:
        if isinstance(claim, Order):
            p = c.estimate.p_outside()
        elif isinstance(claim, Equivalence):
            p = c.estimate.p_outside(claim.within)
        else:
            p = c.estimate.p_below(-claim.within)
        found.append(float(p) if c.testable else float("nan"))
    return found


def unmeasured(name: str, claim: RowClaim, ladder: Ladder) -> Verdict:
    """The verdict of a claim that no rung has rows for: none, beside the paper's least favourable difference."""
    for plan in (rung.plan for rung in ladder.rungs if claim.table in rung.plan.tables):
        if (worst := _published(claim, plan)) is not None:
            return Verdict(name, published_db=worst)
    return Verdict(name)


def _published(claim: RowClaim, plan: Plan, cell: Cell | None = None) -> float | None:
    """The paper's least favourable difference (dB), in one cell or over all of its own; None where it has none."""
    cells = [cell] if cell else list(published_table(plan, claim.table).columns)
    gaps = [published_gap(plan, claim.table, *pair, cells) for pair in claim.pairs]
    known = [gap for gap in gaps if gap is not None]
    if not known:
        return None
    return max(known, key=abs) if claim.kind == "equivalence" else min(known)


def _case(name: str, claim: RowClaim, rung: Rung, cells: tuple[Cell, ...], cell: Cell | None = None) -> _Case:
    gaps = [rung.compare(claim.table, *pair, cell) for pair in claim.pairs]
    return _Case(name, claim, rung, (cell,) if cell else cells, tuple(g for g in gaps if g is not None), cell)


def _verdict(case: _Case, p_single: Floats, rejected: Floats) -> Verdict:
    """One verdict.

    Args:
        case: what it is about.
        p_single: two-sided p-values of the comparisons after the correction for single comparisons.
        rejected: those that could reject the claim, after the correction over all that could.
    """
    claim, rung = case.claim, case.rung
    declared = rung.declared(claim.table)
    sides = [s for row in claim.row_ids if (s := rung.scores(claim.table, row))]
    settled = min(s.settled for s in sides)
    n = min(c.n for c in case.comparisons)
    blank = Verdict(
        case.name,
        rung.name,
        *(case.cell or ("", "")),
        n=n,
        complete=declared is not None and settled >= declared,
    )
    lost = "; ".join(s.lost for s in sides if s.lost and len(s.values.columns))
    without = [s.row for s in sides if not len((s.cell(*case.cell) if case.cell else s).values.dropna(how="all"))]
    if without:
        word = CANNOT_TELL if settled else NOT_MEASURED
        published = _published(claim, rung.plan, case.cell)
        reason = joined(f"no result of {', '.join(without)}", lost)
        return replace(blank, verdict=word, published_db=published, reason=reason)
    if any(c.effect is None for c in case.comparisons):
        reason = joined("the rows have no seed or no image in common", lost)
        return replace(blank, verdict=CANNOT_TELL, reason=reason)
    numbers = _numbers(case, p_single, rejected)
    known = blank.with_numbers(**numbers.fields)
    if n < FEWEST_SEEDS:
        seeds = "1 seed" if n == 1 else f"{n} seeds"
        return replace(known, verdict=NO_VERDICT, reason=joined(f"{seeds}: a difference, no verdict", lost))
    if any(c.frozen and not c.identical for c in case.comparisons):
        return replace(known, verdict=NO_VERDICT, reason="every seed gave the same numbers: nothing is replicated")
    reasons = [
        "" if declared is None or settled >= declared else f"{settled} of {declared} declared seeds",
        lost,
        numbers.which,
        *_caveats(case, numbers, p_single),
    ]
    return replace(known, verdict=numbers.word, reason=joined(*reasons))


@dataclass(frozen=True)
class _Numbers:
    word: str
    which: str
    fields: Mapping[str, object]
    worst: Comparison


def _numbers(case: _Case, p_single: Floats, rejected: Floats) -> _Numbers:
    """The decision, and the comparison that it hangs on."""
    claim, gaps = case.claim, case.gaps
    same = np.array([c.identical for c in case.comparisons])
    shown = gaps.effect
    if isinstance(claim, Order):
        asserted = gaps.p_outside() if len(claim.pairs) > 1 else p_single
        word = str(decisions.order(gaps.effect, asserted, rejected)) if not same.any() else CANNOT_TELL
    elif isinstance(claim, Equivalence):
        shown = -np.abs(gaps.effect)
        asserted = np.where(same, 0.0, gaps.p_inside(claim.within))
        tested = gaps[~same]
        word = str(decisions.equivalence(tested, claim.within, rejected[~same])) if len(tested.effect) else "equivalent"
    else:
        asserted = np.where(same, 0.0, gaps.p_above(-claim.within))
        tested = gaps[~same]
        word = (
            str(decisions.non_inferiority(tested, claim.within, rejected[~same])) if len(tested.effect) else "not worse"
        )
    turned = word in REJECTED
    p = float(np.nanmin(rejected)) if turned else float(np.max(asserted))
    i = decisions.least_favourable(shown, turned & (rejected < ALPHA))
    worst, pair = case.comparisons[i], claim.pairs[i]
    interval = worst.interval(LEVELS[claim.kind]) if worst.testable else None
    fields = {
        "effect_db": worst.effect,
        "low": interval[0] if interval else None,
        "high": interval[1] if interval else None,
        "p_holm": p if worst.testable else None,
        "correlation": worst.correlation,
        "detectable_db": worst.detectable,
        "published_db": published_gap(case.rung.plan, claim.table, *pair, case.cells),
        "comparison": " − ".join(pair),
    }
    which = f"least favourable of {len(claim.pairs)} comparisons: {_pair(pair)}" if len(claim.pairs) > 1 else ""
    return _Numbers(word, which, fields, worst)


def _caveats(case: _Case, numbers: _Numbers, p_single: Floats) -> list[str]:
    """What a reader of the verdict must know."""
    claim, worst = case.claim, numbers.worst
    found = []
    same = [_pair(p) for p, c in zip(claim.pairs, case.comparisons, strict=True) if c.identical]
    if same:
        found.append(f"identical outputs: {', '.join(same)}")
    images = {len(c.images) for c in case.comparisons}
    if images == {1}:
        found.append("one image only")
    if any(c.uncommon for c in case.comparisons):
        found.append(f"{max(c.uncommon for c in case.comparisons)} images that only one row has do not count")
    if isinstance(claim, Order) and numbers.word == CANNOT_TELL and len(p_single) == 1 and worst.p < ALPHA:
        found.append("the interval excludes zero, but not after Holm's correction over the comparisons shown")
    if isinstance(claim, Order) and worst.p_sign_flip is not None and (worst.p_sign_flip < ALPHA) != (worst.p < ALPHA):
        found.append(f"the sign-flip test says otherwise (p = {worst.p_sign_flip:.3f})")
    if not isinstance(claim, Order) and numbers.word == CANNOT_TELL:
        found.append(_needed(claim, worst))
    return found


def _needed(claim: Equivalence | NonInferiority, worst: Comparison) -> str:
    """The spread at which so many seeds would have shown it."""
    rows = 1 if worst.design == "paired" else 2
    needed = power.sd_for_equivalence if isinstance(claim, Equivalence) else power.sd_for_non_inferiority
    what = "of the paired differences" if rows == 1 else "over seeds"
    here = float(worst.estimate.se) * np.sqrt(worst.n / rows)
    return f"needs a standard deviation {what} ≤ {needed(claim.within, worst.n, worst.design):.3f} dB (here {here:.3f})"


def _pair(pair: Pair) -> str:
    return " − ".join(pair)
