"""What a training costs in multiply–accumulates, counted and not timed: the same on every machine.

Convolutions, matrix products and Fourier transforms of one step, forward and backward, are counted by PyTorch's flop
counter on the meta device, where nothing is computed. A real transform of N samples counts 5/4 N log2 N, a complex
one twice that (the split-radix order of magnitude, Johnson and Frigo 2007, in pairs of flops). Pointwise work is left
out, as usual; so a network that is mostly pointwise looks cheaper than it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import converse.mathematics.node  # noqa: F401  (registers the operators that are counted below)
from bench.config.run_spec import RunSpec
from bench.models import networks


def _transform(shape: Sequence[int], dims: Sequence[int], real: bool) -> int:
    """Flops of a transform over ``dims`` of a tensor of (real) ``shape``."""
    n = math.prod(shape[d] for d in dims)
    batch = math.prod(shape) // max(n, 1)
    return round(batch * n * math.log2(max(n, 2)) * (2.5 if real else 5.0))


def _r2c(x: Sequence[int], dim: Sequence[int], *_: Any, **__: Any) -> int:
    return _transform(x, dim, real=True)


def _c2r(x: Sequence[int], dim: Sequence[int], *_: Any, out_shape: Sequence[int], **__: Any) -> int:
    return _transform(out_shape, dim, real=True)


def _c2c(x: Sequence[int], dim: Sequence[int], *_: Any, **__: Any) -> int:
    return _transform(x, dim, real=False)


def _convolution(x: Sequence[int], w: Sequence[int], out: Sequence[int], transposed: bool) -> int:
    """Flops of one pass: every weight meets every output sample once (every input sample, if transposed)."""
    return 2 * x[0] * math.prod(w) * math.prod((x if transposed else out)[2:])


def _forward(
    x: Sequence[int], w: Sequence[int], _bias: Any, _stride: Any, _padding: Any, _dilation: Any, transposed: bool,
    *_: Any, out_shape: Sequence[int], **__: Any,
) -> int:  # fmt: skip
    return _convolution(x, w, out_shape, transposed)


def _backward(
    grad: Sequence[int], x: Sequence[int], w: Sequence[int], _bias: Any, _stride: Any, _padding: Any, _dilation: Any,
    transposed: bool, _output_padding: Any, _groups: int, mask: Sequence[bool], **__: Any,
) -> int:  # fmt: skip
    return sum(mask[:2]) * _convolution(x, w, grad, transposed)


def _solve(y: Sequence[int], *rest: Any, out_shape: Sequence[int], **_: Any) -> int:
    """Converse2D on the meta device is one opaque node: two real transforms of the padded map, there and back."""
    padding = rest[-3]
    scale = out_shape[-1] // y[-1]
    padded = [y[2] + 2 * padding[0], y[3] + 2 * padding[1]]
    high = [side * scale for side in padded]
    return sum(_transform([y[0] * y[1], *size], (1, 2), real=True) for size in (padded, high))


def _solve_backward(grad: Sequence[int], y: Sequence[int], *rest: Any, **_: Any) -> int:
    """The cotangent there, y there (recomputed), the gradient of y back."""
    padding = rest[-3]
    padded = [y[2] + 2 * padding[0], y[3] + 2 * padding[1]]
    high = [side * (grad[-1] // y[-1]) for side in padded]
    return sum(_transform([y[0] * y[1], *size], (1, 2), real=True) for size in (high, padded, padded))


_COUNTS = {
    torch.ops.converse.solve: _solve,
    torch.ops.converse.solve_backward: _solve_backward,
    # Of grouped convolutions' weights PyTorch's own formula counts every group with every other.
    torch.ops.aten.convolution: _forward,
    torch.ops.aten.convolution_backward: _backward,
    torch.ops.aten._fft_r2c: _r2c,
    torch.ops.aten._fft_c2r: _c2r,
    torch.ops.aten._fft_c2c: _c2c,
}


def step_macs(run: RunSpec, plugins: Sequence[str] = ()) -> int | None:
    """Multiply–accumulates of one training step of a run, forward and backward; None where it cannot be counted.

    A plugin may do what the meta device cannot follow: then there is no count, and the run's record says so.
    """
    spec = run.train
    if spec is None:
        return None
    budget, scale = spec.budget, spec.degradation.scale
    counts = []
    try:
        with torch.device("meta"):
            model = networks.build(run, plugins)
            declared = networks.info(model)
            for side in budget.sides:
                inputs = [torch.empty(budget.batch, declared.image_channels, side // scale, side // scale)]
                if "kernel" in declared.inputs:
                    inputs.append(torch.empty(budget.batch, 1, 7, 7))
                with FlopCounterMode(display=False, custom_mapping=_COUNTS) as counter:
                    model(*inputs).sum().backward()
                counts.append(counter.get_total_flops() // 2)
    except (RuntimeError, NotImplementedError, TypeError, ValueError):
        return None
    return round(sum(counts) / len(counts))


def pass_flops(build: Callable[[], tuple[nn.Module, list[Tensor]]], backward: bool) -> int | None:
    """Floating-point operations of one pass of what ``build`` makes on the meta device; None where it cannot be said.

    Args:
        build: gives a module and its inputs.
        backward: the gradients of all parameters and inputs as well.
    """
    try:
        module, inputs = build()
        with FlopCounterMode(display=False, custom_mapping=_COUNTS) as counter, torch.set_grad_enabled(backward):
            out = module.train(backward)(*inputs)
            if backward:
                out.sum().backward()
    except Exception:  # whatever an operator from outside does on the meta device
        return None
    return int(counter.get_total_flops()) or None
