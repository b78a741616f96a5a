"""Training batches and validation crops: which pixels, turned how, degraded how.

Every batch is a function of (seed, step) alone: it draws from a generator made anew for that step,
so that a resumed training needs no state of any generator and sees what an uninterrupted one saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.config.budget import Degradation
from bench.data.images import Pixels
from bench.data.kernels import SIZE, random_kernel
from bench.foundation.errors import BenchError
from bench.scoring.resize import imresize
from bench.training.batch import Batch

Float = NDArray[np.float32]
Reduce = Callable[[Sequence[Pixels], int], Sequence[Float]]

VALIDATION_SHARE = 8
"""The right-most 1/8 of every training image is never trained on."""
VALIDATION_CROPS = 8
_STREAM_TRAIN, _STREAM_VALIDATION = 1, 2


def reduced(parts: Iterable[Pixels], scale: int) -> Iterator[Float]:
    """Parts of photographs at 1/scale of their size by bicubic interpolation, (h, w, C) in [0, 1], one at a time.

    Each as a whole, so that the borders of a crop look like the middle of a photograph.
    """
    for part in parts:
        yield imresize(part / 255.0, 1 / scale).astype(np.float32)


def reduced_in_memory(parts: Sequence[Pixels], scale: int) -> Sequence[Float]:
    """All of `reduced` at once."""
    return list(reduced(parts, scale))


class Sampler:
    """Draws batches from photographs, in memory or mapped.

    Args:
        images: (H, W, C) uint8.
        degradation: what the network is to undo.
        batch: crops in a batch.
        patch: side of the clean crop in pixels.
        seed: of the run.
        patches: further sides; every step draws one of all.
        reduce: gives what `reduced` gives, for super-resolution.
        names: what messages call the images, in their order.

    Raises:
        BenchError: no image, an image too small for the patch, a patch that is no multiple of the
            scale, or a degradation that lacks what it needs.
    """

    def __init__(
        self,
        images: Sequence[Pixels],
        degradation: Degradation,
        batch: int,
        patch: int,
        seed: int,
        patches: Sequence[int] = (),
        reduce: Reduce = reduced_in_memory,
        names: Sequence[str] = (),
    ) -> None:
        self._sides = (patch, *patches)
        for side in self._sides:
            check_degradation(degradation, side)
        if not images:
            raise BenchError("training: the data sets hold no image")
        self._degradation, self._size, self._seed = degradation, batch, seed
        self._margin = margin(degradation)
        train: list[Pixels] = []
        held: list[Pixels] = []
        called = names if len(names) == len(images) else [f"image {i + 1}" for i in range(len(images))]
        for name, image in zip(called, images, strict=True):
            if reason := too_small(image.shape[0], image.shape[1], degradation, self._sides):
                raise BenchError(f"training: {name}: {reason}")
            height, width, cut = _parts(image.shape[0], image.shape[1], degradation.scale)
            train.append(image[:height, :cut])
            held.append(image[:height, cut:width])
        clean = [*train, *held]
        low: Sequence[Pixels | Float] = reduce(clean, degradation.scale) if degradation.kind == "bicubic" else clean
        pairs = [_Pair(whole, small) for whole, small in zip(clean, low, strict=True)]
        self._train, self._held = pairs[: len(train)], pairs[len(train) :]

    @property
    def seed(self) -> int:
        """Of the run."""
        return self._seed

    def batch(self, step: int) -> Batch:
        """The batch of one step: uniform over images, then over places; one of eight orientations each."""
        rng = np.random.default_rng([_STREAM_TRAIN, self._seed, step])
        side = self._sides[int(rng.integers(len(self._sides)))] if len(self._sides) > 1 else self._sides[0]
        return self._assemble(rng, self._train, self._size, side, turn=True)

    def validation(self, crops: int | None = None) -> list[Batch]:
        """Fixed crops of the held-out strips, the same for every seed, as large as the strips allow (8 to 64).

        Args:
            crops: how many, a multiple of 4; None: `VALIDATION_CROPS`.
        """
        sides = [min(64, *p.clean.shape[:2]) - 2 * self._margin for p in self._held]
        side = max(sides) // 8 * 8
        if side < 8:
            raise BenchError(
                f"validation: no training image is wide enough: a strip of 1/{VALIDATION_SHARE} "
                f"must hold a crop of {8 + 2 * self._margin} pixels"
            )
        wide = [p for p, s in zip(self._held, sides, strict=True) if s >= side]
        rng = np.random.default_rng([_STREAM_VALIDATION])
        group = 4  # bounds the memory of a pass; part of the numbers only through rounding
        return [self._assemble(rng, wide, group, side, turn=False) for _ in range((crops or VALIDATION_CROPS) // group)]

    def _assemble(self, rng: np.random.Generator, pairs: Sequence[_Pair], count: int, side: int, turn: bool) -> Batch:
        clean, degraded, kernels = [], [], []
        for _ in range(count):
            pair = pairs[int(rng.integers(len(pairs)))]
            sharp, low = pair.crop(rng, side + 2 * self._margin, self._degradation.scale)
            if turn:
                turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
                sharp, low = (_oriented(a, turns, mirrored) for a in (sharp, low))
            if self._degradation.kind == "blur":
                kernel = random_kernel(rng)
                kernels.append(kernel)
                low = blurred(low, kernel)
            m = self._margin
            window = slice(m, m + side)
            clean.append(sharp[window, window] if m else sharp)
            degraded.append(low[window, window] if m else low)
        given = _tensor(np.stack(degraded))
        if self._degradation.sigma:
            noise = rng.standard_normal(given.shape, dtype=np.float32)
            given += torch.from_numpy(noise * np.float32(self._degradation.sigma / 255.0))
        stacked = torch.from_numpy(np.stack(kernels)[:, None].astype(np.float32)) if kernels else None
        return Batch(given, _tensor(np.stack(clean)), stacked)


@dataclass(frozen=True)
class _Pair:
    """One image, and what its crops are degraded from: itself, or its reduced version."""

    clean: Pixels
    low: Pixels | Float

    def crop(self, rng: np.random.Generator, side: int, scale: int) -> tuple[Any, Any]:
        """The same place of both, ``side`` pixels of the clean one wide."""
        small = side // scale
        top, left = (int(rng.integers(n // scale - small + 1)) for n in self.clean.shape[:2])
        low = self.low[top : top + small, left : left + small]
        top, left = top * scale, left * scale
        return self.clean[top : top + side, left : left + side], low


def blurred(patch: Pixels, kernel: NDArray[np.float64]) -> Pixels:
    """`bench.scoring.degrade.blur_circular` by FFT: ten times faster on a patch, equal up to ties of the truncation.

    Args:
        patch: (H, W, C) uint8.
        kernel: (kh, kw), centre tap the origin.
    """
    height, width = patch.shape[:2]
    padded = np.zeros((height, width))
    padded[: kernel.shape[0], : kernel.shape[1]] = kernel
    padded = np.roll(padded, (-(kernel.shape[0] // 2), -(kernel.shape[1] // 2)), axis=(0, 1))
    spectrum = np.fft.rfft2(patch.astype(np.float64), axes=(0, 1)) * np.fft.rfft2(padded)[..., None]
    values = np.fft.irfft2(spectrum, s=(height, width), axes=(0, 1))
    # A flat region is an integer up to rounding errors of the FFT: it must not fall by one.
    return np.clip(np.floor(values + 1e-6), 0, 255).astype(np.uint8)


def margin(degradation: Degradation) -> int:
    """Pixels around a crop that the blur must see where the boundary is natural."""
    return SIZE // 2 if degradation.boundary == "natural" else 0


def _parts(height: int, width: int, scale: int) -> tuple[int, int, int]:
    """Height and width that are used, and where the strip for validation begins, multiples of the scale."""
    height, width = height - height % scale, width - width % scale
    cut = width - width // VALIDATION_SHARE
    return height, width, cut - cut % scale


def too_small(height: int, width: int, degradation: Degradation, sides: Sequence[int]) -> str:
    """Why an image gives no crop of the largest of ``sides``; empty if it does."""
    window = max(sides) + 2 * margin(degradation)
    used, _, cut = _parts(height, width, degradation.scale)
    if min(used, cut) >= window:
        return ""
    share = f"its right-most 1/{VALIDATION_SHARE} is kept for validation"
    return f"{height}x{width} pixels is too small for crops of {window} ({share}); take it out or name it in leave_out"


def check_degradation(degradation: Degradation, patch: int) -> None:
    """Refuses a training degradation that contradicts itself.

    Raises:
        BenchError: what is wrong and what is allowed.
    """
    kind, scale = degradation.kind, degradation.scale
    if (kind == "bicubic") != (scale > 1):
        raise BenchError(f"degradation {kind!r}: scale is {scale} (bicubic needs 2 or more, the others 1)")
    if degradation.sigma < 0 or (kind == "awgn" and degradation.sigma == 0):
        raise BenchError(
            f"degradation {kind!r}: sigma is {degradation.sigma:g}, it must not be negative, and positive for awgn"
        )
    if (kind == "blur") != (degradation.boundary is not None):
        raise BenchError(f"degradation {kind!r}: boundary is {degradation.boundary!r} (blur needs circular or natural)")
    if patch % scale:
        raise BenchError(f"patch {patch} is no multiple of the scale {scale}")


def _oriented(array: Any, turns: int, mirrored: bool) -> Any:
    turned = np.rot90(array, turns)
    return turned[:, ::-1] if mirrored else turned


def _tensor(array: NDArray[Any]) -> torch.Tensor:
    """(B, H, W, C) uint8 or float to (B, C, H, W) float32, uint8 divided by 255."""
    moved = torch.from_numpy(np.ascontiguousarray(array.transpose(0, 3, 1, 2)))
    return moved.float().div_(255.0) if moved.dtype == torch.uint8 else moved.float()
