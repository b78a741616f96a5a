"""Checkerboard of upsamplers: what each puts at the stride's frequency, where a smooth input has nothing.

An ×2 upsampler is shift-covariant by one input pixel, two output pixels: what differs between the two phases of a row
or column lands at half a cycle per pixel. The upsamplers are those of Table 6, built as its networks build them, at
initialisation; the share of the output's energy at that frequency is measured inside, away from the border.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bench.analyses import Case
from bench.analyses.laboratory import Laboratory, centre
from converse import build_model

ANALYSIS = {
    "title": "Checkerboard of untrained upsamplers",
    "version": 1,
    "sets": ["photographs"],
    "settings": {
        "upsamplers": ["convt", "converse2d", "pixelshuffle", "nearest"],
        "photographs": "set5",
        "images": 3,
        "channels": 16,
        "side": 64,
        "seeds": 8,
    },
    "columns": {
        "upsampler": "operator in the upsampler's role, ×2",
        "seed": "of its initial weights",
        "image": "constant, ramp (both axes, corner to corner) or photograph (mean over the data set's first ones)",
        "share_db": "energy at half a cycle per pixel, horizontally or vertically, over all energy (dB; float64, so"
        " that nothing is about -300)",
    },
}
BORDER = 8
"""Output pixels left out on each side: padding is no checkerboard."""
FLOOR = 1e-30


def cases(lab: Laboratory) -> list[Case]:
    """(upsampler, seed)."""
    return [(name, str(seed)) for name in lab.settings["upsamplers"] for seed in range(int(lab.settings["seeds"]))]


def measure(lab: Laboratory, case: Case) -> pd.DataFrame:
    """One row per kind of image."""
    name, seed = case
    channels, side = int(lab.settings["channels"]), int(lab.settings["side"])
    network = build_model("upsampler_srresnet", seed=int(seed), upsampler=name, channels=channels, blocks=1)
    upsampler = network.get_submodule("stages.0.1").double().eval()
    ramp = torch.linspace(0, 1, side, dtype=torch.float64)
    pictures = {
        "constant": [torch.ones(side, side, dtype=torch.float64)],
        "ramp": [(ramp[:, None] + ramp) / 2],
        "photograph": [_photograph(lab, n, side) for n in lab.photographs("photographs", int(lab.settings["images"]))],
    }
    rows = []
    for image, parts in pictures.items():
        with torch.inference_mode():
            shares = [stride_share(upsampler(part.expand(1, channels, side, side).contiguous())) for part in parts]
        rows.append((name, int(seed), image, 10 * math.log10(max(float(np.mean(shares)), FLOOR))))
    return pd.DataFrame(rows, columns=list(ANALYSIS["columns"]))  # type: ignore[call-overload]


def stride_share(output: Tensor) -> float:
    """Share of the energy of (1, C, H, W) at half a cycle per pixel in rows or columns, inside `BORDER`."""
    inside = output[..., BORDER:-BORDER, BORDER:-BORDER]
    energy = torch.fft.fft2(inside).abs().square().sum((0, 1))
    height, width = energy.shape
    if height % 2 or width % 2:
        raise ValueError(f"half a cycle per pixel needs even sides, got {height}x{width}")
    row, column = energy[height // 2].sum(), energy[:, width // 2].sum()
    return float((row + column - energy[height // 2, width // 2]) / energy.sum())


def _photograph(lab: Laboratory, name: str, side: int) -> Tensor:
    gray = centre(lab.photograph("photographs", name, "gray"), side, side)[..., 0]
    return torch.from_numpy(gray.astype(np.float64) / 255)
