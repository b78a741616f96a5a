"""What of a test will have no score, from the headers of its images: known before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.config.metric_names import EXTRA
from bench.data.decoding import size
from bench.data.protocols import Protocol
from bench.foundation.errors import BenchError
from bench.scoring.metrics import WINDOW


def foreseen(paths: Iterable[Path], protocol: Protocol, metrics: Sequence[str]) -> list[str]:
    """One line for every image that cannot be scored, or not by a metric.

    Args:
        paths: the images of a test.
        protocol: how they are cropped.
        metrics: names beside PSNR and SSIM (`bench.config.metric_names.EXTRA`).
    """
    found = []
    for path in paths:
        try:
            height, width = size(path)
        except BenchError as error:
            found.append(f"{error}: it cannot be scored, and without it the test has no result")
            continue
        height, width = (side - side % protocol.multiple - 2 * protocol.border for side in (height, width))
        if min(height, width) < WINDOW:
            found.append(f"{path}: ssim will be a dash ({height}x{width} scored, it needs {WINDOW} on each side)")
        for name in metrics:
            if reason := EXTRA[name].refuses(height, width):
                found.append(f"{path}: {name} will be a dash ({reason})")
    return found
