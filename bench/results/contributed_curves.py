"""What is wrong with the training curves of contributed evidence: the rows that a training writes, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.config.budget import Budget
from bench.config.run_spec import RunSpec
from bench.results.contributed_cells import FILLED, KINDS, Row, cells_of


def curve_faults(rows: Sequence[Row], runs: Mapping[str, Row], specs: Mapping[str, RunSpec]) -> Iterator[str]:
    """What is wrong with curves, a line each, with the run's name.

    Args:
        rows: of curves.csv.
        runs: of runs.csv, by run.
        specs: their specifications.
    """
    bad = list(
        cells_of([(row["run"], f"step {row['step']}", row) for row in rows], KINDS["curves.csv"], FILLED["curves.csv"])
    )
    yield from bad
    curves: dict[str, list[Row]] = {}
    for row in rows:
        curves.setdefault(row["run"], []).append(row)
    for run in sorted(curves.keys() - runs.keys()):
        yield f"{run} is not in runs.csv"
    if bad:
        return  # what follows reads the cells
    for run, spec in specs.items():
        curve, status, train = curves.get(run, []), runs[run]["status"], spec.train
        if train is None or status not in ("trained", "diverged"):
            if curve:
                yield f"{run}: has a curve, but its status is {status!r} (allowed: of runs that are trained)"
        elif curve or (status == "trained" and runs[run].get("weights_sha256")):
            yield from (f"{run}: {why}" for why in _curve(curve, train.budget, status, int(runs[run]["steps"])))


def _curve(rows: Sequence[Row], budget: Budget, status: str, done: int) -> Iterator[str]:
    """What is wrong with one curve; that of a diverged run ends before the row that found it."""
    wanted = {step: due for step, due in budget.curve_grid().items() if status == "trained" or step < done}
    steps = [int(row["step"]) for row in rows]
    if steps != list(wanted):
        yield f"{len(steps)} rows{_difference(steps, list(wanted))} (allowed: {_words(list(wanted), budget, status)})"
        return
    for (step, due), row in zip(wanted.items(), rows, strict=True):
        for column in ("val_loss", "val_psnr"):
            if bool(row[column]) != due:
                allowed = "a number: a validation is due there" if due else "none: no validation is due there"
                yield f"step {step}: {column} is {row[column] or 'empty'} (allowed: {allowed})"
                return
    seconds = [float(row["seconds"]) for row in rows]
    if seconds != sorted(seconds):
        yield "its seconds go back (allowed: ascending ones)"


def _difference(found: Sequence[int], wanted: Sequence[int]) -> str:
    if lost := [step for step in wanted if step not in set(found)]:
        return f", step {lost[0]} is missing"
    if more := [step for step in found if step not in set(wanted)]:
        return f", step {more[0]} is none of its budget's"
    return ", their steps do not ascend"


def _words(wanted: Sequence[int], budget: Budget, status: str) -> str:
    if not wanted:
        return "none"
    until = f"{wanted[-1]}, the last" if status == "trained" else f"{wanted[-1]}, the last before it diverged,"
    return f"the {len(wanted)} rows that a budget of {budget.steps} steps writes, from {wanted[0]} to {until} one"
