"""A table that no test set is asked of: what its rows reach on the validation strip."""

from __future__ import annotations

from bench.config.budget import Budget
from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.results.records import parameters
from bench.results.tidy import Results
from bench.results.validation import Scores, correlation_over_seeds, validation_records, validation_scores
from bench.results.view import DASH, Cell, Column, Footnotes, Line, Section, View

COLUMNS = (
    Column("", "label"),
    Column("parameters", "count"),
    Column("seeds", "count"),
    Column("PSNR (dB)", "measured", "validation strip"),
    Column("lowest", "measured", "validation strip"),
    Column("highest", "measured", "validation strip"),
)
WHAT = (
    "PSNR on the held-out strip of the training photographs at the last step: mean ± standard deviation over seeds. "
    "No test set was looked at."
)


def validation_view(plan: Plan, results: Results, table: str) -> View:
    """The table as rendered; its numbers come from `bench.results.validation.validation_records`.

    Raises:
        BenchError: a training curve that cannot be read, by name.
    """
    rows = plan.rows[table]
    scores = validation_scores(results, rows)
    known = {r.row: r for r in validation_records(plan, results, table)}
    best = max((r.mean for r in known.values() if r.mean is not None), default=None)
    notes = Footnotes()

    def line(row: PlannedRow) -> Line:
        record, values = known[row.id], sorted(scores[row.id].values())
        count = parameters(results, row)
        marks = notes.marks(record.reason)
        seeds = str(record.n) if record.n == record.seeds else f"{record.n} of {record.seeds}"
        head = [Cell(row.label), Cell(f"{count:,}" if count else ""), Cell(seeds)]
        if record.mean is None:
            return Line((*head, Cell(DASH, marks=marks), Cell(), Cell()))
        text = f"{record.mean:.2f}" + (f" ± {record.sd:.2f}" if record.sd is not None else "")
        ends = [Cell(f"{values[0]:.2f}"), Cell(f"{values[-1]:.2f}")]
        return Line(
            (*head, Cell(text, record.mean == best, marks), *ends), default=row.id == plan.tables[table].default
        )

    remarks = [WHAT]
    alike: dict[Budget, list[Scores]] = {}
    for row in rows:
        if row.runs and row.runs[0].train:
            alike.setdefault(row.runs[0].train.budget, []).append(scores[row.id])
    if (r := correlation_over_seeds(alike.values())) is not None:
        remarks.append(
            "Correlation of two rows over their seeds, pooled over the pairs of rows that are trained alike: "
            f"{r:.2f}.".replace("-", "−")
        )
    lines = tuple(line(row) for row in rows)
    return View(table, plan.tables[table].title, COLUMNS, (Section(lines),), notes.notes, tuple(remarks))
