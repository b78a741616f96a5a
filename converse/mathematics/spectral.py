"""The operator by FFT, and its hand-written gradient: bounded work buffers, nothing saved but the input.

With n, q, F, G of :mod:`converse.mathematics.fourier`, E = sum_p F_p g_p / P and P = sum_p |F_p|^2 + lam, the
gradients of X = X0 + A'(A A' + lam)^-1 (Y - A X0) for a cotangent g are, all in the Fourier domain (push-through again,
so that nothing is ever divided by lam):

    dY   = sum_p conj(G_p) g_p
    dK_t = (1/HW) Re sum_u S_p(u) exp(2 pi i u m_t / N),   S_p = conj(q) (Z_p - conj(F_p) W) - G_p conj(W)
    dlam = -(1/HW) Re sum_u conj(W) q,                      Z_p = sum_batch conj(Y^) g_p,  W = sum_p F_p Z_p / P

Y^ is recomputed rather than saved. :mod:`converse.mathematics.node` makes both functions one node of a graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..calls.setting import Setting
from ..cuda import operator as on_cuda
from ..cuda.planes import Planes
from ..cuda.serving import serving as serving_on_cuda
from ..native import operator
from ..native.serving import serving
from .checks import sizes
from .fourier import DFT
from .padding import crop2d, fold_padding_, pad_into
from .precision import full_precision
from .transfer import Gradients, compute_dtype, transfer
from .transforms import Grid

_CPU_WORK = 1 << 21
"""Bytes of real samples in flight on a CPU: what is padded, transformed and cropped while in cache."""
_DEVICE_WORK = 1 << 28
"""The same elsewhere, where launches are dear and memory is fast."""


_GLIBC_CEILING = (32 << 20) - (16 << 10)
"""Just below the largest block that glibc counts when it adapts its thresholds."""


def _keep_freed_blocks(device: torch.device) -> None:
    """Let freed work buffers be reused instead of going back to the kernel and faulting in again.

    glibc keeps on its heap what is smaller than the largest block that it ever unmapped, up to 32 MB, and
    gives back a free top above twice that. Freeing one untouched block of nearly 32 MB therefore settles
    both for good. Without it a backward pass spends a fifth of its time in page faults.
    """
    if device.type == "cpu":
        torch.empty(_GLIBC_CEILING, dtype=torch.uint8, device="cpu")


def _spans(total: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, total)) for start in range(0, total, step))


def _chunks(y: Tensor, setting: Setting) -> tuple[int, int, int]:
    """How much to hold at once: channels of G, then images and channels of y."""
    (b, c, h, w), (ph, pw) = y.shape, setting.padding
    one = (h + 2 * ph) * (w + 2 * pw) * setting.scale**2 * compute_dtype(y).itemsize
    cpu = y.device.type == "cpu"
    least = torch.get_num_threads() if cpu else 1
    maps = max((_CPU_WORK if cpu else _DEVICE_WORK) // one, least)
    images = min(b, maps)
    return min(c, maps), images, max(1, min(c, maps // images))


def filter_maps(y: Tensor, g: Tensor, grid: Grid, out: Tensor, setting: Setting) -> None:
    """out = crop(F^-1(G F(pad(y)))), chunk by chunk.

    Args:
        y: (B, N, H, W).
        g: (N, s, s, full, half), the half spectra of ``grid``.
        grid: of the padded maps.
        out: (B, N, H s, W s), written.
        setting: scale and padding.
    """
    (b, n, _, _), size = y.shape, grid.size
    _, nb, nc = _chunks(y, setting)
    buffer = y.new_empty((nb * nc * size[0] * size[1],), dtype=g.real.dtype)
    target = _phases(out, setting.scale, grid)
    for cs in _spans(n, nc):
        for bs in _spans(b, nb):
            shape = (bs.stop - bs.start, cs.stop - cs.start, *size)
            work = buffer[: shape[0] * shape[1] * size[0] * size[1]].view(shape)
            pad_into(work, y[bs, cs], setting.padding, setting.mode)
            spectrum = grid.forward(work)[:, :, None, None]
            spectrum = spectrum.mul_(g[cs]) if setting.scale == 1 else spectrum * g[cs]
            x = grid.inverse(spectrum)
            target[bs, cs].copy_(crop2d(x, setting.padding))


def _phases(x: Tensor, scale: int, grid: Grid) -> Tensor:
    """View (B, C, H s, W s) as (B, C, s_w, s_h, H, W), or, for transposed spectra, (B, C, s_h, s_w, H, W)."""
    view = x.unflatten(3, (-1, scale)).unflatten(2, (-1, scale)).permute(0, 1, 5, 3, 2, 4)
    return view.transpose(2, 3) if grid.transposed else view


def grid_of(size: Sequence[int], padding: Sequence[int], maps: int, like: Tensor) -> Grid:
    """The grid of padded maps of ``size`` (H, W) on the device of ``like``, in the precision of its computations."""
    return Grid.of(size[0] + 2 * padding[0], size[1] + 2 * padding[1], maps, like.device, compute_dtype(like))


def _dft(y: Tensor, kernel: Tensor, setting: Setting) -> DFT:
    taps = (kernel.shape[-2], kernel.shape[-1])
    return DFT.of(grid_of(y.shape[2:], setting.padding, y.shape[0] * y.shape[1], y), taps, setting.scale, y.device)


def planes_for(setting: Setting, *tensors: Tensor) -> Planes | None:
    """The CUDA kernels that serve a call on ``tensors``, y first; None: torch computes."""
    return serving_on_cuda((solution, gradients), setting, *tensors)


def solution_like(y: Tensor, kernel: Tensor, lam: Tensor, setting: Setting) -> Tensor:
    """What :func:`solution` returns, not yet computed."""
    b, c, h, w = y.shape
    return y.new_empty((b, c, h * setting.scale, w * setting.scale))


def solution(y: Tensor, kernel: Tensor, lam: Tensor, setting: Setting) -> Tensor:
    """X* of Eq. (4) for X0 = nearest or zero, one kernel per channel, without a graph.

    Args:
        y: (B, C, H, W).
        kernel: (C, kh, kw).
        lam: (C,).
        setting: with prior "nearest" or "zero".

    Returns:
        (B, C, H s, W s), contiguous, in the dtype of y.
    """
    sizes(y.shape[2:], kernel.shape[-2:], setting)
    library = serving(y, kernel, lam)
    if library is not None:
        return operator.solve(library, y, kernel, lam, setting)
    planes = planes_for(setting, y, kernel, lam)
    if planes is not None:
        return on_cuda.solve(planes, y, kernel, lam, setting)
    out = solution_like(y, kernel, lam, setting)
    if y.numel() == 0:
        return out
    _keep_freed_blocks(y.device)
    with full_precision(y.device):
        dft = _dft(y, kernel, setting)
        for cs in _spans(y.shape[1], _chunks(y, setting)[0]):
            g = transfer(kernel[cs], lam[cs], dft, setting.nearest, compute_dtype(y))
            filter_maps(y[:, cs], g, dft.grid, out[:, cs], setting)
    return out


def gradients_like(
    grad: Tensor, y: Tensor, kernel: Tensor, lam: Tensor, need_y: bool, need_parameters: bool, setting: Setting
) -> tuple[Tensor, Tensor, Tensor]:
    """What :func:`gradients` returns, not yet computed."""
    return (
        y.new_empty(y.shape if need_y else (0,)),
        kernel.new_zeros(kernel.shape if need_parameters else (0,)),
        lam.new_zeros(lam.shape if need_parameters else (0,)),
    )


def gradients(
    grad: Tensor, y: Tensor, kernel: Tensor, lam: Tensor, need_y: bool, need_parameters: bool, setting: Setting
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of :func:`solution` for y, kernel and lam given that of its result; empty where not needed."""
    library = serving(y, kernel, lam, grad)
    if library is not None:
        return operator.solve_backward(library, grad, y, kernel, lam, need_y, need_parameters, setting)
    planes = planes_for(setting, y, kernel, lam, grad)
    if planes is not None:
        return on_cuda.solve_backward(planes, grad, y, kernel, lam, need_y, need_parameters, setting)
    dy, dkernel, dlam = gradients_like(grad, y, kernel, lam, need_y, need_parameters, setting)
    if y.numel() == 0:
        return dy, dkernel, dlam
    _keep_freed_blocks(y.device)
    with full_precision(y.device):
        dft = _dft(y, kernel, setting)
        for cs in _spans(y.shape[1], _chunks(y, setting)[0]):
            rule = Gradients.of(kernel[cs], lam[cs], dft, setting.nearest, compute_dtype(y))
            target = dy[:, cs] if need_y else None
            z = _backward_maps(grad[:, cs], y[:, cs], rule.conj_g, dft.grid, target, need_parameters, setting)
            if z is not None:
                dkernel[cs], dlam[cs] = rule.parameters(z)
    return dy, dkernel, dlam


