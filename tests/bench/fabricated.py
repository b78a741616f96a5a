"""Made-up results of a whole plan, written where the stages would write them (no network, no training)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.config import layout
from bench.config.analysis_info import WEIGHTS
from bench.config.evaluation import PlannedTest
from bench.config.plan import Plan
from bench.config.run_spec import RunSpec
from bench.data.datasets import load_datasets
from bench.foundation import versions
from bench.results.columns import COLUMNS
from bench.scoring.score_record import VERSION, ScoreRecord

PSNR = {"noisy": 20.2, "tv": 26.4, "wavelet": 25.3, "bicubic": 26.0, "blurred": 22.0}
MACHINE = {"cpu": "Imaginary CPU", "cores": 2, "memory_gib": 6.0, "system": "Linux 6"}
VERSIONS = {"python": "3.11.9", "torch": "2.13.0", "commit": "0123456789ab"}


def base_psnr(run: RunSpec) -> float:
    """A PSNR that depends on the specification only."""
    if run.method:
        return PSNR[run.method]
    bump = int(run.model_copy(update={"train": None}).hash, 16) % 60 / 100
    return 27.5 + bump


def declared_sha256(run: RunSpec) -> str | None:
    """Of the file that a run's checkpoint is loaded from, as datasets.yaml declares it."""
    name = run.checkpoint.released if run.checkpoint else None
    return load_datasets()[WEIGHTS].hashes[f"{name}.pth"] if name else None


