"""Blur kernels: checked, drawn at random for training, generated for the embedded set.

The paper trains deblurring on 7x7 motion and isotropic Gaussian blur and states no generator, no
widths and no mixing ratio; `random_kernel` states ours.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.foundation.errors import BenchError

Kernel = NDArray[np.float64]

SIZE = 7
"""Side of the paper's blur kernels."""
GAUSSIAN_WIDTH = (0.4, 2.0)
"""Standard deviation in pixels, uniform (unstated in the paper; its released kernel 3 has 0.63)."""
MOTION_SHARE = 0.5
"""Share of motion kernels among training kernels (unstated in the paper)."""
SUM_TOLERANCE = 1e-6


def check_kernel(kernel: NDArray[np.floating], name: str = "kernel") -> Kernel:
    """``kernel`` as float64, or a `BenchError` that says what is wrong with it."""
    if not isinstance(kernel, np.ndarray) or kernel.ndim != 2 or kernel.dtype.kind != "f":
        raise BenchError(f"{name}: a blur kernel is a 2-D floating-point array")
    if kernel.shape[0] % 2 == 0 or kernel.shape[1] % 2 == 0:
        raise BenchError(f"{name}: sides of a blur kernel are odd, got {kernel.shape[0]}x{kernel.shape[1]}")
    total = float(kernel.sum())
    if not np.isfinite(total) or abs(total - 1.0) > SUM_TOLERANCE:
        raise BenchError(f"{name}: a blur kernel sums to one, this one to {total:.6g}")
    if kernel.min() < 0:
        raise BenchError(f"{name}: a blur kernel has no negative taps, the smallest here is {kernel.min():.3g}")
    return kernel.astype(np.float64)


def gaussian_kernel(width: float, size: int = SIZE) -> Kernel:
    """Isotropic Gaussian of standard deviation ``width`` (pixels), (size, size), sum 1."""
    x = np.arange(size) - (size - 1) / 2
    line = np.exp(-0.5 * (x / width) ** 2)
    kernel = np.outer(line, line)
    return kernel / kernel.sum()


def motion_kernel(rng: np.random.Generator) -> Kernel:
    """Blur of a hand-held camera: a random smooth path inside the window, (SIZE, SIZE), sum 1.

    The velocity is a damped random walk; the path is scaled to a length between 2 pixels and the
    window's side and dropped at a random place where it fits. So kernels need not be centred, as
    three of the five released ones are not (centroids 1.0 to 1.4 pixels off), and a blind network
    must learn to undo a shift.
    """
    path = np.zeros((64, 2))
    heading = rng.uniform(0, 2 * np.pi)
    velocity = np.array([np.sin(heading), np.cos(heading)])
    for i in range(1, len(path)):
        velocity = 0.95 * velocity + 0.25 * rng.normal(size=2)
        path[i] = path[i - 1] + velocity
    span = SIZE - 2.0  # centres of the pen stay within [0.5, SIZE - 1.5]
    path *= rng.uniform(2.0, span) / np.ptp(path, axis=0).max()
    room = span - np.ptp(path, axis=0)
    path += 0.5 - path.min(axis=0) + rng.uniform(size=2) * room
    return _draw(path, SIZE, pen=0.6)


def _draw(path: NDArray[np.float64], size: int, pen: float) -> Kernel:
    """Path points (steps, 2) in pixels, drawn with a round Gaussian pen of standard deviation ``pen``."""
    grid = np.arange(size)
    rows = np.exp(-0.5 * ((grid[None] - path[:, :1]) / pen) ** 2)
    columns = np.exp(-0.5 * ((grid[None] - path[:, 1:]) / pen) ** 2)
    kernel = rows.T @ columns
    return kernel / kernel.sum()


def random_kernel(rng: np.random.Generator) -> Kernel:
    """A training kernel: motion or isotropic Gaussian, (SIZE, SIZE), sum 1 (`MOTION_SHARE`, `GAUSSIAN_WIDTH`)."""
    if rng.uniform() < MOTION_SHARE:
        return motion_kernel(rng)
    return gaussian_kernel(rng.uniform(*GAUSSIAN_WIDTH))


def quantise(kernel: Kernel, bits: int = 16) -> Kernel:
    """Taps as multiples of 2**-bits that sum to one exactly, so that a hash does not depend on the
    machine's ``exp``.
    """
    scale = 2**bits
    taps = np.rint(kernel * scale)
    taps.flat[int(np.argmax(taps))] += scale - taps.sum()
    return taps / scale


def _diagonal_motion() -> Kernel:
    t = np.linspace(0.0, 1.0, 64)
    return _draw(np.stack([1.2 + 3.2 * t, 1.0 + 3.4 * t + 1.2 * t * (1 - t)], axis=1), SIZE, pen=0.6)


EMBEDDED: dict[str, Callable[[], Kernel]] = {
    "gaussian.npy": lambda: quantise(gaussian_kernel(1.2)),
    "motion.npy": lambda: quantise(_diagonal_motion()),
}
"""The data set ``embedded_kernels``: an isotropic Gaussian and an off-centre motion."""


def embedded_bytes(name: str) -> bytes:
    """The ``.npy`` file of an embedded kernel."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, EMBEDDED[name](), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()
