"""Stage ``publish``: what was measured becomes committed files, the only results that git keeps.

Tidy CSVs go into ``results/evidence`` (``present`` renders them). A group of scores (run, evaluation, version) is
replaced whole, never row by row, and stands in the folder of the machine that measured it, which need not be the one
that publishes: runs may have been imported. A run that was trained again takes the place of its former training.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.config import layout
from bench.config.plan import Plan
from bench.foundation import atomic
from bench.foundation.errors import BenchError
from bench.results.columns import COLUMNS, GROUP, KEYS, TIMED_ON
from bench.results.curves import curves
from bench.results.evidence import rows_of, values_sha256
from bench.results.properties import local_properties
from bench.results.reading import csv_text, read_csv
from bench.results.tidy import Results, load

if TYPE_CHECKING:
    import pandas as pd

REPLACED: dict[str, tuple[str, ...]] = {
    "runs.csv": ("run",),
    "metrics.csv": GROUP,
    "scores.csv": GROUP,
    "properties.csv": ("run", "property", "version"),
    "curves.csv": ("run",),
    "throughput.csv": ("preset", *TIMED_ON),
}
"""What is replaced whole when it is published again under the same name."""
ORDER = {**KEYS, "curves.csv": ("run",)}
"""How rows are sorted; the steps of a curve, which are text here, are in order."""


def publish(plan: Plan, *, name: str | None = None) -> list[Path]:
    """Write the results of a plan that lie on this machine as evidence.

    Args:
        plan: whose results.
        name: one folder for all of them; default: one for each machine that measured, named by the newest day and
            the processor or GPU.

    Returns:
        The folders, ``results/evidence/<date-machine>``.

    Raises:
        BenchError: nothing was measured here, or a file that cannot be used, by name.
    """
    results = load(dataclasses.replace(plan, anew=("all",)))  # what lies here, and no evidence
    if results.faults:
        raise BenchError("; ".join(results.faults.values()))
    if not len(results.scores) and not len(results.throughput) and not len(_validated(plan, results)):
        raise BenchError(f"nothing of preset {plan.name!r} was measured on this machine: run it first")
    written = []
    for folder, frames in _folders(plan, results, name):
        _supersede(folder, frames["runs.csv"], frames["scores.csv"])
        for file, frame in frames.items():
            _write(folder / file, frame)
        for analysis in plan.analyses.values():  # the tables only: pictures show third-party photographs
            if (table := layout.analysis_csv(analysis.id)).is_file():
                atomic.write_bytes(layout.evidence_analysis(folder.name, analysis.id), table.read_bytes())
        dictionary = {f: {c: t for c, t in columns.items() if c != "source"} for f, columns in COLUMNS.items()}
        atomic.write_json(folder / "columns.json", dictionary)
        written.append(folder)
    return written


def _folders(plan: Plan, results: Results, name: str | None) -> list[tuple[Path, dict[str, pd.DataFrame]]]:
    """Folder and what goes into it, by file: all in one that is named, or one for each machine."""
    import pandas as pd

    scores, validated = _with_checksums(results), _validated(plan, results)
    measured = local_properties(plan)
    measured = measured[measured["run"].isin(scores["run"])]
    where, trained = scores["machine"].map(_slug), validated["machine"].map(_slug)
    timings = results.throughput[results.throughput["source"] == ""]
    timed, there = timings["machine"].map(_slug), measured["machine"].map(_slug)
    found = []
    for machine in sorted({*where, *timed, *trained, *there}) if name is None else [None]:
        mine = scores if machine is None else scores[where == machine]
        pairs = pd.MultiIndex.from_frame(mine[["run", "evaluation"]])
        unscored = validated if machine is None else validated[trained == machine]
        properties = measured if machine is None else measured[there == machine]
        runs = results.runs[results.runs["run"].isin([*mine["run"], *unscored["run"], *properties["run"]])]
        frames = {
            "runs.csv": runs,
            "metrics.csv": results.metrics[
                pd.MultiIndex.from_frame(results.metrics[["run", "evaluation"]]).isin(pairs)
            ],
            "scores.csv": mine,
            "properties.csv": properties,
            "curves.csv": curves(runs["run"]),
            "throughput.csv": timings if machine is None else timings[timed == machine],
        }
        dates = sorted(d for d in [*mine["date"], *unscored["date"], *properties["date"]] if d)
        if name is None and not dates:
            raise BenchError("only timings, which have no date, were measured: give the evidence a name (--name)")
        texts = {file: _text(frame) for file, frame in frames.items()}
        found.append((layout.evidence_dir(name or f"{dates[-1]}-{machine}"), texts))
    return found


def _validated(plan: Plan, results: Results) -> pd.DataFrame:
    """The trained runs that no test set is asked of: their curve is what they were trained for."""
    asked = {run.id for run in plan.runs.values() if run.train and not plan.evaluations(run)}
    return results.runs[results.runs["run"].isin(asked)]


def _with_checksums(results: Results) -> pd.DataFrame:
    """``scores.csv`` with the number and the checksum of each group's values as they are written."""
    text = _text(results.metrics)
    known = {pair: part for pair, part in text.groupby(["run", "evaluation"], sort=False)}
    parts = [known[pair] for pair in zip(results.scores["run"], results.scores["evaluation"], strict=True)]
    sums = [values_sha256(part.to_dict("records")) for part in parts]
    return results.scores.assign(values=[len(part) for part in parts], values_sha256=sums)


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame as it is written: without its source, everything text, nothing as nothing."""
    return frame.drop(columns="source", errors="ignore").astype(str).replace({"nan": "", "<NA>": ""})


def _slug(machine: str) -> str:
    """Processor or GPU of a machine's record (JSON, or its name alone) as part of a folder's name."""
    try:
        record: Any = json.loads(machine or "{}")
    except ValueError:
        record = {"cpu": machine}
    return "-".join(re.findall(r"[a-z0-9]+", str(record.get("gpu") or record.get("cpu") or "machine").lower()))


def _write(path: Path, new: pd.DataFrame) -> None:
    """The file with the groups of ``new`` in place of those that it has."""
    import pandas as pd

    keys = list(REPLACED[path.name])
    if path.is_file():
        old = read_csv(path, ()).reindex(columns=new.columns, fill_value="")
        new = pd.concat([old[~_among(old, new, keys)], new], ignore_index=True)
    new = new.sort_values(list(ORDER[path.name]), kind="stable")
    atomic.write_bytes(path, csv_text(new).encode(), only_if_changed=True)


def _among(old: pd.DataFrame, new: pd.DataFrame, keys: Sequence[str]) -> Any:
    import pandas as pd

    return pd.MultiIndex.from_frame(old[[*keys]]).isin(pd.MultiIndex.from_frame(new[[*keys]]))


def _supersede(folder: Path, runs: pd.DataFrame, scores: pd.DataFrame) -> None:
    """Removes every score of a run that is published with other weights now, in whatever folder: a run is one training.

    Raises:
        BenchError: a folder has a test of such a run that is not among the new scores; nothing has been removed.
    """
    gone: dict[Path, set[str]] = {}
    weights = {run: sha for run, sha in zip(runs["run"], runs["weights_sha256"], strict=True) if sha}
    tests = set(zip(scores["run"], scores["evaluation"], strict=True))
    for other in layout.evidence_folders():
        for row in rows_of(other / "runs.csv", "run"):
            if row["run"] in weights and row.get("weights_sha256") not in ("", None, weights[row["run"]]):
                gone.setdefault(other, set()).add(row["run"])
        for row in rows_of(other / "scores.csv", "run", "evaluation") if other in gone and other != folder else ():
            if row["run"] in gone[other] and (row["run"], row["evaluation"]) not in tests:
                raise BenchError(
                    f"{row['run']}: {other.name} has it with other weights and under {row['evaluation']}, which is not "
                    "scored here: a run is published as one training; evaluate it under the same tests (tables=all)"
                )
    for other, lost in gone.items():
        for file in REPLACED.keys() - {"throughput.csv"} - ({"runs.csv", "curves.csv"} if other == folder else set()):
            if (other / file).is_file():
                frame = read_csv(other / file, ("run",))
                kept = frame[~frame["run"].isin(lost)]
                atomic.write_bytes(other / file, csv_text(kept).encode())