def write_run(run: RunSpec, status: str = "trained", reason: str | None = None, loaded: str | None = None) -> None:
    """run.json and curve.csv; ``loaded`` is the sha256 of the file of its weights, else as datasets.yaml has it."""
    folder = layout.run_dir(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    steps = run.train.budget.steps if run.train else 0
    seed = run.train.seed if run.train else 0
    data = {
        "run": run.id,
        "status": status,
        "reason": reason,
        "spec": run.model_dump(mode="json"),
        "parameters": 12_345 + len(run.slug),
        "steps": steps,
        "seconds": 12.5,
        "resumed_from": [],
        "device": "cpu",
        "computed": [{"backend": "torch", "threads": 1, "instructions": "AVX9", "device": "Imaginary CPU"}],
        "machine": MACHINE,
        "versions": VERSIONS,
        "checkpoint_sha256": loaded or declared_sha256(run),
    }
    layout.run_json(run.id).write_text(json.dumps(data))
    if run.train:
        rng = np.random.default_rng(int(run.hash, 16))
        lines = ["step,loss,lr,seconds,val_loss,val_psnr"]
        for i, step in enumerate(np.linspace(steps / 20, steps, 20).astype(int)):
            loss = 0.03 + 0.15 * np.exp(-6 * step / steps) + 0.003 * rng.standard_normal()
            value = base_psnr(run) - 6 * np.exp(-5 * step / steps) + 0.1 * seed
            val = f"{loss * 0.9:.5f},{value:.4f}" if i % 4 == 3 else ","
            lines.append(f"{step},{loss:.5f},0.002,{step / 40:.2f},{val}")
        layout.curve_csv(run.id).write_text("\n".join(lines) + "\n")


def write_metrics(
    run: RunSpec,
    test: PlannedTest,
    images: Mapping[str, float],
    kernels: tuple[str, ...] = ("",),
    *,
    offset: float = 0.0,
    empty: bool = False,
) -> None:
    """Metrics of one run: PSNR is its base plus an offset per image, kernel and seed."""
    seed = run.train.seed if run.train else 0
    lines = ["run,dataset,image,kernel,protocol,metric,value"]
    for image, extra in images.items():
        for k, kernel in enumerate(kernels):
            psnr = base_psnr(run) + extra + 0.04 * seed + 0.7 * k + offset
            head = f"{run.id},{test.data},{image},{kernel},{test.protocol}"
            for metric, value in (("psnr", psnr), ("ssim", psnr / 40), ("seconds", 0.5)):
                lines.append(f"{head},{metric},{'' if empty else value}")
    path = layout.metrics_csv(run.id, test.stem)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    write_record(path, run, test)


def write_record(table: Path, run: RunSpec, test: PlannedTest, **fields: Any) -> None:
    """The record of a table of scores."""
    known = {
        "run": run.id,
        "evaluation": test.key,
        "version": VERSION,
        "content": test.content,
        "sha256": hashlib.sha256(table.read_bytes()).hexdigest(),
        "identity": {},
        "date": "2026-01-02",
        "device": "cpu",
        "machine": MACHINE,
        "versions": VERSIONS,
    }
    layout.score_record(table).write_text(ScoreRecord(**{**known, **fields}).model_dump_json())


def write_throughput(
    plan: Plan,
    names: tuple[str, ...] = ("algorithm1", "conv", "conv, zeros", "converse2d"),
    gate: str = "passed",
    of: str = "converse2d",
) -> Path:
    """Timings of operators, of what the machine can do, and of the plan's models; ``gate`` is that of ``of``."""
    from bench.results.model_cases import case_name, timed_models

    lines = [",".join(c for c in COLUMNS["throughput.csv"] if c != "source")]
    where = f"v{versions.THROUGHPUT_VERSION},2,cpu,Imaginary CPU,AVX9,torch,float32,2.13.0"

    def add(kind: str, case: str, name: str, passed: str, seconds: float, timed: str = "") -> None:
        numbers = f"{seconds},{seconds / 20},5,{int(seconds * 1e9)}"
        work = "8000000,,," if name == "copy" else ",4000000000,," if name == "matrix product" else ""
        work = work or f"10000000,200000000,3e-7,{gate if name == of else 'passed'}"
        lines.append(f'{plan.name},{kind},"{case}","{name}","{timed or name}",{passed},{numbers},{work},ok,,{where}')

    seconds = {"algorithm1": 0.4, "conv": 0.04, "conv, zeros": 0.0125, "converse2d": 0.025}
    for case in plan.preset.throughput.operators:
        for name in names:
            for passed, factor in (("forward", 1.0), ("forward+backward", 3.5)):
                add("operator", case.name, name, passed, seconds.get(name, 0.05) * factor)
        for passed in ("forward", "forward+backward"):
            add("machine", case.name, "copy", passed, 0.001)
            add("machine", case.name, "matrix product", passed, 0.02)
        declined = 'broken,,forward,,,0,,,,,,skipped,"does not like even kernels"'
        lines.append(f'{plan.name},operator,"{case.name}",{declined},{where}')
    for model in plan.preset.throughput.models:
        for i, timed in enumerate(timed_models(plan, model.task)):
            for passed, factor in (("forward", 1.0), ("forward+backward", 3.0)):
                add("model", case_name(model), timed.name, passed, (0.03 + 0.02 * i) * factor, timed.timed)
    path = layout.throughput_csv(plan.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def write_showcase(run: RunSpec, test: PlannedTest, target: np.ndarray, sigma: float = 6.0) -> None:
    """A restored image: the target with noise that depends on the run."""
    from bench.data.images import write_png

    rng = np.random.default_rng(int(run.hash, 16))
    level = 25.0 if run.method in ("noisy", "blurred", "bicubic") else sigma
    noisy = np.clip(target + rng.normal(0, level, target.shape), 0, 255).astype(np.uint8)
    write_png(layout.showcase_png(run.id, test.stem), noisy)


def fabricate(plan: Plan, images: Mapping[str, float], kernels: tuple[str, ...] = ("gaussian", "motion")) -> None:
    """Every run and every metric file of a plan."""
    for run in plan.runs.values():
        if not run.method:
            write_run(run, "loaded" if run.checkpoint else "trained", loaded=plan.checkpoint_sha256(run))
        for test in plan.evaluations(run):
            write_metrics(run, test, images, kernels if test.kernels else ("",))
