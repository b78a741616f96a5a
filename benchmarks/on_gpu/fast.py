"""Part ``fast``: time and peak memory of operators and networks, with the device's own copy beside them."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

import converse
from bench.models.timing import cuda_extra_peak
from benchmarks.on_gpu.journal import Answer, Case
from converse.algorithm1 import algorithm1
from converse.mathematics.functional import converse2d
from converse.native.serving import on_torch

SHAPES = ((32, 128, 72, 72), (16, 128, 128, 128), (16, 128, 268, 268), (1, 128, 768, 1024))
KERNEL, PADDING, REPEATS = 5, 4, 9
SAMPLE_MS = 20.0
TORCH = "converse2d by torch"
NETWORKS = {"Conv-DnCNN": "conv", "ConvT-DnCNN": "convt", "Converse-DnCNN": "converse2d", "Algorithm 1": "algorithm1"}


def cases(device: torch.device, tiny: bool) -> Iterator[Case]:
    """Every timing; the sides of one shape are timed in turn, in one case."""
    for shape in ((2, 4, 16, 16),) if tiny else SHAPES:
        for backward in (False, True):
            yield (
                f"operator {shape} {'forward+backward' if backward else 'forward'}",
                partial(_operators, device, shape, backward),
            )
    size, options = ((2, 32), {"channels": 4, "blocks": 1}) if tiny else ((16, 128), {"channels": 64, "blocks": 20})
    for step in (False, True):
        yield (
            f"network {size} {'training step' if step else 'forward'}",
            partial(_networks, device, size, options, step),
        )


def _sides(device: torch.device, shape: tuple[int, ...], backward: bool) -> dict[str, Callable[[], object]]:
    g = torch.Generator().manual_seed(0)
    channels = shape[1]
    y = torch.randn(shape, generator=g).to(device).requires_grad_(backward)
    weight = torch.randn(1, channels, KERNEL * KERNEL, generator=g).softmax(2).view(1, channels, KERNEL, KERNEL)
    kernel = weight.to(device).requires_grad_(backward)
    lam = torch.full((1, channels, 1, 1), 1.33e-4, device=device, requires_grad=backward)
    taps = weight.transpose(0, 1).to(device).requires_grad_(backward)
    cotangent = torch.randn(shape, generator=g).to(device)
    last = y.detach().to(memory_format=torch.channels_last).requires_grad_(backward)

    def depthwise(image: Tensor, circular: bool) -> Tensor:
        ring = F.pad(image, (KERNEL // 2,) * 4, mode="circular") if circular else image
        return F.conv2d(ring, taps, padding=0 if circular else KERNEL // 2, groups=channels)

    forwards: dict[str, tuple[Callable[[], Tensor], list[Tensor]]] = {
        "copy": (lambda: y.detach().clone(), []),
        "converse2d": (lambda: converse2d(y, kernel, lam, padding=PADDING), [y, kernel, lam]),
        "algorithm1": (lambda: algorithm1(y, kernel, lam, padding=PADDING), [y, kernel, lam]),
        "depthwise zeros NCHW": (lambda: depthwise(y, False), [y, taps]),
        "depthwise zeros channels_last": (lambda: depthwise(last, False), [last, taps]),
        "depthwise circular NCHW": (lambda: depthwise(y, True), [y, taps]),
        "depthwise circular channels_last": (lambda: depthwise(last, True), [last, taps]),
    }

    def passed(call: Callable[[], Tensor], leaves: list[Tensor]) -> Callable[[], object]:
        if not backward:
            return torch.no_grad()(call)
        if not leaves:
            return lambda: (call(), call(), call())  # what a forward and a backward must at the least move
        given = torch.empty_like(call().detach()).copy_(cotangent)  # in the layout of the result
        return lambda: torch.autograd.grad(call(), leaves, given)

    sides = {name: passed(call, leaves) for name, (call, leaves) in forwards.items()}
    sides[TORCH] = _without_kernels(sides["converse2d"])
    return sides


def _without_kernels(call: Callable[[], object]) -> Callable[[], object]:
    def called() -> object:
        with on_torch():
            return call()

    return called


def _operators(device: torch.device, shape: tuple[int, ...], backward: bool) -> Answer:
    return _timed(device, _sides(device, shape, backward))


def _networks(device: torch.device, size: tuple[int, int], options: dict[str, int], step: bool) -> Answer:
    batch, side = size
    image = torch.rand(batch, 1, side, side, generator=torch.Generator().manual_seed(0)).to(device)
    functions: dict[str, Callable[[], object]] = {}
    for label, operator in NETWORKS.items():
        model = converse.build_model("converse_dncnn", seed=0, operator=operator, **options).to(device)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=device.type == "cuda")
        functions[label] = partial(_step, model, optimizer, image) if step else partial(_forward, model, image)
    return _timed(device, functions)


def _forward(model: torch.nn.Module, image: Tensor) -> None:
    with torch.no_grad():
        model(image)


def _step(model: torch.nn.Module, optimizer: torch.optim.Optimizer, image: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    F.l1_loss(model(image), image).backward()
    optimizer.step()


def _timed(device: torch.device, functions: dict[str, Callable[[], object]]) -> Answer:
    """Median milliseconds in turn, ratio to converse2d in the same round (median of pairs), MiB above what was held.

    A sample is as many calls, one queued behind the other, as take :data:`SAMPLE_MS`: what a program pays for calls
    that the device, or Python, works off without a stop.
    """
    lost, samples, calls = {}, {}, {}
    for name, function in list(functions.items()):
        try:
            for _ in range(2):
                function()
            _wait(device)
            begin = time.perf_counter()
            function()
            _wait(device)
            samples[name], calls[name] = [], max(1, math.ceil(SAMPLE_MS / (1e3 * (time.perf_counter() - begin))))
        except torch.cuda.OutOfMemoryError:
            lost[name] = "out of memory"
    for _ in range(REPEATS):
        for name in samples:
            begin = time.perf_counter()
            for _ in range(calls[name]):
                functions[name]()
            _wait(device)
            samples[name].append(1e3 * (time.perf_counter() - begin) / calls[name])
    own = samples.get("converse2d") or samples.get("Converse-DnCNN") or []
    answer: Answer = {"ok": not lost, "ms": {n: round(statistics.median(s), 4) for n, s in samples.items()}, **lost}
    answer["ratio"] = {
        n: round(statistics.median(a / b for a, b in zip(s, own, strict=True)), 3) for n, s in samples.items() if own
    }
    if device.type == "cuda":
        answer["MiB"] = {n: round(cuda_extra_peak(functions[n], device) / 2**20, 1) for n in samples}
    return answer


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
