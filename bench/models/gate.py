"""Is what was timed right? Its results against float64, in the same command: no speed-up is told without.

Of operators that treat every channel by itself a few channels are computed again, in float64, from the same input and
weights: Converse2D and Algorithm 1 by the paper's Algorithm 1, convolutions by torch. Other operators are computed
again whole by themselves in float64, and networks on a corner of their input.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from bench.config.timed_variants import PASSED, Pass
from bench.models.timed import Job, corner, scale_of
from converse.assembly.contract import build_operator
from converse.declarations.registry import find_operator

CHANNELS = 2
"""So many of the first and of the last channels are computed again."""
CORNER = 48
"""Side of the corner of its input on which a network is computed again."""
SEPARATE = {"converse2d": "algorithm1", "algorithm1": "algorithm1", "conv": "", "convt": "convt"}
"""Operators that treat every channel by itself, and what computes their truth ("": torch.nn.Conv2d)."""
FLOAT32 = {"output": 2e-6, "input": 2e-6, "parameters": 1e-5}
"""Largest relative errors by what is compared: output, gradient of the input, gradients of the parameters.

Converse2D's contract (``test_float32_meets_the_targets``)."""
LOOSE = dict.fromkeys(FLOAT32, 1e-2)
"""For what promises nothing: the paper's Algorithm 1 in float32, operators of a user, whole networks."""


def errors(job: Job, module: nn.Module, inputs: list[Tensor], which: Pass) -> tuple[float | None, str]:
    """The largest relative error of one pass, and the verdict.

    Args:
        job: what ``module`` and ``inputs`` were built from (`bench.models.timed.build`).
        module: float32.
        inputs: its arguments, float32.
        which: forward: the output is compared; forward+backward: all gradients too, of a random cotangent.

    Returns:
        Error (None where there is none) and ``passed``, or ``failed: ...``, or ``not measured: ...``.
    """
    try:
        found = _compared(job, module, inputs, which)
    except Exception as error:  # float64 is no part of the contract of an operator from outside
        return None, f"not measured: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    limits = FLOAT32 if job.kind == "operator" and job.name in SEPARATE and job.name != "algorithm1" else LOOSE
    wrong = [
        f"{name} {error:.1e}, bound {limits[kind]:.0e}" for name, kind, error in found if not error <= limits[kind]
    ]
    worst = max((e for _, _, e in found), key=lambda e: (e != e, e))
    return worst, f"failed: {'; '.join(wrong)}" if wrong else PASSED


def _compared(job: Job, module: nn.Module, inputs: list[Tensor], which: Pass) -> list[tuple[str, str, float]]:
    """(name, kind, relative error) of everything that is compared."""
    parts = None
    if job.kind == "operator":
        module = _moved(module)
    if job.kind == "operator" and job.name in SEPARATE:
        channels = inputs[0].shape[1]
        keep = sorted({*range(min(CHANNELS, channels)), *range(max(0, channels - CHANNELS), channels)})
        parts = torch.tensor(keep, device=inputs[0].device)
        exact = _few_channels(job, module, parts)
        wide = [t.detach().index_select(1, parts).double() for t in inputs]
    else:
        if job.kind == "model":
            inputs = [corner(t, CORNER) if t.shape[-1] > CORNER else t for t in inputs]
        exact = copy.deepcopy(module).double()
        wide = [t.detach().double() for t in inputs]
    return _differences(job, module, inputs, exact, wide, parts, which)


def _moved(module: nn.Module) -> nn.Module:
    """The module with other weights near by: where an upsampler starts, the gradient of lam is zero, without digits."""
    moved, generator = copy.deepcopy(module), torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in moved.parameters():
            factor = 0.8 + 0.4 * torch.rand(parameter.shape, generator=generator)
            parameter.mul_(factor.to(parameter.device))
    return moved


