"""Which seeds of a row count as measured."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from bench.config.evaluation import Evaluation
from bench.results.seed_scores import seed_scores


def test_a_seed_without_one_of_several_kernels_is_missing_though_each_kernel_is_a_test_of_its_own() -> None:
    tests = [Evaluation(data="set12", protocol="deblur-circular-s2.55", only=[k]) for k in ("k1", "k2")]
    values = pd.Series({"a": 30.0, "b": 31.0})
    have = {("r0", "k1"), ("r0", "k2"), ("r1", "k1")}
    results: Any = SimpleNamespace(
        status=lambda run: SimpleNamespace(status="trained"),
        kernels=lambda test: test.only,
        cells=lambda run, key, metric: {
            k: values for test in tests if test.key == key for k in test.only or () if (run, k) in have
        },
    )
    runs = [SimpleNamespace(id=f"r{seed}", train=SimpleNamespace(seed=seed)) for seed in (0, 1)]
    row: Any = SimpleNamespace(id="row", runs=runs)
    assert seed_scores(results, row, tests).missing == (1,)
