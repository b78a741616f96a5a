"""What the version integers guard. A test that fails here means: numbers moved, so raise the version.

If the change is meant, raise `TRAIN_VERSION`, `DEGRADE_VERSION` or `EVAL_VERSION` in ``bench/foundation/versions.py``
(old results become stale, as they should) and put the numbers that the failure shows here, under the new version. If it
is not meant, the change is a bug.

Training is compared in float64, to six significant digits, which every instruction set keeps (5e-9 apart between SSE4,
AVX2 and AVX-512). Float32 does not: the third loss of DnCNN is 1.4e-4 off between AVX2 and AVX-512.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from fabricated_sets import photograph
from tiny_training import DEGRADATIONS, RUNS

import converse
from bench.config.budget import Budget
from bench.data import protocols
from bench.data.kernels import EMBEDDED
from bench.foundation import versions
from bench.models import networks
from bench.models.arithmetic import arithmetic
from bench.scoring.prepare import prepare
from bench.scoring.score import score
from bench.training.loop import Training
from bench.training.sampling import Sampler

PHOTOS = [photograph(72, 96, seed=i) for i in range(2)]

TRAIN = {
    1: {
        "dncnn": (0.141473066, 0.139385953, 0.13232774),
        "converse": (0.365501136, 0.343879445, 0.373287411),
        "sr": (0.121219314, 0.10316589, 0.093154401),
        "blind": (0.486158815, 0.460649602, 0.471644113),
        "usrnet": (0.332269995, 0.336462958, 0.331978156),
    }
}
"""TRAIN_VERSION → row → training losses of three steps. (Not the weights: where a gradient is zero but for rounding,
as that of a bias before batch norm is, Adam's step has the sign of the rounding error.)"""
DEGRADE = {
    1: {
        "denoise-gray-s25": (1809.65364, 4.4678608),
        "denoise-gray-ramp50": (1823.70046, 6.70950795),
        "sr-bicubic-x4": (331.220931, 0.0502725283),
        "deblur-circular-s2.55": (5225.00157, 0.779169696),
        "deblur-natural-s2.55": (4249.7207, -0.700304902),
    }
}
"""DEGRADE_VERSION → protocol → (sum of the squared input, its correlation with a fixed pattern)."""
EVAL = {
    1: {
        "denoise-gray-s25": (27.4680783, 0.752940226),
        "denoise-gray-ramp50": (27.4680783, 0.752940226),
        "sr-bicubic-x4": (30.4414731, 0.827523483),
        "deblur-circular-s2.55": (27.4667097, 0.793785881),
        "deblur-natural-s2.55": (27.4696303, 0.813613414),
    }
}
"""EVAL_VERSION → protocol → (PSNR, SSIM) of a fixed pair of images."""


def three_steps(row: str) -> tuple[float, ...]:
    task, model, options = RUNS[row]
    budget = Budget(steps=3, batch=2, patch=24, lr=1e-3, halve_every=1)
    with arithmetic(1):
        network = converse.build_model(model, seed=3, **options).train()
        declared = networks.info(network)
        network.double().register_forward_pre_hook(_in_double)
        photos = PHOTOS if declared.image_channels == 3 else [p[..., :1] for p in PHOTOS]
        sampler = Sampler(photos, DEGRADATIONS[task], budget.batch, budget.patch, 3)
        training = Training(network, sampler, budget, torch.device("cpu"), "kernel" in declared.inputs)
        for _ in range(3):
            training.advance()
    return tuple(float(row["loss"] or 0) for row in training.rows)


def _in_double(network: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return tuple(x.double() for x in inputs)


def degraded(name: str) -> tuple[float, float]:
    protocol = protocols.get(name)
    kernel = EMBEDDED["motion.npy"]() if protocol.needs_kernel else None
    values = prepare(protocol, PHOTOS[0], kernel).input.astype(np.float64)
    pattern = np.cos(np.arange(values.size)).reshape(values.shape)
    return float((values**2).sum()), float((values * pattern).sum())


def scored(name: str) -> tuple[float, float]:
    protocol = protocols.get(name)
    kernel = EMBEDDED["motion.npy"]() if protocol.needs_kernel else None
    target = prepare(protocol, PHOTOS[0], kernel).target
    restored = target / 255.0 + 0.06 * np.cos(np.arange(target.size)).reshape(target.shape)
    found = score(protocol, restored, target)
    return found["psnr"], found["ssim"]


@pytest.mark.parametrize("row", RUNS)
def test_three_training_steps(row: str) -> None:
    assert three_steps(row) == pytest.approx(TRAIN[versions.TRAIN_VERSION][row], rel=1e-6)


@pytest.mark.parametrize("name", protocols.NAMES)
def test_a_degradation(name: str) -> None:
    assert degraded(name) == pytest.approx(DEGRADE[versions.DEGRADE_VERSION][name], rel=1e-6)


@pytest.mark.parametrize("name", protocols.NAMES)
def test_a_score(name: str) -> None:
    assert scored(name) == pytest.approx(EVAL[versions.EVAL_VERSION][name], rel=1e-7)


def test_loss_and_schedule_are_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard can fail: L2 for L1 and another halving are seen."""
    golden = TRAIN[versions.TRAIN_VERSION]["dncnn"]
    for name, change in (("Training._loss", _squared), ("learning_rate", lambda budget, step: budget.lr)):
        with monkeypatch.context() as patch:
            patch.setattr(f"bench.training.loop.{name}", change)
            assert three_steps("dncnn") != pytest.approx(golden, rel=1e-6), name


def _squared(self: Training, restored: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.mse_loss(restored, clean)


def test_the_versions_import_nothing() -> None:
    text = Path(versions.__file__).read_text()
    assert [line for line in text.splitlines() if "import " in line and line.startswith(("import", "from"))] == [
        "from __future__ import annotations"
    ]
