"""What was measured, as tidy pandas frames: the metric files of a plan, its runs, and published evidence.

A row that was not measured on this machine is filled from ``results/evidence/<date-machine>/``; ``source`` then
names that folder, and every table says so. Several measurements of one thing must agree (`bench.results.merging`).
A file that does not belong to the run and the test that it lies under is named and not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.config import layout as paths
from bench.config.evaluation import Evaluation
from bench.config.plan import Plan
from bench.foundation import versions
from bench.results.columns import COLUMNS, WHERE
from bench.results.evidence import Pair, without_other_trainings
from bench.results.reading import number, read_csv
from bench.results.run_rows import run_rows
from bench.results.scores import measured_scores

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Status:
    """What became of one run: ``trained``, ``loaded``, ``diverged``, ``skipped``, ``classical`` or ``missing``."""

    status: str
    reason: str = ""
    parameters: int | None = None


@dataclass(frozen=True)
class Results:
    """Frames with the columns of `bench.results.columns.COLUMNS`; at most one source for each run and evaluation."""

    runs: pd.DataFrame
    metrics: pd.DataFrame
    throughput: pd.DataFrame
    scores: pd.DataFrame
    """One row for each run and evaluation in ``metrics``: where, when and of what it was measured."""
    faults: Mapping[Pair, str] = field(default_factory=dict)
    """(run, evaluation) to what is wrong with scores that lie there and are not used."""

    @cached_property
    def _finite(self) -> pd.Series:
        values = self.metrics["value"].astype(float)
        return values.where(values.abs() != float("inf"))

    @cached_property
    def _series(self) -> dict[tuple[str, str, str], pd.Series]:
        import pandas as pd

        places: dict[Any, Any] = self.metrics.groupby(["run", "evaluation", "metric"], sort=False).indices
        values = self._finite.set_axis(pd.MultiIndex.from_frame(self.metrics[["image", "kernel"]]))
        return {key: values.iloc[at] for key, at in places.items()}

    @cached_property
    def _reasons(self) -> dict[tuple[str, str, str], dict[tuple[str, str], str]]:
        infinite = self.metrics["value"].astype(float).abs() == float("inf")
        found: dict[tuple[str, str, str], dict[tuple[str, str], str]] = {}
        for row in self.metrics[infinite | (self.metrics["reason"] != "")].to_dict("records"):
            key = str(row["run"]), str(row["evaluation"]), str(row["metric"])
            reason = str(row["reason"]) or "infinite, it equals the target"
            found.setdefault(key, {})[str(row["image"]), str(row["kernel"])] = reason
        return found

    @cached_property
    def _status(self) -> dict[str, Status]:
        found = {}
        for row in self.runs.to_dict("records"):
            count = row["parameters"]
            number = int(count) if count not in ("", None) and count == count else None
            found[str(row["run"])] = Status(str(row["status"]), str(row["reason"] or ""), number)
        return found

    @cached_property
    def sources(self) -> dict[tuple[str, str], str]:
        """Evidence folder by (run, evaluation); empty for this machine."""
        columns = (self.scores[c] for c in ("run", "evaluation", "source"))
        return {(run, key): source for run, key, source in zip(*columns, strict=True)}

    def status(self, run_id: str) -> Status:
        """What became of a run."""
        return self._status.get(run_id, Status("missing"))

    def values(self, run_id: str, evaluation: str, metric: str) -> pd.Series | None:
        """Values of one run by (image, kernel) in the order of the file; None if there are none.

        NaN where an image has no finite value (`reasons`) and where the run diverged.
        """
        return self._series.get((run_id, evaluation, metric))

    def cells(self, run_id: str, evaluation: str, metric: str) -> Mapping[str, pd.Series]:
        """`values` by image, one series for each kernel in the order of the file; empty if there are none."""
        return self._cells.get((run_id, evaluation, metric), {})

    @cached_property
    def _cells(self) -> dict[tuple[str, str, str], dict[str, pd.Series]]:
        places: dict[Any, Any] = self.metrics.groupby(["run", "evaluation", "metric", "kernel"], sort=False).indices
        values = self._finite.set_axis(self.metrics["image"])
        found: dict[tuple[str, str, str], dict[str, pd.Series]] = {}
        for (*key, kernel), at in places.items():
            found.setdefault(tuple(key), {})[kernel] = values.iloc[at]
        return found

    def reasons(self, run_id: str, evaluation: str, metric: str) -> Mapping[tuple[str, str], str]:
        """Why images of one run have no finite value, by (image, kernel)."""
        return self._reasons.get((run_id, evaluation, metric), {})

    def kernels(self, test: Evaluation) -> list[str]:
        """Kernels of an evaluation in their order, by its name where nothing is measured; ``[""]`` without any."""
        return self._kernels.get(test.key) or test.only or [""]

    @cached_property
    def _kernels(self) -> dict[str, list[str]]:
        pairs = self.metrics[["evaluation", "kernel"]].drop_duplicates()
        return {str(key): [str(k) for k in part] for key, part in pairs.groupby("evaluation", sort=False)["kernel"]}

    def throughput_machines(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Timings by source and machine, this machine first."""
        if len(self.throughput):
            for where, part in self.throughput.groupby(list(WHERE)):
                yield str(where[0]), part


