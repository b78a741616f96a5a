"""The answer where there is little room, e.g. at the top of a README: one line for every claim that has a number."""

from __future__ import annotations

from bench.pages.verdict_summary import GROUPS, grouped
from bench.pages.verdict_views import ends, place, words_of
from bench.results.statistics.decisions import CANNOT_TELL
from bench.results.verdicts.judge import Judgement
from bench.results.verdicts.verdict import NO_VERDICT, NOT_MEASURED, Verdict
from bench.results.view import Cell, Column, Line, Section, View, signed

MEASURED = tuple(title for title, words in GROUPS.items() if {"holds", "reversed", CANNOT_TELL} & set(words))


def short(found: Judgement) -> View:
    """Claims that are decided, then those that are measured and open; the rest by name under the table.

    Args:
        found: the study, judged.
    """
    columns = (
        Column("claim", "label"),
        Column("paper (dB)", "paper"),
        Column("here (dB)", "count"),
        Column("interval", "count"),
        Column("rung", "word"),
        Column("seeds", "count"),
        Column("verdict", "word"),
    )

    def line(v: Verdict) -> Line:
        claim = found.ladder.claims.by_id[v.claim]
        where = place(found, getattr(claim, "table", "") or v.source)
        sure = v.decided and v.complete and v.verdict != CANNOT_TELL
        return Line(
            (
                Cell(f"{where[0].upper()}{where[1:]}: {claim.sentence}"),
                Cell(signed(v.published_db) if v.published_db is not None else ""),
                Cell(signed(v.effect_db) if v.effect_db is not None else v.number),
                Cell(ends(v, 2)),
                Cell(v.rung),
                Cell(str(v.n) if v.n and v.rung else ""),
                Cell(words_of(v), best=sure),
            )
        )

    parts = grouped(found)
    sections = [Section(tuple(map(line, parts[title])), title) for title in MEASURED if title in parts]
    names = [v.claim.replace("_", " ") for v in found.decisive.values() if v.verdict in (NOT_MEASURED, NO_VERDICT)]
    left = f"Not measured yet, or with fewer than three seeds: {', '.join(names)}." if names else ""
    return View("answer", "What holds", columns, tuple(sections), remarks=(left,) if left else ())
