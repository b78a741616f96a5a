"""One verdict: what may be said of one claim on one rung, in one line. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

NO_VERDICT = "no verdict"
NOT_MEASURED = "not measured"
SHOWN = "shown"
COLUMNS = {
    "claim": "claim in config/claims.yaml",
    "rung": "budget of the ladder (config/study.yaml); empty where nothing was measured",
    "dataset": "data set; empty: over all of them, equally weighted",
    "kernel": "blur kernel; empty where there is none, or over all of them",
    "verdict": "holds, reversed, equivalent, different, not worse, worse, cannot tell, shown, no verdict (fewer than "
    "three seeds), or not measured (a row has no result yet); with 'provisional' below the declared number of seeds",
    "effect_db": "difference (dB) of the claim's comparison, over several the least favourable one",
    "low": "lower end of the interval that decides: 95 %, or 90 % (two one-sided tests at 5 %) where a margin does",
    "high": "its upper end",
    "n": "seeds",
    "p_holm": "p-value after Holm's correction over the single comparisons of the axis; of a claim over several rows "
    "the largest p-value, uncorrected (intersection-union)",
    "correlation": "of the two rows over common seeds",
    "detectable_db": "smallest true difference (dB) that this n and spread find with 80 % power",
    "published_db": "the paper's difference (dB) of the same comparison",
    "reason": "what a reader of the verdict must know",
}
"""The columns of ``verdicts.csv`` and their meaning."""


@dataclass(frozen=True)
class Verdict:
    """The first fields are the columns of ``verdicts.csv`` (`COLUMNS`)."""

    claim: str
    rung: str = ""
    dataset: str = ""
    kernel: str = ""
    verdict: str = NOT_MEASURED
    effect_db: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    p_holm: float | None = None
    correlation: float | None = None
    detectable_db: float | None = None
    published_db: float | None = None
    reason: str = ""
    comparison: str = ""
    """The comparison that the numbers are of."""
    number: str = ""
    """The number of a property that is no difference in dB, with its unit."""
    source: str = ""
    """The analysis that the numbers come from; of a claim about rows its table is."""
    complete: bool = True
    """Whether the rung has its declared seeds."""
    cells: int = 0
    reversed_cells: int = 0
    """Data sets and kernels in which the claim is significantly reversed, after Holm's correction over all."""

    def with_numbers(self, **fields: Any) -> Verdict:
        """The same verdict with some of its fields filled in."""
        return replace(self, **fields)

    @property
    def decided(self) -> bool:
        """Whether seeds were enough to decide anything."""
        return self.verdict not in (NO_VERDICT, NOT_MEASURED) and self.n > 0

    @property
    def words(self) -> str:
        """The verdict, and that it is provisional where seeds are still to come."""
        return f"{self.verdict}, provisional" if self.decided and not self.complete else self.verdict

    @property
    def interval(self) -> str:
        """Effect and interval in words; empty without a number."""
        if self.effect_db is None:
            return ""
        ends = "" if self.low is None or self.high is None else f" [{self.low:+.3f}, {self.high:+.3f}]"
        return f"{self.effect_db:+.3f}{ends} dB".replace("-", "−")

    @property
    def line(self) -> str:
        """Everything in one line."""
        rung = f"rung {self.rung}, n = {self.n}" if self.rung and self.n else ""
        return ": ".join(part for part in (self.words, joined(self.interval, rung, self.reason)) if part)


def joined(*parts: str) -> str:
    """Reasons that say something, as one line."""
    return "; ".join(p for p in parts if p)
