"""What stands behind the verdicts, as tables: the single comparisons, the spread of the rows, the proof."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from bench.pages.claim_places import table_name
from bench.results.statistics.spread import pairing_pays_above
from bench.results.verdicts import proof_table
from bench.results.verdicts.judge import Judgement
from bench.results.view import DASH, Cell, Column, Line, Section, View, signed

EFFECT = "effect (dB)"


def comparisons(found: Judgement) -> View:
    """Every single comparison of every axis and rung (`bench.results.verdicts.comparisons`)."""
    heads = (EFFECT, "interval", "n", "p", "p (Holm)", "sign flip", "r", "in pairs", "detectable")

    def line(row: Mapping[Any, Any]) -> Line:
        cells = (
            f"{row['first']} − {row['second']}",
            signed(row["effect_db"], 3) if row["effect_db"] == row["effect_db"] else DASH,
            between(row["low"], row["high"]),
            str(row["n"]),
            *(p_value(row[name]) for name in ("p", "p_holm", "p_sign_flip")),
            number(row["correlation"], ".2f"),
            between(row["low_paired"], row["high_paired"]) if row["design"] != "paired" else "",
            number(row["detectable_db"], ".3f"),
        )
        return Line(tuple(Cell(text) for text in cells))

    rows = found.comparisons.to_dict("records")
    sections = [
        Section(tuple(line(row) for row in group), f"{table_name(found, table)}, rung {rung}, {design}")
        for (rung, table, design), group in groupby(rows, lambda r: (r["rung"], r["table"], r["design"]))
    ]
    remark = (
        "Over all data sets, equally weighted. In pairs of common seeds, whatever was declared: the interval, and "
        "the p of an exact two-sided sign-flip test, from six of them. Where Welch's test was declared neither decides."
    )
    title = "The single comparisons of every axis"
    return View("comparisons", title, _columns("comparison", heads), tuple(sections), remarks=(remark,))


def spread(found: Judgement) -> View:
    """Where the spread of every row comes from (`bench.results.verdicts.spread`)."""
    heads = ("seeds", "sd over seeds", "seed", "image", "seed × image")
    labels = {
        (rung.name, table, row.id): row.label
        for rung in found.ladder.rungs
        for table, rows in rung.plan.rows.items()
        for row in rows
    }

    def line(row: Mapping[Any, Any]) -> Line:
        label = labels[row["rung"], row["table"], row["row"]]
        parts = (number(row[name], ".3f") for name in ("sd_db", "seed_db", "image_db", "rest_db"))
        return Line(tuple(Cell(text) for text in (label, str(row["seeds"]), *parts)))

    rows = found.spread.to_dict("records")
    sections = [
        Section(tuple(line(row) for row in group), f"{table_name(found, table)}, rung {rung}")
        for (rung, table), group in groupby(rows, lambda r: (r["rung"], r["table"]))
    ]
    pays = ", ".join(f"{pairing_pays_above(n):.2f} at n = {n}" for n in (3, 5, 8, 10))
    remarks = (
        "Standard deviation over seeds of the number that is tested (dB; data sets equally weighted), and the "
        "components of a balanced two-way analysis of seeds and images, all images together, as standard deviations.",
        f"Comparing seeds in pairs gives a shorter interval only above a correlation of {pays}.",
    )
    title = "Spread over seeds and images"
    return View("spread", title, _columns("row", heads), tuple(sections), remarks=remarks)


def proof() -> View:
    """Error rates, coverage and power by simulation."""
    frame = proof_table.load()
    heads = ("design", "seeds", "r", "diverged", "expected", "rate", "z")
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
    title = "The statistics, proved by simulation"
    return View("proof", title, _columns("event", heads), (Section(tuple(lines)),), remarks=remarks)


def _columns(first: str, heads: tuple[str, ...]) -> tuple[Column, ...]:
    return (Column(first, "label"), *(Column(head, "word" if head == "design" else "count") for head in heads))


def between(low: float | None, high: float | None, digits: int = 3) -> str:
    """An interval (dB) in words; empty where there is none."""
    if low is None or high is None or low != low:
        return ""
    return f"{signed(low, digits)} to {signed(high, digits)}"


def number(value: float | None, form: str) -> str:
    """A number in a format; empty where there is none."""
    return "" if value is None or value != value else format(value, form).replace("-", "−")


def p_value(value: float | None) -> str:
    """A p-value; no test gives zero."""
    return "< 0.001" if value is not None and value < 0.001 else number(value, ".3f")
