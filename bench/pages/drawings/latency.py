"""Quality against speed: mean PSNR of a row against the measured time of its network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.config.plan import Plan
from bench.foundation.errors import BenchError
from bench.pages.style import looks
from bench.results import captions
from bench.results.mean_sd import Summary, summarise
from bench.results.model_cases import architecture, case_name
from bench.results.records import scores, tests_of
from bench.results.tidy import Results

if TYPE_CHECKING:
    import pandas as pd

READING = (
    "Quality against speed: mean PSNR on the table's first test set against the median time of one forward pass of the "
    "whole network. Further up and to the left is better. Bar: standard deviation over training seeds."
)


@dataclass(frozen=True)
class Point:
    """One network."""

    label: str
    seconds: float
    psnr: Summary


def points(plan: Plan, results: Results, table: str) -> tuple[str, str, list[Point]]:
    """Case, machine, and a point for every row that is both timed and scored (forward pass, first case and test)."""
    task = plan.tables[table].task
    cases = [case_name(m) for m in plan.preset.throughput.models if m.task == task]
    test = tests_of(plan, table)[0]
    for _, part in results.throughput_machines():
        chosen = part[(part["kind"] == "model") & (part["pass"] == "forward") & (part["status"] == "ok")]
        for case in cases:
            timed = chosen[chosen["case"] == case]
            seconds = dict(zip(timed["timed"], timed["median_s"].astype(float), strict=True))
            found = []
            for row in plan.rows[table]:
                key = architecture(row.runs[0]) if row.runs else None
                got = scores(results, row, test, "psnr")
                if key in seconds and got:
                    psnr = summarise([float(v.mean()) for v in got.values()])
                    found.append(Point(row.label, seconds[key], psnr))
            if found:
                first = timed.iloc[0]
                return (
                    case,
                    f"{first['machine']}, {first['threads']} threads, {first['device']}",
                    found,
                )
    raise BenchError(
        f"no network of table {table!r} has been timed: preset {plan.name!r} names no {task} model "
        "in throughput.models, or python -m bench throughput has not run"
    )


def draw(plan: Plan, results: Results, table: str) -> Any:
    """Time on a log axis, PSNR upwards; one mark per row with its label in a legend outside the data."""
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    case, _, found = points(plan, results, table)
    style = looks([p.label for p in found])
    figure, axis = plt.subplots(figsize=(6.6, 3.5))
    for point in found:
        look = style[point.label]
        axis.errorbar(
            point.seconds * 1e3,
            point.psnr.mean,
            yerr=point.psnr.sd,
            color=look.color,
            marker=look.marker,
            markersize=9,
            markeredgecolor="black",
            markeredgewidth=0.6,
            capsize=3,
            linestyle="none",
            label=point.label,
        )
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    if high / low < 4:
        middle = (low * high) ** 0.5
        axis.set_xlim(middle / 2.2, middle * 2.2)
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low > 10 else (1, 2, 3, 5, 7)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.margins(y=0.15)
    axis.set_xlabel(f"milliseconds per forward pass ({case})")
    axis.set_ylabel(f"PSNR (dB), {captions.dataset_name(tests_of(plan, table)[0].data)}")
    axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    figure.tight_layout()
    return figure


def data(plan: Plan, results: Results, table: str) -> pd.DataFrame:
    """The points: a row per network."""
    import pandas as pd

    case, machine, found = points(plan, results, table)
    rows = [(p.label, p.seconds, p.psnr.mean, p.psnr.sd, p.psnr.n, case, machine) for p in found]
    return pd.DataFrame(rows, columns=["label", "seconds", "psnr", "psnr_sd", "seeds", "case", "machine"])


def caption(plan: Plan, results: Results, table: str) -> str:
    """Case, machine, and rows that were not timed."""
    case, machine, found = points(plan, results, table)
    rows = [row.label for row in plan.rows[table] if not row.reference]
    lost = [label for label in rows if label not in [p.label for p in found]]
    text = (
        f"{plan.tables[table].title}: mean PSNR on {captions.dataset_name(tests_of(plan, table)[0].data)} "
        f"against time ({case}; {machine}). "
    )
    if lost:
        text += f"Not shown (not timed or without a result): {', '.join(lost)}. "
    return text.strip()
