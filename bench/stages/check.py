"""Stage check: everything that can be known to be wrong before anything is trained.

Imports torch once, builds every network on the meta device (no memory, no time) and looks for test
images among the training images, by content, where both are on the disk.
"""

from __future__ import annotations

from pathlib import Path

import torch

from bench.config import layout, reproducibility
from bench.config.evaluation import PlannedTest
from bench.config.plan import Plan
from bench.config.run_spec import RunSpec, TrainSpec
from bench.data import protocols
from bench.data.datasets import Dataset
from bench.data.decoding import size
from bench.data.leak_pairs import refuse_leak
from bench.foundation import atomic
from bench.foundation.errors import BenchError
from bench.models import networks
from bench.scoring import classical
from bench.scoring.scorable import foreseen
from bench.training.sampling import check_degradation, too_small


def check(plan: Plan) -> None:
    """Builds every distinct run, checks degradations and the leak rule, writes the record in ``results/check``.

    Raises:
        BenchError: the first thing that is wrong, with the row that it stands in.
    """
    reproducibility.load(plan)  # the words of the report: a wrong id shows before hours of training
    parameters: dict[str, int | None] = {}
    skipped: dict[str, str] = {}
    for run in plan.runs.values():
        try:
            parameters[run.id] = _check_run(plan, run)
        except networks.Declined as declined:  # a dash in the tables, no error
            skipped[run.id] = str(declined)
    remarks = _foreseen(plan)
    for line in remarks:
        print(line, flush=True)
    record = {
        "preset": plan.name,
        "parameters": parameters,
        "skipped": skipped,
        "remarks": remarks,
        "leaks_checked": _check_leaks(plan),
    }
    atomic.write_json(layout.check_json(plan.name), record)


def _foreseen(plan: Plan) -> list[str]:
    """What will have no score and what will not be trained on, of the images that are on the disk."""
    tests = {test.key: test for run in plan.runs.values() for test in plan.evaluations(run)}
    lines: list[str] = []
    for test in tests.values():
        images = plan.scored(test).images
        if images is not None and _present(plan, test.data):
            paths = [plan.datasets[test.data].directory() / name for name in images]
            lines += foreseen(paths, protocols.get(test.protocol), test.metrics, _kernels(plan, test))
    trainings = {
        (name, run.train.degradation.model_dump_json(), run.train.budget.sides): (name, run.train)
        for run in plan.runs.values()
        if run.train
        for name in run.train.data
        if _present(plan, name)
    }
    for name, spec in trainings.values():
        lines += _untrainable(plan.datasets[name], spec)
    return list(dict.fromkeys(lines))


def _kernels(plan: Plan, test: PlannedTest) -> list[Path]:
    """The kernels of a test that are on the disk."""
    folder = plan.datasets[test.kernels].directory() if test.kernels else Path()
    paths = [folder / name for name in plan.scored(test).kernels or ()]
    return [path for path in paths if path.is_file()]


def _untrainable(dataset: Dataset, spec: TrainSpec) -> list[str]:
    """One line for every image of a training set that a training will refuse."""
    found = []
    for path in dataset.files():
        try:
            reason = too_small(*size(path), spec.degradation, spec.budget.sides)
        except BenchError as error:
            reason = str(error).removeprefix(f"{path}: ")
        if reason:
            found.append(f"{path}: {reason}: trainings on {dataset.name} will fail")
    return found


def row_of(plan: Plan, run: RunSpec) -> str:
    """``table/row`` of the first row that a run belongs to."""
    for table, rows in plan.rows.items():
        for row in rows:
            if any(r.id == run.id for r in row.runs):
                return f"{table}/{row.id}"
    return run.id


def _check_run(plan: Plan, run: RunSpec) -> int | None:
    """Number of parameters of one run, None without a network."""
    try:
        tests = [protocols.get(test.protocol) for test in plan.evaluations(run)]
        if run.method:
            for test in tests:
                classical.check(run.method, test)
            return None
        with torch.device("meta"):
            model = networks.build(run, plan.plugins)
        declared = networks.info(model)
        if run.train:
            for side in run.train.budget.sides:
                check_degradation(run.train.degradation, side)
            if run.train.degradation.scale != declared.scale:
                raise BenchError(
                    f"training data is reduced by {run.train.degradation.scale}, "
                    f"the network enlarges by {declared.scale}"
                )
        for test in tests:
            if test.scale != declared.scale:
                raise BenchError(f"protocol {test.name} is ×{test.scale}, the network ×{declared.scale}")
            if (test.color == "gray") != (declared.image_channels == 1):
                raise BenchError(
                    f"protocol {test.name} is {test.color}, the network takes {declared.image_channels} channels"
                )
        return networks.count_parameters(model)
    except networks.Declined:
        raise
    except BenchError as error:
        raise BenchError(f"row {row_of(plan, run)}: {error}") from error


def _check_leaks(plan: Plan) -> list[str]:
    """Pairs of data sets that were compared; those not on the disk yet are left to a later check.

    Raises:
        BenchError: a training image is a test image, whatever its name.
    """
    train = {name for run in plan.runs.values() for name in (run.train.data if run.train else ())}
    test = {e.data for run in plan.runs.values() for e in plan.evaluations(run)}
    present = {name for name in train | test if _present(plan, name)}
    pairs = []
    for a in sorted(train & present):
        for b in sorted(test & present):
            refuse_leak(plan.datasets[a], plan.datasets[b])
            pairs.append(f"{a} against {b}")
    return pairs


def _present(plan: Plan, name: str) -> bool:
    return layout.manifest(name).is_file() or plan.datasets[name].folder is not None
