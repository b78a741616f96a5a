"""Fig. 4 of the paper: one image, the noise level growing from left to right; border band against interior."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.analyses import Case
from bench.analyses.laboratory import Laboratory
from bench.data import protocols
from bench.data.images import Pixels
from bench.scoring import metrics
from bench.scoring.metrics import to_uint8
from bench.scoring.prepare import prepare

ANALYSIS = {
    "title": "Denoising under a noise ramp (the paper's Fig. 4)",
    "version": 1,
    "sets": ["photographs"],
    "settings": {
        "networks": ["converse_dncnn"],
        "photographs": "set12",
        "image": "05.png",
        "protocol": "denoise-gray-ramp50",
        "band": 8,
        "strips": 5,
    },
    "columns": {
        "network": "released network",
        "dataset": "data set of the photograph",
        "image": "file",
        "protocol": "how the noise was made (bench.data.protocols)",
        "region": "part of the image that is scored",
        "pixels": "how many pixels that is",
        "sigma": "mean noise level there, in units of 1/255",
        "psnr_input": "dB, noisy",
        "psnr": "dB, restored",
    },
}


def cases(lab: Laboratory) -> list[Case]:
    """(network,)."""
    return [(network,) for network in lab.settings["networks"]]


def regions(height: int, width: int, band: int, strips: int) -> dict[str, NDArray[np.bool_]]:
    """Masks (H, W) by name: all, the border band, its parts, the interior, and strips of growing noise."""
    row, column = np.mgrid[:height, :width]
    ends = (row < band) | (row >= height - band)
    sides = (column < band) | (column >= width - band)
    found = {
        "whole image": np.ones((height, width), bool),
        f"border band of {band} pixels": ends | sides,
        "its top and bottom": ends,
        "interior": ~(ends | sides),
    }
    for i in range(strips):
        inside = (column >= width * i // strips) & (column < width * (i + 1) // strips)
        found[f"strip {i + 1} of {strips}"] = inside
    return found


def masked_psnr(image: Pixels, target: Pixels, mask: NDArray[np.bool_]) -> float:
    """PSNR (dB) of the pixels of a mask, all channels."""
    return metrics.psnr(image[mask][None], target[mask][None])


def measure(lab: Laboratory, case: Case) -> pd.DataFrame:
    """One row per region; keeps the three images."""
    settings = lab.settings
    protocol = protocols.get(settings["protocol"])
    sample = prepare(protocol, lab.photograph("photographs", settings["image"], protocol.color))
    noisy, restored = to_uint8(sample.input), lab.restore(case[0], sample, protocol)
    height, width = sample.target.shape[:2]
    level = np.broadcast_to(np.linspace(0.0, protocol.sigma, width), (height, width))
    rows = []
    for region, mask in regions(height, width, settings["band"], settings["strips"]).items():
        scores = [masked_psnr(x, sample.target, mask) for x in (noisy, restored)]
        head = [case[0], settings["photographs"], settings["image"], protocol.name]
        rows.append([*head, region, int(mask.sum()), float(level[mask].mean()), *scores])
    for name, image in (("clean", sample.target), ("input", noisy), ("restored", restored)):
        lab.keep(name, image)
    return pd.DataFrame(rows, columns=list(ANALYSIS["columns"]))  # type: ignore[call-overload]
