"""What protocol alone is worth: the same restored images scored under the field's other habits.

A habit changes one thing of the published protocol; everything before the score is the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.analyses import Case
from bench.analyses.laboratory import Laboratory, protocol_of
from bench.data.protocols import Protocol
from bench.models import inference
from bench.scoring import metrics
from bench.scoring.prepare import prepare

ANALYSIS = {
    "title": "The same restored images under other habits of scoring",
    "version": 1,
    "sets": ["sr", "denoising"],
    "settings": {
        "networks": ["converse_srresnet", "converse_dncnn"],
        "sr": "set5",
        "denoising": "set12",
        "images": 5,
    },
    "columns": {
        "network": "released network",
        "dataset": "data set of the photograph",
        "image": "file",
        "protocol": "how it was degraded, and what the habits are compared with",
        "habit": "protocol: as published; full-range Y: BT.601 luma of 0 to 255 instead of 16 to 235; unrounded Y: luma"
        " not rounded to whole numbers; no border: nothing is cropped; float output: neither the restored image nor its"
        " luma is rounded; default SSIM: scikit-image's, 7×7 uniform window",
        "psnr": "dB",
        "ssim": "mean SSIM",
    },
    "words": ["habit"],
}
Image = NDArray[Any]
"""(H, W, C), uint8 or floating."""
FULL_Y = np.array([0.299, 0.587, 0.114])
"""BT.601 luma of RGB in 0 … 255, full range."""


def cases(lab: Laboratory) -> list[Case]:
    """(network, image)."""
    count = int(lab.settings["images"])
    return [(net, image) for net in lab.settings["networks"] for image in lab.photographs(protocol_of(net).task, count)]


def measure(lab: Laboratory, case: Case) -> pd.DataFrame:
    """One row per habit."""
    network, image = case
    protocol = protocol_of(network)
    sample = prepare(protocol, lab.photograph(protocol.task, image, protocol.color), None)
    restored, _ = inference.apply(lab.network(network), sample.input, lab.device)
    head = (network, lab.settings[protocol.task], image, protocol.name)
    rows = [(*head, habit, *scores) for habit, scores in under_habits(protocol, restored, sample.target).items()]
    return pd.DataFrame(rows, columns=list(ANALYSIS["columns"]))  # type: ignore[call-overload]


def under_habits(protocol: Protocol, restored: Image, target: Image) -> dict[str, tuple[float, float]]:
    """PSNR (dB) and SSIM by habit; habits of luma only where the protocol scores luma.

    Args:
        protocol: the published protocol.
        restored: (H, W, C) in [0, 1], neither clipped nor rounded.
        target: (H, W, C) uint8.
    """
    rounded = metrics.to_uint8(restored)
    floating = np.clip(restored.astype(np.float64), 0, 1) * 255

    def pair(first: Image, channels: Callable[[Image], Image], border: int) -> tuple[Image, Image]:
        a, b = (channels(x.astype(np.float64)) for x in (first, target))
        return metrics.crop_border(a, border), metrics.crop_border(b, border)

    usual = _studio_rounded if protocol.task == "sr" else _as_it_is
    exact = _studio if protocol.task == "sr" else _as_it_is
    border = protocol.border
    published = pair(rounded, usual, border)
    found = {"protocol": (_psnr(*published), _ssim(*published))}
    others = {"float output": pair(floating, exact, border)}
    if protocol.task == "sr":
        others |= {"full-range Y": pair(rounded, _full, border), "unrounded Y": pair(rounded, _studio, border)}
    if border:
        others["no border"] = pair(rounded, usual, 0)
    found |= {habit: (_psnr(*images), _ssim(*images)) for habit, images in others.items()}
    return found | {"default SSIM": (found["protocol"][0], _ssim(*published, default=True))}


def _as_it_is(image: Image) -> Image:
    return image


def _studio(rgb: Image) -> Image:
    return (rgb @ metrics.STUDIO_Y + 16.0)[..., None]


def _studio_rounded(rgb: Image) -> Image:
    return np.round(_studio(rgb))


def _full(rgb: Image) -> Image:
    return np.round(rgb @ FULL_Y)[..., None]


def _psnr(first: Image, second: Image) -> float:
    return float(10 * np.log10(255.0**2 / np.mean((first - second) ** 2)))


def _ssim(first: Image, second: Image, *, default: bool = False) -> float:
    from skimage.metrics import structural_similarity

    window: dict[str, Any] = {} if default else {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(second, first, data_range=255, channel_axis=-1, **window))
