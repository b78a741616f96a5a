"""From tidy records to a table as the paper lays it out: measured columns, then the paper's, then differences."""

from __future__ import annotations

from collections.abc import Sequence

from bench.config.evaluation import Evaluation
from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.config.published import DIFFERENCES, model_differs, published_table
from bench.pages.table_remarks import remarks
from bench.pages.validation_view import validation_view
from bench.results import captions
from bench.results.ranking import NOBODY, best_of
from bench.results.records import Record, decimals, metrics_of, parameters, records, tests_of
from bench.results.tidy import Results
from bench.results.view import DASH, Cell, Column, Footnotes, Line, Section, View, signed

HEADERS = {"psnr": "PSNR (dB)", "ssim": "SSIM"}
Slot = tuple[str, str]
"""Data set and kernel."""
Part = tuple[str, str]
"""Data set and subset of it: a section of a table by kernel, made of one evaluation or of one for each kernel."""
Place = tuple[Part, str]
"""Where a number of the paper stands: section and kernel."""


def table_view(plan: Plan, results: Results, table: str) -> View:
    """The table as rendered; every number comes from `bench.results.records.records`.

    One that no test set is asked of shows the validation strip (`bench.pages.validation_view`).

    Raises:
        BenchError: the table mixes protocols.
    """
    if not plan.table_tests(table):
        return validation_view(plan, results, table)
    return _Builder(plan, results, table).view()


