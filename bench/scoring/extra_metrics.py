"""Metrics beyond PSNR and SSIM, on request: which there are, and where they come from. pyiqa may not be installed."""

from __future__ import annotations

from collections.abc import Iterable

from bench.config.metric_names import check_extra, needs_download
from bench.scoring import pyiqa_shim
from bench.scoring.pyiqa_shim import Metric


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
