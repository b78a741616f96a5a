"""Verdicts as tables: the answer in one line per claim, and every line in full."""

from __future__ import annotations

from collections.abc import Collection

from bench.config import analysis_info
from bench.config.claims import RowClaim
from bench.pages.claim_places import place
from bench.pages.comparison_views import EFFECT, between, comparisons, number, p_value, proof, spread
from bench.pages.verdict_summary import grouped
from bench.results.captions import dataset_name
from bench.results.statistics.decisions import CANNOT_TELL
from bench.results.verdicts.judge import Judgement
from bench.results.verdicts.verdict import Verdict, joined
from bench.results.view import Cell, Column, Kind, Line, Section, View, signed

KINDS: dict[str, Kind] = {"paper": "paper", "rung": "word", "data": "word", "verdict": "word", "reason": "text"}
"""Kind of a column by its heading, where it is no number."""


def full(found: Judgement) -> tuple[View, ...]:
    """What stands behind the answers: every line, the comparisons, the spread, the proof."""
    return in_full(found), comparisons(found), spread(found), proof()


def answers(found: Judgement, sections: Collection[str], full: str = "") -> View:
    """One line per claim: the verdict to be read; those that are decided first.

    Args:
        found: the study, judged.
        sections: ids of tables and analyses on the page, to which lines may link.
        full: where the lines stand in full, to which the others link.
    """
    columns = (
        Column("claim", "label"),
        Column("verdict", "word"),
        Column(EFFECT, "count"),
        Column("interval", "count"),
        Column("rung", "word"),
        Column("n", "count"),
        Column("paper (dB)", "paper"),
        Column("table", "word"),
    )

    def line(v: Verdict) -> Line:
        claim = found.ladder.claims.by_id[v.claim]
        source = claim.table if isinstance(claim, RowClaim) else v.source
        link = f"#{source}" if source in sections else full
        return Line(
            (
                Cell(f"{v.claim.replace('_', ' ')}: {claim.sentence}"),
                Cell(words_of(v), best=v.decided and v.complete and v.verdict != CANNOT_TELL),
                Cell(signed(v.effect_db, 3) if v.effect_db is not None else v.number),
                Cell(ends(v)),
                Cell(v.rung),
                Cell(str(v.n) if v.n else ""),
                Cell(signed(v.published_db) if v.published_db is not None else ""),
                Cell(place(found, source), link=link),
            )
        )

    parts = [Section(tuple(line(v) for v in verdicts), title) for title, verdicts in grouped(found).items()]
    return View("verdicts", "What holds", columns, tuple(parts), remarks=_remarks(found))


def words_of(v: Verdict) -> str:
    """The verdict in words, with the data sets and kernels that say the contrary."""
    turned = f"{v.reversed_cells}/{v.cells} cells"
    cells = f" ({turned}{'' if v.verdict in ('reversed', 'worse') else ' reversed'})" if v.reversed_cells else ""
    return v.words + cells


def _analysis(v: Verdict) -> str:
    """Where the numbers of an analysis stand, and what measured them."""
    if v.source not in analysis_info.available():
        return ""
    return f"numbers: analyses/{v.source}-….csv of the evidence, from bench/analyses/{v.source}.py"


def ends(v: Verdict, digits: int = 3) -> str:
    """The interval of a verdict (dB); empty where it has none."""
    return between(v.low, v.high, digits)


def _remarks(found: Judgement) -> tuple[str, ...]:
    chance = 0.05 * found.tested
    return (
        "Each line is the verdict on the highest rung of the ladder that has its declared seeds; a provisional one "
        "still waits for seeds. Effect: first-named minus the others, of several comparisons the least favourable. "
        "Interval: over training seeds on these very images, 95 %, or 90 % (two one-sided tests at 5 %) where a margin "
        "decides. No verdict: fewer than three seeds. Cannot tell: the interval leaves it open. Not measured: a row "
        "has no result. Cells: data sets and kernels in which it is significantly the other way round.",
        f"{found.tested} of the {len(found.decisive)} verdicts rest on a test at 5 %: if no effect existed at all, "
        f"chance alone would decide about {chance:.1f} of them.",
    )


def in_full(found: Judgement) -> View:
    """Every verdict on every rung, with its cells and what must be known about it."""
    heads = ("rung", "data", "verdict", EFFECT, "interval", "n", "p (Holm)", "r", "detectable", "paper", "reason")
    columns = (Column("claim", "label"), *(Column(h, KINDS.get(h, "count")) for h in heads))
    lines = [
        Line(
            (
                Cell(v.claim),
                Cell(v.rung),
                Cell(" ".join((dataset_name(v.dataset), v.kernel)).strip() if v.dataset else "all"),
                Cell(v.words),
                Cell(signed(v.effect_db, 3) if v.effect_db is not None else v.number),
                Cell(ends(v)),
                Cell(str(v.n) if v.n else ""),
                Cell(p_value(v.p_holm)),
                Cell(number(v.correlation, ".2f")),
                Cell(number(v.detectable_db, ".3f")),
                Cell(signed(v.published_db) if v.published_db is not None else ""),
                Cell(joined(v.comparison, v.reason, _analysis(v))),
            )
        )
        for v in found.verdicts
    ]
    remark = (
        "p: of a claim about two rows after Holm's correction over the single comparisons that the axis shows; of one "
        "about several rows the largest, uncorrected (intersection–union), or where it is rejected the smallest, after "
        "Holm's correction over them. In a data set and kernel: corrected over all of these. r: correlation of the two "
        "rows over seeds. Detectable: the smallest true difference that so many seeds with this spread find with 80 % "
        "power."
    )
    return View("verdicts-in-full", "Every verdict", columns, (Section(tuple(lines)),), remarks=(remark,))
