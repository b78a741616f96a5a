"""Overlapping tiles: a network sees maps of one size, whatever the image, and memory is bounded.

A reverse convolution is global, so tiles change the result: that is what they are for where a network
degrades on maps larger than those it was trained on.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.foundation.errors import BenchError

Float = NDArray[np.floating]


def starts(length: int, size: int, margin: int) -> list[int]:
    """First pixels of the tiles along one axis: evenly spread, neighbours share at least ``2 margin`` pixels.

    Args:
        length: of the axis.
        size: of a tile; an axis no longer than that has one tile.
        margin: pixels on each inner side of a tile that belong to the neighbour as well.

    Raises:
        BenchError: tiles that small consist of margins only.
    """
    if size <= 2 * margin:
        raise BenchError(f"tiles of {size} pixels are too small for margins of {margin} (more than {2 * margin})")
    if length <= size:
        return [0]
    count = math.ceil((length - 2 * margin) / (size - 2 * margin))
    return [round(i * (length - size) / (count - 1)) for i in range(count)]


def windows(length: int, size: int, margin: int, scale: int = 1) -> list[tuple[int, NDArray[np.float64]]]:
    """First pixel and weights of every tile along one axis; the weights of all tiles sum to one everywhere.

    The weights are those of the restored tiles, so ``scale`` times as many as the tile has pixels.

    Each weight rises and falls as a Hann window does, over the pixels that it shares with its neighbour, and is
    one in between and at the ends of the axis.
    """
    origins = starts(length, size, margin)
    begins, size = [scale * origin for origin in origins], scale * min(size, length)
    found, total = [], np.zeros(length * scale)
    for i, begin in enumerate(begins):
        weight = np.ones(size)
        if i:
            shared = begins[i - 1] + size - begin
            weight[:shared] *= _rise(shared)
        if i + 1 < len(begins):
            shared = begin + size - begins[i + 1]
            weight[size - shared :] *= _rise(shared)[::-1]
        total[begin : begin + size] += weight
        found.append((begin, weight))
    return [
        (origin, weight / total[begin : begin + size]) for origin, (begin, weight) in zip(origins, found, strict=True)
    ]


def by_tiles(image: Float, restore: Callable[[Float], Float], size: int, margin: int, scale: int = 1) -> Float:
    """An image restored tile by tile.

    Args:
        image: (h, w, C).
        restore: (a, b, C) to (scale a, scale b, D).
        size: side of the tiles in pixels of ``image``; smaller only where the image is.
        margin: as `starts`.
        scale: of ``restore``.

    Returns:
        (scale h, scale w, D) float32.
    """
    height, width = image.shape[:2]
    out: Float | None = None
    rows, columns = (windows(n, size, margin, scale) for n in (height, width))
    for top, weight_y in rows:
        for left, weight_x in columns:
            restored = restore(image[top : top + size, left : left + size])
            if out is None:
                out = np.zeros((height * scale, width * scale, restored.shape[2]), np.float32)
            y, x = top * scale, left * scale
            part = out[y : y + len(weight_y), x : x + len(weight_x)]
            part += restored * (weight_y[:, None] * weight_x)[..., None]
    assert out is not None
    return out


def _rise(shared: int) -> NDArray[np.float64]:
    """sin² from 0 to 1 at ``shared`` pixel centres; with its mirror image it sums to one."""
    return np.sin(np.pi / 2 * (np.arange(shared) + 0.5) / shared) ** 2
