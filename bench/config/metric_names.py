"""The metrics beside PSNR and SSIM as data, checked before anything runs. Imports nothing slow."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from bench.foundation.errors import BenchError, nearest


class ExtraMetric(NamedTuple):
    """A metric of pyiqa: what it answers, and what it can be asked."""

    higher_is_better: bool
    downloads: bool
    """Whether pyiqa downloads weights at the first use."""
    lowest: float
    highest: float
    """Its range by definition; an answer outside is none (cw_ssim says 1e6 for a flat image)."""
    side: int = 1
    """Pixels that an image must have on each side (measured with pyiqa 0.1.16; its own errors speak of paddings, and
    vsi says 1 for any two images of one pixel)."""

    def refuses(self, height: int, width: int) -> str:
        """Why an image of that size has no score; empty if it can have one."""
        small = min(height, width) < self.side
        return f"{height}x{width} pixels, it needs {self.side} on each side" if small else ""


_ROUNDING = 1e-3
EXTRA: dict[str, ExtraMetric] = {
    "cw_ssim": ExtraMetric(True, False, 0.0, 1.0, side=64),
    "fsim": ExtraMetric(True, False, 0.0, 1.0, side=2),
    "gmsd": ExtraMetric(False, False, 0.0, 1.0, side=4),
    "ms_ssim": ExtraMetric(True, False, 0.0, 1.0, side=161),
    "nlpd": ExtraMetric(False, False, 0.0, math.inf),
    "vif": ExtraMetric(True, False, 0.0, math.inf, side=33),
    "vsi": ExtraMetric(True, False, 0.0, 1.0, side=2),
    "brisque": ExtraMetric(False, True, -math.inf, math.inf),
    "dists": ExtraMetric(False, True, 0.0, 1.0),
    "lpips": ExtraMetric(False, True, 0.0, math.inf),
    "musiq": ExtraMetric(True, True, 0.0, 100.0),
    "niqe": ExtraMetric(False, True, 0.0, math.inf),
    "pieapp": ExtraMetric(False, True, -math.inf, math.inf),
}


def higher_is_better(name: str) -> bool:
    """Whether a larger value of a metric is the better one: of PSNR and SSIM it is."""
    return name not in EXTRA or EXTRA[name].higher_is_better


def check_extra(names: Iterable[str]) -> None:
    """Refuse names that are not in `EXTRA`.

    Raises:
        BenchError: with the nearest valid name.
    """
    for name in names:
        if name not in EXTRA:
            raise BenchError(f"unknown metric {name!r}{nearest(name, EXTRA)} (allowed: {', '.join(EXTRA)})")


def checked(name: str, value: float) -> float | str:
    """A metric's answer, or in words why it is none: not finite, or outside its range."""
    metric = EXTRA[name]
    if not math.isfinite(value):
        return f"it answers {value:g}"
    if not metric.lowest - _ROUNDING <= value <= metric.highest + _ROUNDING:
        return f"it answers {value:g}, outside {metric.lowest:g} to {metric.highest:g}"
    return value
