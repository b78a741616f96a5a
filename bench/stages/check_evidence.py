"""Stage ``check-evidence``: whether folders of evidence are what they claim to be, as far as that can be seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bench.config import layout
from bench.config.run_spec import RunSpec
from bench.data.datasets import load_datasets
from bench.foundation.errors import BenchError
from bench.results.contributed import problems


def check_evidence(folders: Sequence[Path] = (), *, plugins: Sequence[str] = ()) -> list[Path]:
    """Check folders (default: all in ``results/evidence``) by `bench.results.contributed.problems`.

    Args:
        folders: in the format that ``publish`` writes.
        plugins: operator files that rows may use.

    Returns:
        The folders that were checked.

    Raises:
        BenchError: there is nothing to check, or something is wrong; all of it as notes of the error, a line each.
    """
    from converse.declarations import registry

    chosen = list(folders) or layout.evidence_folders()[::-1]
    if not chosen:
        raise BenchError(f"no evidence in {layout.evidence_root()}")
    datasets, operators = load_datasets(), registry.operators(plugins)
    count = _Parameters()
    found = [line for folder in chosen for line in problems(folder, datasets, operators, plugins, count)]
    if found:
        things = "1 thing is" if len(found) == 1 else f"{len(found)} things are"
        error = BenchError(f"{things} wrong with this evidence:")
        for line in found:
            error.add_note(line)
        raise error
    return chosen


class _Parameters:
    """Counts the parameters of a run's network, each network once; it is built on the meta device, without weights."""

    def __init__(self) -> None:
        self._known: dict[str, int | None] = {}

    def __call__(self, run: RunSpec) -> int | None:
        """None for an operator from outside, whose code is not run, and for one that declines."""
        key = json.dumps(run.network, sort_keys=True)
        if key not in self._known:
            self._known[key] = None if "operator_sha256" in (run.network or {}) else _counted(run)
        return self._known[key]


def _counted(run: RunSpec) -> int | None:
    import torch

    from bench.models import networks

    try:
        with torch.device("meta"):
            return networks.count_parameters(networks.build(run, ()))
    except (networks.Declined, BenchError):
        return None
