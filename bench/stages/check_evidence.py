"""Stage ``check-evidence``: whether folders of evidence are what they claim to be, as far as that can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.config import layout
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
        BenchError: there is nothing to check, or something is wrong; all of it, a line each.
    """
    from converse.declarations import registry

    chosen = list(folders) or sorted(p for p in layout.evidence_dir("x").parent.glob("*") if p.is_dir())
    if not chosen:
        raise BenchError(f"no evidence in {layout.evidence_dir('x').parent}")
    datasets, operators = load_datasets(), registry.operators(plugins)
    found = [line for folder in chosen for line in problems(folder, datasets, operators)]
    if found:
        raise BenchError("\n  ".join([f"{len(found)} things are wrong with this evidence:", *found]))
    return chosen
