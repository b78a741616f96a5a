"""The operator without any FFT, for kernels no larger than the scale.

Where k <= s in both directions the rows of A do not overlap: A A' is the diagonal sum K^2, and
X = X0 + A'((Y - A X0) / (sum K^2 + lam)). Tap t reads X(s i + k // 2 - t), so for k in {1, 2} all taps stay in
the s x s block of their own sample and, with X0 = nearest or zero, X is one s x s pattern per channel times Y.
For larger k the taps lie in a window that is shifted against the block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from ..calls.modes import is_transformed
from ..calls.setting import Setting
from ..native.serving import serving
from ..native.upsampler import upsample, upsample_backward
from .precision import full_precision
from .transfer import TINY

_CACHE = 1 << 21
"""Bytes of a cotangent in flight on a CPU."""


def is_single_pattern(kernel_size: Sequence[int], setting: Setting) -> bool:
    """Whether X is ``pattern`` times Y, block by block, whatever the padding."""
    return all(k <= min(2, setting.scale) for k in kernel_size) and setting.is_filter


def pattern(kernel: Tensor, lam: Tensor, setting: Setting) -> Tensor:
    """g = n + flip(K) (1 - n sum K) / (sum K^2 + lam), flip(K) in the block's upper-left corner.

    Args:
        kernel: (N, C, kh, kw) with kh, kw in {1, 2}, at most the scale.
        lam: (N, C, 1, 1).
        setting: scale and prior; n = 1 for X0 = nearest, 0 for X0 = 0.

    Returns:
        (N, C, s, s), float64: eight significant digits of 1 - sum K matter.
    """
    taps, weight = kernel.double(), lam.double().clamp_min(TINY)
    energy = taps.square().sum((-2, -1), keepdim=True) + weight
    gain = (1 - taps.sum((-2, -1), keepdim=True)) / energy if setting.nearest else 1 / energy
    kh, kw = kernel.shape[-2:]
    corner = F.pad(taps.flip((-2, -1)) * gain, (0, setting.scale - kw, 0, setting.scale - kh))
    return corner + 1 if setting.nearest else corner


def apply_pattern(y: Tensor, g: Tensor) -> Tensor:
    """Every sample of ``y`` (B, C, H, W) times its channel's ``g`` (1 or B, C, s, s)."""
    b, c, h, w = y.shape
    s = g.shape[-1]
    if _convolves(y, g):
        if _is_recorded(y):
            return F.conv_transpose2d(y, g.transpose(0, 1), stride=s, groups=c)
        return cast(Tensor, _Pattern.apply(y, g))
    if torch.compiler.is_compiling():  # the product below would tie a graph to an order of its sizes
        return F.pixel_shuffle((y[:, :, None] * g.flatten(2)[..., None, None]).flatten(1, 2), s)
    # cuDNN would round the factors to TF32; a broadcast product does not, and is as fast there.
    blocks = y[:, :, :, None, :, None] * g[:, :, None, :, None, :]
    return blocks.reshape(b, c, h * s, w * s)


