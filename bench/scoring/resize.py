"""MATLAB-compatible bicubic ``imresize``: cubic convolution with a = -0.5, antialiasing, symmetric
border.

scikit-image and Pillow have no such function (no antialiased cubic, or another border), and
super-resolution numbers depend on it. Source: Keys, Cubic convolution interpolation for digital
image processing, IEEE TASSP 1981.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SUPPORT = 4.0
"""Width of the cubic kernel in pixels of the coarser grid."""


def cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel with a = -0.5 (Eq. 15 there)."""
    d = np.abs(x)
    inner = 1.5 * d**3 - 2.5 * d**2 + 1.0
    outer = -0.5 * d**3 + 2.5 * d**2 - 4.0 * d + 2.0
    return np.where(d <= 1, inner, np.where(d <= 2, outer, 0.0))


def resize_matrix(size: int, out_size: int, scale: float) -> NDArray[np.float64]:
    """The linear map of one axis, (out_size, size); every row sums to one.

    Output sample i sits at (i + 0.5) / scale - 0.5 of the input. Below scale 1 the kernel is
    stretched by 1 / scale (antialiasing); positions beyond the border are reflected about the edge
    (the edge sample is repeated).
    """
    stretch = min(scale, 1.0)
    centre = (np.arange(out_size) + 0.5) / scale - 0.5
    taps = math.ceil(SUPPORT / stretch) + 2
    first = np.floor(centre - SUPPORT / stretch / 2).astype(int)
    index = first[:, None] + np.arange(taps)
    weight = stretch * cubic(stretch * (centre[:, None] - index))
    weight /= weight.sum(axis=1, keepdims=True)
    mirrored = np.mod(index, 2 * size)
    mirrored = np.where(mirrored < size, mirrored, 2 * size - 1 - mirrored)
    matrix = np.zeros((out_size, size))
    np.add.at(matrix, (np.arange(out_size)[:, None], mirrored), weight)
    return matrix


def imresize(image: NDArray[np.floating], scale: float) -> NDArray[np.float64]:
    """Resize by ``scale`` along both axes as MATLAB's ``imresize(image, scale, 'bicubic')`` does.

    Args:
        image: (H, W, C), any range.
        scale: factor, e.g. 0.25 or 4; the result has ceil(H * scale) rows.

    Returns:
        (ceil(H * scale), ceil(W * scale), C) float64; not clipped, not rounded.
    """
    height, width = image.shape[:2]
    rows = resize_matrix(height, math.ceil(height * scale), scale)
    columns = resize_matrix(width, math.ceil(width * scale), scale)
    return np.einsum("ih,hwc,jw->ijc", rows, image.astype(np.float64), columns, optimize=True)
