"""Training batches: functions of (seed, step), inside the training part, degraded as the protocols degrade."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fabricated_sets import photograph

from bench.config.budget import Degradation
from bench.data.kernels import random_kernel
from bench.foundation.errors import BenchError
from bench.scoring import degrade
from bench.scoring.resize import imresize
from bench.training.sampling import VALIDATION_CROPS, Sampler, blurred

AWGN = Degradation(kind="awgn", sigma=25)
BICUBIC = Degradation(kind="bicubic", scale=4)
CIRCULAR = Degradation(kind="blur", sigma=2.55, boundary="circular")
NATURAL = Degradation(kind="blur", sigma=2.55, boundary="natural")
ALL = pytest.mark.parametrize(
    "degradation", [AWGN, BICUBIC, CIRCULAR, NATURAL], ids=["awgn", "sr", "circular", "natural"]
)
PHOTOS = [photograph(80, 128, seed=i) for i in range(3)]


def sampler(degradation: Degradation, seed: int = 0, batch: int = 4, patch: int = 24) -> Sampler:
    return Sampler(PHOTOS, degradation, batch, patch, seed)


@ALL
def test_a_batch_depends_on_seed_and_step_alone(degradation: Degradation) -> None:
    one, two = sampler(degradation), sampler(degradation)
    one.batch(3)
    for a, b in ((one.batch(7), two.batch(7)),):
        assert torch.equal(a.degraded, b.degraded) and torch.equal(a.clean, b.clean)
    assert not torch.equal(one.batch(7).clean, one.batch(8).clean)
    assert not torch.equal(one.batch(7).clean, sampler(degradation, seed=1).batch(7).clean)


@ALL
def test_shapes(degradation: Degradation) -> None:
    batch = sampler(degradation).batch(0)
    side = 24 // degradation.scale
    assert batch.clean.shape == (4, 3, 24, 24) and batch.degraded.shape == (4, 3, side, side)
    assert batch.clean.dtype == batch.degraded.dtype == torch.float32
    assert (batch.kernel is not None) == (degradation.kind == "blur")
    if batch.kernel is not None:
        assert batch.kernel.shape == (4, 1, 7, 7)
        torch.testing.assert_close(batch.kernel.sum(dim=(1, 2, 3)), torch.ones(4))


@ALL
def test_validation_pixels_are_never_trained_on(degradation: Degradation) -> None:
    image = photograph(64, 128, channels=1).clip(10, 120)
    image[:, 112:] = 250  # the right-most eighth
    made = Sampler([image], degradation, 16, 40, 0)
    assert max(float(made.batch(i).clean.max()) for i in range(20)) < 0.5
    held = made.validation()
    assert sum(len(b.clean) for b in held) == VALIDATION_CROPS
    assert min(float(b.clean.min()) for b in held) > 0.9


def test_validation_is_the_same_for_every_seed() -> None:
    one, two = (sampler(AWGN, seed=s).validation() for s in (0, 1))
    assert all(torch.equal(a.degraded, b.degraded) for a, b in zip(one, two, strict=True))


def test_all_orientations_are_drawn() -> None:
    image = np.zeros((32, 40, 1), np.uint8)
    image[:, :] = np.arange(32, dtype=np.uint8)[:, None, None] * 3 + np.arange(40, dtype=np.uint8)[None, :, None]
    made = Sampler([image], AWGN, 64, 8, 0)
    crops = made.batch(0).clean[:, 0] * 255
    slopes = {tuple(torch.round(torch.stack([c[1, 0] - c[0, 0], c[0, 1] - c[0, 0]])).int().tolist()) for c in crops}
    assert slopes == {(a, b) for s in (1, -1) for t in (1, -1) for a, b in ((3 * s, t), (s, 3 * t))}


def test_noise_has_the_level_of_the_protocol() -> None:
    batch = sampler(AWGN, batch=64).batch(0)
    noise = (batch.degraded - batch.clean) * 255
    assert float(noise.std()) == pytest.approx(25, rel=0.01) and abs(float(noise.mean())) < 0.3


def test_low_and_high_resolution_show_the_same_place() -> None:
    batch = sampler(BICUBIC, patch=48).batch(0)
    for low, high in zip(batch.degraded, batch.clean, strict=True):
        direct = imresize(high.permute(1, 2, 0).double().numpy(), 0.25)
        inner = slice(2, -2)  # the crop's border has seen the photograph beyond it
        np.testing.assert_allclose(low.permute(1, 2, 0).numpy()[inner, inner], direct[inner, inner], atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_fast_blur_is_the_protocols_blur(seed: int) -> None:
    kernel = random_kernel(np.random.default_rng(seed))
    patch = photograph(40, 48, seed=seed)
    difference = blurred(patch, kernel).astype(int) - degrade.blur_circular(patch, kernel)
    assert np.abs(difference).max() <= 1 and (difference != 0).mean() < 1e-3
    flat = np.full((16, 16, 1), 255, np.uint8)
    assert (blurred(flat, kernel) == 255).all()


@pytest.mark.parametrize(("degradation", "circular"), [(CIRCULAR, True), (NATURAL, False)])
def test_boundary(degradation: Degradation, circular: bool) -> None:
    """What the degraded crop is: the circular blur of the clean crop, or the blur of more than the crop."""
    quiet = degradation.model_copy(update={"sigma": 0.0})
    batch = sampler(quiet, batch=2, patch=32).batch(1)
    assert batch.kernel is not None
    for given, clean, kernel in zip(batch.degraded, batch.clean, batch.kernel, strict=True):
        sharp = (clean * 255).round().byte().permute(1, 2, 0).numpy()
        again = blurred(sharp, kernel[0].double().numpy())
        same = np.abs(given.permute(1, 2, 0).numpy() * 255 - again) <= 1.01
        assert same[4:-4, 4:-4].all()
        assert same.all() == circular


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "awgn"}, "sigma is 0"),
        ({"kind": "bicubic", "scale": 1}, "scale is 1"),
        ({"kind": "awgn", "sigma": 5, "scale": 2}, "scale is 2"),
        ({"kind": "blur", "sigma": -1, "boundary": "circular"}, "must not be negative"),
        ({"kind": "blur"}, "boundary is None"),
        ({"kind": "awgn", "sigma": 5, "boundary": "natural"}, "boundary is 'natural'"),
    ],
)
def test_contradictions_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(BenchError, match=message):
        sampler(Degradation.model_validate(change))


def test_no_image_and_small_images_are_refused() -> None:
    with pytest.raises(BenchError, match="hold no image"):
        Sampler([], AWGN, 1, 8, 0)
    with pytest.raises(
        BenchError, match=r"training: small\.png: 20x20 pixels is too small for crops of 24 .*leave_out"
    ):
        Sampler([photograph(40, 40), photograph(20, 20)], AWGN, 1, 24, 0, names=["a.png", "small.png"])
    with pytest.raises(BenchError, match="a strip of 1/8 must hold a crop of 8"):
        Sampler([photograph(40, 40)], AWGN, 1, 8, 0).validation()
