"""The proof by simulation as a table, computed once for the code that it proves."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from bench.config import layout
from bench.foundation import atomic
from bench.results.reading import csv_text
from bench.results.statistics import proof

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "what": "event whose rate was counted",
    "design": "paired or welch",
    "seeds": "seeds of each row",
    "correlation": "of two rows over seeds",
    "diverged": "share of runs without a result",
    "expected": "rate that is expected",
    "bound": "at most: the expected rate is an upper bound; equal: it is the rate",
    "rate": "rate that was counted",
    "repetitions": "simulated tables with seeds enough for a verdict",
    "z": "deviation in Monte-Carlo errors; 0 below an upper bound",
}


def code() -> str:
    """Hash of the statistics and of the number of repetitions."""
    files = sorted(Path(proof.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(p.read_bytes() for p in files)).hexdigest()[:12]


def load() -> pd.DataFrame:
    """The simulated rates, from `bench.config.layout.proof_csv` if they are there, else simulated (half a minute)."""
    import pandas as pd

    path = layout.proof_csv(code())
    if not path.is_file():
        frame = pd.DataFrame(map(_row, [*proof.checks(), *proof.permutation_checks()]), columns=list(COLUMNS))
        atomic.write_bytes(path, csv_text(frame, float_format="%.5f").encode())
    return pd.read_csv(path)


def _row(check: proof.Check) -> tuple[object, ...]:
    setting = check.setting
    bound = "at most" if check.at_most else "equal"
    given = (check.what, setting.design, setting.n, setting.correlation, setting.diverged)
    return (*given, check.expected, bound, check.rate, check.repetitions, check.z)
