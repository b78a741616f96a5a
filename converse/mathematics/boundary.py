"""Padding of a map by its margins, for the operators that are convolutions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..calls.setting import PADDING_MODES, Setting
from .checks import choice, feature_map, sizes
from .padding import pad2d


def pad_margins(y: Tensor, margins: tuple[int, int, int, int], mode: str) -> Tensor:
    """Pads (B, C, H, W) by ``margins`` = (left, right, top, bottom), which may differ.

    Raises:
        TypeError: not a real floating tensor.
        ValueError: unknown mode; not four dimensions; circular padding larger than the map, or
            reflect padding not smaller than it.
    """
    choice("padding_mode", mode, PADDING_MODES)
    feature_map("y", y)
    left, right, top, bottom = margins
    rows, columns = max(top, bottom), max(left, right)
    if not torch.compiler.is_compiling():  # a compiled graph must not be specialised on sizes
        sizes(y.shape[-2:], (1, 1), Setting(padding=(rows, columns), mode=mode))
    if not any(margins):
        return y
    if torch.are_deterministic_algorithms_enabled():
        # The backward of F.pad is not deterministic on CUDA in the reflect and replicate modes.
        height, width = y.shape[-2:]
        padded = pad2d(y, (rows, columns), mode)
        padded = padded.narrow(-2, rows - top, height + top + bottom)
        return padded.narrow(-1, columns - left, width + left + right)
    return F.pad(y, margins, mode="constant" if mode == "zeros" else mode)
