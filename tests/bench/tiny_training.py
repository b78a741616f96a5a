"""A plan with a handful of tiny runs over fabricated photographs, for the tests of training and evaluation.

Run as a program it trains one run, so that a test can kill it: ``tiny_training.py ROOT RUN [STEPS [PAUSE]]``.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from fabricated_sets import photograph
from scipy import ndimage

from bench.config.budget import Budget, Degradation
from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.config.run_spec import RunSpec, TrainSpec
from bench.config.spec import Preset, Table
from bench.data.datasets import load_datasets
from bench.data.images import Pixels, write_png
from bench.data.kernels import EMBEDDED, embedded_bytes
from converse.declarations import model_spec

NETWORK = {"channels": 4, "blocks": 1}
DEGRADATIONS = {
    "denoising": Degradation(kind="awgn", sigma=25),
    "sr": Degradation(kind="bicubic", scale=4),
    "deblurring": Degradation(kind="blur", sigma=2.55, boundary="circular"),
}
PROTOCOLS = {
    "denoising": "denoise-gray-s25",
    "sr": "sr-bicubic-x4",
    "deblurring": "deblur-circular-s2.55",
}
RUNS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "dncnn": ("denoising", "dncnn", {**NETWORK}),
    "converse": ("denoising", "converse_dncnn", {**NETWORK, "kernel_size": 3}),
    "sr": ("sr", "converse_srresnet", {**NETWORK}),
    "blind": ("deblurring", "conversenet", {**NETWORK, "iterations": 1}),
    "usrnet": ("deblurring", "converse_usrnet", {**NETWORK, "iterations": 1}),
}
METHODS = {"noisy": "denoising", "tv": "denoising", "bicubic": "sr", "blurred": "deblurring"}


def clouds(height: int, width: int, seed: int) -> Pixels:
    """Smooth noise with edges, uint8 (H, W, 3): what `photograph` draws is not found in it (`bench.data.leak`)."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=(height, width, 3)), (5, 5, 0), mode="wrap")
    values = 120 + 45 * smooth / smooth.std() + 30 * (smooth[..., :1] > 0)
    return np.clip(values + rng.normal(0, 5, values.shape), 0, 255).astype(np.uint8)


def tiny_plan(root: Path, *, metrics: tuple[str, ...] = (), plugins: tuple[str, ...] = (), **budget: Any) -> Plan:
    """Three 64x64 training and three 48x56 test photographs under ``root``, one row per entry of `RUNS` and `METHODS`.

    Args:
        root: results go below the working directory; call it with that as ``root``.
        metrics: further metrics of the plan.
        plugins: operator files; each adds a denoising row of its name.
        **budget: replaces values of the budget (steps 8, batch 2, patch 16, lr 2e-3, halve_every 4).
    """
    for folder, size, draw in (("train", (64, 64), clouds), ("test", (48, 56), photograph)):
        for i in range(3):
            path = root / folder / f"{chr(ord('a') + i)}.png"
            if not path.is_file():
                write_png(path, draw(*size, seed=i + 10 * len(folder)))
    (root / "kernels").mkdir(exist_ok=True)
    for name in EMBEDDED:
        (root / "kernels" / name).write_bytes(embedded_bytes(name))
    sets = [f"{n}:\n  folder: {n}\n  split: {n}\n" for n in ("train", "test")]
    sets.append(_kernel_entry())
    (root / "datasets.yaml").write_text("".join(sets))
    data = root / "data" / "kernels"
    data.parent.mkdir(exist_ok=True)
    if not data.exists():
        data.symlink_to(root / "kernels")
    settings = {"steps": 8, "batch": 2, "patch": 16, "lr": 2e-3, "halve_every": 4, **budget}
    runs = {**RUNS}
    for plugin in plugins:
        runs[Path(plugin).stem] = ("denoising", "converse_dncnn", {**NETWORK, "operator": plugin})
    rows = [_row(name, _trained(*runs[name], settings, plugins)) for name in runs]
    rows += [_row(method, RunSpec(task=task, method=method)) for method, task in METHODS.items()]  # type: ignore[arg-type]
    table = Table.model_validate({"title": "all", "task": "denoising"})
    return Plan(
        name="tiny",
        preset=Preset.model_validate(_preset()),
        tables={"all": table},
        rows={"all": tuple(rows)},
        published={},
        datasets=load_datasets(root / "datasets.yaml"),
        plugins=plugins,
        metrics=metrics,
    )


def without_test_sets(plan: Plan) -> Plan:
    """The same plan with no test set asked of any task: its trainings are all there is."""
    tasks = {name: task.model_copy(update={"evaluate": []}) for name, task in plan.preset.tasks.items()}
    return dataclasses.replace(plan, preset=plan.preset.model_copy(update={"tasks": tasks}))


def run_id(plan: Plan, row: str) -> str:
    """The id of a row's run."""
    return next(r.runs[0].id for r in plan.rows["all"] if r.id == row)


def _row(name: str, run: RunSpec) -> PlannedRow:
    return PlannedRow("all", name, name, (run,))


def _trained(
    task: str, model: str, options: dict[str, Any], budget: dict[str, Any], plugins: tuple[str, ...]
) -> RunSpec:
    train = TrainSpec(
        data=["train"],
        data_hash="tiny",
        degradation=DEGRADATIONS[task],
        budget=Budget.model_validate(budget),
        seed=0,
        version=1,
    )
    network = model_spec.resolve(model, options, plugins=plugins).identity()
    return RunSpec.model_validate(
        {"task": task, "model": model, "options": options, "network": network, "train": train}
    )


def _preset() -> dict[str, Any]:
    tasks = {}
    for task, protocol in PROTOCOLS.items():
        test = {"data": "test", "protocol": protocol}
        if task == "deblurring":
            test["kernels"] = "kernels"
        tasks[task] = {"evaluate": [test]}
    return {
        "title": "tiny",
        "statement": "Shows nothing.",
        "tasks": tasks,
        "device": "cpu",
        "throughput": {"operators": []},
    }


def _kernel_entry() -> str:
    import hashlib

    files = "".join(f"    {n}: {hashlib.sha256(embedded_bytes(n)).hexdigest()}\n" for n in sorted(EMBEDDED))
    head = f"kernels:\n  split: kernels\n  count: {len(EMBEDDED)}\n  licence: none\n  citation: none\n"
    return f"{head}  generated:\n{files}"


def main() -> None:
    """Trains one run in the working directory ``ROOT``, sleeping ``PAUSE`` seconds a step."""
    root, row, steps, pause = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    from bench.stages.train import train
    from bench.training.loop import Training

    advance = Training.advance

    def slowly(self: Training) -> None:
        time.sleep(pause)
        advance(self)

    Training.advance = slowly  # type: ignore[method-assign]
    plan = tiny_plan(root, steps=steps)
    train(plan, run_id(plan, row), progress=False)


if __name__ == "__main__":
    main()
