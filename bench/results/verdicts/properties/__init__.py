"""Property claims: one file per claim, named after it, with the test and the number that belong to it alone.

Each has ``judge(claim, ladder, tables)``, which returns the claim's verdicts; none where nothing was measured. What
was measured on photographs with the released networks has no training seeds: its n counts photographs. ``TABLES`` of
a test names the tables of trained rows that it reads, so that a line can be followed to its runs.
"""

from __future__ import annotations

from types import ModuleType

from bench.results.verdicts.ladder import Ladder
from bench.results.verdicts.properties import (
    checkerboard,
    efficient,
    init_is_stability,
    inverse_detail,
    lam_start_small,
    natural_boundary,
    no_border,
    pad_mode_matters,
    size_independent,
    usrnet_reason,
    x0_convergence,
)
from bench.results.verdicts.tidy_tables import TidyTables
from bench.results.verdicts.verdict import Verdict

TESTS: dict[str, ModuleType] = {
    "checkerboard": checkerboard,
    "efficient": efficient,
    "init_is_stability": init_is_stability,
    "inverse_detail": inverse_detail,
    "lam_start_small": lam_start_small,
    "natural_boundary": natural_boundary,
    "no_border": no_border,
    "pad_mode_matters": pad_mode_matters,
    "size_independent": size_independent,
    "usrnet_reason": usrnet_reason,
    "x0_convergence": x0_convergence,
}


def judge(claim: str, ladder: Ladder, tables: TidyTables) -> list[Verdict]:
    """The verdicts of a property claim; one that says so where it has no test or no data yet."""
    test = TESTS.get(claim)
    return (test.judge(claim, ladder, tables) if test else []) or [Verdict(claim)]


def tables_of(claim: str) -> tuple[str, ...]:
    """The tables whose trained rows a property claim is judged on; none where analyses alone are."""
    return tuple(getattr(TESTS.get(claim), "TABLES", ()))
