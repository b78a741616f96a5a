"""What an analysis works with: its settings, the released networks, photographs and kernels, restored images.

Files are those that the analysis is named after, byte for byte, or refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import converse
from bench.config.analysis_info import WEIGHTS
from bench.config.planned_analyses import AnalysisSpec
from bench.data import protocols
from bench.data.datasets import Dataset
from bench.data.images import Color, Pixels, read_image
from bench.data.kernel_files import load_kernel
from bench.data.kernels import Kernel
from bench.data.planned_files import Content, PlannedFile
from bench.data.protocols import Protocol
from bench.data.scored_content import named_hashes
from bench.foundation.errors import BenchError, nearest
from bench.models import inference
from bench.scoring import metrics
from bench.scoring.metrics import to_uint8
from bench.scoring.prepare import Sample
from bench.scoring.score import scored
from converse.assembly.released import RELEASED, CheckpointError

PROTOCOLS = {
    "converse_dncnn": "denoise-gray-s25",
    "converse_srresnet": "sr-bicubic-x4",
    "conversenet": "deblur-circular-s2.55",
    "converse_usrnet": "deblur-circular-s2.55",
}
"""Released network → the protocol that gives its published averages."""


class Laboratory:
    """One analysis at work.

    Args:
        spec: what is measured.
        datasets: by name (`bench.config.plan.Plan.datasets`).
        device: where the networks run.
    """

    def __init__(self, spec: AnalysisSpec, datasets: Mapping[str, Dataset], device: torch.device) -> None:
        self.settings: Mapping[str, Any] = spec.settings
        self.device = device
        self.kept: dict[str, NDArray[Any]] = {}
        self._datasets = datasets
        self._content = spec.data
        self._network: tuple[str, nn.Module] | None = None

    def network(self, name: str) -> nn.Module:
        """A released network in eval mode, on the device; the last one is kept in memory.

        Raises:
            BenchError: an unknown network, or a checkpoint that is missing, damaged or not the one that is declared.
        """
        if self._network is None or self._network[0] != name:
            if name not in RELEASED:
                raise BenchError(f"unknown network {name!r}{nearest(name, RELEASED)} (allowed: {', '.join(RELEASED)})")
            data = self._datasets[WEIGHTS]
            path = data.directory() / f"{name}.pth"  # alone: the other networks may be there
            if not path.is_file():
                raise BenchError(f"{path}: missing; run: python -m bench fetch {WEIGHTS}")
            file = PlannedFile(path, data.hashes[path.name], WEIGHTS)
            try:
                network = file.read(lambda path: converse.load_released(name, path, map_location=self.device))
            except CheckpointError as error:
                raise BenchError(str(error)) from error
            self._network = name, network
        return self._network[1]

    def photographs(self, setting: str, count: int | None = None) -> list[str]:
        """File names of the data set that a setting names, in order; the first ``count``."""
        return [path.name for path in self._datasets[self.settings[setting]].files()][:count]

    def photograph(self, setting: str, name: str, color: Color | None = None) -> Pixels:
        """One image of the data set that a setting names, (H, W, C) uint8."""
        return self._read(setting, name, lambda path: read_image(path, color))

    def kernel(self, name: str) -> Kernel:
        """A blur kernel of the data set that the setting ``kernels`` names, by file name without ``.npy``."""
        return self._read("kernels", f"{name}.npy", load_kernel)

    def _read(self, setting: str, name: str, reader: Callable[[Path], Content]) -> Content:
        """What ``reader`` makes of a file of the data set that a setting names.

        Raises:
            BenchError: the reader's; no such file, or not the one that the analysis is named after.
        """
        data = self._datasets[self.settings[setting]]
        hashes = named_hashes(data) or {}
        if data.content_hash() != self._content[data.name]:  # of a folder of the user's
            raise BenchError(f"{data.name}: its files changed after this was planned; start again")
        return PlannedFile(data.file(name), hashes.get(name, ""), data.name).read(reader)

    def restore(self, network: str, sample: Sample, protocol: Protocol) -> Pixels:
        """The restored image of a sample as it is scored and shown, (H, W, C) uint8."""
        restored, _ = inference.apply(self.network(network), sample.input, self.device, sample.kernel)
        return to_uint8(restored)

    def keep(self, name: str, picture: NDArray[Any]) -> None:
        """Keeps an array of this case for the drawing (`bench.results.findings.Findings.picture`)."""
        self.kept[name] = np.ascontiguousarray(picture)


def protocol_of(network: str) -> Protocol:
    """The published protocol of a released network.

    Raises:
        BenchError: an unknown network.
    """
    if network not in PROTOCOLS:
        allowed = ", ".join(PROTOCOLS)
        raise BenchError(f"unknown network {network!r}{nearest(network, PROTOCOLS)} (allowed: {allowed})")
    return protocols.get(PROTOCOLS[network])


def degraded(sample: Sample, protocol: Protocol) -> Pixels:
    """What the network was given, as an image of the target's size: for ×n, bicubic to that size."""
    image = sample.input
    if protocol.scale > 1:
        from bench.scoring.resize import imresize

        image = imresize(image, protocol.scale).astype(np.float32)
    return to_uint8(image)


def core_psnr(protocol: Protocol, image: Pixels, target: Pixels, side: int) -> float:
    """PSNR (dB) of the central ``side`` × ``side`` pixels, in the channels that the protocol scores."""
    pair = [centre(scored(protocol, x), side, side) for x in (image, target)]
    return metrics.psnr(pair[0], pair[1])


def centre(image: Pixels, height: int, width: int) -> Pixels:
    """The central window of an image (H, W, C); rounded towards the top left.

    Raises:
        BenchError: the image is smaller.
    """
    if image.shape[0] < height or image.shape[1] < width:
        raise BenchError(f"an image of {image.shape[0]}x{image.shape[1]} has no window of {height}x{width}")
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]
