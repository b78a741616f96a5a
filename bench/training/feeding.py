"""Batches made ahead, so that a GPU does not wait for the threads that cut, blur and reduce them.

A batch is a function of seed and step alone (`bench.training.sampling`), so that who makes it, when and in which
order changes no number.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import torch

from bench.training.batch import Batch
from bench.training.sampling import Sampler

AHEAD = 8
"""Batches in the making or ready."""
WORKERS = 4
"""Threads that make them: a batch of the paper's deblurring takes 29 ms on one, a step on a GPU about ten."""


class Feed:
    """The batches of one training, one after the other.

    On the CPU a batch is made when it is asked for: every core is at work in the step. For a GPU, threads make the
    next ones in pinned memory and copy them while the device computes.

    Args:
        sampler: makes a batch.
        device: where it is used.
        steps: there is none at or after this step.
        workers: threads; None: as the device needs.
    """

    def __init__(self, sampler: Sampler, device: torch.device, steps: int, workers: int | None = None) -> None:
        self._sampler, self._device, self._steps = sampler, device, steps
        count = (WORKERS if device.type == "cuda" else 0) if workers is None else workers
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="feed") if count else None
        self._ready: deque[tuple[int, Future[Batch]]] = deque()

    def batch(self, step: int) -> Batch:
        """The batch of a step, on the device; steps are best asked for in their order, but need not be."""
        return self._made(step).to(self._device, non_blocking=self._pool is not None)

    def _made(self, step: int) -> Batch:
        if self._pool is None:
            return self._sampler.batch(step)
        if not self._ready or self._ready[0][0] != step:  # the first one, or a training that was resumed
            self._drop()
            self._ready.append((step, self._pool.submit(self._make, step)))
        newest = self._ready[-1][0]
        for later in range(newest + 1, min(step + AHEAD, self._steps)):
            self._ready.append((later, self._pool.submit(self._make, later)))
        return self._ready.popleft()[1].result()

    def _make(self, step: int) -> Batch:
        batch = self._sampler.batch(step)
        return batch.pinned() if self._device.type == "cuda" else batch

    def _drop(self) -> None:
        for _, future in self._ready:
            future.cancel()
        self._ready.clear()

    def close(self) -> None:
        """Ends the threads; a batch that is half made is finished first."""
        self._drop()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Feed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
