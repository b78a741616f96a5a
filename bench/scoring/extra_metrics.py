"""Metrics beyond PSNR and SSIM, on request: which there are, and where they come from. pyiqa may not be installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bench.config.metric_names import EXTRA, check_extra, checked
from bench.data.images import Pixels
from bench.foundation.memory import ran_out
from bench.scoring import pyiqa_shim
from bench.scoring.pyiqa_shim import Metric

Answer = Callable[[Pixels, Pixels], float | str]
"""(restored, target) to a score, or to the reason why this pair has none."""


def extra(names: Iterable[str]) -> dict[str, Answer]:
    """Metrics from pyiqa (on the CPU), each a function of (restored, target), uint8 (H, W, C), gray
    as three channels, that answers with a number in the metric's range or with the reason why there is none.

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
    return {name: _answering(name, pyiqa_shim.metric(name, downloads=EXTRA[name].downloads)) for name in names}


def _answering(name: str, metric: Metric) -> Answer:
    def answer(restored: Pixels, target: Pixels) -> float | str:
        if reason := EXTRA[name].refuses(*target.shape[:2]):
            return reason
        try:
            return checked(name, metric(restored, target))
        except Exception as error:  # pyiqa lets through whatever its arithmetic raises on an odd image
            if ran_out(error):
                raise
            return f"pyiqa raises {type(error).__name__}: {' '.join(str(error).split())[:120]}"

    return answer
