"""Layer norm over channels on a CUDA device by kernels of our own: one pass forward, one back."""

from __future__ import annotations

import ctypes
from pathlib import Path

import torch
from torch import Tensor

from ..native.serving import refusal
from .driver import Kernel, load
from .trust import Trusted

SOURCE = Path(__file__).with_name("source") / "norm.cu"
MOST_CHANNELS = 128
"""They are held in registers."""
THREADS = 128
WAVES = 8
"""Blocks of a launch for each multiprocessor, at the most."""
TOLERANCE = 1e-5
"""Relative error of the self-test: ten times what it shows."""


class Pixels(ctypes.Structure):
    """``struct Pixels`` of the source: B and H W."""

    _fields_ = [("samples", ctypes.c_int), ("area", ctypes.c_int)]


def source(channels: int, threads: int = THREADS, warp: int = 32) -> str:
    """CUDA C++ of the kernels for so many channels."""
    head = f"#define C {channels}\n#define THREADS {threads}\n#define WARP {warp}\n"
    return head + SOURCE.read_text(encoding="utf-8")


class Norm:
    """The kernels for one number of channels on one device.

    Args:
        channels: C.
        device: with an index.

    Raises:
        OSError, RuntimeError: as :func:`converse.cuda.driver.load`.
    """

    def __init__(self, channels: int, device: torch.device) -> None:
        self._kernels: dict[str, Kernel] = load(source(channels), {"norm_forward": 0, "norm_backward": 0}, device)
        self._most = WAVES * torch.cuda.get_device_properties(device).multi_processor_count

    def _blocks(self, x: Tensor) -> int:
        return min(self._most, -(-x.shape[0] * x.shape[2] * x.shape[3] // THREADS))

    def forward(self, x: Tensor, gain: Tensor, shift: Tensor, eps: float) -> Tensor:
        """(B, C, H, W), contiguous, float32, as are gain and shift, (C,)."""
        out = torch.empty_like(x)
        pixels = Pixels(x.shape[0], x.shape[2] * x.shape[3])
        self._kernels["norm_forward"](self._blocks(x), THREADS, x, gain, shift, out, float(eps), pixels)
        return out

    def backward(self, grad: Tensor, x: Tensor, gain: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of x, gain and shift given that of the result."""
        blocks, dx = self._blocks(x), torch.empty_like(x)
        parts = x.new_empty((blocks, 2, x.shape[1]))
        pixels = Pixels(x.shape[0], x.shape[2] * x.shape[3])
        self._kernels["norm_backward"](blocks, THREADS, grad.contiguous(), x, gain, dx, parts, float(eps), pixels)
        sums = parts.sum(0)
        return dx, sums[0], sums[1]


_norms: Trusted[Norm] = Trusted("the norm over channels,", MOST_CHANNELS)


def serving(x: Tensor, gain: Tensor, shift: Tensor) -> Norm | None:
    """The kernels that serve a call on these tensors; None: torch computes."""
    if x.device.type != "cuda" or x.dim() != 4 or not x.is_contiguous() or x.shape[2] * x.shape[3] >= 2**31:
        return None
    channels, device = x.shape[1], x.device
    if not channels <= MOST_CHANNELS or any(
        t.shape != (channels,) or t.device != device or not t.is_contiguous() for t in (gain, shift)
    ):
        return None
    if refusal(x, gain, shift, as_they_are=True, device="cuda") is not None:
        return None

    def make() -> tuple[Norm, str | None]:
        made = Norm(channels, device)
        return made, _disagreement(made, channels, device)

    return _norms.get((channels, device.index), make)


def _disagreement(norm: Norm, channels: int, device: torch.device) -> str | None:
    """What a small call gives otherwise than the formula in float64, in one line; None if everything agrees."""
    generator, eps = torch.Generator("cpu").manual_seed(0), 1e-5
    shapes = ((2, channels, 9, 31), (2, channels, 9, 31), (channels,), (channels,))
    drawn = (torch.randn(s, generator=generator, dtype=torch.float32, device="cpu") for s in shapes)
    x, grad, gain, shift = (t.to(device) for t in drawn)
    found = (norm.forward(x, gain, shift, eps), *norm.backward(grad, x, gain, eps))
    wide, upper = x.double(), grad.double()
    centred = wide - wide.mean(1, keepdim=True)
    scale = (centred.square().mean(1, keepdim=True) + eps).rsqrt()
    values, weighted = centred * scale, upper * gain.double().view(-1, 1, 1)
    dx = scale * (weighted - weighted.mean(1, keepdim=True) - values * (weighted * values).mean(1, keepdim=True))
    truth = (
        values * gain.double().view(-1, 1, 1) + shift.double().view(-1, 1, 1),
        dx,
        (upper * values).sum((0, 2, 3)),
        upper.sum((0, 2, 3)),
    )
    for name, got, want in zip(("out", "dx", "dgain", "dshift"), found, truth, strict=True):
        error = float((got - want).norm() / max(float(want.norm()), 1e-3 * float(upper.norm())))
        if not error <= TOLERANCE:
            return f"its self-test failed: {name} differs by {error:.1e}"
    return None
