"""Degradations against independent definitions: loops, Pillow, MATLAB's published coefficients."""

from __future__ import annotations

import numpy as np
import pytest
from fabricated_sets import photograph
from PIL import Image

from bench.data import kernels
from bench.foundation.errors import BenchError
from bench.scoring import degrade
from bench.scoring.resize import imresize, resize_matrix

# --- noise ----------------------------------------------------------------------------------------------------


def test_noise_is_the_legacy_generators_reseeded() -> None:
    clean = np.zeros((3, 4, 1))
    noise = degrade.awgn(clean, 25.5) * 10
    # The first normal deviates of RandomState(0), as printed all over the literature.
    assert np.allclose(noise.ravel()[:4], [1.764052, 0.400157, 0.978738, 2.240893], atol=1e-6)
    assert np.array_equal(degrade.awgn(clean, 25.5) * 10, noise)


def test_noise_ramp_grows_from_nothing_to_its_level() -> None:
    noise = degrade.noise_ramp(np.zeros((4000, 5, 1)), 50.0)
    assert np.all(noise[:, 0] == 0)
    assert np.allclose(noise.std(axis=0)[:, 0] * 255, np.linspace(0, 50, 5), rtol=0.05)


# --- bicubic --------------------------------------------------------------------------------------------------


def test_matlabs_coefficients() -> None:
    """The rows of imresize's map far from the border, for 1/2 and 2, as MATLAB computes them."""
    half = [-0.01171875, -0.03515625, 0.11328125, 0.43359375]
    row = resize_matrix(32, 16, 0.5)[8]
    assert np.allclose(row[row != 0], [*half, *half[::-1]], atol=1e-15)
    row = resize_matrix(16, 32, 2.0)[16]
    assert np.allclose(row[row != 0], [-0.0234375, 0.2265625, 0.8671875, -0.0703125], atol=1e-15)


@pytest.mark.parametrize("scale", [0.25, 1 / 3, 0.5, 2.0, 4.0])
def test_constants_stay(scale: float) -> None:
    assert np.allclose(imresize(np.full((24, 36, 2), 0.3), scale), 0.3, atol=1e-14)


def test_the_border_is_symmetric() -> None:
    """Resizing an image equals resizing its mirrored extension and keeping the middle."""
    image = photograph(24, 32).astype(float)
    wide = np.pad(image, ((24, 24), (32, 32), (0, 0)), mode="symmetric")
    assert np.allclose(imresize(image, 0.25), imresize(wide, 0.25)[6:12, 8:16], atol=1e-10)


def test_mirroring_commutes() -> None:
    image = photograph(24, 32).astype(float)
    assert np.allclose(imresize(image[:, ::-1], 0.25), imresize(image, 0.25)[:, ::-1], atol=1e-10)


@pytest.mark.parametrize(("size", "scale"), [((96, 64), 0.25), ((24, 16), 4.0)])
def test_pillow_agrees_away_from_the_border(size: tuple[int, int], scale: float) -> None:
    """Pillow's antialiased bicubic has a = -0.5 too; at the border it renormalises instead of mirroring."""
    image = photograph(*size, channels=1)[..., 0].astype(np.float32)
    ours = imresize(image[..., None], scale)[..., 0]
    theirs = np.asarray(Image.fromarray(image).resize(ours.shape[::-1], Image.Resampling.BICUBIC))
    inner = (slice(8, -8), slice(8, -8)) if scale > 1 else (slice(2, -2), slice(2, -2))
    assert np.abs(ours - theirs)[inner].max() < 1e-3


# --- blur -----------------------------------------------------------------------------------------------------


def test_circular_blur_is_truncated_convolution() -> None:
    image = photograph(9, 11)
    kernel = kernels.motion_kernel(np.random.default_rng(1))
    expected = np.zeros(image.shape)
    for dy in range(-3, 4):
        for dx in range(-3, 4):
            expected += kernel[dy + 3, dx + 3] * np.roll(image.astype(float), (dy, dx), axis=(0, 1))
    blurred = degrade.blur_circular(image, kernel)
    assert blurred.dtype == np.uint8
    sure = np.abs(expected - np.round(expected)) > 1e-9  # a sum on an integer may fall on either side
    assert sure.mean() > 0.99
    assert np.array_equal(blurred[sure], np.floor(expected)[sure].astype(np.uint8))


def test_natural_blur_has_seen_no_boundary() -> None:
    """The centre does not depend on what lies beyond the photograph."""
    image = photograph(40, 50)
    kernel = kernels.gaussian_kernel(1.6)
    blurred, sharp = degrade.blur_natural(image, kernel)
    assert blurred.shape == sharp.shape == (34, 44, 3)
    assert np.array_equal(sharp, image[3:-3, 3:-3])
    for mode in ("reflect", "constant"):
        wide = np.pad(image, ((8, 8), (8, 8), (0, 0)), mode=mode)
        assert np.array_equal(degrade.blur_natural(wide, kernel)[0][8:-8, 8:-8], blurred)
    assert not np.array_equal(degrade.blur_circular(sharp, kernel), blurred)


# --- kernels --------------------------------------------------------------------------------------------------


def test_training_kernels_are_kernels_of_both_kinds() -> None:
    rng = np.random.default_rng(0)
    drawn = [kernels.random_kernel(rng) for _ in range(200)]
    for kernel in drawn:
        assert np.array_equal(kernels.check_kernel(kernel), kernel) and kernel.shape == (7, 7)
    y, x = np.mgrid[-3:4, -3:4]
    off = np.array([np.hypot((k * y).sum(), (k * x).sum()) for k in drawn])
    centred = off < 1e-9
    assert 0.4 < centred.mean() < 0.6, "half of them are isotropic Gaussians"
    assert all(np.allclose(k, k.T) for k, c in zip(drawn, centred, strict=True) if c)
    assert (off > 1.0).mean() > 0.15, "motion kernels may be off centre, as the released ones are"


def test_a_generator_decides_the_kernels() -> None:
    a, b, c = (kernels.random_kernel(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_embedded_kernels_sum_to_one_exactly() -> None:
    for name, make in kernels.EMBEDDED.items():
        kernel = make()
        assert kernel.sum() == 1.0 and kernel.shape == (7, 7), name
        assert np.array_equal(kernel * 2**16, np.round(kernel * 2**16))


BAD = {
    "sum": (np.full((7, 7), 0.02), "sums to one, this one to 0.98"),
    "nan": (np.full((7, 7), np.nan), "sums to one"),
    "even": (np.full((4, 4), 1 / 16), "odd, got 4x4"),
    "negative": (np.array([[0.0, -0.5, 0.0], [0.0, 1.5, 0.0], [0.0, 0.0, 0.0]]), "no negative taps"),
    "3-D": (np.ones((1, 1, 1)), "2-D floating-point"),
    "integers": (np.ones((1, 1), int), "2-D floating-point"),
}


@pytest.mark.parametrize(("kernel", "message"), BAD.values(), ids=BAD.keys())
def test_bad_kernels_are_named(kernel: np.ndarray, message: str) -> None:
    with pytest.raises(BenchError, match=message) as caught:
        kernels.check_kernel(kernel, "k.npy")
    assert "k.npy" in str(caught.value)
