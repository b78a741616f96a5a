"""The answer in a few lines: which claims are borne out, contradicted or open, and on which rung of the ladder."""

from __future__ import annotations

from bench.results.statistics.decisions import CANNOT_TELL
from bench.results.verdicts.judge import Judgement
from bench.results.verdicts.verdict import NO_VERDICT, SHOWN, Verdict

GROUPS: dict[str, tuple[str, ...]] = {
    "Borne out": ("holds", "equivalent", "not worse"),
    "Contradicted": ("reversed", "different", "worse"),
    "Cannot tell": (CANNOT_TELL,),
    "No verdict, fewer than three seeds": (NO_VERDICT,),
    "Not measured": (),
    "Pictures": (SHOWN,),
}
"""Heading to the verdicts under it; what is not measured is told by its number of seeds."""


def groups(found: Judgement) -> list[tuple[str, str]]:
    """Heading with its count, and the claims under it with their rung; headings without a claim are left out."""
    claims: dict[str, list[str]] = {title: [] for title in GROUPS}
    for name, v in found.decisive.items():
        claims[_group(v)].append(f"{name.replace('_', ' ')}{_where(v)}")
    return [(f"{title} ({len(names)})", ", ".join(names)) for title, names in claims.items() if names]


def rungs(found: Judgement) -> str:
    """What the letters of the rungs stand for, as far as they are measured."""
    parts = []
    for rung in found.ladder.rungs:
        if rung.compute:
            compute = f"{rung.compute:.0e}".replace("e+", "e")
            parts.append(f"{rung.name}: preset {rung.plan.name}, {compute} multiply–accumulates a training")
    more = "; without a letter: the released networks, or timings" if parts else ""
    return f"Rungs of the ladder (median over rows): {'; '.join(parts)}{more}." if parts else ""


def _group(v: Verdict) -> str:
    if not v.n and v.verdict not in (SHOWN, NO_VERDICT):
        return "Not measured" if v.reason == "not measured" else "Cannot tell"
    return next(title for title, words in GROUPS.items() if v.verdict in words)


def _where(v: Verdict) -> str:
    provisional = "" if v.complete or not v.decided else "provisional"
    text = ", ".join(part for part in (v.rung, provisional) if part)
    return f" ({text})" if text else ""
