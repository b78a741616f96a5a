"""Tests that a table of ``config/tables.yaml`` names itself, checked before anything runs. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping

from bench.config.evaluation import Evaluation
from bench.config.spec import Table
from bench.data import protocols
from bench.data.datasets import Dataset
from bench.foundation import strict_yaml
from bench.foundation.errors import BenchError, nearest
from bench.foundation.strict_yaml import Keys


def check_tests(name: str, table: Table, doc: strict_yaml.Document, datasets: Mapping[str, Dataset]) -> None:
    """Data sets, protocols and kernels of a table's own tests exist and fit its task.

    Raises:
        BenchError: with file, line and the nearest valid name.
    """
    for i, test in enumerate(table.evaluate or ()):
        at: Keys = ("tables", name, "evaluate", i)
        for key, value in (("data", test.data), ("kernels", test.kernels)):
            if value is not None and value not in datasets:
                raise doc.error((*at, key), f"unknown data set {value!r}{nearest(value, datasets)}")
        _check_protocol(test, table, at, doc)
        files = datasets[test.kernels].hashes if test.kernels else {}
        known = [file.removesuffix(".npy") for file in files]
        for kernel in test.only or ():
            if kernel not in known:
                hint = nearest(kernel, known)
                raise doc.error((*at, "only"), f"no kernel {kernel!r}{hint} (allowed: {', '.join(known)})")


def _check_protocol(test: Evaluation, table: Table, at: Keys, doc: strict_yaml.Document) -> None:
    try:
        protocol = protocols.get(test.protocol)
    except BenchError as error:
        raise doc.error((*at, "protocol"), str(error)) from error
    if protocol.task != table.task:
        message = f"protocol {test.protocol} is for {protocol.task}, the table for {table.task}"
        raise doc.error((*at, "protocol"), message)
    if protocol.needs_kernel != (test.kernels is not None):
        verb = "needs" if protocol.needs_kernel else "takes no"
        raise doc.error(at, f"protocol {test.protocol} {verb} kernels")
