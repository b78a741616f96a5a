"""Behaviour versions. Part of the identity of runs and results; imports nothing.

Raise one by hand when a change of code changes numbers. Golden tests (``tests/bench/test_golden.py``)
fail when behaviour moved and the version did not; a refactor that keeps the numbers retrains nothing.
"""

from __future__ import annotations

TRAIN_VERSION = 1
"""What three training steps give: sampling, augmentation, loss, optimiser, schedule, initialisation."""

DEGRADE_VERSION = 1
"""What a protocol feeds to a model: noise, bicubic, blur."""

EVAL_VERSION = 1
"""How a restored image is scored: clipping, rounding, border, colour space, PSNR, SSIM."""

INFERENCE_VERSION = 1
"""What a network's variant of inference does to an image: tiles, padding, edge taper (`bench.config.variants`)."""

PROPERTY_VERSION = 1
"""What is measured of a trained network beside its scores (`bench.analyses.trained`)."""

THROUGHPUT_VERSION = 2
"""What is timed and how."""


def of_scores() -> str:
    """What decides a score beside the run, as names of files have it: ``e1d1``."""
    return f"e{EVAL_VERSION}d{DEGRADE_VERSION}"
