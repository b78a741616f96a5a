"""What a budget says of a step beside its batch: the learning rate, and the average of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from bench.config.budget import Budget


def learning_rate(budget: Budget, step: int) -> float:
    """Learning rate of a 0-based step.

    Halved every ``halve_every`` steps (the paper's), or half a cosine from ``lr`` to zero over what follows the
    warm-up (Loshchilov and Hutter, SGDR, 2017, without restarts). A warm-up grows linearly to ``lr``.
    """
    warmup = budget.warmup or 0
    if step < warmup:
        return budget.lr * (step + 1) / (warmup + 1)
    if budget.schedule == "cosine":
        return budget.lr * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (budget.steps - warmup)))
    assert budget.halve_every is not None
    return budget.lr * 0.5 ** (step // budget.halve_every)


class Average:
    """Exponential average of the parameters over steps; the decay grows to its value as (1 + t) / (10 + t).

    Args:
        model: its parameters are followed; buffers (running statistics) are taken as they are.
        decay: in (0, 1).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Takes in the weights after a 0-based step."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, p in model.named_parameters():
            self.weights[name].lerp_(p.detach(), 1 - decay)

    @torch.no_grad()
    def swap(self, model: nn.Module) -> None:
        """Exchanges the model's parameters with the average."""
        for name, p in model.named_parameters():
            kept = p.detach().clone()
            p.copy_(self.weights[name])
            self.weights[name].copy_(kept)

    def load(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Takes over saved averages, by parameter name."""
        for name, tensor in weights:
            self.weights[name].copy_(tensor)
