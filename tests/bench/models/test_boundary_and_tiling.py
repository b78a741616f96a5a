"""Variants of inference: padding, edge taper and tiles as functions, and what a network makes of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from fabricated_sets import photograph
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy import signal

import converse
from bench.config.variants import Inference
from bench.data.kernels import gaussian_kernel
from bench.foundation.errors import BenchError
from bench.models import boundary, inference, tiling

CPU = torch.device("cpu")


def image(height: int, width: int, channels: int = 3) -> NDArray[np.float32]:
    return (photograph(height, width, channels) / 255.0).astype(np.float32)


def seam(x: NDArray[np.floating]) -> float:
    """Mean absolute difference between circular neighbours across the border, in units of that inside."""
    across = np.abs(x[0] - x[-1]).mean() + np.abs(x[:, 0] - x[:, -1]).mean()
    inside = np.abs(np.diff(x, axis=0)).mean() + np.abs(np.diff(x, axis=1)).mean()
    return float(across / inside)


# --- padding and taper ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["reflect", "replicate", "wrap"])
@pytest.mark.parametrize("pixels", [1, 8])
def test_padding_keeps_the_image_in_the_middle(mode: boundary.PadMode, pixels: int) -> None:
    x = image(21, 34)
    padded = boundary.pad(x, pixels, mode)
    assert padded.shape == (21 + 2 * pixels, 34 + 2 * pixels, 3) and padded.dtype == x.dtype
    np.testing.assert_array_equal(boundary.crop(padded, pixels), x)


def test_only_wrap_leaves_no_seam() -> None:
    ramp = np.linspace(0, 1, 40, dtype=np.float32)[:, None, None] * np.ones((1, 50, 3), np.float32)
    ramp = ramp + np.linspace(0, 1, 50, dtype=np.float32)[None, :, None]
    assert seam(ramp) > 20
    assert seam(boundary.pad(ramp, 8, "reflect")) > 10
    assert seam(boundary.pad(ramp, 8, "wrap")) < 4


@pytest.mark.parametrize(("mode", "need"), [("reflect", 9), ("wrap", 17), ("replicate", 1)])
def test_padding_needs_pixels_to_mirror(mode: boundary.PadMode, need: int) -> None:
    boundary.pad(image(need, 30), 8, mode)
    if need > 1:
        with pytest.raises(BenchError, match=f"too small for {mode} padding by 8 \\(at least {need}\\)"):
            boundary.pad(image(need - 1, 30), 8, mode)


def test_taper_is_matlabs_edgetaper() -> None:
    """Against the definition, written out directly: circular blur by FFT, weights by circular autocorrelation."""
    x, psf = image(40, 52, 1)[..., 0].astype(np.float64), gaussian_kernel(1.2, 7)
    psf[0] += 0.01
    psf /= psf.sum()
    otf = np.fft.fft2(np.roll(np.pad(psf, ((0, 33), (0, 45))), (-3, -3), (0, 1)))
    blurred = np.fft.ifft2(np.fft.fft2(x) * otf).real
    weights = []
    for axis, n in ((0, 40), (1, 52)):
        p = psf.sum(axis=1 - axis)
        full = signal.correlate(p, p)[len(p) - 1 :]  # lags 0, 1, …
        lag = np.minimum(np.arange(n), n - 1 - np.arange(n))
        r = np.where(lag < len(full), full[np.minimum(lag, len(full) - 1)], 0.0)
        weights.append(1 - r / full[0])
    alpha = np.outer(weights[0], weights[1])
    expected = alpha * x + (1 - alpha) * blurred
    np.testing.assert_allclose(boundary.taper(x[..., None], psf)[..., 0], expected, atol=1e-12)


def test_taper_changes_the_border_only_and_removes_the_seam() -> None:
    x, psf = image(64, 72), gaussian_kernel(2.0, 13)
    tapered = boundary.taper(x, psf)
    np.testing.assert_allclose(tapered[13:-13, 13:-13], x[13:-13, 13:-13], atol=1e-6)
    assert tapered.dtype == x.dtype and seam(tapered) < 0.5 * seam(x)
    with pytest.raises(BenchError, match="too small for an edge taper of 13x13"):
        boundary.taper(image(20, 80), psf)


# --- tiles ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1, 4])
@pytest.mark.parametrize(
    ("length", "size", "margin"), [(50, 64, 8), (64, 64, 8), (65, 64, 8), (333, 64, 8), (90, 40, 16)]
)
def test_weights_of_tiles_sum_to_one(length: int, size: int, margin: int, scale: int) -> None:
    total = np.zeros(length * scale)
    begins = tiling.starts(length, size, margin)
    for begin, weight in tiling.windows(length, size, margin, scale):
        assert weight.min() > 0 and len(weight) == min(size, length) * scale
        total[begin * scale : begin * scale + len(weight)] += weight
    np.testing.assert_allclose(total, 1)
    assert begins[0] == 0 and begins[-1] == max(length - size, 0)
    assert all(b - a <= size - 2 * margin for a, b in itertools.pairwise(begins))


@pytest.mark.parametrize("scale", [1, 2])
def test_tiles_of_a_local_function_change_nothing(scale: int) -> None:
    x = image(70, 45)
    restore: Callable[..., NDArray[np.floating]] = lambda part: part.repeat(scale, 0).repeat(scale, 1) * 2  # noqa: E731
    seen = []

    def counted(part: NDArray[np.floating]) -> NDArray[np.floating]:
        seen.append(part.shape)
        return restore(part)

    np.testing.assert_allclose(tiling.by_tiles(x, counted, 32, 6, scale), restore(x), atol=1e-6)
    assert set(seen) == {(32, 32, 3)} and len(seen) == 3 * 2 + 0


def test_tiles_of_margins_only_are_refused() -> None:
    with pytest.raises(BenchError, match="tiles of 32 pixels are too small for margins of 16"):
        tiling.starts(100, 32, 16)


# --- a network --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["conversenet", "converse_srresnet", "converse_dncnn"])
@pytest.mark.parametrize(
    "variant",
    [
        {"pad": {"pixels": 8}},
        {"tiles": {"size": 24, "margin": 4}},
        {"tiles": {"size": 24, "margin": 4}, "pad": {"pixels": 4, "mode": "wrap"}},
    ],
)
def test_a_network_under_a_variant(name: str, variant: dict[str, object]) -> None:
    model = converse.build_model(name, seed=0, channels=4, blocks=1).eval()
    channels, scale = (1, 1) if name == "converse_dncnn" else (3, 4 if name == "converse_srresnet" else 1)
    x = image(30, 41, channels)
    plain, _ = inference.apply(model, x, CPU)
    restored, _ = inference.apply(model, x, CPU, variant=Inference.model_validate(variant))
    assert restored.shape == plain.shape == (30 * scale, 41 * scale, channels)
    assert restored.dtype == np.float32 and restored.flags.c_contiguous
    assert not np.array_equal(restored, plain)


def test_a_taper_by_the_kernel_is_for_networks_that_are_given_it() -> None:
    x, kernel = image(30, 41), gaussian_kernel(1.0)
    by_kernel = Inference.model_validate({"taper": {"psf": "kernel"}})
    blind = converse.build_model("conversenet", seed=0, channels=4, blocks=1, iterations=1).eval()
    with pytest.raises(BenchError, match="a blind network is not given the kernel"):
        inference.apply(blind, x, CPU, kernel, by_kernel)
    informed = converse.build_model("converse_usrnet", seed=0, channels=4, blocks=1, iterations=1).eval()
    tapered, _ = inference.apply(informed, x, CPU, kernel, by_kernel)
    expected, _ = inference.apply(informed, boundary.taper(x, kernel), CPU, kernel)
    np.testing.assert_array_equal(tapered, expected)
    denoiser = converse.build_model("dncnn", seed=0, channels=4, blocks=1).eval()
    with pytest.raises(BenchError, match="makes no sense for denoising"):
        inference.apply(denoiser, image(30, 41, 1), CPU, variant=by_kernel)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "at least one of tiles, pad, taper"),
        ({"tiles": {"size": 32}}, "size 32 is all margin"),
        ({"taper": {"psf": "gaussian"}}, "needs sigma"),
        ({"taper": {"psf": "kernel", "sigma": 1.0}}, "takes none"),
        ({"pad": {"pixels": 4, "mode": "mirror"}}, "'reflect', 'replicate' or 'wrap'"),
    ],
)
def test_senseless_variants_are_refused(data: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Inference.model_validate(data)
