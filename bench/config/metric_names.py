"""Names of the metrics beside PSNR and SSIM, checked before anything runs. Imports nothing slow."""

from __future__ import annotations

from collections.abc import Iterable

from bench.foundation.errors import BenchError, nearest

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
    """Refuse names that are not in `EXTRA`.

    Raises:
        BenchError: with the nearest valid name.
    """
    for name in names:
        if name not in EXTRA:
            raise BenchError(f"unknown metric {name!r}{nearest(name, EXTRA)} (allowed: {', '.join(EXTRA)})")


def needs_download(name: str) -> bool:
    """Whether pyiqa downloads weights at the first use of this metric."""
    return EXTRA[name][1]
