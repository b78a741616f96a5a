"""Protocols: what a model is given, what is scored, and that both are the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fabricated_sets import photograph, public_mirror

from bench.data import kernels
from bench.data.images import as_color, read_image
from bench.data.kernel_files import load_kernel
from bench.data.protocols import NAMES, get
from bench.foundation.errors import BenchError
from bench.scoring import degrade, metrics
from bench.scoring.prepare import prepare
from bench.scoring.resize import imresize
from bench.scoring.score import score

KERNEL = kernels.quantise(kernels.motion_kernel(np.random.default_rng(0)))
IMAGE = photograph(67, 85)


def kernel_for(name: str):  # type: ignore[no-untyped-def]
    return KERNEL if get(name).needs_kernel else None


SHAPES = {
    "denoise-gray-s25": ((67, 85, 1), (67, 85, 1)),
    "denoise-gray-ramp50": ((67, 85, 1), (67, 85, 1)),
    "sr-bicubic-x4": ((16, 21, 3), (64, 84, 3)),
    "deblur-circular-s2.55": ((64, 80, 3), (64, 80, 3)),
    "deblur-natural-s2.55": ((56, 72, 3), (56, 72, 3)),
}


@pytest.mark.parametrize("name", NAMES)
def test_shapes_types_and_determinism(name: str) -> None:
    before = IMAGE.copy()
    one, two = (prepare(get(name), IMAGE, kernel_for(name)) for _ in range(2))
    assert (one.input.shape, one.target.shape) == SHAPES[name]
    assert one.input.dtype == np.float32 and one.target.dtype == np.uint8
    assert np.array_equal(one.input, two.input) and np.array_equal(one.target, two.target)
    assert np.array_equal(IMAGE, before)
    assert get(name) is get(name) and name == get(name).name
    assert "\n" not in get(name).description


@pytest.mark.parametrize("name", NAMES)
def test_gray_and_colour_are_both_taken(name: str) -> None:
    gray = IMAGE[..., :1]
    one = prepare(get(name), gray, kernel_for(name))
    two = prepare(get(name), as_color(gray, get(name).color), kernel_for(name))
    assert np.array_equal(one.input, two.input)


@pytest.mark.parametrize("name", NAMES)
def test_a_perfect_answer_and_a_clipped_one(name: str) -> None:
    protocol = get(name)
    target = prepare(protocol, IMAGE, kernel_for(name)).target
    assert score(protocol, target / 255.0, target) == {"psnr": float("inf"), "ssim": pytest.approx(1.0)}
    off = score(protocol, target / 255.0 + 0.11, target)
    assert off == score(protocol, np.clip(target / 255.0 + 0.11, 0, 1).astype(np.float32), target)
    with pytest.raises(BenchError, match="the restored image is"):
        score(protocol, target[:-1] / 255.0, target)


def test_denoising_is_the_definition() -> None:
    sample = prepare(get("denoise-gray-s25"), IMAGE)
    noise = np.random.RandomState(0).normal(0, 25 / 255, (67, 85, 1))
    assert np.allclose(sample.input, sample.target / 255.0 + noise, atol=1e-7)
    assert sample.input.min() < 0 or sample.input.max() > 1, "it is not clipped"
    found = score(get("denoise-gray-s25"), sample.input, sample.target)
    assert found["psnr"] == metrics.psnr(metrics.to_uint8(sample.input), sample.target)


def test_super_resolution_is_the_definition() -> None:
    sample = prepare(get("sr-bicubic-x4"), IMAGE)
    assert np.allclose(sample.input, imresize(IMAGE[:64, :84] / 255.0, 0.25), atol=1e-7)
    up = imresize(sample.input, 4)
    a, b = (metrics.luma(i)[4:-4, 4:-4] for i in (metrics.to_uint8(up), sample.target))
    assert score(get("sr-bicubic-x4"), up, sample.target) == {"psnr": metrics.psnr(a, b), "ssim": metrics.ssim(a, b)}


@pytest.mark.parametrize(("name", "border"), [("deblur-circular-s2.55", 1), ("deblur-natural-s2.55", 8)])
def test_deblurring_is_the_definition(name: str, border: int) -> None:
    sample = prepare(get(name), IMAGE, KERNEL)
    if name.startswith("deblur-circular"):
        blurred, sharp = degrade.blur_circular(IMAGE[:64, :80], KERNEL), IMAGE[:64, :80]
    else:
        blurred, sharp = (a[:56, :72] for a in degrade.blur_natural(IMAGE, KERNEL))
    noise = np.random.RandomState(0).normal(0, 2.55 / 255, sharp.shape)
    assert np.array_equal(sample.target, sharp)
    assert np.allclose(sample.input, blurred / 255.0 + noise, atol=1e-7)
    inner = slice(border, -border)
    a, b = metrics.to_uint8(sample.input)[inner, inner], sharp[inner, inner]
    assert score(get(name), sample.input, sharp)["psnr"] == metrics.psnr(a, b)


def test_the_number_is_part_of_the_name() -> None:
    assert get("denoise-gray-s15").sigma == 15
    assert get("sr-bicubic-x2").scale == get("sr-bicubic-x2").border == 2
    assert get("deblur-natural-s7.65").sigma == 7.65
    assert get("denoise-gray-ramp30").degradation == "ramp"


@pytest.mark.parametrize(
    "name",
    [
        "denoise-grey-s25",
        "denoise-gray-s",
        "denoise-gray-s25.0",
        "denoise-gray-s025",
        "sr-bicubic-x1",
        "sr-bicubic-x2.5",
        "denoise-gray-s2५",
        f"sr-bicubic-x{'9' * 400}",
        "",
    ],
)
def test_one_spelling_per_protocol(name: str) -> None:
    """The name is an identity: 25.0 and 025 would make two of one."""
    with pytest.raises(BenchError, match="protocol"):
        get(name)
    with pytest.raises(BenchError, match="did you mean 'denoise-gray-s25'"):
        get("denoise-grey-s25")


def test_kernels_are_asked_for_and_refused() -> None:
    with pytest.raises(BenchError, match=r"deblur-circular-s2.55 needs a blur kernel"):
        prepare(get("deblur-circular-s2.55"), IMAGE)
    with pytest.raises(BenchError, match="denoise-gray-s25 takes no blur kernel"):
        prepare(get("denoise-gray-s25"), IMAGE, KERNEL)
    with pytest.raises(BenchError, match="sums to one"):
        prepare(get("deblur-circular-s2.55"), IMAGE, KERNEL * 2)


@pytest.mark.parametrize("name", ["sr-bicubic-x4", "deblur-circular-s2.55", "deblur-natural-s2.55"])
def test_small_images_are_refused(name: str) -> None:
    with pytest.raises(BenchError, match="too small"):
        prepare(get(name), photograph(7, 7), kernel_for(name))


# --- the real thing -------------------------------------------------------------------------------------------

HOST = "raw.githubusercontent.com"


def public(pattern: str) -> list[Path]:
    found = sorted((public_mirror() / HOST).glob(pattern))
    assert found, f"the mirror holds nothing at {HOST}/{pattern}"
    return found


@pytest.mark.mirror
def test_bicubic_on_set5_is_the_literatures() -> None:
    """Needs BENCH_MIRROR. 28.42 dB is the published bicubic ×4. Offline sibling: `test_matlabs_coefficients`."""
    protocol = get("sr-bicubic-x4")
    samples = [prepare(protocol, read_image(p)) for p in public("jbhuang0604/SelfExSR/*/data/Set5/image_SRF_4/*")]
    values = [score(protocol, imresize(metrics.to_uint8(s.input) / 255.0, 4), s.target)["psnr"] for s in samples]
    assert np.mean(values) == pytest.approx(28.42, abs=0.005)


@pytest.mark.mirror
def test_inputs_of_set12_and_of_the_released_kernels() -> None:
    """Needs BENCH_MIRROR. Measured once, kept as they are. Offline siblings: the definitions above."""
    protocol = get("denoise-gray-s25")
    samples = [prepare(protocol, read_image(p)) for p in public("cszn/DnCNN/*/testsets/Set12/*")]
    noisy = np.mean([score(protocol, s.input, s.target)["psnr"] for s in samples])
    assert noisy == pytest.approx(20.3688, abs=2e-4)
    protocol = get("deblur-circular-s2.55")
    image = read_image(public("jbhuang0604/SelfExSR/*/data/BSD100/image_SRF_4/img_001*")[0])
    values = []
    for path in public("cszn/ConverseNet/*/blur_kernels/*"):
        sample = prepare(protocol, image, load_kernel(path))
        values.append(score(protocol, sample.input, sample.target)["psnr"])
    assert len(values) == 5 and np.argmax(values) == 2, "the narrow Gaussian blurs least"
