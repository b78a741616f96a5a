"""What restores a degraded image, as a run says: a classical method, or its network."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.config import layout
from bench.config.run_record import UNSCORED, run_record
from bench.config.run_spec import RunSpec
from bench.data.protocols import Protocol
from bench.foundation.errors import BenchError
from bench.models import inference, networks
from bench.scoring import classical
from bench.scoring.prepare import Sample

Restorer = Callable[[Sample, Protocol], tuple[NDArray[np.floating], float]]
"""A degraded image to the restored one (H, W, C) and the seconds it took."""


def restorer_of(plugins: Sequence[str], run: RunSpec, device: str) -> Restorer | None:
    """What restores a sample; None for a run that diverged or was skipped.

    Args:
        plugins: operator files of the plan.
        run: a method, or a network that is trained or loaded.
        device: auto, cpu, cuda, cuda:N.

    Raises:
        BenchError: the run has no record or no weights yet.
    """
    if run.method:
        method = run.method

        def by_method(sample: Sample, protocol: Protocol) -> tuple[NDArray[np.floating], float]:
            start = time.perf_counter()
            restored = classical.restore(method, sample, protocol)
            return restored, time.perf_counter() - start

        return by_method
    record = run_record(run.id)
    if "status" not in record:
        raise BenchError(f"{layout.run_json(run.id)}: missing or damaged; run: python -m bench train {run.id}")
    if record["status"] in UNSCORED:
        return None
    where = networks.choose_device(device)
    model = networks.load_run(run, plugins).to(where)
    return lambda sample, _: inference.apply(model, sample.input, where, sample.kernel, run.inference)
