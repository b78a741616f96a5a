"""Batches made ahead by threads are the batches, whoever makes them and wherever a training goes on."""

from __future__ import annotations

import threading

import pytest
import torch
from fabricated_sets import photograph

from bench.config.budget import Degradation
from bench.training.batch import Batch
from bench.training.feeding import AHEAD, Feed
from bench.training.sampling import Sampler

CPU = torch.device("cpu")
PHOTOS = [photograph(64, 96, seed=i) for i in range(2)]


@pytest.fixture(params=["awgn", "bicubic", "blur"])
def sampler(request: pytest.FixtureRequest) -> Sampler:
    kinds = {
        "awgn": Degradation(kind="awgn", sigma=25),
        "bicubic": Degradation(kind="bicubic", scale=4),
        "blur": Degradation(kind="blur", sigma=2.55, boundary="circular"),
    }
    return Sampler(PHOTOS, kinds[request.param], 2, 16, 0)


def equal(one: Batch, other: Batch) -> bool:
    kernels = [k for k in (one.kernel, other.kernel) if k is not None]
    same = torch.equal(one.degraded, other.degraded) and torch.equal(one.clean, other.clean)
    return same and (not kernels or torch.equal(*kernels))


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_the_batches_are_those_of_the_sampler(sampler: Sampler, workers: int) -> None:
    with Feed(sampler, CPU, 30, workers) as feed:
        for step in [*range(30), 7, 8, 3, 29]:  # in order, then as resumed trainings would
            assert equal(feed.batch(step), sampler.batch(step)), step


def test_nothing_is_made_after_the_last_step_or_twice() -> None:
    made: list[int] = []
    lock = threading.Lock()

    class Counted(Sampler):
        def batch(self, step: int) -> Batch:
            with lock:
                made.append(step)
            return super().batch(step)

    sampler = Counted(PHOTOS, Degradation(kind="awgn", sigma=25), 1, 16, 0)
    with Feed(sampler, CPU, 12, 3) as feed:
        feed.batch(0)
        assert max(made) < AHEAD
        for step in range(1, 12):
            feed.batch(step)
    assert sorted(made) == list(range(12))


def test_what_a_thread_raises_is_raised_at_its_step_and_the_threads_end() -> None:
    class Broken(Sampler):
        def batch(self, step: int) -> Batch:
            if step == 2:
                raise OSError("the pack was removed")
            return super().batch(step)

    sampler = Broken(PHOTOS, Degradation(kind="awgn", sigma=25), 1, 16, 0)
    with pytest.raises(OSError, match="the pack was removed"), Feed(sampler, CPU, 9, 2) as feed:
        feed.batch(0)
        feed.batch(1)
        feed.batch(2)
    assert not [t for t in threading.enumerate() if t.name.startswith("feed")]


def test_on_a_cpu_no_thread_is_started() -> None:
    sampler = Sampler(PHOTOS, Degradation(kind="awgn", sigma=25), 1, 16, 0)
    with Feed(sampler, CPU, 9) as feed:
        assert equal(feed.batch(4), sampler.batch(4))
        assert not [t for t in threading.enumerate() if t.name.startswith("feed")]
