"""Restorers without learning: the rows that every trained row stands against.

The degraded input itself, two denoisers of scikit-image with the protocol's true noise level, and
MATLAB-compatible bicubic enlargement. None is tuned on a test set.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.config.spec import METHODS
from bench.data.protocols import Protocol
from bench.foundation.errors import BenchError
from bench.scoring.prepare import Sample
from bench.scoring.resize import imresize

Float = NDArray[np.floating]

TV_WEIGHT = 0.8
"""Weight of Chambolle's TV over the noise's standard deviation: the best of 0.5 … 1.0 on
``embedded_train`` (28.55 dB at sigma 25; 0.7 and 0.9 give 28.40 and 28.50)."""
TV_ITERATIONS = 50
"""Fixed, since scikit-image's stopping rule jumps by half a dB; 150 iterations give 0.04 dB more."""
SHIFTS = 3
"""Shifts along each axis over which the wavelet denoiser is averaged."""


def restore(method: str, sample: Sample, protocol: Protocol) -> Float:
    """Applies a classical method to one degraded image.

    Args:
        method: a name of `bench.config.spec.METHODS`.
        sample: ``input`` (h, w, C), nominally in [0, 1].
        protocol: gives the noise level and the scale.

    Returns:
        (H, W, C), of the target's shape.

    Raises:
        BenchError: unknown method, or one that does not serve the protocol's task.
    """
    check(method, protocol)
    if method in ("noisy", "blurred"):
        return sample.input
    if method == "tv":
        return tv(sample.input, protocol.sigma / 255.0)
    if method == "wavelet":
        return wavelet(sample.input, protocol.sigma / 255.0)
    return imresize(sample.input, protocol.scale)


def check(method: str, protocol: Protocol) -> None:
    """Refuses a method that does not serve the protocol's task.

    Raises:
        BenchError: with the methods that do.
    """
    if protocol.task not in METHODS.get(method, ()):
        allowed = ", ".join(name for name, tasks in METHODS.items() if protocol.task in tasks)
        raise BenchError(f"method {method!r} does not serve {protocol.task} (allowed: {allowed})")


def tv(noisy: Float, sigma: float) -> Float:
    """Total variation denoising (Chambolle 2004), weight `TV_WEIGHT` × sigma; (H, W, C) in units of sigma."""
    from skimage.restoration import denoise_tv_chambolle

    out: Float = denoise_tv_chambolle(
        noisy.astype(np.float64),
        weight=TV_WEIGHT * sigma,
        eps=0.0,
        max_num_iter=TV_ITERATIONS,
        channel_axis=-1,
    )
    return out


def wavelet(noisy: Float, sigma: float) -> Float:
    """Soft wavelet thresholding, BayesShrink (Chang, Yu, Vetterli 2000), db2, averaged over 3×3 shifts.

    One orthogonal transform alone leaves blocky errors; the mean over shifts (cycle spinning,
    Coifman and Donoho 1995) is its usual cure.
    """
    from skimage.restoration import denoise_wavelet

    total = np.zeros(noisy.shape)
    for shift in np.ndindex(SHIFTS, SHIFTS):
        moved = np.roll(noisy.astype(np.float64), shift, axis=(0, 1))
        restored = denoise_wavelet(
            moved,
            sigma=sigma,
            wavelet="db2",
            mode="soft",
            method="BayesShrink",
            rescale_sigma=True,
            channel_axis=-1,
        )
        total += np.roll(restored, (-shift[0], -shift[1]), axis=(0, 1))
    return total / SHIFTS**2
