"""Multiply–accumulates of a training step against what is counted by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bench.config.budget import Budget, Degradation
from bench.config.run_spec import RunSpec, TrainSpec
from bench.models.compute import step_macs


def run(model: str, **options: Any) -> RunSpec:
    budget = Budget(steps=1, batch=2, patch=32)
    degradation = Degradation(kind="awgn", sigma=25)
    train = TrainSpec(data=["x"], data_hash="0", degradation=degradation, budget=budget, seed=0, version=1)
    return RunSpec(task="denoising", model=model, options=options, network={"network": model}, train=train)


PIXELS = 2 * 32 * 32
POINTWISE = 2 * 2 * 16 * 32 * PIXELS  # two pairs of 16 <-> 32 channels in one block
HEAD = 16 * PIXELS


@pytest.mark.parametrize("operator", ["conv", "convt"])
def test_depthwise_convolutions(operator: str) -> None:
    """Forward once, backward for the input and for the weights; nothing is propagated to the image."""
    found = step_macs(run("converse_dncnn", operator=operator, channels=16, blocks=1, padding_mode="zeros"))
    side = 32 if operator == "conv" else 36  # ConvT is padded by its mode, then cropped
    spatial = 32 * 25 * 2 * side * side
    assert found is not None
    exact = 3 * (POINTWISE + HEAD + 32 * 25 * PIXELS) + 2 * HEAD
    assert found == pytest.approx(exact if operator == "conv" else exact - 3 * 32 * 25 * PIXELS + 3 * spatial, rel=0.15)


def test_transforms() -> None:
    """Converse2D: two real transforms of every padded map forward, four backward, and those of the kernels."""
    found = step_macs(run("converse_dncnn", channels=16, blocks=1))
    assert found is not None
    n = 40 * 40
    maps = 6 * 2 * 32 * 1.25 * n * math.log2(n)
    spatial = found - 3 * (POINTWISE + HEAD) - 2 * HEAD
    assert 0.8 * maps < spatial < 2 * maps


def test_what_is_not_trained_costs_nothing() -> None:
    assert step_macs(RunSpec(task="denoising", method="tv")) is None
