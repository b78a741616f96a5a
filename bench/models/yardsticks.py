"""What a machine can do at most, measured among what is held against it: moving memory, and multiplying matrices."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from bench.config.timed_variants import Pass
from bench.models.timed import Job

SIDE = 1024
"""Of the two square matrices whose product stands for the peak."""


def output_bytes(job: Job) -> int:
    """Size of an operator's float32 output."""
    return 4 * math.prod(job.shape) * job.scale**2


def least_bytes(job: Job, which: Pass) -> int:
    """What a pass of an operator has to read and write, if it kept everything else in cache.

    Forward: the input is read, the output written. Backward: the output's gradient and the input are read, the
    input's gradient is written. Parameters are too small to count.
    """
    given, made = 4 * math.prod(job.shape), output_bytes(job)
    return given + made if which == "forward" else 3 * given + 2 * made


def copying(job: Job, device: torch.device) -> tuple[Callable[[], object], int]:
    """Copies as much memory as the output of ``job`` takes, from and to memory that is in use; and the bytes moved."""
    source = torch.ones(output_bytes(job) // 4, device=device)
    target = torch.zeros_like(source)
    return lambda: target.copy_(source), 2 * output_bytes(job)


def multiplying(device: torch.device) -> tuple[Callable[[], object], int]:
    """A float32 product of two matrices of `SIDE`; and its floating-point operations."""
    a, b, out = (torch.full((SIDE, SIDE), 0.5, device=device) for _ in range(3))
    return lambda: torch.mm(a, b, out=out), 2 * SIDE**3
