"""What of a test will have no score, from the headers of its images: known before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.config.metric_names import EXTRA
from bench.data.decoding import size
from bench.data.kernel_files import load_kernel
from bench.data.protocols import Protocol
from bench.foundation.errors import BenchError
from bench.scoring.metrics import WINDOW
from bench.scoring.prepare import target_size

NO_RESULT = "it cannot be scored, and without it the test has no result"


def foreseen(
    paths: Iterable[Path], protocol: Protocol, metrics: Sequence[str], kernels: Iterable[Path] = ()
) -> list[str]:
    """One line for every image that cannot be scored, or not by a metric, and for every kernel that is none.

    Args:
        paths: the images of a test.
        protocol: how they are cropped.
        metrics: names beside PSNR and SSIM (`bench.config.metric_names.EXTRA`).
        kernels: its kernels; of their sizes the largest counts.
    """
    found = []
    sides = [(1, 1)]
    for path in kernels:
        try:
            rows, columns = load_kernel(path).shape
            sides.append((rows, columns))
        except BenchError as error:
            found.append(f"{error}: nothing is scored under it, and without it the test has no result")
    kernel = max(high for high, _ in sides), max(wide for _, wide in sides)
    for path in paths:
        try:
            read = size(path)
        except BenchError as error:
            found.append(f"{error}: {NO_RESULT}")
            continue
        try:
            height, width = (side - 2 * protocol.border for side in target_size(protocol, *read, kernel=kernel))
        except BenchError as error:
            found.append(f"{path}: {error}: {NO_RESULT}")
            continue
        if min(height, width) < WINDOW:
            found.append(f"{path}: ssim will be a dash ({height}x{width} scored, it needs {WINDOW} on each side)")
        for name in metrics:
            if reason := EXTRA[name].refuses(height, width):
                found.append(f"{path}: {name} will be a dash ({reason})")
    return found
