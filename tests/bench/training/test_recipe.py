"""The recipe of a budget: learning rate, average of the weights, clipped gradient, crops of several sides."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from fabricated_sets import photograph
from pydantic import ValidationError
from tiny_training import run_id, tiny_plan
from torch import nn

from bench.config import layout
from bench.config.budget import Budget, Degradation
from bench.foundation.lifeline import Interrupted
from bench.stages.train import train
from bench.training.loop import Training
from bench.training.recipe import Average, learning_rate
from bench.training.sampling import Sampler

COSINE = {"schedule": "cosine", "halve_every": None, "warmup": 2, "clip": 0.5, "average": 0.9}
OLD = {"steps": 10, "batch": 2, "patch": 16, "lr": 1e-3}


def test_half_a_cosine_after_a_linear_warm_up() -> None:
    budget = Budget.model_validate({**OLD, "schedule": "cosine", "warmup": 4})
    rates = [learning_rate(budget, step) / 1e-3 for step in range(10)]
    assert rates[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8]) and rates[4] == 1.0
    assert rates[7] == pytest.approx(0.5) and rates[9] == pytest.approx(0.5 * (1 + np.cos(np.pi * 5 / 6)))


def test_the_papers_halving_stays() -> None:
    budget = Budget.model_validate({**OLD, "halve_every": 4})
    assert [learning_rate(budget, step) for step in (0, 3, 4, 8)] == [1e-3, 1e-3, 5e-4, 2.5e-4]


def test_what_is_not_used_is_no_part_of_an_identity() -> None:
    assert set(Budget.model_validate(OLD).model_dump(exclude_none=True)) == {
        *OLD,
        "halve_every",
        "loss",
        "optimizer",
    }
    assert "halve_every" not in Budget.model_validate({**OLD, **COSINE}).model_dump(exclude_none=True)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"schedule": "cosine", "halve_every": 5}, "halve_every does not go with schedule"),
        ({"schedule": "linear"}, "cosine"),
        ({"warmup": 10}, "fewer than the 10 steps"),
        ({"average": 1.0}, "less than 1"),
        ({"clip": 0.0}, "greater than 0"),
        ({"crops": 6}, "multiple of 4"),
    ],
)
def test_a_bad_recipe_is_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Budget.model_validate({**OLD, **fields})


def test_the_average_is_exponential_and_swaps_back() -> None:
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
    average = Average(model, 0.5)
    with torch.no_grad():
        model.weight.fill_(2.0)
    average.update(model, 100)  # long after the start the decay is the one asked for
    average.swap(model)
    assert float(model.weight) == 1.5
    average.swap(model)
    assert float(model.weight) == 2.0 and float(average.weights["weight"]) == 1.5
    average.update(model, 0)
    assert float(average.weights["weight"]) == pytest.approx(0.1 * 1.5 + 0.9 * 2.0)


def test_a_resumed_training_with_the_whole_recipe_ends_bit_identical(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = tiny_plan(tmp_path, **COSINE)
    run = run_id(plan, "dncnn")
    train(plan, run, progress=False)
    whole, curve = layout.weights(run).read_bytes(), layout.curve_csv(run).read_text()
    layout.run_json(run).unlink()
    advance = Training.advance

    def stopped(self: Training) -> None:
        advance(self)
        if self.step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "advance", stopped)
        with pytest.raises(Interrupted):
            train(plan, run, progress=False)
    train(plan, run, progress=False)
    assert layout.weights(run).read_bytes() == whole
    assert [row.split(",")[:3] for row in layout.curve_csv(run).read_text().splitlines()] == [
        row.split(",")[:3] for row in curve.splitlines()
    ]


def test_a_gradient_above_the_clip_is_scaled_to_it() -> None:
    sampler = Sampler([photograph(64, 64)[..., :1]], Degradation(kind="awgn", sigma=25), 2, 16, 0)
    steps = []
    for clip in (None, 1e-3):
        torch.manual_seed(0)
        model = nn.Conv2d(1, 1, 3, padding=1)
        budget = Budget.model_validate({**OLD, "steps": 2, "clip": clip})
        training = Training(model, sampler, budget, torch.device("cpu"))
        training.advance()
        steps.append(float(torch.stack([p.grad.norm() for p in model.parameters() if p.grad is not None]).norm()))
    assert steps[0] > 1e-2 and steps[1] == pytest.approx(1e-3, rel=1e-3)


def test_every_step_draws_one_of_the_sides_and_old_batches_stay() -> None:
    def sampler(patches: list[int]) -> Sampler:
        return Sampler([photograph(96, 96)[..., :1]], Degradation(kind="awgn", sigma=25), 2, 16, 3, patches)

    sides = {sampler([24, 32]).batch(step).clean.shape[-1] for step in range(20)}
    assert sides == {16, 24, 32}
    old = Sampler([photograph(96, 96)[..., :1]], Degradation(kind="awgn", sigma=25), 2, 16, 3)
    assert torch.equal(sampler([]).batch(7).degraded, old.batch(7).degraded)


def test_validation_crops_and_how_often() -> None:
    sampler = Sampler([photograph(96, 96)[..., :1]], Degradation(kind="awgn", sigma=25), 2, 16, 0)
    assert sum(len(b.clean) for b in sampler.validation(64)) == 64
    assert torch.equal(sampler.validation(64)[0].clean, sampler.validation()[0].clean), "the first are the same"
    budget = Budget.model_validate({**OLD, "steps": 20, "validations": 10, "crops": 4})
    training = Training(nn.Conv2d(1, 1, 1), sampler, budget, torch.device("cpu"))
    while not training.finished:
        training.advance()
    assert sum(row["val_loss"] is not None for row in training.rows) == 10
