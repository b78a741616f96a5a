"""The answer in a few lines: which claims are borne out, contradicted or open, and on which rung of the ladder."""

from __future__ import annotations

from bench.results.statistics.decisions import CANNOT_TELL
from bench.results.verdicts.judge import Judgement
from bench.results.verdicts.verdict import NO_VERDICT, NOT_MEASURED, SHOWN, Verdict

GROUPS: dict[str, tuple[str, ...]] = {
    "Borne out": ("holds", "equivalent", "not worse"),
    "Contradicted": ("reversed", "different", "worse"),
    "Cannot tell": (CANNOT_TELL,),
    "No verdict, fewer than three seeds": (NO_VERDICT,),
    "Not measured": (NOT_MEASURED,),
    "Pictures": (SHOWN,),
}
"""Heading to the verdicts under it."""


def grouped(found: Judgement) -> dict[str, list[Verdict]]:
    """The verdicts to be read by heading, in the order of `GROUPS`; headings without a claim are left out."""
    order = found.ladder.claims.by_id
    mine = {title: [found.decisive[c] for c in order if found.decisive[c].verdict in GROUPS[title]] for title in GROUPS}
    return {title: verdicts for title, verdicts in mine.items() if verdicts}


def groups(found: Judgement) -> list[tuple[str, str]]:
    """Heading with its count, and the claims under it with their rung; headings without a claim are left out."""
    return [
        (f"{title} ({len(verdicts)})", ", ".join(f"{v.claim.replace('_', ' ')}{_where(v)}" for v in verdicts))
        for title, verdicts in grouped(found).items()
    ]


def rungs(found: Judgement) -> str:
    """What the letters of the rungs stand for, as far as they are measured."""
    parts = []
    for rung in found.ladder.rungs:
        if rung.compute:
            compute = f"{rung.compute:.0e}".replace("e+", "e")
            parts.append(f"{rung.name}: preset {rung.plan.name}, {compute} multiply–accumulates a training")
    more = "; without a letter: the released networks, or timings" if parts else ""
    return f"Rungs of the ladder (median over rows): {'; '.join(parts)}{more}." if parts else ""


def _where(v: Verdict) -> str:
    provisional = "" if v.complete or not v.decided else "provisional"
    text = ", ".join(part for part in (v.rung, provisional) if part)
    return f" ({text})" if text and v.verdict != NOT_MEASURED else ""
