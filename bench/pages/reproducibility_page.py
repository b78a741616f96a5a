"""The reproducibility page: results joined with the paper's numbers and with the words of the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.config.evaluation import Evaluation
from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.config.published import PublishedTable, differs, paper_table
from bench.config.reproducibility import Choice, Reproducibility
from bench.results import captions
from bench.results.mean_sd import summarise
from bench.results.records import parameters, summary, tests_of
from bench.results.released_answers import WITHIN_DB, Answer, answers_of, released_rows
from bench.results.tidy import Results
from bench.results.view import DASH, Cell, Column, Footnotes, Line, Section, View, signed


@dataclass(frozen=True)
class Part:
    """What is said about one table of the paper, or about all of them."""

    id: str
    title: str
    views: tuple[View, ...] = ()
    open: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def lists(self) -> list[tuple[str, tuple[str, ...]]]:
        """The lists that have entries, with their headings."""
        named = [
            ("Left open by the paper → chosen here", self.open),
            ("Contradictions", self.contradictions),
            ("Notes", self.notes),
        ]
        return [(heading, items) for heading, items in named if items]


@dataclass(frozen=True)
class Page:
    """The whole page. ``statement`` says whether anything was reproduced at all."""

    statement: str
    overview: View
    parts: tuple[Part, ...]


def page(plan: Plan, results: Results, found: Reproducibility) -> Page:
    """Everything that can be said with the results that exist."""
    counts = {name: n for name, row in released_rows(plan) if (n := parameters(results, row))}
    answers = [a for table in plan.published for a in answers_of(plan, results, found, table)]
    words = found.words
    parts = [
        Part(
            "general",
            "In every table",
            open=_choices(found, words.open, counts),
            contradictions=tuple(found.fill(text, counts) for text in words.contradictions),
        )
    ]
    for table in plan.published:
        mine = [a for a in answers if a.table == table]
        entry = words.tables[table]
        views = [_answers_view(plan, table, mine)] if mine else []
        waiting = _retraining_view(plan, results, table, {a.row for a in mine})
        claims = [found.claims[c] for c in entry.claims]
        parts.append(
            Part(
                table,
                found.title(table),
                tuple([*views, *([waiting] if waiting else [])]),
                _choices(found, entry.open, counts),
                tuple(found.fill(text, counts) for text in entry.contradictions),
                (
                    *(f"{n.replace('_', ' ')} (published.yaml): {found.published['notes'][n]}" for n in entry.notes),
                    *(f"Not settled by the paper's own numbers: “{c['words']}”{_test(c)}." for c in claims),
                ),
            )
        )
    return Page(_statement(plan, answers), _overview(plan, found, answers), tuple(parts))


def _answers_view(plan: Plan, table: str, answers: Sequence[Answer]) -> View:
    notes = Footnotes()
    columns = (
        Column("row", "label"),
        Column("test", "label"),
        Column("published", "paper", "PSNR (dB)"),
        Column("measured", "measured", "PSNR (dB)"),
        Column("Δ", "difference", "PSNR (dB)"),
        Column("images", "count"),
        Column("released weights", "label"),
    )
    lines = []
    for a in answers:
        marks = notes.marks(a.note)
        missing = notes.marks("not measured in this preset") if a.measured is None else ()
        gap = a.difference
        far = notes.marks(f"more than {WITHIN_DB} dB off") if gap is not None and abs(gap) > WITHIN_DB else ()
        partial = notes.marks(f"{captions.subset_text(a.subset)} only: no difference is taken") if a.subset else ()
        lines.append(
            Line(
                (
                    Cell(a.row, marks=marks),
                    Cell(_test_name(a.dataset, a.kernel)),
                    Cell(f"{a.paper:.2f}"),
                    Cell(DASH if a.measured is None else f"{a.measured:.2f}", marks=missing or partial),
                    Cell("" if gap is None else signed(gap), marks=far),
                    Cell(str(a.images) if a.images else ""),
                    Cell(a.weights),
                )
            )
        )
    protocols = ", ".join(dict.fromkeys(a.protocol for a in answers if a.protocol))
    remarks = (f"Protocol {protocols}. Means over all images of a test.",) if protocols else ()
    return View(f"{table}-released", "From released weights", columns, (Section(tuple(lines)),), notes.notes, remarks)


def _retraining_view(plan: Plan, results: Results, table: str, answered: set[str]) -> View | None:
    """Rows without released weights: the paper's numbers, and what this preset trained instead."""
    paper = paper_table(plan.published, table)
    rows = [r for r in dict.fromkeys(row for row, _, _ in paper.cells) if r not in answered]
    if not rows:
        return None
    notes = Footnotes()
    slots = list(dict.fromkeys(k or d for d, k in paper.columns))
    columns = [Column("row", "label")]
    columns += [Column(_test_name(*_as_slot(paper, s)), "paper", "paper, PSNR (dB)") for s in slots]
    columns += [Column("answered here by", "label"), Column("PSNR here (dB)", "label")]
    sections = []
    by_kernel = any(k for _, k in paper.columns)
    for dataset in paper.datasets if by_kernel else ("",):
        lines = []
        for row in rows:
            cells = [paper.cells[row, d, k] for d, k in paper.columns if dataset in ("", d)]
            label, here = _here(plan, results, table, row, notes, paper)
            lines.append(Line((Cell(row), *(Cell(f"{c:.2f}") for c in cells), label, here)))
        sections.append(Section(tuple(lines), captions.dataset_name(dataset) if dataset else ""))
    return View(f"{table}-retraining", "Needs retraining", tuple(columns), tuple(sections), notes.notes)


