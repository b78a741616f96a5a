"""Timings as tables: for each machine operators, what limits them, and whole models. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bench.config.timed_variants import COPY, PASSES
from bench.results.throughput_ratios import ON_ALGORITHM1, PASSED, Ratios, ratios
from bench.results.tidy import Results
from bench.results.view import DASH, Cell, Column, Footnotes, Line, Section, View

if TYPE_CHECKING:
    import pandas as pd

ID = "throughput"
_PRECISIONS = {"float32": "Float32 (IEEE)", "tf32": "Float32 with operands rounded to TF32"}
Draw = Callable[["pd.Series", Ratios, Footnotes], list[Cell]]


def throughput_views(results: Results) -> list[View]:
    """Operators, their limits and errors, then whole models, for every machine that was timed; this one first."""
    views = []
    for i, (source, part) in enumerate(results.throughput_machines()):
        suffix = f"-{i + 1}" if i else ""
        operators, models = part[part["kind"].isin(["operator", "machine"])], part[part["kind"] == "model"]
        if len(operators):
            views.append(_operators(operators, f"{ID}-operators{suffix}", source))
            views.append(_limits(operators, f"{ID}-limits{suffix}", source))
        if len(models):
            views.append(_models(models, f"{ID}-models{suffix}", source))
    return views


def _operators(part: pd.DataFrame, name: str, source: str) -> View:
    columns = ("ms (IQR)", "speed-up over Algorithm 1", "time / circular conv", "time / fastest conv", "extra MB")

    def draw(row: pd.Series, against: Ratios, notes: Footnotes) -> list[Cell]:
        compared = [_against(against, what, notes) for what in ("speedup", "relative", "fastest")]
        return [_milliseconds(row), *compared, _megabytes(row)]

    remarks = [
        *_measured(part),
        "Circular conv: a depthwise convolution at the size of the input, circularly padded, contiguous (conv); where "
        "a case upsamples, a transposed one (convt). Fastest conv: the fastest of {circular, zeros} × {contiguous, "
        "channels_last}, all of them rows here; where kernel and scale are equal nothing is padded, and both modes are "
        "one. Algorithm 1: the paper's, literally (full complex FFTs).",
        "Ratios stand only where the results of both sides in the same command were right (limits and errors, below).",
    ]
    return _view(part[part["kind"] == "operator"], part, name, "Operators", source, columns, draw, remarks)


def _limits(part: pd.DataFrame, name: str, source: str) -> View:
    def draw(row: pd.Series, against: Ratios, notes: Footnotes) -> list[Cell]:
        if row["kind"] == "machine":
            what, unit = ("bytes", "GB/s") if row["name"] == COPY else ("flops", "GFLOP/s")
            return [Cell(f"{_digits(row[what] / row['median_s'] / 1e9)} {unit}"), Cell(), Cell()]
        error = Cell(f"{row['error']:.1e}" if row["error"] == row["error"] else DASH)
        return [error, _percent(against.of_copy), _percent(against.of_peak)]

    remarks = [
        "Error: the largest relative error of output and, backward, all gradients against float64, measured in the "
        "same command at the case's size (Converse2D and Algorithm 1: against Algorithm 1 in float64, four channels).",
        "Share of a copy: the time in which this machine copies, between buffers in use, the bytes that the pass must "
        "at least read and write, over its time. Share of the peak: the operations of its convolutions, products and "
        "Fourier transforms in a second over those of a float32 product of two 1024² matrices; pointwise work is not "
        "counted. Both measured in turn with the operators.",
    ]
    return _view(
        part,
        part,
        name,
        "Limits and errors of operators",
        source,
        ("error", "share of a copy", "share of the peak"),
        draw,
        remarks,
    )


def _models(part: pd.DataFrame, name: str, source: str) -> View:
    def draw(row: pd.Series, against: Ratios, notes: Footnotes) -> list[Cell]:
        return [_milliseconds(row), _against(against, "speedup", notes), _megabytes(row)]

    columns = ("ms (IQR)", "speed-up over Algorithm 1", "extra MB")
    same = f"'{ON_ALGORITHM1.strip()}': the same network, its operator replaced by the paper's Algorithm 1."
    return _view(part, part, name, "Whole models", source, columns, draw, [*_measured(part), same])


def _view(
    part: pd.DataFrame,
    peers: pd.DataFrame,
    name: str,
    what: str,
    source: str,
    measured: Sequence[str],
    draw: Draw,
    remarks: list[str],
) -> View:
    """One line for each name, the columns ``measured`` for each pass."""
    where, notes = _where(part.iloc[0]), Footnotes()
    columns = [Column("", "label"), *(Column(c, "measured", passed) for passed in PASSES for c in measured)]
    names = list(dict.fromkeys(part["name"]))
    sections = []
    for case in dict.fromkeys(part["case"]):
        rows = part[part["case"] == case]
        lines = []
        for item in dict.fromkeys(rows["name"]):
            cells = [Cell(_label(str(item), names))]
            for passed in PASSES:
                mine = rows[(rows["name"] == item) & (rows["pass"] == passed)]
                others = peers[(peers["case"] == case) & (peers["pass"] == passed)]
                cells += _cells(mine, others, len(measured), draw, notes)
            lines.append(Line(tuple(cells)))
        sections.append(Section(tuple(lines), str(case)))
    if source:
        remarks = [f"Not measured on this machine: published evidence {source}.", *remarks]
    title = f"{what}: {where}"
    return View(name, title, tuple(columns), tuple(sections), notes.notes, tuple(remarks), relative="ratio")


def _cells(mine: pd.DataFrame, peers: pd.DataFrame, width: int, draw: Draw, notes: Footnotes) -> list[Cell]:
    """The cells of one row and pass; a dash with its reason where nothing was timed."""
    row = mine.iloc[0] if len(mine) else None
    if row is None or row["status"] != "ok":
        reason = str(row["reason"]) if row is not None and row["reason"] else "not timed"
        return [Cell(DASH, marks=notes.marks(reason)), *[Cell()] * (width - 1)]
    wrong = "" if row["kind"] == "machine" or row["gate"] == PASSED else str(row["gate"] or "not held against float64")
    marks = notes.marks(wrong)
    first, *others = draw(row, ratios(row, peers), notes)
    return [Cell(first.text, marks=marks), *others]


def _measured(part: pd.DataFrame) -> list[str]:
    first = part.iloc[0]
    repeats = sorted({int(r) for r in part["repeats"] if r == r and r})
    return [
        f"Machine: {_where(first)}. {_PRECISIONS[str(first['precision'])]}, medians of {_range(repeats)} interleaved "
        "timings in one process; IQR is their interquartile range.",
        "Extra MB: highest memory of one pass above what was held before it, output and saved tensors included"
        + (" (peak resident memory of a process of its own)." if first["device"] == "cpu" else " (allocator's peak)."),
    ]


def _where(row: pd.Series) -> str:
    """Machine, device, threads and what else its timings hang on, in words."""
    parts = [row["machine"], row["device"], f"{row['threads']} threads", row["instructions"]]
    parts += ["" if row["backend"] == "torch" else f"{row['backend']} operators", f"PyTorch {row['torch']}"]
    return ", ".join(str(part) for part in parts if part)


def _range(repeats: Sequence[int]) -> str:
    return f"{repeats[0]} to {repeats[-1]}" if len(repeats) > 1 else str(repeats[0]) if repeats else "no"


def _milliseconds(row: pd.Series) -> Cell:
    return Cell(f"{_digits(row['median_s'] * 1e3)} ({_digits(row['iqr_s'] * 1e3)})")


def _megabytes(row: pd.Series) -> Cell:
    extra: Any = row["extra_peak_bytes"]
    return Cell(_digits(float(extra) / 1e6) if extra == extra else DASH)


def _against(found: Ratios, what: str, notes: Footnotes) -> Cell:
    """A ratio; a dash with its reason where the other side was wrong, nothing where there is none or this side was."""
    if what in found.withheld:
        return Cell(DASH, marks=notes.marks(found.withheld[what]))
    ratio: float | None = getattr(found, what)
    return Cell(f"{_digits(ratio)}×" if ratio is not None else "")


def _percent(ratio: float | None) -> Cell:
    return Cell(DASH if ratio is None else f"{_digits(100 * ratio)} %")


def _digits(value: float) -> str:
    """Three significant digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _label(name: str, names: Sequence[str]) -> str:
    """A model's row without its table, as long as that is still unique."""
    short = name.split("/", 1)[-1]
    return short if [n.split("/", 1)[-1] for n in names].count(short) == 1 else name
