"""The operator at scale 1 on a CUDA device by the plane kernels, and its gradient."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from ..calls.setting import PADDING_MODES, Setting
from .planes import Planes


class Task(ctypes.Structure):
    """``struct Task`` of the source: samples, channels, height and width of y, padding, mode.

    Pointers may begin at a later channel of y: what follows is reckoned from there.
    """

    _fields_ = [(name, ctypes.c_int) for name in ("b", "c", "h", "w", "pad_h", "pad_w", "mode")]


def _task(y: Tensor, setting: Setting) -> Task:
    return Task(*y.shape, *setting.padding, PADDING_MODES.index(setting.mode))


def _parameters(kernel: Tensor, lam: Tensor) -> tuple[Tensor, Tensor, int]:
    """Both in one type that the kernels read, and whether that is double."""
    wide = torch.float64 in (kernel.dtype, lam.dtype)
    dtype = torch.float64 if wide else torch.float32
    return kernel.to(dtype).contiguous(), lam.to(dtype).contiguous(), int(wide)


def _transfer(planes: Planes, kernel: Tensor, lam: Tensor, wide: int, nearest: bool) -> Tensor:
    """G / (H W) in the order of the kernels, (C, H, W, 2), float32."""
    (c, kh, kw), (h, w) = kernel.shape, planes.size
    g = torch.empty((c, h, w, 2), dtype=torch.float32, device=kernel.device)
    work = torch.empty((c, kh * w, 2), dtype=torch.float64, device=kernel.device)
    planes.launch("converse_transfer", c, kernel, lam, work, g, kh, kw, int(nearest), wide)
    return g


def solve(planes: Planes, y: Tensor, kernel: Tensor, lam: Tensor, setting: Setting) -> Tensor:
    """X* as :func:`converse.mathematics.spectral.solution` has it.

    Args:
        planes: of the padded size, on the device of ``y``.
        y: (B, C, H, W); computed in float32.
        kernel: (C, kh, kw).
        lam: (C,).
        setting: of scale 1, with prior "nearest" or "zero"; the sizes fit.

    Returns:
        (B, C, H, W), contiguous, in the dtype of y.
    """
    maps, task, pairs = y.float().contiguous(), _task(y, setting), (y.shape[0] + 1) // 2
    taps, weight, wide = _parameters(kernel, lam)
    out = torch.empty_like(maps)
    for cs in planes.channels(y.shape[1], 1):
        g = _transfer(planes, taps[cs], weight[cs], wide, setting.nearest)
        planes.launch("converse_filter", g.shape[0] * pairs, maps[:, cs], g, out[:, cs], task)
    return out.to(y.dtype)


def solve_backward(
    planes: Planes,
    grad: Tensor,
    y: Tensor,
    kernel: Tensor,
    lam: Tensor,
    need_y: bool,
    need_parameters: bool,
    setting: Setting,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of :func:`solve` for y, kernel and lam, each in its dtype; empty tensors where not needed."""
    (b, c, _, _), (_, kh, kw), (h, w) = y.shape, kernel.shape, planes.size
    maps, cotangent, task = y.float().contiguous(), grad.float().contiguous(), _task(y, setting)
    taps, weight, wide = _parameters(kernel, lam)
    shares, nearest = planes.shares(c, (b + 1) // 2), int(setting.nearest)
    dy = torch.empty_like(maps) if need_y else None
    dk, dlam = torch.empty_like(taps), torch.empty_like(weight)
    for cs in planes.channels(c, 1 + (2 * shares if need_parameters else 0)):
        g = _transfer(planes, taps[cs], weight[cs], wide, setting.nearest)
        n = g.shape[0]
        spectra, sums = g.new_empty((2, n, shares, h, w, 2)).unbind() if need_parameters else (None, None)
        part = None if dy is None else dy[:, cs]
        arguments = (cotangent[:, cs], maps[:, cs], g, spectra, sums, part, shares, task)
        planes.launch("converse_gradient", n * shares, *arguments)
        if sums is not None:
            work = torch.empty((n, kh * w + h * kw + planes.threads, 2), dtype=torch.float64, device=y.device)
            results = (dk[cs], dlam[cs], shares, kh, kw, nearest, wide)
            planes.launch("converse_parameters", n, taps[cs], weight[cs], sums, work, *results)
    out = y.new_empty((0,)) if dy is None else dy.to(y.dtype)
    if not need_parameters:
        return out, kernel.new_empty((0,)), lam.new_empty((0,))
    return out, dk.to(kernel.dtype), dlam.to(lam.dtype)