def _as_slot(paper: PublishedTable, name: str) -> tuple[str, str]:
    return ("", name) if any(k == name for _, k in paper.columns) else (name, "")


def _here(
    plan: Plan, results: Results, table: str, row: str, notes: Footnotes, paper: PublishedTable
) -> tuple[Cell, Cell]:
    """Which row of this preset answers a published one, and its means."""
    for name, entry in plan.tables.items():
        if (entry.published or name) != table:
            continue
        for planned in plan.rows[name]:
            if planned.published == row and not planned.ours and any(run.train for run in planned.runs):
                texts, reasons = [], []
                for test in tests_of(plan, name):
                    mean = _mean(results, planned, test)
                    texts.append(f"{captions.dataset_name(test.data)} {mean}")
                    reasons.append(differs(plan, planned, test, paper))
                why = "; ".join(dict.fromkeys(r for r in reasons if r))
                return Cell(planned.label), Cell(", ".join(texts), marks=notes.marks(why))
    return Cell(DASH, marks=notes.marks("no row of this preset trains it")), Cell()


def _mean(results: Results, row: PlannedRow, test: Evaluation) -> str:
    """Mean over images (and kernels), then mean and spread over seeds."""
    kernels = results.kernels(test)
    found = [got for k in kernels if (got := summary(results, row, test, "psnr", k))]
    if not found:
        return DASH
    if len(found) > 1:
        text = f"{summarise([got.mean for got in found]).mean:.2f}"
        return f"{text} (mean of {len(found)} kernels)"
    return f"{found[0].mean:.2f}" + (f" ± {found[0].sd:.2f}" if found[0].sd is not None else "")


def _overview(plan: Plan, found: Reproducibility, answers: Sequence[Answer]) -> View:
    columns = [
        Column("table", "label"),
        Column("published", "paper"),
        Column("with weights", "count"),
        Column("averages", "count", "measured here"),
        Column(f"within {WITHIN_DB} dB", "count", "measured here"),
        Column("largest |Δ|", "count", "measured here"),
        Column("of a subset", "count", "measured here"),
    ]
    lines = []
    for table in plan.published:
        mine = [a for a in answers if a.table == table]
        gaps = [abs(a.difference) for a in mine if a.difference is not None]
        counts = (
            len(paper_table(plan.published, table).cells),
            len(mine),
            sum(a.measured is not None for a in mine),
            sum(gap <= WITHIN_DB for gap in gaps),
        )
        cells = [Cell(found.title(table)), *(Cell(str(n)) for n in counts)]
        cells += [Cell(f"{max(gaps):.2f}" if gaps else ""), Cell(str(sum(bool(a.subset) for a in mine)))]
        lines.append(Line(tuple(cells)))
    return View("reproducibility-overview", "At a glance", tuple(columns), (Section(tuple(lines)),))


def _statement(plan: Plan, answers: Sequence[Answer]) -> str:
    done = [a for a in answers if a.measured is not None]
    if not any(True for _ in released_rows(plan)):
        return (
            f"Preset {plan.name!r} loads no released weights: nothing below is a reproduction of a published number. "
            "Preset 'released' is for that (snakemake --cores 8 all --config preset=released)."
        )
    whole = [a for a in done if a.difference is not None]
    close = sum(abs(a.difference or 0.0) <= WITHIN_DB for a in whole)
    subset = f" and {len(done) - len(whole)} on a subset of them" if len(done) > len(whole) else ""
    return (
        f"{len(answers)} published averages have released weights. Preset {plan.name!r} measured {len(whole)} of them "
        f"on all images{subset}; {close} of the {len(whole)} are within {WITHIN_DB} dB of the published number."
    )


def _choices(found: Reproducibility, choices: Sequence[Choice], counts: Mapping[str, int]) -> tuple[str, ...]:
    texts = []
    for choice in choices:
        rows = f" (rows {', '.join(r.partition('/')[2] for r in choice.rows)})" if choice.rows else ""
        texts.append(f"{found.fill(choice.paper, counts)} → {found.fill(choice.here, counts)}{rows}")
    return tuple(texts)


def _test(claim: Mapping[str, Any]) -> str:
    own = f"; its own tables: {claim['own_table']}" if claim.get("own_table") not in (None, "none", "holds") else ""
    return f" (to be tested by: {claim['test']}{own})" if claim.get("test") else own


def _test_name(dataset: str, kernel: str) -> str:
    words = [captions.dataset_name(dataset) if dataset else "", kernel.replace("_", " ")]
    return ", ".join(w for w in words if w)
