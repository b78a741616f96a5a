"""The gate before a speed-up: right results pass, wrong ones are named, on both backends and in every layout."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from bench.config.timed_variants import variants
from bench.models.compute import pass_flops
from bench.models.gate import errors
from bench.models.timed import Job, Skipped, build, one_pass
from bench.models.yardsticks import copying, least_bytes, multiplying
from converse.native.loading import load
from converse.native.serving import on_torch, serving

CPU = torch.device("cpu")
BODY = Job("operator", "converse2d", (2, 6, 11, 9), kernel=3, padding=2)
UP = Job("operator", "converse2d", (2, 6, 7, 5), kernel=2, scale=2)
BOTH = "forward+backward"


def _variants(case: Job) -> list[Job]:
    own = ["converse2d", "convt", *(["conv"] if case.scale == 1 else [])]
    jobs = [dataclasses.replace(case, name=name) for name in own]
    for one in variants(case.kernel, case.scale, own):
        job = dataclasses.replace(case, name=one.operator, padding_mode=one.padding_mode, native=one.native)
        jobs.append(dataclasses.replace(job, channels_last=one.channels_last))
    return jobs


@pytest.mark.parametrize("job", [*_variants(BODY), *_variants(UP)], ids=str)
def test_what_is_right_passes(job: Job) -> None:
    try:
        module, inputs = build(job, CPU)
    except Skipped:
        assert not job.native and isinstance(load(), str)
        return
    assert inputs[0].is_contiguous(memory_format=torch.channels_last) or not job.channels_last
    for which in ("forward", BOTH):
        error, gate = errors(job, module, inputs, which)
        assert gate == "passed" and error is not None and 0 < error < 1e-5
        one_pass(job, module, inputs, which)()


@pytest.mark.parametrize("name", ["converse2d", "conv"])
def test_what_is_wrong_is_named(name: str) -> None:
    job = dataclasses.replace(BODY, name=name)
    module, inputs = build(job, CPU)

    class Off(type(module)):  # type: ignore[misc]
        def forward(self, y: torch.Tensor) -> torch.Tensor:
            return super().forward(y) * 1.001

    module.__class__ = Off
    for which in ("forward", BOTH):
        error, gate = errors(job, module, inputs, which)
        assert error == pytest.approx(1e-3, rel=0.05) and gate.startswith("failed: output 1.0e-03, bound 2e-06")


def test_what_float64_cannot_follow_is_not_measured() -> None:
    job = dataclasses.replace(BODY, name="mine")

    class Single(torch.nn.Module):
        def forward(self, y: torch.Tensor) -> torch.Tensor:
            if y.dtype != torch.float32:
                raise TypeError("float32\nonly")
            return y

    _, inputs = build(BODY, CPU)
    assert errors(job, Single(), inputs, "forward") == (None, "not measured: TypeError: float32 only")


@pytest.mark.parametrize("name", ["converse_dncnn", "dncnn"])
def test_networks_are_held_against_float64(name: str) -> None:
    """Of a bias before batch normalisation the gradient is zero: it must not fail the whole network."""
    job = Job("model", name, (1, 64, 64), options={"channels": 4} | ({"blocks": 1} if "_" in name else {}))
    module, inputs = build(job, CPU)
    for which in ("forward", BOTH):
        error, gate = errors(job, module, inputs, which)
        assert gate == "passed" and error is not None and error < 1e-3


def test_torch_alone_inside_the_block_only() -> None:
    y = torch.zeros(1, 1, 2, 2)
    before = serving(y)
    with on_torch():
        assert serving(y) is None
    assert serving(y) is before


def test_least_work() -> None:
    assert least_bytes(UP, "forward") == 4 * 2 * 6 * 35 * (1 + 4)
    assert least_bytes(UP, BOTH) == 4 * 2 * 6 * 35 * (3 + 2 * 4)
    copy, moved = copying(UP, CPU)
    assert moved == 2 * 4 * 2 * 6 * 35 * 4 and torch.is_tensor(copy())
    product, operations = multiplying(CPU)
    assert operations == 2 * 1024**3 and product() is not None
    conv = dataclasses.replace(BODY, name="conv")
    counted = pass_flops(lambda: build(conv, torch.device("meta")), backward=False)
    assert counted == 2 * 9 * 2 * 6 * 11 * 9
    assert pass_flops(lambda: 1 / 0, backward=False) is None  # type: ignore[arg-type, return-value]