def _backward_maps(
    grad: Tensor,
    y: Tensor,
    conj_g: Tensor,
    grid: Grid,
    dy: Tensor | None,
    need_z: bool,
    setting: Setting,
) -> Tensor | None:
    """Write dy = unpad(F^-1(sum_p conj(G_p) g_p)); return Z_p = sum_batch conj(Y^) g_p if asked for."""
    (b, n, _, _), size = y.shape, grid.size
    scale, padding, mode, _ = setting
    _, nb, nc = _chunks(y, setting)
    buffer = y.new_empty((nb * nc * scale**2 * size[0] * size[1],), dtype=conj_g.real.dtype)
    z = torch.zeros_like(conj_g) if need_z else None
    source = _phases(grad, scale, grid)
    for cs in _spans(n, nc):
        for bs in _spans(b, nb):
            shape = (bs.stop - bs.start, cs.stop - cs.start)
            area = shape[0] * shape[1] * size[0] * size[1]
            work = buffer[: area * scale**2].view(*shape, scale, scale, *size)
            pad_into(work, source[bs, cs], padding, "zeros")
            cotangent = grid.forward(work)
            if z is not None:
                low = buffer[:area].view(*shape, *size)
                pad_into(low, y[bs, cs], padding, mode)
                spectrum = grid.forward(low).conj_physical_()[:, :, None, None]
                product = spectrum.mul_(cotangent) if scale == 1 else spectrum * cotangent
                z[cs] += product[0] if shape[0] == 1 else product.sum(0)
            if dy is not None:
                total = cotangent.mul_(conj_g[cs])
                total = total[:, :, 0, 0] if scale == 1 else total.sum((2, 3))
                x = grid.inverse(total)
                dy[bs, cs].copy_(fold_padding_(x, padding, mode))
    return z
