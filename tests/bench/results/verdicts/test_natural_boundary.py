"""The boundary claim: one network that loses is enough, after correction; that none loses needs every one of them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from bench.results.verdicts.properties import natural_boundary
from bench.results.verdicts.tidy_tables import TidyTables

CLEAR = [-1.0, -1.1, -0.9, -1.0, -1.05]
NEAR = [-0.70, -0.05, -0.55, -0.10, -0.45]
"""p = 0.044 alone, 0.087 as one of two."""
NONE = [0.1, -0.1, 0.1, -0.1, 0.0]
BETTER = [1.0, 1.1, 0.9, 1.0, 1.05]


@pytest.mark.parametrize(
    ("gaps", "word", "n"),
    [
        ({"a": CLEAR, "b": NONE}, "reversed", 5),
        ({"a": NEAR}, "reversed", 5),
        ({"a": NEAR, "b": NONE}, "cannot tell", 5),
        ({"a": BETTER, "b": NONE}, "cannot tell", 5),
        ({"a": BETTER, "b": BETTER}, "holds", 5),
    ],
)
def test_words(gaps: dict[str, list[float]], word: str, n: int) -> None:
    lines = [
        {
            "network": net,
            "image": str(i),
            "protocol": f"deblur-{kind}-s2.55",
            "psnr": 30 + (gap if kind == "natural" else 0),
        }
        for net, values in gaps.items()
        for i, gap in enumerate(values)
        for kind in ("circular", "natural")
    ]
    ladder: Any = None
    (found,) = natural_boundary.judge("claim", ladder, TidyTables({"boundary": pd.DataFrame(lines)}))
    assert found.verdict == word and found.n == n
    assert found.effect_db == pytest.approx(min(sum(v) / 5 for v in gaps.values()))
