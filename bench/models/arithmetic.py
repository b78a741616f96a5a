"""How numbers are computed, the same in training, scoring and timing: threads, precision, determinism, random draws.

All of it is fixed by a run's specification. What is left to the machine (instruction set, GPU model, backend) moves
last digits only and is recorded (`bench.foundation.provenance.computation`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch

from bench.foundation.errors import BenchError

Precision = Literal["float32", "tf32"]
FORCED = {"NVIDIA_TF32_OVERRIDE": ("", "0"), "ONEDNN_DEFAULT_FPMATH_MODE": ("", "STRICT")}
"""Variables by which a library rounds operands of float32 products whatever torch is told; harmless values."""
_STREAM_OPERATORS = 3
"""Beside the streams of `bench.training.sampling`."""


@contextmanager
def arithmetic(threads: int, precision: Precision = "float32") -> Iterator[None]:
    """Fixed threads, precision and deterministic algorithms inside the block, as they were before after it.

    A GPU has no deterministic form of some backward passes (reflection padding); those warn there.
    The debug mode is the same switch as ``use_deterministic_algorithms`` without its import of torch._inductor,
    which costs every job two seconds and concerns compiled code only.

    Raises:
        BenchError: the environment forces another precision.
    """
    before = (
        torch.get_deterministic_debug_mode(),
        torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark,
    )
    with settings(threads, precision):
        torch.set_deterministic_debug_mode("warn" if torch.cuda.is_available() else "error")
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark = False
        try:
            yield
        finally:
            torch.set_deterministic_debug_mode(before[0])
            torch.utils.deterministic.fill_uninitialized_memory = before[1]  # type: ignore[attr-defined]
            torch.backends.cudnn.benchmark = before[2]


@contextmanager
def settings(threads: int, precision: Precision = "float32") -> Iterator[None]:
    """So many CPU threads and one precision of float32 products, put back afterwards.

    ``float32``: IEEE operands and sums everywhere. ``tf32``: operands rounded to 10 bits where the hardware has that.
    Sums of half-precision products are never rounded on the way.

    Raises:
        BenchError: the environment forces another precision.
    """
    for name, harmless in FORCED.items():
        if os.environ.get(name, "") not in harmless:
            raise BenchError(f"{name}={os.environ[name]} changes the precision behind torch's back; unset it")
    cuda, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = (
        torch.get_num_threads(),
        torch.get_float32_matmul_precision(),
        cudnn.allow_tf32,
        cuda.allow_fp16_reduced_precision_reduction,
        cuda.allow_bf16_reduced_precision_reduction,
    )
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    cudnn.allow_tf32 = precision == "tf32"
    cuda.allow_fp16_reduced_precision_reduction = cuda.allow_bf16_reduced_precision_reduction = False
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])
        cudnn.allow_tf32 = before[2]
        cuda.allow_fp16_reduced_precision_reduction = before[3]
        cuda.allow_bf16_reduced_precision_reduction = before[4]


@contextmanager
def drawing(seed: int, step: int, device: torch.device) -> Iterator[None]:
    """torch's generators as a function of (seed, step) alone, put back afterwards.

    For operators that draw random numbers (dropout): a step is the same whatever was drawn before it, so that a
    resumed training needs no state of any generator. Who draws nothing is not touched.
    """
    words = np.random.SeedSequence([_STREAM_OPERATORS, seed, step]).generate_state(1, np.uint64)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.random.default_generator.manual_seed(int(words[0] >> 1))
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(int(words[0] >> 1))
        yield