def _few_channels(job: Job, module: nn.Module, parts: Tensor) -> nn.Module:
    """The operator of the chosen channels, with their weights, in float64."""
    truth, channels, scale = SEPARATE[job.name], len(parts), job.scale
    info = find_operator(job.name)
    kernel = info.up_kernel_size if scale > 1 and info.up_kernel_size is not None else job.kernel
    options = {"padding": job.padding} if "padding" in info.options else {}
    if truth:
        settings = {"scale": scale, "padding_mode": job.padding_mode, **options}
        exact = build_operator(find_operator(truth), channels, kernel, **settings)
    else:
        mode: Any = job.padding_mode
        exact = nn.Conv2d(channels, channels, kernel, padding="same", padding_mode=mode, groups=channels)
    exact = exact.to(parts.device).double()
    whole, mine = module.state_dict(), exact.state_dict()
    exact.load_state_dict({name: _select(whole[name], value.shape, parts).double() for name, value in mine.items()})
    return exact


def _select(tensor: Tensor, shape: torch.Size, parts: Tensor) -> Tensor:
    """The chosen channels of a tensor: those of the one axis along which ``shape`` is smaller."""
    axes = [axis for axis, (n, m) in enumerate(zip(tensor.shape, shape, strict=True)) if n != m]
    return tensor.index_select(axes[0], parts) if axes else tensor


def _differences(
    job: Job,
    module: nn.Module,
    inputs: list[Tensor],
    exact: nn.Module,
    wide: list[Tensor],
    parts: Tensor | None,
    which: Pass,
) -> list[tuple[str, str, float]]:
    """One pass of ``module`` against the same of ``exact``, which has the channels ``parts`` only."""

    def chosen(tensor: Tensor, like: Tensor) -> Tensor:
        return tensor if parts is None else _select(tensor, like.shape, parts)

    if which == "forward":
        with torch.no_grad():
            with job.backend():
                out = module.eval()(*(t.detach() for t in inputs))
            truth = exact.eval()(*wide)
        return [("output", "output", _relative(chosen(out, truth), truth))]
    b, c, h, w = inputs[0].shape
    s = scale_of(job, module)
    # Of mean 1: the gradient of a bias is its sum, which must not cancel.
    cotangent = 1 + torch.randn((b, c, h * s, w * s), generator=torch.Generator().manual_seed(1)).to(inputs[0].device)
    leaves = [t.detach().requires_grad_(t.requires_grad) for t in inputs]
    names = [n for n, p in module.named_parameters() if p.requires_grad]
    wanted = [p for p in module.parameters() if p.requires_grad] + [t for t in leaves if t.requires_grad]
    with job.backend():
        out = module.train()(*leaves)
        found = torch.autograd.grad(out, wanted, cotangent, allow_unused=True)
    for tensor, leaf in zip(wide, leaves, strict=True):
        tensor.requires_grad_(leaf.requires_grad)
    own = [p for p in exact.parameters() if p.requires_grad] + [t for t in wide if t.requires_grad]
    truth = exact.train()(*wide)
    true = torch.autograd.grad(truth, own, chosen(cotangent, truth).double(), allow_unused=True)
    compared = [("output", "output", _relative(chosen(out.detach(), truth), truth.detach()))]
    if job.kind == "model":  # all at once: that of a bias before a normalisation is zero, and has no digits
        pairs = [(a, t) for a, t in zip(found, true, strict=True) if a is not None and t is not None]
        a, t = (torch.cat([tensor.double().flatten() for tensor in side]) for side in zip(*pairs, strict=True))
        return [*compared, ("gradients", "parameters", _relative(a, t))]
    labels = [(n, "parameters") for n in names] + [("input", "input")] * (len(wanted) - len(names))
    for (name, kind), a, t in zip(labels, found, true, strict=True):
        if a is not None and t is not None:
            compared.append((name, kind, _relative(chosen(a, t), t)))
    return compared


def _relative(a: Tensor, truth: Tensor) -> float:
    size = truth.norm()
    return float(((a.double() - truth).norm() / size) if size > 0 else a.double().norm())
