"""A step as the loop of a textbook takes it; that a GPU's recording is the same is asked by ``benchmarks.on_gpu``."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import nn

from bench.training.batch import Batch
from bench.training.stepping import Stepper

CPU = torch.device("cpu")


def batches(count: int) -> list[Batch]:
    generator = torch.Generator().manual_seed(0)
    return [Batch(*torch.rand(2, 2, 1, 6, 6, generator=generator)) for _ in range(count)]


def test_steps_are_those_of_adam() -> None:
    torch.manual_seed(0)
    ours = nn.Conv2d(1, 1, 3, padding=1)
    plain = copy.deepcopy(ours)
    step = Stepper(ours.parameters(), lambda b: F.l1_loss(ours(b.degraded), b.clean), 1e-2, 0.1, CPU, records=True)
    optimizer = torch.optim.Adam(plain.parameters(), lr=1e-2, fused=True)
    for number, batch in enumerate(batches(6)):
        rate = 1e-2 / (1 + number)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss = F.l1_loss(plain(batch.degraded), batch.clean)
        loss.backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 0.1)
        optimizer.step()
        assert torch.equal(step(batch, rate), loss.detach())
        if number == 2:
            step.forget()  # a recording, which a CPU has none of: nothing else
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), plain.parameters(), strict=True))


def test_a_held_batch_takes_over_the_numbers_of_another() -> None:
    first, second = (Batch(b.degraded, b.clean, torch.rand(2, 1, 7, 7)) for b in batches(2))
    before, held = first.degraded.clone(), first.clone()
    where = held.degraded.data_ptr()
    held.copy_(second)
    assert held.degraded.data_ptr() == where and torch.equal(first.degraded, before)
    for name in ("degraded", "clean", "kernel"):
        assert torch.equal(getattr(held, name), getattr(second, name))
