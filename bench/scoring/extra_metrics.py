"""Metrics beyond PSNR and SSIM, on request: which there are, and where they come from. pyiqa may not be installed."""

from __future__ import annotations

from collections.abc import Iterable

from bench.foundation.errors import BenchError, nearest
from bench.scoring import pyiqa_shim
from bench.scoring.pyiqa_shim import Metric

EXTRA: dict[str, tuple[bool, bool]] = {
    "cw_ssim": (True, False),
    "fsim": (True, False),
    "gmsd": (False, False),
    "ms_ssim": (True, False),
    "nlpd": (False, False),
    "vif": (True, False),
    "vsi": (True, False),
    "brisque": (False, True),
    "dists": (False, True),
    "lpips": (False, True),
    "musiq": (True, True),
    "niqe": (False, True),
    "pieapp": (False, True),
}
"""pyiqa metric → (higher is better, downloads weights at its first use)."""


def check_extra(names: Iterable[str]) -> None:
    """Refuse names that are not in `EXTRA` before anything runs (imports nothing)."""
    for name in names:
        if name not in EXTRA:
            raise BenchError(f"unknown metric {name!r}{nearest(name, EXTRA)} (allowed: {', '.join(EXTRA)})")


def needs_download(name: str) -> bool:
    """Whether pyiqa downloads weights at the first use of this metric."""
    return EXTRA[name][1]


def extra(names: Iterable[str]) -> dict[str, Metric]:
    """Metrics from pyiqa (on the CPU), each a function of (restored, target), uint8 (H, W, C), gray
    as three channels.

    No-reference metrics (niqe, brisque, musiq) ignore the target by definition. pyiqa takes gray
    from colour by its own default (full-range YIQ), so these values compare among themselves and
    not with `psnr` on Y.

    Raises:
        BenchError: an unknown name, pyiqa not installed, or weights that cannot be downloaded.
    """
    names = list(names)
    check_extra(names)
    if not names:
        return {}
    return {name: pyiqa_shim.metric(name, downloads=needs_download(name)) for name in names}
