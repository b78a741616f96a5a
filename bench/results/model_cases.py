"""Which whole models are timed, and under which names: shared by throughput and by PSNR against latency. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bench.config.plan import Plan
from bench.config.resolve import digest
from bench.config.run_spec import RunSpec
from bench.config.spec import ModelCase
from bench.data.protocols import Task
from bench.results.throughput_ratios import BASELINE, ON_ALGORITHM1
from converse.declarations import model_info, model_spec

OPERATOR = "converse2d"


@dataclass(frozen=True)
class TimedModel:
    """One network to time."""

    name: str
    """``table/row`` of the first row that has this network."""
    model: str
    timed: str
    """`architecture`: what is timed, whatever it is called in this or another preset."""
    options: dict[str, Any] = field(default_factory=dict)


def case_name(case: ModelCase) -> str:
    """How a throughput case of models is called, e.g. ``denoising 256×256, batch 1``."""
    return f"{case.task} {case.size[0]}×{case.size[1]}, batch {case.batch}"


def architecture(run: RunSpec) -> str:
    """What the speed of a run depends on: its network (and how it is applied) without training and weights."""
    return run.model_copy(update={"train": None, "checkpoint": None, "threads": 1, "precision": None}).hash


def main_tables(plan: Plan, task: Task) -> list[str]:
    """Tables of a task whose networks are timed: those that draw PSNR against latency, or else the first one."""
    mine = [name for name, table in plan.tables.items() if table.task == task]
    return [name for name in mine if "latency" in plan.tables[name].figures] or mine[:1]


def timed_names(plan: Plan, task: Task) -> dict[str, str]:
    """Architecture to the name that it is timed under."""
    names: dict[str, str] = {}
    for table in main_tables(plan, task):
        for row in plan.rows[table]:
            for run in row.runs[:1]:
                if run.model is not None and run.inference is None:  # whole images are timed, neither tiles nor padding
                    names.setdefault(architecture(run), f"{table}/{row.id}")
    return names


def timed_models(plan: Plan, task: Task) -> list[TimedModel]:
    """Every distinct network of the main tables of a task; the last one again on the paper's Algorithm 1.

    The last row with the fast operator is taken, since tables put the default there; a task without one gets none.
    """
    wanted = timed_names(plan, task)
    found: dict[str, TimedModel] = {}
    last: RunSpec | None = None
    for table in main_tables(plan, task):
        for row in plan.rows[table]:
            for run in row.runs[:1]:
                key = architecture(run)
                if run.model is not None and key in wanted and key not in found:
                    found[key] = TimedModel(wanted[key], run.model, key, dict(run.options))
                    if _operator(found[key]) == OPERATOR:
                        last = run
    models = list(found.values())
    if last is not None:
        models.append(_on_algorithm1(plan, wanted[architecture(last)], last))
    return models


def _on_algorithm1(plan: Plan, name: str, run: RunSpec) -> TimedModel:
    options = {**run.options, _slot(str(run.model)): BASELINE}
    network = model_spec.resolve(str(run.model), options, plugins=plan.plugins).identity()
    key = architecture(run.model_copy(update={"network": network}))
    return TimedModel(name + ON_ALGORITHM1, str(run.model), key, options)


def what_is_timed(plan: Plan) -> str:
    """Hash of cases, operators, networks and precision: when it changes, everything is timed again."""
    cases = plan.preset.throughput.model_dump(mode="json")
    models = [(m.name, m.timed) for case in plan.preset.throughput.models for m in timed_models(plan, case.task)]
    return digest([cases, plan.operators_digest(), models, plan.preset.precision])


def _operator(model: TimedModel) -> str | None:
    slot = _slot(model.model)
    value = model.options.get(slot, model_info.models()[model.model].operator) if slot else None
    return str(value) if value is not None else None


def _slot(model: str) -> str:
    """The option that names a network's operator; empty for a plain network."""
    info = model_info.models().get(model)
    return (info.slot if info else None) or ""
