"""The answer where there is little room, e.g. at the top of a README: one line for every claim that can be judged."""

from __future__ import annotations

from bench.pages.claim_places import subject
from bench.pages.verdict_summary import GROUPS, grouped
from bench.pages.verdict_views import ends, words_of
from bench.results.statistics.decisions import CANNOT_TELL
from bench.results.verdicts.judge import Judgement
from bench.results.verdicts.verdict import NO_VERDICT, NOT_MEASURED, SHOWN, Verdict
from bench.results.view import Cell, Column, Line, Section, View, signed

MEASURED = tuple(title for title, words in GROUPS.items() if {"holds", "reversed", CANNOT_TELL} & set(words))


def short(found: Judgement) -> View:
    """Claims that are decided, then those left open; by name under the table the rest: below three seeds, pictures.

    Args:
        found: the study, judged.
    """
    columns = (
        Column("claim", "label"),
        Column("paper (dB)", "paper"),
        Column("here (dB, or as it says)", "count"),
        Column("interval", "count"),
        Column("rung", "word"),
        Column("seeds", "count"),
        Column("verdict", "word"),
    )

    def line(v: Verdict) -> Line:
        claim = found.ladder.claims.by_id[v.claim]
        sure = v.decided and v.complete and v.verdict != CANNOT_TELL
        return Line(
            (
                Cell(f"{subject(found, v)}: {claim.sentence}"),
                Cell(signed(v.published_db) if v.published_db is not None else ""),
                Cell(v.number or (signed(v.effect_db) if v.effect_db is not None else "")),
                Cell(ends(v, 2)),
                Cell(v.rung),
                Cell(str(v.n) if v.n and v.rung else ""),
                Cell(words_of(v), best=sure),
            )
        )

    parts = grouped(found)
    sections = [Section(tuple(map(line, parts[title])), title) for title in MEASURED if title in parts]
    rest = {"Not measured yet, or with fewer than three seeds": (NOT_MEASURED, NO_VERDICT), "Pictures": (SHOWN,)}
    named = {
        words: [v.claim.replace("_", " ") for v in found.decisive.values() if v.verdict in verdicts]
        for words, verdicts in rest.items()
    }
    remarks = tuple(f"{words}: {', '.join(names)}." for words, names in named.items() if names)
    return View("answer", "What holds", columns, tuple(sections), remarks=remarks)