class _Builder:
    """Collects columns, cells and footnotes of one table."""

    def __init__(self, plan: Plan, results: Results, table: str) -> None:
        self.plan, self.results, self.id = plan, results, table
        self.table, self.rows = plan.tables[table], plan.rows[table]
        self.tests = tests_of(plan, table)
        self.paper = published_table(plan, table)
        self.records = records(plan, results, table)
        self.index = {(r.row, (r.dataset, r.subset), r.kernel, r.metric): r for r in self.records}
        self.notes = Footnotes()
        self.by_kernel = any(t.kernels for t in self.tests) or any(k for _, k in self.paper.columns)
        self.best = best_of(plan, results, self.rows, self.tests)
        self.differences = any(r.difference is not None for r in self.records)

    def view(self) -> View:
        """Everything put together."""
        sections = self._kernel_sections() if self.by_kernel else self._flat_sections()
        number = f"{self.table.paper}: " if self.table.paper else ""
        return View(
            id=self.id,
            title=f"{number}{self.table.title}",
            columns=tuple(self._columns()),
            sections=tuple(s for s in sections if s.lines),
            notes=self.notes.notes,
            remarks=remarks(plan=self.plan, results=self.results, table=self.id, records=self.records, best=self.best),
            warning=captions.subset_warning(self.tests),
        )

    # --- columns ------------------------------------------------------------------------------

    def _columns(self) -> list[Column]:
        columns = [Column("", "label")]
        if self.table.parameters:
            columns.append(Column("parameters", "count"))
        columns.append(Column("seeds", "count"))
        if self.by_kernel:
            for metric in metrics_of(self.plan):
                kernels = [Column(_kernel(k), "measured", HEADERS.get(metric, metric)) for k in self._kernels()]
                columns += kernels or [Column("", "measured", HEADERS.get(metric, metric))]
        else:
            for test in self.tests:
                name = captions.dataset_name(test.data)
                columns += [Column(HEADERS.get(m, m), "measured", name) for m in metrics_of(self.plan)]
        why = self._paper_differs()
        if self.table.parameters and self.paper.parameters:
            columns.append(Column("parameters", "paper", "paper", why))
        columns += [Column(self._slot_name(s), "paper", "paper", why) for s in self._paper_slots()]
        if self.differences:
            columns += [Column(self._slot_name(s), "difference", "Δ to the paper (dB)") for s in self._paper_slots()]
        return columns

    def _kernels(self) -> list[str]:
        found = (k for t in self.tests for k in self.results.kernels(t) if k)
        return list(dict.fromkeys(found))

    def _paper_slots(self) -> list[Slot]:
        """Columns of the paper; in a table by kernel the data set is the section's."""
        if self.by_kernel:
            return [("", k) for k in dict.fromkeys(k for _, k in self.paper.columns)]
        return list(self.paper.columns)

    def _slot_name(self, slot: Slot) -> str:
        return _kernel(slot[1]) if slot[1] else captions.dataset_name(slot[0])

    def _paper_differs(self) -> str:
        """What makes the paper's column another experiment: said once in its header where it holds for all."""
        if self.differences or not self.paper.columns:
            return ""
        shown = [r.differs for r in self.records if r.paper is not None]
        reasons = [w for r in shown for w in r.split(", ") if w != "not measured in this preset"]
        if any(r == "not measured in this preset" for r in shown):
            reasons.insert(0, "other data")
        models = [model_differs(self.plan, row) for row in self.rows if not row.reference]
        if all(models):
            reasons += [reason for found in models for reason in found]
        return ", ".join(word for word in DIFFERENCES if word in reasons)

    # --- lines --------------------------------------------------------------------------------

    def _flat_sections(self) -> list[Section]:
        """The table's own rows, then those that stand beside them, under their heading."""
        slots = [(t, "") for t in self.tests]
        subsets = {t.data: t.subset or "" for t in self.tests}
        paper = [((d, subsets.get(d, "")), k) for d, k in self._paper_slots()]
        groups: dict[str, list[Line]] = {}
        for row in self.rows:
            groups.setdefault(row.group, []).append(self._line(row, slots, paper))
        return [Section(tuple(lines), title) for title, lines in groups.items()]

    def _kernel_sections(self) -> list[Section]:
        found = []
        kernels = self._kernels() or [""]
        for part, tests in self._parts().items():
            slots = [(next((t for t in tests if k in self.results.kernels(t)), tests[0]), k) for k in kernels]
            paper = [(part, k) for _, k in self._paper_slots()]
            lines = tuple(self._line(row, slots, paper) for row in self.rows)
            subset = captions.subset_text(part[1])
            title = captions.dataset_name(part[0]) + (f" ({subset})" if subset else "")
            found.append(Section(lines, title))
        measured = {t.data for t in self.tests}
        for dataset in (d for d in self.paper.datasets if d not in measured):
            paper = [((dataset, ""), k) for _, k in self._paper_slots()]
            rows = [r for r in self.rows if str(r.published) in self.paper.rows]
            lines = tuple(self._line(row, [], paper, blank=len(kernels)) for row in rows)
            found.append(Section(lines, f"{captions.dataset_name(dataset)}: the paper's, not measured here"))
        return found

    def _parts(self) -> dict[Part, list[Evaluation]]:
        found: dict[Part, list[Evaluation]] = {}
        for test in self.tests:
            found.setdefault((test.data, test.subset or ""), []).append(test)
        return found

    def _line(
        self,
        row: PlannedRow,
        slots: Sequence[tuple[Evaluation, str]],
        paper: Sequence[Place],
        blank: int = 0,
    ) -> Line:
        label = Cell(row.label, marks=self.notes.marks(*self._label_notes(row, slots)))
        cells = [label]
        if self.table.parameters:
            count = parameters(self.results, row) if slots else None
            cells.append(Cell(f"{count:,}" if count else ""))
        cells.append(self._seeds(row, slots))
        metrics = metrics_of(self.plan)
        order = (
            [(t, k, m) for m in metrics for t, k in slots]
            if self.by_kernel
            else [(t, k, m) for t, k in slots for m in metrics]
        )
        cells += [self._measured(row, t, k, m) for t, k, m in order] or [Cell()] * (blank * len(metrics))
        if self.table.parameters and self.paper.parameters:
            count = self.paper.parameters.get(str(row.published))
            cells.append(Cell(f"{count:,}" if count else ""))
        cells += [self._published(row, place) for place in paper]
        if self.differences:
            cells += [self._difference(row, place) for place in paper]
        return Line(tuple(cells), row.reference, row.id == self.table.default)

    def _label_notes(self, row: PlannedRow, slots: Sequence[tuple[Evaluation, str]]) -> list[str]:
        if not slots:
            return []
        found = [row.note or ""]
        for run in row.runs:
            if run.checkpoint is not None:
                name = run.checkpoint.released or run.checkpoint.path or run.checkpoint.url
                kind = "released weights" if run.checkpoint.released else "weights"
                found.append(f"{kind} {name}, not trained here")
        found.append(captions.mixed_text(self.results, row.runs))
        for record in self.records:
            if record.row == row.id:
                found.append(captions.source_text(self.results, record.source))
                found.append(record.reason if record.status == "ok" else "")
        return found

    def _seeds(self, row: PlannedRow, slots: Sequence[tuple[Evaluation, str]]) -> Cell:
        if not slots or not row.runs or row.reference:
            return Cell()
        planned = len([r for r in row.runs if r.train])
        if not planned:
            return Cell("loaded")
        done = max((r.n for r in self.records if r.row == row.id), default=0)
        return Cell(str(planned) if done in (0, planned) else f"{done} of {planned}")

    def _measured(self, row: PlannedRow, test: Evaluation, kernel: str, metric: str) -> Cell:
        record = self.index.get((row.id, (test.data, test.subset or ""), kernel, metric))
        if record is None or record.mean is None:
            reason = record.reason if record and record.status != "ok" else f"{metric} was not measured"
            reason = (record.left_out if record else "") or reason
            return Cell(DASH, marks=self.notes.marks(reason))
        digits = decimals(metric)
        text = f"{record.mean:.{digits}f}"
        if record.sd is not None:
            text += f" ± {record.sd:.{digits}f}"
        best = self.best.get((test.key, kernel, metric), NOBODY)
        is_best = row.id in best.rows
        return Cell(text, is_best, self.notes.marks(record.left_out, best.note if is_best else ""))

    def _published(self, row: PlannedRow, place: Place) -> Cell:
        (dataset, _), kernel = place
        value = self.paper.cells.get((str(row.published), dataset, kernel))
        if value is None:
            return Cell()
        record = self._psnr(row, place)
        why = record.differs if record and self.differences else ""
        return Cell(f"{value:.2f}", marks=self.notes.marks(why))

    def _difference(self, row: PlannedRow, place: Place) -> Cell:
        record = self._psnr(row, place)
        if record is None or record.difference is None:
            return Cell()
        paper = self.paper.parameters.get(str(row.published))
        note = ""
        if paper and record.parameters and paper != record.parameters:
            note = f"the model here has {record.parameters:,} parameters, the paper's table says {paper:,}"
        return Cell(signed(record.difference), marks=self.notes.marks(note))

    def _psnr(self, row: PlannedRow, place: Place) -> Record | None:
        return self.index.get((row.id, *place, "psnr"))


def _kernel(name: str) -> str:
    return name.removesuffix(".npy").replace("_", " ")
