"""The operator by FFT, and its hand-written gradient: bounded work buffers, nothing saved but the input.

With n, q, F, G of :mod:`converse.mathematics.fourier`, E = sum_p F_p g_p / P and P = sum_p |F_p|^2 + lam, the
gradients of X = X0 + A'(A A' + lam)^-1 (Y - A X0) for a cotangent g are, all in the Fourier domain (push-through again,
so that nothing is ever divided by lam):

    dY   = sum_p conj(G_p) g_p
    dK_t = (1/HW) Re sum_u S_p(u) exp(2 pi i u m_t / N),   S_p = conj(q) (Z_p - conj(F_p) W) - G_p conj(W)
    dlam = -(1/HW) Re sum_u conj(W) q,                      Z_p = sum_batch conj(Y^) g_p,  W = sum_p F_p Z_p / P

Y^ is recomputed rather than saved. Both functions are registered as opaque operators, so that compilers and
exporters see one node whatever the sizes, and no loop over chunks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from .checks import sizes
from .fourier import DFT
from .higher_order import differentiable
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
        torch.empty(_GLIBC_CEILING, dtype=torch.uint8)


def _spans(total: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, total)) for start in range(0, total, step))


def chunks(y: Tensor, scale: int, padding: Sequence[int]) -> tuple[int, int, int]:
    """How much to hold at once: channels of G, then images and channels of y."""
    (b, c, h, w), dtype = y.shape, compute_dtype(y)
    one = (h + 2 * padding[0]) * (w + 2 * padding[1]) * scale**2 * dtype.itemsize
    cpu = y.device.type == "cpu"
    least = torch.get_num_threads() if cpu else 1
    maps = max((_CPU_WORK if cpu else _DEVICE_WORK) // one, least)
    images = min(b, maps)
    return min(c, maps), images, max(1, min(c, maps // images))


def filter_maps(y: Tensor, g: Tensor, grid: Grid, out: Tensor, padding: Sequence[int], mode: str) -> None:
    """out = crop(F^-1(G F(pad(y)))), chunk by chunk.

    Args:
        y: (B, N, H, W).
        g: (N, s, s, full, half), the half spectra of ``grid``.
        grid: of the padded maps.
        out: (B, N, H s, W s), written; may be ``y`` where s is 1: no map is read after it is written.
        padding: rows, columns.
        mode: padding mode.
    """
    (b, n, _, _), scale, size = y.shape, g.shape[1], grid.size
    _, nb, nc = chunks(y, scale, padding)
    buffer = y.new_empty((nb * nc * size[0] * size[1],), dtype=g.real.dtype)
    target = phases(out, scale, grid)
    for cs in _spans(n, nc):
        for bs in _spans(b, nb):
            shape = (bs.stop - bs.start, cs.stop - cs.start, *size)
            work = buffer[: shape[0] * shape[1] * size[0] * size[1]].view(shape)
            pad_into(work, y[bs, cs], padding, mode)
            spectrum = grid.forward(work)[:, :, None, None]
            spectrum = spectrum.mul_(g[cs]) if scale == 1 else spectrum * g[cs]
            x = grid.inverse(spectrum)
            target[bs, cs].copy_(crop2d(x, padding))


def phases(x: Tensor, scale: int, grid: Grid) -> Tensor:
    """View (B, C, H s, W s) as (B, C, s_w, s_h, H, W), or, for transposed spectra, (B, C, s_h, s_w, H, W)."""
    view = x.unflatten(3, (-1, scale)).unflatten(2, (-1, scale)).permute(0, 1, 5, 3, 2, 4)
    return view.transpose(2, 3) if grid.transposed else view


def grid_of(size: Sequence[int], padding: Sequence[int], maps: int, like: Tensor) -> Grid:
    """The grid of padded maps of ``size`` (H, W) on the device of ``like``, in the precision of its computations."""
    return Grid.of(size[0] + 2 * padding[0], size[1] + 2 * padding[1], maps, like.device, compute_dtype(like))


def _dft(y: Tensor, kernel: Tensor, scale: int, padding: Sequence[int]) -> DFT:
    taps = (kernel.shape[-2], kernel.shape[-1])
    return DFT.of(grid_of(y.shape[2:], padding, y.shape[0] * y.shape[1], y), taps, scale, y.device)


def _solve(
    y: Tensor,
    kernel: Tensor,
    lam: Tensor,
    scale: int,
    padding: Sequence[int],
    mode: str,
    nearest: bool,
) -> Tensor:
    """X* of Eq. (4) for X0 = nearest or zero; one kernel per channel.

    Args:
        y: (B, C, H, W).
        kernel: (C, kh, kw).
        lam: (C,).
        scale: s.
        padding: rows, columns.
        mode: padding mode.
        nearest: whether X0 is nearest-neighbour (else zero).

    Returns:
        (B, C, H s, W s), contiguous, in the dtype of y.
    """
    b, c, h, w = y.shape
    sizes(h, w, kernel.shape[-2:], scale, padding, mode)
    out = y.new_empty((b, c, h * scale, w * scale))
    solve_into(out, y, kernel, lam, scale, padding, mode, nearest)
    return out


def solve_into(
    out: Tensor,
    y: Tensor,
    kernel: Tensor,
    lam: Tensor,
    scale: int,
    padding: Sequence[int],
    mode: str,
    nearest: bool,
) -> None:
    """:func:`solve` written to ``out``, without a gradient; ``out`` may be ``y`` itself where scale is 1."""
    if out.numel() == 0:
        return
    _keep_freed_blocks(y.device)
    with full_precision(y.device):
        dft = _dft(y, kernel, scale, padding)
        for cs in _spans(y.shape[1], chunks(y, scale, padding)[0]):
            g = transfer(kernel[cs], lam[cs], dft, nearest, compute_dtype(y))
            filter_maps(y[:, cs], g, dft.grid, out[:, cs], padding, mode)


_traced = torch.library.custom_op("converse::solve", _solve, mutates_args=())


@_traced.register_fake
def _(
    y: Tensor,
    kernel: Tensor,
    lam: Tensor,
    scale: int,
    padding: Sequence[int],
    mode: str,
    nearest: bool,
) -> Tensor:
    b, c, h, w = y.shape
    return y.new_empty((b, c, h * scale, w * scale))


def _solve_backward(
    grad: Tensor,
    y: Tensor,
    kernel: Tensor,
    lam: Tensor,
    scale: int,
    padding: Sequence[int],
    mode: str,
    nearest: bool,
    need_y: bool,
    need_parameters: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of :func:`solve` for y, kernel and lam; empty tensors where not needed."""
    c = y.shape[1]
    dy = y.new_empty(y.shape if need_y else (0,))
    dkernel = torch.zeros_like(kernel) if need_parameters else kernel.new_empty((0,))
    dlam = torch.zeros_like(lam) if need_parameters else lam.new_empty((0,))
    if y.numel() == 0:
        return dy, dkernel, dlam
    _keep_freed_blocks(y.device)
    with full_precision(y.device):
        dft = _dft(y, kernel, scale, padding)
        for cs in _spans(c, chunks(y, scale, padding)[0]):
            rule = Gradients.of(kernel[cs], lam[cs], dft, nearest, compute_dtype(y))
            target = dy[:, cs] if need_y else None
            z = _backward_maps(grad[:, cs], y[:, cs], rule.conj_g, dft.grid, target, need_parameters, padding, mode)
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
    padding: Sequence[int],
    mode: str,
) -> Tensor | None:
    """Write dy = unpad(F^-1(sum_p conj(G_p) g_p)); return Z_p = sum_batch conj(Y^) g_p if asked for."""
    (b, n, _, _), scale, size = y.shape, conj_g.shape[1], grid.size
    _, nb, nc = chunks(y, scale, padding)
    buffer = y.new_empty((nb * nc * scale**2 * size[0] * size[1],), dtype=conj_g.real.dtype)
    z = torch.zeros_like(conj_g) if need_z else None
    source = phases(grad, scale, grid)
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


