"""PSNR (dB) of the border band of `BAND` pixels and of the interior, restored and degraded, image by image.

The noise is the same everywhere, so the gain over the degraded image can be compared between the two regions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn

from bench.analyses.laboratory import degraded
from bench.analyses.paper_figure4 import masked_psnr, regions
from bench.analyses.trained import Number
from bench.data.protocols import Protocol
from bench.models import inference
from bench.scoring.metrics import to_uint8
from bench.scoring.prepare import Sample

PROPERTY = {
    "metrics": {"psnr": [], "psnr_input": []},
    "parts": ["border", "interior"],
    "tolerance": {"psnr": [0.005, 0.0], "psnr_input": [0.005, 0.0]},
}

BAND = 8
PARTS = {f"border band of {BAND} pixels": "border", "interior": "interior"}


def measure(
    network: nn.Module, device: torch.device, protocol: Protocol, samples: Iterable[tuple[str, Sample]]
) -> Iterator[Number]:
    """Four numbers an image: ``psnr`` and ``psnr_input`` of ``border`` and ``interior``."""
    for image, sample in samples:
        restored, _ = inference.apply(network, sample.input, device, sample.kernel)
        pictures = {"psnr": to_uint8(restored), "psnr_input": degraded(sample, protocol)}
        height, width = sample.target.shape[:2]
        for region, mask in regions(height, width, BAND, 0).items():
            for metric, picture in pictures.items() if region in PARTS else ():
                yield Number(PARTS[region], image, metric, masked_psnr(picture, sample.target, mask))
