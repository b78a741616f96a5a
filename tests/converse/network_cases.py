"""Every network at a small size, as data."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from converse import build_model
from converse.declarations.model_info import models

NAMES = sorted(models())
SMALL = {"channels": 4, "blocks": 2}


def small(name: str, seed: int | None = 0, **options: object) -> nn.Module:
    """The named network with four channels and two blocks."""
    return build_model(name, seed=seed, **{**SMALL, **options})


def inputs(name: str, batch: int = 2, size: tuple[int, int] = (9, 12)) -> tuple[Tensor, ...]:
    """Images in [0, 1] (and a normalised 7×7 kernel a sample, where the network takes one)."""
    info = models()[name]
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(batch, info.image_channels, *size, generator=generator)
    if info.inputs == ("image",):
        return (image,)
    kernel = torch.rand(batch, 1, 7, 7, generator=generator)
    return image, kernel / kernel.sum((2, 3), keepdim=True)


RATE, STEPS = 1e-3, 3


def steps(network: nn.Module, x: Tensor) -> tuple[list[Tensor], float]:
    """Parameters after three steps of gradient descent on the output's mean square, and the largest gradient seen."""
    optimiser, largest = torch.optim.SGD(network.parameters(), lr=RATE), 0.0
    for _ in range(STEPS):
        optimiser.zero_grad()
        network(x).square().mean().backward()
        largest = max(largest, *(p.grad.abs().max().item() for p in network.parameters() if p.grad is not None))
        optimiser.step()
    return [p.detach().clone() for p in network.parameters()], largest


def assert_same_steps(one: tuple[list[Tensor], float], other: tuple[list[Tensor], float]) -> None:
    """Two backends' :func:`steps` from the same start.

    Bound: each step's update is off by the relative error of its gradients, of 1e-5 at most (the limits of
    ``test_float32_meets_the_targets``), times the learning rate and the number of steps.
    """
    bound = STEPS * RATE * max(one[1], other[1]) * 1e-5
    for a, b in zip(one[0], other[0], strict=True):
        assert (a - b).abs().max() <= bound + 2e-7 * a.abs().max()
