"""Tests that a table or a task of a preset names, checked before anything runs. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.config.evaluation import Evaluation
from bench.data import protocols
from bench.data.datasets import Dataset
from bench.data.scored_content import named_hashes, row_names
from bench.foundation import strict_yaml
from bench.foundation.errors import BenchError, nearest
from bench.foundation.strict_yaml import Keys

SPLITS = {"train": ("train",), "data": ("test", "train"), "kernels": ("kernels",)}
"""What a preset names a data set for, to the splits that it may have; of training photographs some may be restored."""


def check_tests(
    tests: Sequence[Evaluation],
    task: protocols.Task,
    doc: strict_yaml.Document,
    at: Keys,
    datasets: Mapping[str, Dataset],
) -> None:
    """Data sets, protocols and kernels of tests exist and fit the task.

    Args:
        tests: of a table, or of a task.
        task: that they are for.
        doc: the file that names them.
        at: the keys of the list in it.
        datasets: every data set by name.

    Raises:
        BenchError: with file, line and the nearest valid name.
    """
    for i, test in enumerate(tests):
        for key, value in (("data", test.data), ("kernels", test.kernels)):
            if value is not None and value not in datasets:
                raise doc.error((*at, i, key), f"unknown data set {value!r}{nearest(value, datasets)}")
            if value is not None:
                check_split(datasets[value], SPLITS[key], doc, (*at, i, key))
        _check_protocol(test, task, doc, (*at, i))
        files = (named_hashes(datasets[test.kernels]) if test.kernels and test.only else None) or {}
        known = [*row_names(files).values()]
        for kernel in test.only or ():
            if kernel not in known:
                hint = nearest(kernel, known)
                raise doc.error((*at, i, "only"), f"no kernel {kernel!r}{hint} (allowed: {', '.join(known)})")


def check_split(dataset: Dataset, allowed: Sequence[str], doc: strict_yaml.Document, at: Keys) -> None:
    """A data set is one of what it is named for.

    Raises:
        BenchError: it is not, with file and line.
    """
    if dataset.split not in allowed:
        words = ", ".join(allowed)
        raise doc.error(at, f"{dataset.name!r} has split {dataset.split!r} in datasets.yaml (allowed: {words})")


def _check_protocol(test: Evaluation, task: protocols.Task, doc: strict_yaml.Document, at: Keys) -> None:
    try:
        protocol = protocols.get(test.protocol)
    except BenchError as error:
        raise doc.error((*at, "protocol"), str(error)) from error
    if protocol.task != task:
        raise doc.error((*at, "protocol"), f"protocol {test.protocol} is for {protocol.task}, these tests for {task}")
    if protocol.needs_kernel != (test.kernels is not None):
        verb = "needs" if protocol.needs_kernel else "takes no"
        raise doc.error(at, f"protocol {test.protocol} {verb} kernels")
