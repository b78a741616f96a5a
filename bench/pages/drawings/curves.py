"""Training curves: loss and validation PSNR by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.foundation.errors import BenchError
from bench.pages.style import looks
from bench.results import captions
from bench.results.curves import curves_by_run
from bench.results.tidy import Results

if TYPE_CHECKING:
    import pandas as pd

READING = (
    "Training curves: training loss, and PSNR on a fixed part of the training data, never a test set. Line: mean over "
    "seeds; band: from the lowest to the highest seed. The loss of the first tenth of the steps may leave the axis."
)


def _curves(plan: Plan, table: str) -> dict[str, tuple[PlannedRow, list[pd.DataFrame]]]:
    found = {}
    known = curves_by_run(run.id for run in plan.table_runs(table) if run.train)
    for row in plan.rows[table]:
        frames = [known[run.id] for run in row.runs if run.id in known]
        if frames:
            found[row.label] = (row, frames)
    return found


def draw(plan: Plan, results: Results, table: str) -> Any:
    """Two panels with one line style per row: the mean over seeds, and a band from the lowest to the highest."""
    from matplotlib import pyplot as plt

    found = _curves(plan, table)
    if not found:
        raise BenchError(f"no training curve of table {table!r} in results (python -m bench train RUN)")
    style = looks(list(found))
    figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.5))
    for axis, column, title in ((axes[0], "loss", ""), (axes[1], "val_psnr", "validation PSNR (dB)")):
        for label, (_, frames) in found.items():
            _line(axis, frames, column, style[label], label)
        axis.set_title(title, loc="left")
        axis.set_xlabel("training step")
        axis.margins(x=0.02)
    loss = " and ".join(_losses(plan, table))
    axes[0].set_title(f"training loss ({loss}, log scale)", loc="left")
    axes[0].set_yscale("log")
    _plain_log_ticks(axes[0])
    late = [f.loc[f["step"] >= f["step"].max() / 10, "loss"].max() for _, frames in found.values() for f in frames]
    axes[0].set_ylim(top=1.1 * max(late))
    handles, labels = axes[0].get_legend_handles_labels()
    columns = min(len(labels), 4)
    figure.tight_layout(rect=(0, 0.07 + 0.05 * ((len(labels) - 1) // columns), 1, 1))
    figure.legend(handles, labels, loc="lower center", ncol=columns, handlelength=3.2)
    return figure


def _losses(plan: Plan, table: str) -> list[str]:
    trained = [run.train for row in plan.rows[table] for run in row.runs if run.train]
    return list(dict.fromkeys(train.budget.loss.upper() for train in trained))


def _line(axis: Any, frames: list[pd.DataFrame], column: str, look: Any, label: str) -> None:
    import pandas as pd

    wide = pd.concat([f.set_index("step")[column].dropna() for f in frames], axis=1).sort_index()
    if not len(wide):
        return
    mean = wide.mean(axis=1)
    every = max(1, len(mean) // 6)
    axis.plot(
        mean.index,
        mean,
        color=look.color,
        linestyle=look.line,
        marker=look.marker,
        markevery=every,
        markersize=5,
        linewidth=1.5,
        label=label,
    )
    if wide.shape[1] > 1:
        axis.fill_between(
            mean.index,
            wide.min(axis=1),
            wide.max(axis=1),
            color=look.color,
            alpha=0.15,
            linewidth=0,
        )


def _plain_log_ticks(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def data(plan: Plan, results: Results, table: str) -> pd.DataFrame:
    """The curves: a row per row of the table, seed and step."""
    import pandas as pd

    known = curves_by_run(run.id for run in plan.table_runs(table) if run.train)
    parts = [
        known[run.id].assign(row=row.id, label=row.label, seed=run.train.seed)
        for row in plan.rows[table]
        for run in row.runs
        if run.train and run.id in known
    ]
    if not parts:
        raise BenchError(f"{table}: no run of it has a training curve here")
    return pd.concat(parts, ignore_index=True)[["row", "label", "seed", "step", "loss", "val_psnr"]]


def caption(plan: Plan, results: Results, table: str) -> str:
    """Seeds, and rows without a curve."""
    found = _curves(plan, table)
    rows = [row for row in plan.rows[table] if any(r.train for r in row.runs)]
    runs = [run for row in rows for run in row.runs]
    text = f"{plan.tables[table].title}: training curves, {captions.seeds_text(runs)}. "
    lost = [row.label for row in rows if row.label not in found]
    if lost:
        text += f"Without a curve: {', '.join(lost)}. "
    diverged = [row.label for row in rows if any(results.status(r.id).status == "diverged" for r in row.runs)]
    if diverged:
        text += f"Diverged: {', '.join(diverged)}. "
    return text.strip()
