"""Stage train: one run from its specification to weights, a curve and a record of where they come from.

Killed at any moment, the same command goes on from the last whole state and ends bit-identical (on the
same kind of machine). States are saved every 5 % of the steps and every 30 seconds, beside the outputs
and not among them, since Snakemake deletes outputs before a rerun. When the run is finished the state is
deleted: an output that somebody deletes afterwards is trained again from the start, so that it says
again what the specification gives, and not what happened to lie on the disk.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import nn

from bench.config import layout
from bench.config.budget import Budget
from bench.config.plan import Plan
from bench.config.run_spec import RunSpec, TrainSpec
from bench.data.images import Color
from bench.data.scored_content import named_hashes
from bench.foundation import provenance
from bench.foundation.errors import BenchError
from bench.foundation.lifeline import Interrupted, Stop, only_worker, stopping
from bench.foundation.memory import ran_out
from bench.foundation.progress import Progress
from bench.models import checkpoint, networks
from bench.models.arithmetic import arithmetic
from bench.models.compute import step_macs
from bench.training import record
from bench.training.loop import Diverged, Training
from bench.training.photographs import photographs
from bench.training.sampling import Sampler
from converse.assembly.contract import told

SAVES = 20
"""States saved in a training, at the least."""
SAVE_EVERY_S = 30.0


def train(plan: Plan, run_id: str, *, device: str | None = None, progress: bool = True) -> None:
    """Trains one run, or loads its checkpoint, and writes weights, curve and ``run.json`` (last).

    A training that diverges is a result: status ``diverged`` with the step, the last finite weights. So
    is an operator that declines the configuration: status ``skipped`` with its reason, no weights.

    Args:
        plan: the plan that holds the run.
        run_id: `bench.config.run_spec.RunSpec.id`.
        device: overrides the preset's (auto, cpu, cuda, cuda:N).
        progress: show progress; important lines are printed anyway.

    Raises:
        BenchError: no such run, missing data, a bad checkpoint, another process at it.
        Interrupted: stopped by a signal or by the death of Snakemake; the state is saved.
    """
    run = plan.run(run_id)
    if run.method:
        raise BenchError(f"run {run_id}: {run.method!r} is a classical method, there is nothing to train")
    where = networks.choose_device(device or plan.preset.device)
    lock = layout.state_file(run_id).with_name("lock")
    with only_worker(lock, f"train {run_id}"), arithmetic(run.threads, run.products):
        record.say_if_repeated(run, where)
        if run.checkpoint:
            _load(plan, run, where, progress)
        elif run.train:
            with stopping() as stop:
                _train(plan, run, run.train, where, stop, progress)
        else:
            raise BenchError(f"run {run_id} has neither a training nor a checkpoint")


def _load(plan: Plan, run: RunSpec, device: torch.device, progress: bool) -> None:
    start = time.perf_counter()
    model, sha256 = networks.load_checkpoint(run, plan.plugins, plan.datasets, progress)
    seconds = time.perf_counter() - start
    record.write(run, model, [], device, status="loaded", seconds=seconds, checkpoint_sha256=sha256)


def _train(
    plan: Plan, run: RunSpec, spec: TrainSpec, device: torch.device, stop: Stop, progress: bool, failed: str = ""
) -> None:
    """A whole training; ``failed``: how an operator from outside failed in it a moment ago."""
    start, state = time.perf_counter(), layout.state_file(run.id)
    try:
        model = networks.build(run, plan.plugins)
    except networks.Declined as declined:
        record.write(run, None, [], device, status="skipped", reason=str(declined), seconds=0.0)
        return
    color: Color = "gray" if networks.info(model).image_channels == 1 else "rgb"
    images, reduce = photographs([plan.datasets[name] for name in spec.data], color)
    names = [
        str(data.directory() / f) for d in spec.data for data in [plan.datasets[d]] for f in named_hashes(data) or ()
    ]
    budget, sides = spec.budget, spec.budget.patches or ()
    sampler = Sampler(images, spec.degradation, budget.batch, budget.patch, spec.seed, sides, reduce, names)
    try:
        training, came_of_it = _fit(plan, run, model, sampler, budget, device, stop, progress)
    except (Exception, SystemExit) as error:
        if isinstance(error, BenchError) or ran_out(error) or not (name := networks.outside(model)):
            raise
        # Whatever a plugin raises takes its own row out, with the reason; an edit of its file makes another run.
        # Where it had worked for a while it may have been the machine: once more, and what is saved stays.
        reason = f"operator {name!r} raises in training: {told(error)}"
        worked = state.is_file()
        print(f"{run.id}: {reason}{'; once more' if worked and not failed else ''}", file=sys.stderr, flush=True)
        if worked and failed not in ("", reason):
            raise BenchError(f"run {run.id}: {reason}, and before: {failed}; the same command goes on") from error
    else:
        record.write(run, model, training.rows, device, **came_of_it)
        checkpoint.delete_state(state)
        return
    if worked and not failed:
        del model, sampler, images
        _train(plan, run, spec, device, stop, progress, failed=reason)
    else:
        record.write(run, None, [], device, status="skipped", reason=reason, seconds=time.perf_counter() - start)


def _fit(
    plan: Plan,
    run: RunSpec,
    model: nn.Module,
    sampler: Sampler,
    budget: Budget,
    device: torch.device,
    stop: Stop,
    progress: bool,
) -> tuple[Training, dict[str, Any]]:
    """All steps that are left, and what the record says of them."""
    known = not networks.outside(model)  # what a plugin does anew in each step, a recording would do once
    kernel = "kernel" in networks.info(model).inputs
    training = Training(model.to(device).train(), sampler, budget, device, kernel, records=known)
    computed = [record.computation(run, device)]
    resumed = _resume(training, run, computed, lambda line: print(f"{run.id}: {line}", flush=True))
    status, reason, macs = "trained", None, None
    with training.feed, Progress(run.id, budget.steps, done=training.step, show=progress) as bar:
        try:
            _steps(training, run, resumed, computed, stop, bar)
            training.exchange()
        except Diverged as astray:
            status, reason = "diverged", str(astray)
            bar.say(f"diverged: {reason}; kept the last finite weights")
    with suppress(*(() if known else (Exception, SystemExit))):  # the meta device need not follow a plugin
        macs = step_macs(run, plan.plugins)
    return training, {
        "status": status,
        "macs": macs and macs * training.step,
        "reason": reason,
        "steps": training.step,
        "seconds": training.elapsed(),
        "resumed_from": resumed,
        "computed": computed,
    }


def _steps(
    training: Training, run: RunSpec, resumed: list[int], computed: list[record.Computed], stop: Stop, bar: Progress
) -> None:
    """All steps that are left, with a state saved now and then."""
    every = max(1, training.budget.steps // SAVES)
    saved = time.monotonic()
    while not training.finished:
        training.advance()
        bar.step(training.note())
        due = training.step % every == 0 or time.monotonic() - saved > SAVE_EVERY_S
        if (due or stop) and not training.finished:
            tensors, meta = training.state()
            meta |= {"run": run.id, "resumed_from": resumed, "computed": computed}
            checkpoint.save_state(layout.state_file(run.id), tensors, meta)
            saved = time.monotonic()
        if stop and not training.finished:
            raise Interrupted(
                f"{run.id}: stopped by {stop.reason} after step {training.step} of "
                f"{training.budget.steps}; saved, the same command goes on from there"
            )


def _resume(training: Training, run: RunSpec, computed: list[record.Computed], say: Callable[[str], None]) -> list[int]:
    """Puts the training where its state is, if there is one; the steps from which it was ever resumed.

    How the steps before were computed is put before how this machine computes, if that is not the same.
    """
    found = checkpoint.load_state(layout.state_file(run.id), say)
    if found is None:
        return []
    tensors, meta = found
    if meta.get("run") != run.id:
        say(f"ignoring the state of another run ({meta.get('run')})")
        return []
    training.resume(tensors, meta)
    say(f"resumed from step {training.step} of {training.budget.steps}")
    now = computed[-1]
    if other := provenance.differences(meta["computed"][-1], now):
        say(f"another computation than before ({other}): the last digits may differ from an uninterrupted training")
    computed[:] = meta["computed"] if now == meta["computed"][-1] else [*meta["computed"], now]
    return [*meta["resumed_from"], training.step]