def sum_blocks(x: Tensor, g: Tensor, taps: Sequence[int]) -> Tensor:
    """Every s x s block of ``x`` (B, C, H s, W s) times its channel's ``g`` (1 or B, C, s, s), summed: (B, C, H, W).

    Nothing of ``g`` but its upper-left ``taps`` (rows, columns) differs from zero.
    """
    b, c, h, w = x.shape
    s, (kh, kw) = g.shape[-1], taps
    if _convolves(x, g):
        if _is_recorded(x):
            return F.conv2d(x, g.transpose(0, 1), stride=s, groups=c)
        return cast(Tensor, _Blocks.apply(x, g))
    blocks = x.reshape(b, c, h // s, s, w // s, s)[:, :, :, :kh, :, :kw]
    return (blocks * g[:, :, None, :kh, None, :kw]).sum((3, 5))


def _convolves(maps: Tensor, g: Tensor) -> bool:
    """Whether a pattern is applied as a convolution, not as a broadcast product.

    Not under a compiler that will ask for the pattern's gradient: see `_Pattern`.
    """
    if maps.device.type != "cpu" or g.shape[0] != 1 or not g.shape[1] or is_transformed():
        return False
    return not (torch.compiler.is_compiling() and torch.is_grad_enabled() and g.requires_grad)


def _is_recorded(maps: Tensor) -> bool:
    """Whether a compiler or tracer must see torch's own operations."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing() or maps.is_meta


class _Pattern(torch.autograd.Function):
    """A transposed convolution whose weight gradient is summed in pairs.

    oneDNN adds up the weight gradient of a depthwise convolution one sample after the other: its float32 error
    grows with the map (5e-6 at 4 x 128 x 128), and at softmax initialisation dK is a difference of such sums.
    """

    @staticmethod
    def forward(y: Tensor, g: Tensor) -> Tensor:
        library = serving(y, g)
        if library is not None:
            return upsample(library, y, g)
        return F.conv_transpose2d(y, g.transpose(0, 1), stride=g.shape[-1], groups=y.shape[1])

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        y, g = ctx.saved_tensors
        library = None if torch.is_grad_enabled() else serving(y, g, grad)
        if library is not None:
            return upsample_backward(library, grad, y, g, *ctx.needs_input_grad)
        with full_precision(grad.device):
            dy = sum_blocks(grad, g, g.shape[-2:]) if ctx.needs_input_grad[0] else None
            return dy, _pattern_gradient(y, grad) if ctx.needs_input_grad[1] else None


def _by_channels(y: Tensor, grad: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Both, some channels at a time: as much of ``grad`` as stays in cache while its phases are read."""
    step = max(1, _CACHE * y.shape[1] // max(grad.nbytes, 1))
    return zip(y.split(step, 1), grad.split(step, 1), strict=True)


def _pattern_gradient(y: Tensor, grad: Tensor) -> Tensor:
    """sum over samples of y times each phase of ``grad``: (1, C, s, s)."""
    s = grad.shape[-1] // y.shape[-1]
    found = []
    for some, cotangent in _by_channels(y, grad):
        sums = [(some * cotangent[:, :, i::s, j::s]).sum((0, 2, 3)) for i in range(s) for j in range(s)]
        found.append(torch.stack(sums, 1).view(1, -1, s, s))
    return torch.cat(found, 1)


class _Blocks(torch.autograd.Function):
    """The adjoint of `_Pattern` in its samples: every block of X (B, C, H s, W s) times g (1, C, s, s), summed."""

    @staticmethod
    def forward(x: Tensor, g: Tensor) -> Tensor:
        library = serving(x, g)
        if library is not None:
            (b, c, h, w), s = x.shape, g.shape[-1]
            sums, _ = upsample_backward(library, x, x.new_empty((b, c, h // s, w // s)), g, True, False)
            return cast(Tensor, sums)
        return F.conv2d(x, g.transpose(0, 1), stride=g.shape[-1], groups=x.shape[1])

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        x, g = ctx.saved_tensors
        with full_precision(grad.device):
            dx = apply_pattern(grad, g) if ctx.needs_input_grad[0] else None
            if not ctx.needs_input_grad[1]:
                return dx, None
            library = None if torch.is_grad_enabled() else serving(x, g, grad)
            if library is not None:
                return dx, upsample_backward(library, x, grad, g, False, True)[1]
            return dx, _pattern_gradient(grad, x)


def solve_blocks(y: Tensor, kernel: Tensor, lam: Tensor, x0: Tensor, scale: int) -> Tensor:
    """X for k <= s and any X0 on a circular map: each sample's taps lie in one block, rolled there where k > 2.

    Args:
        y: (B, C, H, W), already padded.
        kernel: (1 or B, C, kh, kw), no larger than the scale.
        lam: (1 or B, C, 1, 1).
        x0: (B, C, H s, W s).
        scale: s.

    Returns:
        (B, C, H s, W s).
    """
    kh, kw = kernel.shape[-2:]
    # Rolled by this much, the k taps of sample i start its block i.
    shift = (kh - 1 - kh // 2, kw - 1 - kw // 2)
    prior = torch.roll(x0, shift, (2, 3)) if any(shift) else x0
    taps = F.pad(kernel.flip((-2, -1)), (0, scale - kw, 0, scale - kh))
    energy = kernel.square().sum((-2, -1), keepdim=True) + lam.clamp_min(TINY)
    x = prior + apply_pattern((y - sum_blocks(prior, taps, (kh, kw))) / energy, taps)
    return torch.roll(x, (-shift[0], -shift[1]), (2, 3)) if any(shift) else x