_traced_backward = torch.library.custom_op("converse::solve_backward", _solve_backward, mutates_args=())


@_traced_backward.register_fake
def _(
    grad: Tensor,
    y: Tensor,
    kernel: Tensor,
    lam: Tensor,
    scale: int,
    padding: Sequence[int],
    mode: str,
    nearest: bool,
    need_y: bool,
    need_parameters: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    empty = (0,)
    return (
        y.new_empty(y.shape if need_y else empty),
        torch.empty_like(kernel) if need_parameters else kernel.new_empty(empty),
        torch.empty_like(lam) if need_parameters else lam.new_empty(empty),
    )


def _setup_context(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
    y, kernel, lam, *ctx.options = inputs
    ctx.save_for_backward(y, kernel, lam)


def _backward(ctx, grad):  # type: ignore[no-untyped-def]
    y, kernel, lam = ctx.saved_tensors
    needs = ctx.needs_input_grad[:3]
    none = (None,) * len(ctx.options)
    if torch.is_grad_enabled():
        # A graph of the gradient is asked for. Views keep apart inputs that depend on each other.
        inputs = [t.view_as(t) for t in (y, kernel, lam)]
        out = differentiable(*inputs, *ctx.options)
        wanted = [t for t, need in zip(inputs, needs, strict=True) if need]
        grads = iter(torch.autograd.grad(out, wanted, grad, create_graph=True))
        return *(next(grads) if need else None for need in needs), *none
    run = _traced_backward if torch.compiler.is_compiling() else _solve_backward
    dy, dkernel, dlam = run(grad, y, kernel, lam, *ctx.options, needs[0], needs[1] or needs[2])
    grads = (dy, dkernel, dlam)
    return *(g if need else None for g, need in zip(grads, needs, strict=True)), *none


_traced.register_autograd(_backward, setup_context=_setup_context)


class _Eager(torch.autograd.Function):
    """The same outside of compilers: an opaque operator's first call would import torch._dynamo, for 1-2 s."""

    @staticmethod
    def forward(*inputs):  # type: ignore[no-untyped-def]
        return _solve(*inputs)

    setup_context = staticmethod(_setup_context)
    backward = staticmethod(_backward)


def solve(
    y: Tensor,
    kernel: Tensor,
    lam: Tensor,
    scale: int,
    padding: Sequence[int],
    mode: str,
    nearest: bool,
) -> Tensor:
    """X* of Eq. (4) as `_solve` has it, differentiable twice, one node for compilers and exporters."""
    if torch.compiler.is_compiling() or y.is_meta:
        return _traced(y, kernel, lam, scale, padding, mode, nearest)
    return _Eager.apply(y, kernel, lam, scale, padding, mode, nearest)
