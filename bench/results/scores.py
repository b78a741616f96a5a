"""Scores of a plan, from this machine and from evidence: read, verified, and one of several chosen.

On reading a file is verified against the run, the test and the version that it lies under, and against its checksum.
One that fails is named and not used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.config import layout as paths
from bench.config.evaluation import PlannedTest
from bench.config.plan import Plan
from bench.config.run_record import run_record
from bench.results.columns import COLUMNS
from bench.results.evidence import VALUES, Pair, checkpoints_of, other_checkpoint, same_content, values_sha256
from bench.results.merging import Candidate, choose
from bench.results.reading import number, read_csv
from bench.scoring.score_record import VERSION, ScoreRecord, fault, read_record

if TYPE_CHECKING:
    import pandas as pd

METRIC_FILE = ("run", "dataset", "image", "kernel", "protocol", "metric", "value")


def measured_scores(
    plan: Plan, folders: Sequence[Path], local: bool
) -> tuple[pd.DataFrame, pd.DataFrame, dict[Pair, str]]:
    """The plan's scores, from this machine and from evidence.

    Args:
        plan: whose.
        folders: of evidence, in order of preference.
        local: whether what was measured on this machine counts, before evidence.

    Returns:
        Values (columns of ``metrics.csv``), what is known of each group of them (``scores.csv``), and for groups of
        which a file was found that may not be used, why.

    Raises:
        BenchError: a file that cannot be read, or two that contradict each other.
    """
    import pandas as pd

    wanted = {(run.id, test.key): test for run in plan.runs.values() for test in plan.evaluations(run)}
    found: dict[Pair, list[Candidate]] = {pair: [] for pair in wanted}
    faults: dict[Pair, str] = {}
    for pair, test in wanted.items():
        path = paths.metrics_csv(pair[0], test.stem)
        if local and path.is_file():
            record = read_record(path)
            if why := fault(path, record, pair[0], test) or _foreign(path, *pair, test):
                faults[pair] = f"{why}; it is not used: delete it and evaluate again"
            elif why := _loaded_from_another(plan, pair[0]):
                faults[pair] = f"{path}: {why}; it is not used: load and evaluate again"
            elif record is not None:
                found[pair].append(_local(path, record))
    for folder in folders:
        for pair, candidate, why in _published(plan, folder, wanted):
            if why:
                faults.setdefault(pair, f"{candidate.place}: {why}; it is not used")
            else:
                found[pair].append(candidate)
    names = list(dict.fromkeys(["psnr", "ssim", *plan.metrics]))
    chosen = {pair: choose(*pair, several, names) for pair, several in found.items() if several}
    columns, known = list(COLUMNS["metrics.csv"]), list(COLUMNS["scores.csv"])
    frames = [
        c.frame.assign(
            run=run, evaluation=key, version=VERSION, content=c.about.get("content", ""), source=c.source
        ).reindex(columns=columns, fill_value="")
        for (run, key), c in chosen.items()
    ]
    scores = [
        {"run": run, "evaluation": key, "version": VERSION, **c.about, "source": c.source}
        for (run, key), c in chosen.items()
    ]
    about = pd.DataFrame([{column: row.get(column, "") for column in known} for row in scores], columns=known)
    values = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    return values, about, faults


def _loaded_from_another(plan: Plan, run: str) -> str:
    """Why this machine's network of a run is not the one that is declared; empty if it is, or is not here."""
    record = run_record(run)
    return other_checkpoint(plan, run, record.get("checkpoint_sha256") or "") if record else ""


def _foreign(path: Path, run: str, key: str, test: PlannedTest) -> str:
    """Why a table of scores, though its record fits, does not hold what it should."""
    frame = read_csv(path, METRIC_FILE)
    for column, value in (("run", run), ("dataset", test.data), ("protocol", test.protocol)):
        wrong = [v for v in frame[column].unique() if v != value]
        if wrong:
            return f"{path}: holds scores of {column} {wrong[0]!r}, not of {value!r}"
    return f"{path}: holds an image twice" if frame.duplicated(["image", "kernel", "metric"]).any() else ""


def _local(path: Path, record: ScoreRecord) -> Candidate:
    frame = number(read_csv(path, METRIC_FILE), "value", place=str(path))
    about = {
        "content": record.content,
        "weights_sha256": record.weights_sha256,
        "date": record.date,
        "device": record.device,
        "computed": json.dumps(record.computed, sort_keys=True),
        "machine": json.dumps(record.machine, sort_keys=True),
        "versions": json.dumps(record.versions, sort_keys=True),
    }
    return Candidate(str(path), "", frame, about)


def _published(plan: Plan, folder: Path, wanted: Mapping[Pair, PlannedTest]) -> Iterator[tuple[Pair, Candidate, str]]:
    """Groups of a folder of evidence, with why each may not be used (empty where it may)."""
    path, index = folder / "metrics.csv", folder / "scores.csv"
    if not path.is_file():
        return
    frame = read_csv(path, (*METRIC_FILE, "evaluation", "version"))
    known, checkpoints = {}, checkpoints_of(folder)
    if index.is_file():
        table = read_csv(index, tuple(c for c in COLUMNS["scores.csv"] if c not in ("source", "computed")))
        known = {(r["run"], r["evaluation"], r["version"]): r for r in table.to_dict("records")}
    runs = {run for run, _ in wanted if not plan.is_anew(run)}
    frame = frame[(frame["version"] == VERSION) & frame["run"].isin(runs)]
    for (run, key), part in frame.groupby(["run", "evaluation"], sort=False):
        pair = str(run), str(key)
        if pair not in wanted:
            continue
        about = {str(c): str(v) for c, v in known.get((*pair, VERSION), {}).items()}
        content = about.get("content") or (str(part["content"].iloc[0]) if "content" in part else "")
        about |= {"content": content} if content else {}
        cases = set(zip(part["image"], part["kernel"], strict=True))
        why = ""
        if index.is_file() and not about:
            why = f"{index.name} does not know it"
        elif index.is_file() and about["values_sha256"] != values_sha256(part[list(VALUES)].to_dict("records")):
            why = f"its values changed since they were published (checksum in {index.name})"
        elif part.duplicated(["image", "kernel", "metric"]).any():
            why = "it holds an image twice"
        elif not same_content(plan, wanted[pair], content, cases):
            why = "its images or kernels are not those, or not all of those, that would be scored now"
        else:
            why = other_checkpoint(plan, pair[0], checkpoints.get(pair[0], ""))
        yield (
            pair,
            Candidate(f"{path}, run {run}, test {key}", folder.name, number(part, "value", place=str(path)), about),
            why,
        )
