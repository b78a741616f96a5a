"""Share of energy (dB) at the frequencies of the stride, of a ×s network on a constant, a smooth ramp and photographs.

A network that is shift-covariant by one input pixel, s output pixels, puts what differs between the s phases of a row
or column at multiples of 1/s cycles per pixel. A photograph has some energy there itself: that of the target stands
beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bench.analyses.trained import Number
from bench.data.protocols import Protocol
from bench.models import inference
from bench.scoring.prepare import Sample

PROPERTY = {
    "metrics": {"share_db": ["constant", "ramp"], "share_db_target": []},
    "parts": [""],
    "tolerance": {"share_db": [0.5, 0.0], "share_db_target": [0.005, 0.0]},
}

BORDER = 8
"""Output pixels left out on each side: padding is no checkerboard."""
FLOOR = 1e-30
SIDE = 24
"""Input pixels of the constant and of the ramp."""


def share_db(image: NDArray[np.floating], stride: int) -> float:
    """Energy of (H, W, C) at multiples of 1/stride cycles per pixel in rows or columns over all energy, in dB.

    Measured inside `BORDER`; what does not fill whole periods is left out at the right and at the bottom.
    """
    inside = image[BORDER:-BORDER, BORDER:-BORDER].astype(np.float64)
    height, width = (side // stride * stride for side in inside.shape[:2])
    energy = (np.abs(np.fft.fft2(inside[:height, :width], axes=(0, 1))) ** 2).sum(axis=2)
    at = np.zeros((height, width), bool)
    at[[k * height // stride for k in range(1, stride)]] = True
    at[:, [k * width // stride for k in range(1, stride)]] = True
    return 10 * math.log10(max(float(energy[at].sum() / energy.sum()), FLOOR))


def measure(
    network: nn.Module, device: torch.device, protocol: Protocol, samples: Iterable[tuple[str, Sample]]
) -> Iterator[Number]:
    """``share_db`` of a constant, a ramp and every image, of images that of the target too."""
    samples = list(samples)
    channels = samples[0][1].input.shape[2] if samples else 3
    ramp = np.linspace(0, 1, SIDE)
    made = {"constant": np.full((SIDE, SIDE), 0.5), "ramp": (ramp[:, None] + ramp) / 2}
    for name, picture in made.items():
        colours = np.repeat(picture[..., None], channels, axis=2).astype(np.float32)
        restored, _ = inference.apply(network, colours, device)
        yield Number("", name, "share_db", share_db(restored, protocol.scale))
    for name, sample in samples:
        restored, _ = inference.apply(network, sample.input, device, sample.kernel)
        yield Number("", name, "share_db", share_db(restored, protocol.scale))
        yield Number("", name, "share_db_target", share_db(sample.target / 255, protocol.scale))
