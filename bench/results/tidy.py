"""What was measured, as tidy pandas frames: the metric files of a plan, its runs, and published evidence.

A row that was not measured on this machine is filled from ``results/evidence/<date-machine>/``, the newest
first; ``source`` then names that folder, and every table says so.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.config import layout as paths
from bench.config.plan import Plan
from bench.config.spec import Evaluation, PlannedTest
from bench.foundation import versions
from bench.foundation.errors import BenchError
from bench.results.columns import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "VERSION", "Results", "Status", "load", "read_csv"]

METRIC_FILE = ("run", "dataset", "image", "kernel", "protocol", "metric", "value")
VERSION = f"e{versions.EVAL_VERSION}d{versions.DEGRADE_VERSION}"


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

    @cached_property
    def _series(self) -> dict[tuple[str, str, str], pd.Series]:
        found = {}
        for key, part in self.metrics.groupby(["run", "evaluation", "metric"], sort=False):
            run, evaluation, metric = key
            values = part.set_index(["image", "kernel"])["value"].astype(float)
            found[str(run), str(evaluation), str(metric)] = values
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
        keys = self.metrics.drop_duplicates(["run", "evaluation"])
        return {(r, e): s for r, e, s in zip(keys["run"], keys["evaluation"], keys["source"], strict=True)}

    def status(self, run_id: str) -> Status:
        """What became of a run."""
        return self._status.get(run_id, Status("missing"))

    def values(self, run_id: str, evaluation: str, metric: str) -> pd.Series | None:
        """Values of one run by (image, kernel) in the order of the file; None if there are none."""
        return self._series.get((run_id, evaluation, metric))

    def kernels(self, test: Evaluation) -> list[str]:
        """Kernels of an evaluation in their order, by its name where nothing is measured; ``[""]`` without any."""
        part = self.metrics.loc[self.metrics["evaluation"] == test.key, "kernel"]
        return list(dict.fromkeys(part)) or test.only or [""]

    def throughput_machines(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Timings by source and machine, this machine first."""
        if len(self.throughput):
            for (source, _, _), part in self.throughput.groupby(["source", "machine", "device"]):
                yield str(source), part


def load(plan: Plan, evidence: Sequence[Path] | None = None) -> Results:
    """Everything that is known about the plan's runs.

    Args:
        plan: whose runs.
        evidence: folders in the published format that alone count, the first first; None: what was measured on
            this machine, then committed evidence.

    Raises:
        BenchError: a file that is not what it should be, by name.
    """
    import pandas as pd

    local = evidence is None
    folders = paths.evidence_folders() if evidence is None else list(evidence)
    metrics = _metrics(plan, folders, local)
    runs = _runs(plan, folders, set(metrics["run"]), local)
    frames = [timings(p / "throughput.csv", p.name) for p in folders]
    if local:
        frames.insert(0, timings(paths.throughput_csv(plan.name), ""))
    known = [f for f in frames if f is not None and len(f)]
    columns = list(COLUMNS["throughput.csv"])
    throughput = pd.concat(known, ignore_index=True) if known else pd.DataFrame(columns=columns)
    return Results(runs, metrics, throughput)


def read_csv(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """A tidy file with all its text as text.

    Raises:
        BenchError: it cannot be read, or a column is missing.
    """
    import pandas as pd

    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False)
    except (OSError, ValueError) as error:
        raise BenchError(f"{path}: not a table that can be read ({error}); delete it and run again") from error
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise BenchError(f"{path}: column {missing[0]!r} is missing; delete it and run again")
    return frame


