"""Precision, threads and random draws: fixed inside a block, the same everywhere, put back after it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench.foundation.errors import BenchError
from bench.models.arithmetic import arithmetic, drawing, settings

CUDA = torch.backends.cuda.matmul
CPU = torch.device("cpu")


def state() -> tuple[Any, ...]:
    return (
        torch.get_num_threads(),
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.allow_tf32,
        CUDA.allow_tf32,
        CUDA.allow_fp16_reduced_precision_reduction,
        CUDA.allow_bf16_reduced_precision_reduction,
        torch.get_deterministic_debug_mode(),
    )


@pytest.fixture(autouse=True)
def careless(monkeypatch: pytest.MonkeyPatch) -> Any:
    """As a user's session may have left it: everything rounded."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    yield
    torch.set_float32_matmul_precision(before[0])
    torch.backends.cudnn.allow_tf32 = before[1]


@pytest.mark.parametrize("block", [arithmetic, settings])
def test_training_scoring_and_timing_round_nothing(block: Any) -> None:
    before = state()
    with block(1):
        assert state()[:6] == (1, "highest", False, False, False, False)
    assert state() == before
    with block(1, "tf32"):
        assert state()[1:6] == ("high", True, True, False, False)
    assert state() == before


@pytest.mark.parametrize(("name", "value"), [("NVIDIA_TF32_OVERRIDE", "1"), ("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")])
def test_an_environment_that_rounds_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BenchError, match=f"{name}={value} changes the precision"), arithmetic(1):
        pass


def test_draws_are_a_function_of_seed_and_step_alone() -> None:
    def draw(seed: int, step: int) -> list[float]:
        with drawing(seed, step, CPU):
            return torch.rand(3).tolist()

    torch.manual_seed(5)
    expected = torch.rand(2).tolist()
    torch.manual_seed(5)
    first = torch.rand(1).tolist()
    assert draw(0, 3) == draw(0, 3)
    assert len({tuple(draw(*at)) for at in ((0, 3), (0, 4), (1, 3), (1, 4))}) == 4
    assert first + torch.rand(1).tolist() == expected, "the surrounding generator was moved"