def load(plan: Plan, evidence: Sequence[Path] | None = None) -> Results:
    """Everything that is known about the plan's runs.

    Args:
        plan: whose runs.
        evidence: folders in the published format that alone count, the first first; None: what was measured on
            this machine, then committed evidence of what was not trained here (`without_other_trainings`).

    Raises:
        BenchError: a file that cannot be read, by name, or two results that contradict each other.
    """
    local = evidence is None
    places = paths.evidence_folders() if evidence is None else list(evidence)
    if local:
        plan = without_other_trainings(plan, places)
    metrics, scores, faults = measured_scores(plan, places, local)
    runs = run_rows(plan, places, scores, local)
    throughput = all_timings(places, [plan.name] if local else [])
    throughput = throughput[throughput["preset"].isin(["", plan.name])].reset_index(drop=True)
    return Results(runs, metrics, throughput, scores, faults)


def all_timings(places: Sequence[Path], presets: Sequence[str]) -> pd.DataFrame:
    """Every timing, that of this machine first, then of other machines; what lies here and was published is one.

    Args:
        places: folders in the published format.
        presets: whose local timings count, those that ``import`` brought in too.

    Raises:
        BenchError: a file that is not what it should be, by name.
    """
    import pandas as pd

    here = [paths.throughput_csv(preset) for preset in presets]
    for imported in (paths.imported_throughput(preset, "*") for preset in presets):
        here += sorted(imported.parent.glob(imported.name))
    frames = [*(_timings(path, "") for path in here), *(_timings(p / "throughput.csv", p.name) for p in places)]
    known = [frame for frame in frames if frame is not None and len(frame)]
    columns = list(COLUMNS["throughput.csv"])
    found = pd.concat(known, ignore_index=True) if known else pd.DataFrame(columns=columns)
    return found.drop_duplicates([c for c in columns if c != "source"]).reset_index(drop=True)


def _timings(path: Path, source: str) -> pd.DataFrame | None:
    """One file of timings, its numbers as numbers; None where it does not exist.

    Raises:
        BenchError: a file that is not what it should be, by name.
    """
    if not path.is_file():
        return None
    columns = [c for c in COLUMNS["throughput.csv"] if c != "source"]
    frame = read_csv(path, ("kind", "case", "name", "pass")).reindex(columns=columns, fill_value="")
    frame = frame[frame["version"] == f"v{versions.THROUGHPUT_VERSION}"].assign(source=source)
    return number(frame, "median_s", "iqr_s", "repeats", "extra_peak_bytes", "bytes", "flops", "error", place=str(path))
