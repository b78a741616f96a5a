"""Which variant of inference a user's photograph gets: what was measured to be right, or what the user says."""

from __future__ import annotations

import re

from bench.config.variants import Inference, Pad, Taper, Tiles
from bench.foundation.errors import BenchError, nearest
from converse.declarations.model_info import ModelInfo

CHOICES = ("auto", "none", "pad", "taper", "tiles")
BLIND_SIGMA = 0.8
"""Gaussian of a blind network's taper in pixels.

Measured with the released ConverseNet on 128×128 photographs: 1.2 gains 1.6 dB under kernel 1 and loses 3.4 to
4.3 dB under the slight blur of kernel 3, where 0.8 gains 0.0 to 1.1 dB.
"""
BLIND = Inference(tiles=Tiles(size=128), taper=Taper(psf="gaussian", sigma=BLIND_SIGMA))
INFORMED = Inference(tiles=Tiles(size=512, margin=32), taper=Taper(psf="kernel"))
"""Defaults of the two kinds of deblurring networks; the measurements are table ``released_boundary``.

A blind network is used on maps of about the size of its training patches. A non-blind one mostly needs its
seam removed; its tiles are there to bound memory.
"""


def choose(boundary: str, network: ModelInfo) -> Inference | None:
    """The variant of inference for a network.

    Args:
        boundary: ``auto``, ``none``, ``pad[:PIXELS]`` (reflected, 16), ``taper`` or ``tiles[:SIZE]`` (128).
        network: what it declares about itself.

    Returns:
        None: the whole image as it is; ``auto`` does that for denoising and super-resolution.

    Raises:
        BenchError: another word, a number that is not allowed, or a taper where nothing is deblurred.
    """
    word, colon, number = boundary.partition(":")
    if word not in CHOICES or (colon and (word not in ("pad", "tiles") or not re.fullmatch(r"[1-9]\d{0,5}", number))):
        allowed = "auto, none, pad, pad:PIXELS, taper, tiles, tiles:SIZE"
        raise BenchError(f"--boundary {boundary!r}{nearest(word, CHOICES)} (allowed: {allowed})")
    deblurs = network.task.endswith("deblurring")
    if word == "none" or (word == "auto" and not deblurs):
        return None
    if word == "auto":
        return INFORMED if "kernel" in network.inputs else BLIND
    if word == "pad":
        return Inference(pad=Pad(pixels=int(number or 16)))
    if word == "tiles":
        try:
            return Inference(tiles=Tiles(size=int(number or 128)))
        except ValueError as error:
            raise BenchError(f"--boundary {boundary!r}: tiles are more than 32 pixels wide") from error
    if not deblurs:
        raise BenchError(f"--boundary taper is for deblurring; {network.name} does {network.task.replace('_', ' ')}")
    if "kernel" in network.inputs:
        return Inference(taper=Taper(psf="kernel"))
    return Inference(taper=Taper(psf="gaussian", sigma=BLIND_SIGMA))


def describe(variant: Inference | None) -> str:
    """A variant in words, e.g. ``tiles of 128 pixels (neighbours share at least 32, Hann weights)``."""
    if variant is None:
        return "the whole image as it is"
    parts = []
    if variant.tiles is not None:
        size, margin = variant.tiles.size, variant.tiles.margin
        parts.append(f"tiles of {size} pixels (neighbours share at least {2 * margin}, Hann weights)")
    if variant.pad is not None:
        parts.append(f"{variant.pad.mode} padding by {variant.pad.pixels} pixels, cropped afterwards")
    if variant.taper is not None:
        sigma = variant.taper.sigma
        by = "the blur kernel" if sigma is None else f"a Gaussian of {sigma:g} pixels"
        parts.append(f"edge taper by {by}")
    return ", ".join(parts)
