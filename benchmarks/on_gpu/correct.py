"""Part ``correct``: the operator and the networks on the device against float64 on the CPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import converse
from bench.training.batch import Batch
from bench.training.stepping import Stepper
from benchmarks.on_gpu.journal import Answer, Case
from converse.assembly.norm import channel_norm
from converse.calls.setting import Setting
from converse.cuda.planes import shared_limit
from converse.mathematics.functional import converse2d
from converse.mathematics.spectral import planes_for

BOUND = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 3e-3}
"""Relative error (Euclidean norms) of values and gradients: float32 shows 1e-6, the others their own rounding."""
SIZES = ((24, 20), (1, 7), (37, 41), (131, 67))
"""Even, odd, prime; one with a row of one."""
MODES = ("circular", "reflect", "replicate", "zeros")
NETWORKS = ("converse_dncnn", "converse_srresnet", "conversenet", "converse_usrnet")
Call = Callable[..., Tensor]


def cases(device: torch.device, tiny: bool) -> Iterator[Case]:
    """Every question of this part.

    Args:
        device: where the operator computes.
        tiny: a handful of them, for a smoke run on the CPU.
    """
    sizes, kernels = (SIZES[:1], ((3, 3),)) if tiny else (SIZES, ((3, 3), (5, 5), (4, 2), (7, 7)))
    for size, kernel, scale, mode in product(sizes, kernels, (1, 2, 3), MODES):
        fits = mode in ("replicate", "zeros") or min(size) > 1  # the others pad a row of one by less than a kernel
        if fits and min(kernel) >= scale:
            yield f"{size} {kernel} s{scale} {mode}", partial(_agrees, device, size, kernel, scale, mode, "nearest")
    for x0, scale in product(("zero", "bilinear", "bicubic"), (1, 2)):
        yield f"x0 {x0} s{scale}", partial(_agrees, device, (24, 20), (3, 3), scale, "circular", x0)
    for dtype in (torch.bfloat16, torch.float16):
        name = str(dtype).removeprefix("torch.")
        yield name, partial(_agrees, device, (24, 20), (5, 5), 1, "circular", "nearest", dtype)
        yield f"autocast {name}", partial(_autocast, device, dtype)
    yield "channels_last", partial(_channels_last, device)
    for factor in (1e3, 1e6, math.inf):
        yield f"samples of unlike size, {factor:g}", partial(_unlike, device, factor)
    yield "kernel and lam per sample", partial(_per_sample, device)
    yield "empty batch", partial(_empty, device)
    for channels in (8,) if tiny else (8, 24, 64, 128, 129):
        yield f"norm of {channels}", partial(_norm, device, channels)
    yield "second derivatives", partial(_second, device)
    yield "deterministic", partial(_deterministic, device)
    yield "recorded training", partial(_recorded, device)
    for name in NETWORKS:
        yield f"network {name}", partial(_network, device, name)
    if not tiny:
        yield "large batch", partial(_agrees, device, (64, 64), (5, 5), 1, "circular", "nearest", torch.float32, 64, 64)
        for size, batch, mode in product(((72, 72), (128, 128), (156, 44)), (1, 7), MODES):
            name = f"kernels {size} batch {batch} {mode}"
            yield name, partial(_agrees, device, size, (5, 5), 1, mode, "nearest", torch.float32, batch, 5)
        yield "torch.compile", partial(_compiled, device)
    if device.type == "cuda":
        yield "CUDA graph", partial(_graph, device)
        yield "kernels serve", partial(_served, device)


def _inputs(
    size: tuple[int, int], kernel: tuple[int, int], batch: int = 2, channels: int = 3, each: bool = False
) -> list[Tensor]:
    g, n = torch.Generator().manual_seed(1), batch if each else 1
    weight = torch.randn(n, channels, *kernel, generator=g).flatten(2).softmax(2).view(n, channels, *kernel)
    return [torch.randn(batch, channels, *size, generator=g), weight, torch.rand(n, channels, 1, 1, generator=g) + 0.05]


def _compare(call: Call, device: torch.device, inputs: list[Tensor], dtype: torch.dtype = torch.float32) -> Answer:
    """Values and all gradients of ``call`` there, in ``dtype``, and on the CPU in float64, from the same numbers."""
    given = [inputs[0].to(dtype), *inputs[1:]]
    sides = []
    for where, precise in ((device, False), (torch.device("cpu"), True)):
        leaves = [(t.double() if precise else t).to(where).requires_grad_() for t in given]
        out = call(*leaves)
        weights = torch.randn(out.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        grads = torch.autograd.grad(out, leaves, weights.to(out))
        sides.append([t.detach().cpu().double() for t in (out, *grads)])
    return _errors(*sides, bound=BOUND[dtype])


def _errors(got: list[Tensor], truth: list[Tensor], bound: float) -> Answer:
    # A gradient that cancels to nothing is rounding alone: it is judged by a thousandth of the largest tensor.
    least = 1e-3 * max(float(b.norm()) for b in truth) or 1e-300
    errors = [float((a - b).norm()) / max(float(b.norm()), least) for a, b in zip(got, truth, strict=True)]
    return {"ok": all(e <= bound for e in errors), "errors": errors, "bound": bound}


def _agrees(
    device: torch.device,
    size: tuple[int, int],
    kernel: tuple[int, int],
    scale: int,
    mode: str,
    x0: str,
    dtype: torch.dtype = torch.float32,
    batch: int = 2,
    channels: int = 3,
) -> Answer:
    padding = tuple(k // 2 for k in kernel)
    call = partial(converse2d, scale=scale, padding=padding, padding_mode=mode, x0=x0)
    return _compare(call, device, _inputs(size, kernel, batch, channels), dtype)


def _per_sample(device: torch.device) -> Answer:
    return _compare(partial(converse2d, padding=2), device, _inputs((24, 20), (5, 5), each=True))


def _unlike(device: torch.device, factor: float) -> Answer:
    """One sample of the batch does not touch the digits of another, whatever it holds."""
    y, kernel, lam = (t.to(device) for t in _inputs((24, 20), (5, 5), batch=3))
    alone = converse2d(y, kernel, lam, padding=2)[1:]
    y[0] *= factor
    beside = converse2d(y, kernel, lam, padding=2)[1:]
    return _errors([beside.cpu().double()], [alone.cpu().double()], bound=1e-6)


def _channels_last(device: torch.device) -> Answer:
    def call(y: Tensor, kernel: Tensor, lam: Tensor) -> Tensor:
        return converse2d(y.contiguous(memory_format=torch.channels_last), kernel, lam, padding=2)

    return _compare(call, device, _inputs((24, 20), (5, 5)))


def _autocast(device: torch.device, dtype: torch.dtype) -> Answer:
    def call(y: Tensor, kernel: Tensor, lam: Tensor) -> Tensor:
        with torch.autocast(device.type, dtype, enabled=y.dtype != torch.float64):
            return converse2d(y, kernel, lam, padding=2)

    return _compare(call, device, _inputs((24, 20), (5, 5)))


def _empty(device: torch.device) -> Answer:
    layer = converse.Converse2D(3, 5, padding=2).to(device)
    out = layer(torch.empty(0, 3, 8, 9, device=device))
    out.sum().backward()
    return {"ok": out.shape == (0, 3, 8, 9)}


def _second(device: torch.device) -> Answer:
    inputs = [t.double().to(device).requires_grad_() for t in _inputs((4, 3), (3, 2), 1, 1)]
    return {"ok": torch.autograd.gradgradcheck(partial(converse2d, scale=2, padding=1), inputs)}


def _deterministic(device: torch.device) -> Answer:
    inputs = [t.to(device).requires_grad_() for t in _inputs((131, 67), (5, 5), 4, 16)]

    def once() -> list[Tensor]:
        out = converse2d(*inputs, padding=4)
        return [out, *torch.autograd.grad(out.square().sum(), inputs)]

    return {"ok": all(torch.equal(a, b) for a, b in zip(once(), once(), strict=True))}


def _norm(device: torch.device, channels: int) -> Answer:
    g = torch.Generator().manual_seed(1)
    inputs = [torch.randn(s, generator=g) for s in ((3, channels, 37, 41), (channels,), (channels,))]
    return _compare(partial(channel_norm, eps=1e-5), device, inputs)


def _served(device: torch.device) -> Answer:
    y = torch.ones(1, 1, 72, 72, device=device)
    return {"ok": planes_for(Setting(1, (4, 4)), y) is not None, "largest": shared_limit(y.device)}


def _recorded(device: torch.device) -> Answer:
    """Ten steps with and without a CUDA graph: every loss and weight the same."""
    sides = []
    for records in (False, True):
        model = converse.build_model("converse_dncnn", seed=0, channels=8, blocks=2).to(device)

        def loss(batch: Batch, model: nn.Module = model) -> Tensor:
            return F.l1_loss(model(batch.degraded), batch.clean)

        step = Stepper(model.parameters(), loss, 1e-3, 1.0, device, records)
        generator, losses = torch.Generator().manual_seed(0), []
        for number in range(10):
            clean = torch.rand(2, 1, 24, 20, generator=generator).to(device)
            losses.append(step(Batch(clean + 0.1, clean), 1e-3 / (1 + number)))
        sides.append([torch.stack(losses), *(p.detach() for p in model.parameters())])
    errors = [float((a - b).norm() / b.norm().clamp_min(1e-12)) for a, b in zip(*sides, strict=True)]
    equal = all(torch.equal(a, b) for a, b in zip(*sides, strict=True))
    # Adam with a learning rate on the device rounds it to float32.
    return {"ok": max(errors) <= 1e-4, "largest": max(errors), "equal": equal}


def _network(device: torch.device, name: str) -> Answer:
    model = converse.build_model(name, seed=0, channels=8, blocks=2)
    colours = 1 if name == "converse_dncnn" else 3
    image = torch.rand(1, colours, 33, 40, generator=torch.Generator().manual_seed(0))
    blur = [torch.full((1, 1, 7, 7), 1 / 49)] if "usrnet" in name else []

    def both(network: nn.Module, where: torch.device, dtype: torch.dtype) -> list[Tensor]:
        network = network.to(where, dtype)
        out = network(*(t.to(where, dtype) for t in (image, *blur)))
        grads = torch.autograd.grad(out.square().mean(), list(network.parameters()))
        # One vector of all gradients: by itself, that of a bias that a norm takes out again is nothing but rounding.
        return [out.detach().cpu().double(), torch.cat([g.flatten() for g in grads]).cpu().double()]

    truth = both(model, torch.device("cpu"), torch.float64)
    return _errors(both(model, device, torch.float32), truth, bound=1e-4)


def _compiled(device: torch.device) -> Answer:
    layer = converse.Converse2D(8, 5, padding=4).to(device)
    y = torch.randn(2, 8, 24, 20, device=device)
    plain, compiled = layer(y).detach(), torch.compile(layer)(y).detach()
    return _errors([compiled.cpu().double()], [plain.cpu().double()], bound=1e-5)


def _graph(device: torch.device) -> Answer:
    layer = converse.Converse2D(8, 5, padding=4).to(device)
    y = torch.randn(2, 8, 24, 20, device=device)

    def step() -> Tensor:
        layer.zero_grad(set_to_none=False)
        out = layer(y)
        out.square().sum().backward()
        return out

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = step()
    y.copy_(torch.randn_like(y))
    graph.replay()
    captured = [out.detach().clone(), *(p.grad.clone() for p in layer.parameters() if p.grad is not None)]
    fresh = [step().detach(), *(p.grad for p in layer.parameters() if p.grad is not None)]
    return _errors([t.cpu().double() for t in captured], [t.cpu().double() for t in fresh], bound=1e-6)
