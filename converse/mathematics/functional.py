"""``converse2d``: the reverse convolution of Eq. (4) as one differentiable function."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..calls.setting import PADDING_MODES, Setting
from . import checks
from .blockwise import apply_pattern, is_single_pattern, pattern, solve_blocks
from .node import solve
from .padding import crop2d, pad2d
from .precision import full_precision


def converse2d(
    y: Tensor,
    kernel: Tensor,
    lam: float | Tensor,
    *,
    scale: int = 1,
    padding: int | tuple[int, int] = 0,
    padding_mode: str = "circular",
    x0: str | Tensor = "nearest",
) -> Tensor:
    """argmin_X ||Y - (X (*) K) down s||^2 + lam ||X - X0||^2, exactly and without dividing by lam.

    Huang et al., ICCV 2025, Eq. (4); the answer of Eq. (6) and (7) in push-through form, see
    :mod:`converse.mathematics.fourier`. Y is padded, solved with a circular boundary, and cropped. Float16, bfloat16
    and float32 are computed in float32 (the transfer function in float64), also under autocast, and the result has
    the dtype of ``y``. First and second derivatives exist for every tensor argument. Nothing is cached.

    Args:
        y: (B, C, H, W), real floating.
        kernel: (1, C, kh, kw) or one per sample (B, C, kh, kw); origin at tap (kh // 2, kw // 2).
        lam: positive; a number or a tensor that broadcasts to (B, C, 1, 1), where what is below 1e-30 counts as 1e-30
            and has no gradient.
        scale: s >= 1.
        padding: rows and columns (one integer or a pair) added on each side of y; padding * s is cropped.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        x0: "zero", "nearest", "bilinear" or "bicubic" interpolation of the padded y (as
            ``torch.nn.functional.interpolate``, align_corners false), or a tensor of the output's shape, which is
            padded by padding * s in the same mode.

    Returns:
        (B, C, H s, W s), contiguous.

    Raises:
        TypeError: an argument of the wrong type, integer tensors included.
        ValueError: a shape, name or number that cannot be served; the message says what is allowed.
    """
    checks.feature_map("y", y)
    checks.kernel_for(y, kernel)
    lam = checks.lam_for(y, lam)
    scale = checks.integer("scale", scale, 1)
    pads = checks.pair("padding", padding, 0)
    mode = checks.choice("padding_mode", padding_mode, PADDING_MODES)
    x0 = checks.x0_for(y, x0, scale)
    given = x0 if isinstance(x0, Tensor) else None
    setting = Setting(scale, pads, mode, "given" if isinstance(x0, Tensor) else x0)
    if not torch.compiler.is_compiling():
        # A compiled or exported graph must not be specialised on sizes; there the operator itself checks.
        checks.sizes(y.shape[2:], kernel.shape[2:], setting)
    if not isinstance(lam, Tensor):
        lam = torch.full((1, 1, 1, 1), lam, dtype=torch.float64, device=y.device)
    lam = lam.reshape((1,) * (4 - lam.dim()) + tuple(lam.shape)).to(y.device)
    with full_precision(y.device):
        return _dispatch(y, kernel, lam, setting, given)


def _dispatch(y: Tensor, kernel: Tensor, lam: Tensor, setting: Setting, given: Tensor | None) -> Tensor:
    """Choose the cheapest exact form."""
    dtype = torch.promote_types(y.dtype, torch.float32)
    if is_single_pattern(kernel.shape[2:], setting):
        return apply_pattern(y.to(dtype), pattern(kernel, lam, setting).to(dtype)).to(y.dtype).contiguous()
    overlap = max(kernel.shape[2:]) > setting.scale
    if overlap and setting.is_filter:
        return _solve(y, kernel, lam, setting)
    padded = pad2d(y.to(dtype), setting.padding, setting.mode)
    prior = _prior(padded, setting, given)
    if overlap:
        residual = padded - degrade(prior, kernel.to(dtype), setting.scale)
        x = prior + _solve(residual, kernel, lam, Setting(setting.scale, prior="zero"))
    else:
        x = solve_blocks(padded, kernel.to(dtype), lam.to(dtype), prior, setting.scale)
    return crop2d(x, setting.cropped).contiguous().to(y.dtype)


def _solve(y: Tensor, kernel: Tensor, lam: Tensor, setting: Setting) -> Tensor:
    """:func:`converse.mathematics.node.solve`, with per-sample kernels or lam folded into channels."""
    b, c, h, w = y.shape
    if kernel.shape[0] == 1 and lam.shape[0] == 1:
        return solve(y, kernel[0], lam.expand(1, c, 1, 1).reshape(c), setting)
    kh, kw = kernel.shape[2:]
    x = solve(
        y.reshape(1, b * c, h, w),
        kernel.expand(b, c, kh, kw).reshape(b * c, kh, kw),
        lam.expand(b, c, 1, 1).reshape(b * c),
        setting,
    )
    return x.reshape(b, c, h * setting.scale, w * setting.scale)


def _prior(y: Tensor, setting: Setting, given: Tensor | None) -> Tensor:
    """X0 (B, C, H s, W s) for the padded ``y``, in its dtype."""
    scale = setting.scale
    if given is not None:
        return pad2d(given.to(y.dtype), setting.cropped, setting.mode)
    if setting.prior == "zero":
        return y.new_zeros((y.shape[0], y.shape[1], y.shape[2] * scale, y.shape[3] * scale))
    if scale == 1:
        return y
    if setting.nearest and torch.compiler.is_compiling():  # see apply_pattern: no graph for one order of sizes
        return apply_pattern(y, y.new_ones((1, y.shape[1], scale, scale)))
    if setting.nearest:
        return y.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    return F.interpolate(y, (y.shape[2] * scale, y.shape[3] * scale), mode=setting.prior, align_corners=False)


def degrade(x: Tensor, kernel: Tensor, scale: int) -> Tensor:
    """A X of Eq. (1): circular convolution, then the upper-left sample of every s x s patch.

    Args:
        x: (B, C, H s, W s).
        kernel: (1 or B, C, kh, kw).
        scale: s.

    Returns:
        (B, C, H, W).
    """
    b, c, h, w = x.shape
    kh, kw = kernel.shape[2:]
    rows, columns = (kh - 1 - kh // 2, kh // 2), (kw - 1 - kw // 2, kw // 2)
    x = torch.cat((x[:, :, h - rows[0] :], x, x[:, :, : rows[1]]), 2)
    x = torch.cat((x[..., w - columns[0] :], x, x[..., : columns[1]]), 3)
    taps = kernel.flip((-2, -1))
    if b == 0:  # torch has no convolution with zero groups
        taps = taps.sum(0, keepdim=True)
    if taps.shape[0] == 1:
        return F.conv2d(x, taps.transpose(0, 1), stride=scale, groups=c)
    x = x.reshape(1, b * c, *x.shape[2:])
    out = F.conv2d(x, taps.reshape(b * c, 1, kh, kw), stride=scale, groups=b * c)
    return out.reshape(b, c, *out.shape[2:])
