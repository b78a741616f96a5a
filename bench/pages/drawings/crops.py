"""Photographs and their crops in a grid of axes: how the paper's figures show them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]
"""Top, left, height, width in pixels."""


def show(cell: Any, image: NDArray[Any], title: str = "", *, box: Box | None = None, size: float = 8.5) -> None:
    """One image (H, W), (H, W, 1) or (H, W, 3), uint8 or in [0, 1]; of it only ``box``, if given."""
    if box is not None:
        top, left, height, width = box
        image = image[top : top + height, left : left + width]
    image = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    peak = 255 if image.dtype == np.uint8 else 1.0
    cell.imshow(image, cmap="gray", vmin=0, vmax=peak, interpolation="nearest" if box else "antialiased")
    cell.set_title(title, fontsize=size)
    cell.set_axis_off()


def frame(cell: Any, box: Box) -> None:
    """A frame that is seen on dark and on bright ground."""
    from matplotlib.patches import Rectangle

    top, left, height, width = box
    for color, thickness in (("black", 2.6), ("white", 1.2)):
        where = (left - 0.5, top - 0.5)
        cell.add_patch(Rectangle(where, width, height, fill=False, edgecolor=color, linewidth=thickness))


def inset_kernel(cell: Any, kernel: NDArray[Any], share: float = 0.3) -> None:
    """A blur kernel in the upper left corner of an image, its largest tap white."""
    inset = cell.inset_axes((0.0, 1.0 - share, share, share))
    inset.imshow(kernel, cmap="gray", vmin=0, vmax=float(kernel.max()), interpolation="nearest")
    inset.set_xticks([])
    inset.set_yticks([])
    for spine in inset.spines.values():
        spine.set_edgecolor("white")
        spine.set_linewidth(1.2)
        spine.set_visible(True)