def _number(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    import pandas as pd

    return frame.assign(**{c: pd.to_numeric(frame[c].where(frame[c] != "")) for c in columns})


def _metrics(plan: Plan, evidence: list[Path], local: bool) -> pd.DataFrame:
    import pandas as pd

    wanted = [(run.id, test) for run in plan.runs.values() for test in plan.evaluations(run)]
    frames: list[pd.DataFrame] = []
    missing: dict[tuple[str, str], PlannedTest] = {}
    for run_id, test in wanted:
        path = paths.metrics_csv(run_id, test.stem)
        if not local or not path.is_file():
            missing[run_id, test.key] = test
            continue
        frame = read_csv(path, METRIC_FILE)
        wrong = [p for p in frame["protocol"].unique() if p != test.protocol]
        if wrong:
            raise BenchError(f"{path}: measured under protocol {wrong[0]!r}, but {test.protocol!r} was asked for")
        kernel = frame["kernel"].str.removesuffix(".npy")
        same = {"run": run_id, "evaluation": test.key, "version": VERSION, "content": test.content, "source": ""}
        frames.append(frame.assign(kernel=kernel, **same))
    for folder in evidence:
        path = folder / "metrics.csv"
        if not missing or not path.is_file():
            continue
        frame = read_csv(path, (*METRIC_FILE, "evaluation", "version"))
        for pair, part in frame[frame["version"] == VERSION].groupby(["run", "evaluation"], sort=False):
            wanted_here = missing.get((str(pair[0]), str(pair[1])))
            if wanted_here is not None and _same_content(plan, wanted_here, part):
                frames.append(part.assign(source=folder.name, content=wanted_here.content))
                del missing[str(pair[0]), str(pair[1])]
    columns = list(COLUMNS["metrics.csv"])
    known = [f[columns] for f in frames if len(f)]
    if not known:
        return pd.DataFrame(columns=columns)
    return _number(pd.concat(known, ignore_index=True), "value")


def _same_content(plan: Plan, test: PlannedTest, part: pd.DataFrame) -> bool:
    """Whether published scores are of the images and kernels that the plan would score now, all of them.

    Scores from before their content was kept count where its bytes are declared: of a folder nobody knows them.
    """
    if "content" in part and (part["content"] != "").any():
        return bool((part["content"] == test.content).all())
    cases = plan.scored(test).cases()
    if cases is None or plan.datasets[test.data].folder is not None:
        return False
    return set(zip(part["image"], part["kernel"], strict=True)) == set(cases)


def _runs(plan: Plan, evidence: list[Path], measured: set[str], local: bool) -> pd.DataFrame:
    import pandas as pd

    rows: list[Mapping[str, Any]] = []
    missing = {}
    for run in plan.runs.values():
        path = paths.run_json(run.id)
        if local and path.is_file():
            rows.append(_run_row(path, run.id))
        else:
            missing[run.id] = run
    for folder in evidence:
        path = folder / "runs.csv"
        if path.is_file() and missing:
            frame = read_csv(path, ("run", "status"))
            for row in frame[frame["run"].isin(list(missing))].to_dict("records"):
                rows.append({**{str(k): v for k, v in row.items()}, "source": folder.name})
                missing.pop(row["run"], None)
    for run in missing.values():
        if run.method and run.id in measured:
            rows.append({"run": run.id, "status": "classical", "spec": _spec_json(run), "source": ""})
    columns = list(COLUMNS["runs.csv"])
    frame = pd.DataFrame([{c: row.get(c, "") for c in columns} for row in rows], columns=columns)
    order = {run_id: i for i, run_id in enumerate(plan.runs)}
    return frame.sort_values("run", key=lambda c: c.map(order), kind="stable", ignore_index=True)


def _spec_json(run: Any) -> str:
    return json.dumps(run.model_dump(mode="json", exclude_none=True), sort_keys=True)


def _run_row(path: Path, run_id: str) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        status = data["status"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{path}: damaged ({error}); delete it and train again") from error
    row = {c: data.get(c) for c in COLUMNS["runs.csv"]}
    for key in ("spec", "machine", "versions", "resumed_from"):
        row[key] = json.dumps(data.get(key) or ([] if key == "resumed_from" else {}), sort_keys=True)
    row["date"] = data.get("date") or time.strftime("%Y-%m-%d", time.gmtime(path.stat().st_mtime))
    row = {k: "" if v is None else v for k, v in row.items()}
    return {**row, "run": run_id, "status": status, "source": ""}


def timings(path: Path, source: str) -> pd.DataFrame | None:
    """One file of timings, its numbers as numbers; None where it does not exist.

    Raises:
        BenchError: a file that is not what it should be, by name.
    """
    if not path.is_file():
        return None
    columns = [c for c in COLUMNS["throughput.csv"] if c != "source"]
    frame = read_csv(path, tuple(columns))[columns].assign(source=source)
    return _number(frame, "median_s", "iqr_s", "repeats", "extra_peak_bytes")
