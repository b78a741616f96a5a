"""Timings as tables: one for each machine, ratios computed here. Torch-free."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.results.columns import WHERE
from bench.results.tidy import Results
from bench.results.view import DASH, Cell, Column, Footnotes, Line, Section, View

if TYPE_CHECKING:
    import pandas as pd

ID = "throughput"
BASELINE = "algorithm1"
CONVOLUTIONS = ("conv", "convt")
"""What stands for a depthwise convolution: of scale 1, and of an upsampler."""
PASSES = ("forward", "forward+backward")
_PRECISIONS = {"float32": "Float32 (IEEE)", "tf32": "Float32 with operands rounded to TF32"}
ON_ALGORITHM1 = " on Algorithm 1"
"""Suffix of a model that was timed a second time with its operator replaced by the paper's Algorithm 1."""


def throughput_views(results: Results) -> list[View]:
    """Operators, then whole models, for every machine that was timed; this one first."""
    views = []
    for i, (source, part) in enumerate(results.throughput_machines()):
        suffix = f"-{i + 1}" if i else ""
        for kind in ("operator", "model"):
            chosen = part[part["kind"] == kind]
            if len(chosen):
                views.append(_view(chosen, kind, f"{ID}-{kind}s{suffix}", source))
    return views


def throughput_frame(results: Results) -> pd.DataFrame:
    """The tidy timings with their ratios: ``speedup`` over Algorithm 1, ``relative`` to a depthwise convolution."""
    frame = results.throughput.copy()
    speedup: list[float] = []
    relative: list[float] = []
    for row in frame.to_dict("records"):
        peers = frame
        for column in (*WHERE, "kind", "case", "pass"):
            peers = peers[peers[column] == row[column]]
        baseline, conv = _references(peers, str(row["kind"]), str(row["name"]))
        for ratios, ratio in ((speedup, _ratio(baseline, row["median_s"])), (relative, _ratio(row["median_s"], conv))):
            ratios.append(math.nan if ratio is None else ratio)
    return frame.assign(speedup=speedup, relative=relative)


def _references(peers: pd.DataFrame, kind: str, name: str) -> tuple[float | None, float | None]:
    """Seconds of Algorithm 1 and of a depthwise convolution in the same case and pass."""
    seconds = {str(n): float(s) for n, s in zip(peers["name"], peers["median_s"], strict=True) if s == s}
    if kind == "model":
        return seconds.get(f"{name.removesuffix(ON_ALGORITHM1)}{ON_ALGORITHM1}"), None
    return seconds.get(BASELINE), next((seconds[c] for c in CONVOLUTIONS if c in seconds), None)


def _ratio(a: Any, b: Any) -> float | None:
    return float(a) / float(b) if a and b and a == a and b == b else None


def _view(part: pd.DataFrame, kind: str, name: str, source: str) -> View:
    first = part.iloc[0]
    where = _where(first)
    notes = Footnotes()
    columns = [Column("", "label")]
    for passed in PASSES:
        columns.append(Column("ms (IQR)", "measured", passed))
        columns.append(Column("speed-up over Algorithm 1", "measured", passed))
        if kind == "operator":
            columns.append(Column("time / depthwise conv", "measured", passed))
        columns.append(Column("extra MB", "measured", passed))
    names = list(dict.fromkeys(part["name"]))
    sections = []
    for case in dict.fromkeys(part["case"]):
        rows = part[part["case"] == case]
        lines = []
        for item in names:
            mine = rows[rows["name"] == item]
            if len(mine):
                lines.append(_line(mine, rows, kind, _label(str(item), names), columns, notes))
        sections.append(Section(tuple(lines), str(case)))
    what = "Operators" if kind == "operator" else "Whole models"
    repeats = sorted({int(r) for r in part["repeats"] if r == r and r})
    remarks = [
        f"Machine: {where}. {_PRECISIONS[str(first['precision'])]}, medians of {_range(repeats)} interleaved timings "
        "in one process; IQR is their interquartile range.",
        "Extra MB: highest memory of one pass above what was held before it, output and saved tensors included"
        + (" (peak resident memory of a process of its own)." if first["device"] == "cpu" else " (allocator's peak)."),
    ]
    if kind == "operator":
        remarks.append(
            "Depthwise convolution: conv at the size of the input; where a case upsamples, a transposed one. "
            "Algorithm 1: the paper's, literally (full complex FFTs)."
        )
    else:
        remarks.append(
            f"'{ON_ALGORITHM1.strip()}': the same network, its operator replaced by the paper's Algorithm 1."
        )
    if source:
        remarks.insert(0, f"Not measured on this machine: published evidence {source}.")
    return View(
        name, f"{what}: {where}", tuple(columns), tuple(sections), notes.notes, tuple(remarks), relative="ratio"
    )


def _where(row: pd.Series) -> str:
    """Machine, device, threads and what else its timings hang on, in words."""
    parts = [row["machine"], row["device"], f"{row['threads']} threads", row["instructions"]]
    parts += ["" if row["backend"] == "torch" else f"{row['backend']} operators", f"PyTorch {row['torch']}"]
    return ", ".join(str(part) for part in parts if part)


def _range(repeats: Sequence[int]) -> str:
    return f"{repeats[0]} to {repeats[-1]}" if len(repeats) > 1 else str(repeats[0]) if repeats else "no"


def _line(
    mine: pd.DataFrame,
    case: pd.DataFrame,
    kind: str,
    label: str,
    columns: Sequence[Column],
    notes: Footnotes,
) -> Line:
    cells = [Cell(label)]
    for passed in PASSES:
        width = sum(c.group == passed for c in columns)
        part = mine[mine["pass"] == passed]
        row = part.iloc[0] if len(part) else None
        if row is None or row["status"] != "ok":
            reason = str(row["reason"]) if row is not None and row["reason"] else "not timed"
            cells += [Cell(DASH, marks=notes.marks(reason)), *[Cell()] * (width - 1)]
            continue
        seconds = float(row["median_s"])
        baseline, conv = _references(case[case["pass"] == passed], kind, str(row["name"]))
        cells.append(Cell(f"{_digits(seconds * 1e3)} ({_digits(float(row['iqr_s']) * 1e3)})"))
        cells.append(_times(_ratio(baseline, seconds)))
        if kind == "operator":
            cells.append(_times(_ratio(seconds, conv)))
        extra = row["extra_peak_bytes"]
        cells.append(Cell(_digits(float(extra) / 1e6) if extra == extra else DASH))
    return Line(tuple(cells))


def _times(ratio: float | None) -> Cell:
    return Cell(f"{_digits(ratio)}×" if ratio is not None else "")


def _digits(value: float) -> str:
    """Three significant digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _label(name: str, names: Sequence[str]) -> str:
    """A model's row without its table, as long as that is still unique."""
    short = name.split("/", 1)[-1]
    return short if [n.split("/", 1)[-1] for n in names].count(short) == 1 else name
