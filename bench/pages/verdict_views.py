"""Verdicts as tables: the answer in one line per claim, every line in full, the comparisons, the spread, the proof."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from bench.config import analysis_info
from bench.config.claims import RowClaim
from bench.pages.claim_places import place, table_name
from bench.pages.verdict_summary import grouped
from bench.results.captions import dataset_name
from bench.results.comparison import holm
from bench.results.statistics.decisions import CANNOT_TELL
from bench.results.statistics.seed_means import seed_means
from bench.results.statistics.spread import components, pairing_pays_above
from bench.results.verdicts import proof_table
from bench.results.verdicts.family import family
from bench.results.verdicts.judge import Judgement
from bench.results.verdicts.ladder import Rung
from bench.results.verdicts.verdict import Verdict, joined
from bench.results.view import DASH, Cell, Column, Kind, Line, Section, View, signed

EFFECT = "effect (dB)"
KINDS: dict[str, Kind] = {
    "paper": "paper",
    "rung": "word",
    "data": "word",
    "verdict": "word",
    "design": "word",
    "reason": "text",
}
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
    return _between(None if v.low is None or v.high is None else (v.low, v.high), digits)


def _between(interval: tuple[float, float] | None, digits: int = 3) -> str:
    return f"{signed(interval[0], digits)} to {signed(interval[1], digits)}" if interval else ""


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
                Cell(_p(v.p_holm)),
                Cell(_number(v.correlation, ".2f")),
                Cell(_number(v.detectable_db, ".3f")),
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


def comparisons(found: Judgement) -> View:
    """Every single comparison of every axis and rung, corrected after Holm."""
    heads = (EFFECT, "interval", "n", "p", "p (Holm)", "sign flip", "r", "in pairs", "detectable")
    columns = (Column("comparison", "label"), *(Column(h, KINDS.get(h, "count")) for h in heads))
    sections = []
    for rung in found.ladder.rungs:
        for table in rung.plan.tables:
            gaps = family(rung, table, found.ladder.claims)
            lines = []
            for (pair, gap), p in zip(gaps.items(), holm(list(gaps.values())), strict=True):
                pairs = replace(gap, design="paired")
                lines.append(
                    Line(
                        (
                            Cell(" − ".join(pair)),
                            Cell(signed(gap.effect, 3) if gap.effect is not None else DASH),
                            Cell(_between(gap.interval())),
                            Cell(str(gap.n)),
                            Cell(_p(gap.p)),
                            Cell(_p(p)),
                            Cell(_p(pairs.p_sign_flip)),
                            Cell(_number(gap.correlation, ".2f")),
                            Cell(_between(pairs.interval()) if pairs.testable and gap.design != "paired" else ""),
                            Cell(_number(gap.detectable, ".3f")),
                        )
                    )
                )
            if lines:
                design = rung.study.design(rung.plan.tables[table])
                sections.append(Section(tuple(lines), f"{table_name(found, table)}, rung {rung.name}, {design}"))
    remark = (
        "Over all data sets, equally weighted. In pairs of common seeds, whatever was declared: the interval, and "
        "the p of an exact two-sided sign-flip test, from six of them. Where Welch's test was declared neither decides."
    )
    title = "The single comparisons of every axis"
    return View("comparisons", title, columns, tuple(sections), remarks=(remark,))


def spread(found: Judgement) -> View:
    """Where the spread of every row comes from."""
    heads = ("seeds", "sd over seeds", "seed", "image", "seed × image")
    columns = (Column("row", "label"), *(Column(h, KINDS.get(h, "count")) for h in heads))
    sections = [
        Section(tuple(lines), f"{table_name(found, table)}, rung {rung.name}")
        for rung in found.ladder.rungs
        for table in rung.plan.tables
        if (lines := list(_spreads(rung, table)))
    ]
    pays = ", ".join(f"{pairing_pays_above(n):.2f} at n = {n}" for n in (3, 5, 8, 10))
    remarks = (
        "Standard deviation over seeds of the number that is tested (dB; data sets equally weighted), and the "
        "components of a balanced two-way analysis of seeds and images, all images together, as standard deviations.",
        f"Comparing seeds in pairs gives a shorter interval only above a correlation of {pays}.",
    )
    return View("spread", "Spread over seeds and images", columns, tuple(sections), remarks=remarks)


def _spreads(rung: Rung, table: str) -> Iterator[Line]:
    for row in rung.plan.rows[table]:
        scores = rung.scores(table, row.id)
        values = scores.values.dropna(axis=1) if scores is not None else None
        if values is None or values.shape[1] < 2 or not len(values):
            continue
        parts = components(values.T.to_numpy())
        total = float(seed_means(values).std())
        numbers = [total, *(None if v is None else v**0.5 for v in (parts.seed, parts.image, parts.rest))]
        yield Line((Cell(row.label), Cell(str(values.shape[1])), *(Cell(_number(v, ".3f")) for v in numbers)))


def proof() -> View:
    """Error rates, coverage and power by simulation."""
    frame = proof_table.load()
    heads = ("design", "seeds", "r", "diverged", "expected", "rate", "z")
    columns = (Column("event", "label"), *(Column(h, KINDS.get(h, "count")) for h in heads))
    lines = []
    for row in frame.to_dict("records"):
        expected = f"{'≤ ' if row['bound'] == 'at most' else ''}{row['expected']:.4f}"
        given = (row["what"], row["design"], row["seeds"], f"{row['correlation']:g}", f"{row['diverged']:g}", expected)
        lines.append(Line(tuple(Cell(str(c)) for c in (*given, f"{row['rate']:.4f}", signed(row["z"], 1)))))
    far, exact = int((frame["z"].abs() > 2).sum()), int((frame["bound"] == "equal").sum())
    remarks = (
        "Simulated tables of 12 images whose effects, and whose row × image effects, are drawn once and held fixed; "
        f"what is drawn anew in each of {int(frame['repetitions'].max()):,} repetitions are seeds. Judged by the code "
        "that judges evidence. z: deviation in Monte-Carlo errors; zero below an upper bound (≤).",
        f"{far} of {len(frame)} rates lie beyond two Monte-Carlo errors; of the {exact} compared with an exact "
        f"expectation chance alone puts about {0.0455 * exact:.1f} there. Welch's test of independent rows errs on the "
        "safe side at few seeds, by exactly the amount that is expected here.",
    )
    return View("proof", "The statistics, proved by simulation", columns, (Section(tuple(lines)),), remarks=remarks)


def _number(value: float | None, form: str) -> str:
    return "" if value is None or value != value else format(value, form).replace("-", "−")


def _p(value: float | None) -> str:
    """A p-value; no test gives zero."""
    return "< 0.001" if value is not None and value < 0.001 else _number(value, ".3f")
