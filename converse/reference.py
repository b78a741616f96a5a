"""The independent witness: the least-squares problem of Eq. (4), solved in space, in float64.

No FFT and no closed form: the strided circular convolution is written out as a dense matrix A, one row
per low-resolution sample, and the normal equations are solved. Slow and large on purpose: the matrix
has (H W) x (H W s^2) entries per channel, so this serves small maps only.
Shares no code with the fast path and with :mod:`converse.algorithm1`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_TORCH_PAD = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "replicate",
    "circular": "circular",
}


def _matrix(kernel: Tensor, height: int, width: int, scale: int) -> Tensor:
    """A of "convolve circularly, keep the upper-left of each s x s patch", Eq. (1).

    Args:
        kernel: (N, kh, kw), origin at (kh // 2, kw // 2).
        height: rows of the low-resolution map.
        width: columns of the low-resolution map.
        scale: the stride s.

    Returns:
        (N, height * width, height * scale * width * scale).
    """
    n, kh, kw = kernel.shape
    big_h, big_w = height * scale, width * scale
    rows = torch.arange(height * width, device=kernel.device)
    i, j = rows // width, rows % width
    matrix = kernel.new_zeros(n, height * width, big_h * big_w)
    for a in range(kh):
        for b in range(kw):
            u = (i * scale + kh // 2 - a) % big_h
            v = (j * scale + kw // 2 - b) % big_w
            tap = kernel.new_zeros(height * width, big_h * big_w)
            tap[rows, u * big_w + v] = 1.0
            matrix = matrix + kernel[:, a, b, None, None] * tap
    return matrix


def _interpolate(y: Tensor, scale: int, name: str) -> Tensor:
    if name == "zero":
        return y.new_zeros(*y.shape[:2], y.shape[2] * scale, y.shape[3] * scale)
    if name == "nearest":
        return F.interpolate(y, scale_factor=scale, mode="nearest")
    return F.interpolate(y, scale_factor=scale, mode=name, align_corners=False)


def reference(
    y: Tensor,
    kernel: Tensor,
    lam: float | Tensor,
    *,
    scale: int = 1,
    padding: int | tuple[int, int] = 0,
    padding_mode: str = "circular",
    x0: str | Tensor = "nearest",
) -> Tensor:
    """argmin_X ||Y - (X (*) K) down s||^2 + lam ||X - X0||^2 by dense linear algebra, Eq. (4).

    The padded map is solved with a circular boundary and padding * scale is cropped from the result.
    Differentiable by plain autograd, so that its float64 gradients can serve as truth. A witness for tests: arguments
    are not checked.

    Args:
        y: (B, C, H, W), any float dtype; converted to float64.
        kernel: (1, C, kh, kw) or (B, C, kh, kw).
        lam: positive; a number or a tensor that broadcasts to (B, C, 1, 1).
        scale: the stride s >= 1.
        padding: rows and columns added on each side of y.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        x0: "zero", "nearest", "bilinear", "bicubic" (of the padded y) or a tensor of the output's shape.

    Returns:
        (B, C, H s, W s), float64.
    """
    ph, pw = (padding, padding) if isinstance(padding, int) else padding
    mode = _TORCH_PAD[padding_mode]
    y = y.double()
    if ph or pw:
        y = F.pad(y, (pw, pw, ph, ph), mode=mode)
    b, c, h, w = y.shape
    if isinstance(x0, Tensor):
        prior = x0.double()
        if ph or pw:
            prior = F.pad(prior, (pw * scale, pw * scale, ph * scale, ph * scale), mode=mode)
    else:
        prior = _interpolate(y, scale, x0)
    size = kernel.shape[-2:]
    taps = kernel.double().expand(b, c, *size).reshape(b * c, *size)
    weight = torch.as_tensor(lam, dtype=torch.float64, device=y.device).expand(b, c, 1, 1)
    weight = weight.reshape(b * c, 1, 1)
    a = _matrix(taps, h, w, scale)
    at = a.transpose(1, 2)
    flat_y, flat_x0 = y.reshape(b * c, h * w, 1), prior.reshape(b * c, h * w * scale**2, 1)
    # (A'A + lam I) X = A'Y + lam X0 is solved through the smaller matrix A A' + lam I.
    eye = torch.eye(h * w, dtype=torch.float64, device=y.device)
    # Symmetric and positive definite. Not torch.linalg.solve: with MKL 2024.2 its LU is wrong ("Parameter 6 was
    # incorrect on entry to DLASWP") once torch.set_num_threads has gone down to 1 and up again in the process.
    factor = torch.linalg.cholesky(a @ at + weight * eye)
    dual = torch.cholesky_solve(flat_y - a @ flat_x0, factor)
    x = (flat_x0 + at @ dual).reshape(b, c, h * scale, w * scale)
    top, left = ph * scale, pw * scale
    return x[:, :, top : h * scale - top, left : w * scale - left]
