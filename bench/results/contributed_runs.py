"""What is wrong with single runs of contributed evidence: hash, network, status, where and when they were made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from bench.config.run_record import UNSCORED
from bench.config.run_spec import RunSpec
from bench.foundation.errors import nearest
from bench.results.contributed_cells import FILLED, KINDS, Row, cells_of, parsed
from converse.declarations import model_spec

VERSIONS = ("python", "torch", "train_version", "eval_version", "degrade_version", "commit")
MADE = ("parameters", "steps", "seconds", "date", "device", "machine", "versions")
"""Columns that say something of every network, but of one that its operator declined."""
Count = Callable[[RunSpec], "int | None"]
"""Parameters of a run's network; None where it is not to be built."""


def specification(row: Row) -> RunSpec | str:
    """The specification of a row of runs.csv, or what is wrong with it."""
    try:
        return RunSpec.model_validate_json(row["spec"])
    except ValidationError as error:
        return f"its specification is not one ({error.errors()[0]['loc']}: {error.errors()[0]['msg']})"


def run_faults(
    row: Row,
    spec: RunSpec,
    datasets: Mapping[str, Any],
    operators: Collection[str],
    plugins: Sequence[str] = (),
    parameters: Count | None = None,
) -> Iterator[str]:
    """What is wrong with a run, without its name.

    Args:
        row: of runs.csv, its cells of the right kind.
        spec: its specification.
        datasets: of ``datasets.yaml``, by name.
        operators: names that it may use.
        plugins: operator files among them.
        parameters: counts those of its network; None: they are not counted.
    """
    if spec.id != row["run"]:
        yield f"its specification has the id {spec.id}: one of the two was changed"
    yield from _status(row, spec)
    if spec.method:
        if spec.model or spec.options or spec.network:
            yield f"{spec.method!r} is a classical method, its specification names a network too"
        return
    operator = (spec.network or {}).get("operator")
    if operator and operator not in operators:
        yield f"operator {operator!r} is not known here: add its file to the pull request, or name it (--plugins)"
    elif why := _other_network(spec, plugins):
        yield why
    elif parameters is not None and row["status"] != "skipped" and row["parameters"]:
        counted = parameters(spec)
        if counted is not None and str(counted) != row["parameters"]:
            yield f"parameters {row['parameters']}, its network has {counted}"
    for name in spec.train.data if spec.train else ():
        if name not in datasets:
            yield f"training set {name!r} is not in datasets.yaml{nearest(name, datasets)}"
    yield from provenance_faults(row)
    versions = parsed(row["versions"]) or {}
    if spec.train and versions.get("train_version") not in (None, str(spec.train.version)):
        yield f"versions say train_version {versions['train_version']}, its specification {spec.train.version}"


def run_cells(rows: Sequence[Row]) -> Iterator[str]:
    """Cells of runs.csv of another kind than their column's, a run and column each."""
    for row in rows:
        needed = () if row["status"] == "classical" else ("steps",) if row["status"] in UNSCORED else MADE
        yield from cells_of([(row["run"], "", row)], KINDS["runs.csv"], (*FILLED["runs.csv"], *needed))


def provenance_faults(row: Row) -> Iterator[str]:
    """Whether a row of runs.csv or scores.csv says when, where and with which versions it was made."""
    machine, versions = parsed(row["machine"]) or {}, parsed(row["versions"]) or {}
    if not row["date"]:
        yield "date is empty (allowed: a day as YYYY-MM-DD)"
    if not (machine.get("cpu") or machine.get("gpu")):
        yield "machine says neither cpu nor gpu"
    if lost := [name for name in VERSIONS if not versions.get(name)]:
        yield f"versions lack {', '.join(lost)}"


def _other_network(spec: RunSpec, plugins: Sequence[str]) -> str:
    """Why ``network``, which is hashed, is not what ``model`` and ``options`` give, which are shown; empty if it is."""
    try:
        given = model_spec.resolve(spec.model or "", spec.options, plugins=plugins).identity()
    except (ValueError, TypeError) as error:
        return f"its model and options give no network: {error}"
    mine = {k: v for k, v in (spec.network or {}).items() if k != "operator_sha256"}
    wrong = sorted(k for k in mine.keys() | given.keys() - {"operator_sha256"} if mine.get(k) != given.get(k))
    return f"its model and options give another network than the one it is named by ({', '.join(wrong)})" * bool(wrong)


def _status(row: Row, spec: RunSpec) -> Iterator[str]:
    """Whether what became of a run is what its specification allows and its other cells say."""
    status = row["status"]
    allowed = ["classical"] if spec.method else ["trained", *UNSCORED] if spec.train else ["loaded"]
    if status not in allowed:
        yield f"status {status!r} does not fit its specification (allowed: {', '.join(allowed)})"
        return
    if (status in UNSCORED) != bool(row["reason"]):
        has = f"has the reason {row['reason'][:80]!r}" if row["reason"] else "has no reason"
        yield f"status {status!r} {has} (allowed: a reason where a run diverged or was skipped, and only there)"
    if status == "loaded" and not row["checkpoint_sha256"]:
        yield "loaded weights without their sha256 (checkpoint_sha256)"
    if spec.train and status in ("trained", "diverged"):
        done, steps = int(row["steps"]), spec.train.budget.steps
        if done != steps and (status == "trained" or not 0 < done <= steps):
            yield f"{status} for {done} of {steps} steps"
        if any(step > done for step in parsed(row["resumed_from"] or "[]")):
            yield f"resumed_from {row['resumed_from']} goes beyond its {done} steps"
