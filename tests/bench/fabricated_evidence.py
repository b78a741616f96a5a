"""Made-up evidence in the published format: a folder with runs.csv and metrics.csv whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from fabricated import declared_sha256

from bench.config.evaluation import PlannedTest
from bench.config.plan import Plan
from bench.results.columns import COLUMNS
from bench.scoring.score_record import VERSION

IMAGES = ("a.png", "b.png", "c.png", "d.png")
IMAGE_EFFECTS = (0.0, 1.3, -0.8, 2.1)


def write_evidence(
    folder: Path,
    plan: Plan,
    scores: Mapping[str, Sequence[float | None]],
    *,
    table: str,
    cells: Mapping[tuple[str, str], float] | None = None,
    images: Sequence[str] = IMAGES,
    extra: Mapping[tuple[str, str, str], float] | None = None,
) -> Path:
    """A folder of evidence.

    Args:
        folder: where.
        plan: whose runs and tests.
        scores: row to the mean PSNR of each of its seeds; None: the seed diverged. Rows left out have no result.
        table: the table of the rows.
        cells: (data set, kernel) to what is added there; default: every kernel of ``gaussian``, ``motion`` where the
            test has kernels.
        images: which images were scored.
        extra: (row, data set, kernel) to what is added there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    runs, metrics = [], []
    for row in plan.rows[table]:
        for run, score in zip(row.runs, scores.get(row.id, ()), strict=False):
            status = "diverged" if score is None else "trained"
            spec = json.dumps(run.model_dump(mode="json"), sort_keys=True)
            about = {"spec": spec, "checkpoint_sha256": declared_sha256(run), "reason": "" if score else "loss is nan"}
            runs.append({"run": run.id, "status": status, **about})
            for test in plan.table_tests(table):
                kernels = ("gaussian", "motion") if test.kernels else ("",)
                for kernel in kernels:
                    shift = (cells or {}).get((test.data, kernel), 0.0)
                    shift += (extra or {}).get((row.id, test.data, kernel), 0.0)
                    for image, effect in zip(IMAGES, IMAGE_EFFECTS, strict=True):
                        if image in images:
                            value = np.nan if score is None else score + shift + effect
                            metrics.append(_metric(run.id, test, image, kernel, value))
    _append(folder / "runs.csv", runs)
    _append(folder / "metrics.csv", metrics)
    return folder


def _metric(run: str, test: PlannedTest, image: str, kernel: str, value: float) -> dict[str, object]:
    return {
        "run": run,
        "evaluation": test.key,
        "version": VERSION,
        "content": test.content,
        "dataset": test.data,
        "image": image,
        "kernel": kernel,
        "protocol": test.protocol,
        "metric": "psnr",
        "value": value,
    }


def _append(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    columns = [c for c in COLUMNS[path.name] if c != "source"]
    frame = pd.DataFrame([{c: row.get(c, "") for c in columns} for row in rows], columns=columns)
    if path.is_file():
        frame = pd.concat([pd.read_csv(path, dtype=str, keep_default_na=False), frame.astype(object)])
    frame.to_csv(path, index=False)
