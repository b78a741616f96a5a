"""One number per seed: images first, then kernels within a data set, then data sets, each equally weighted."""

from __future__ import annotations

import pandas as pd

LEVELS = ("dataset", "kernel", "image")


def seed_means(values: pd.DataFrame) -> pd.Series:
    """Mean of every column.

    Args:
        values: rows indexed by `LEVELS`, one column per seed.

    Returns:
        Mean per seed; NaN for a column with a NaN, since a mean over fewer images is another quantity.
    """
    by_kernel = values.groupby(level=["dataset", "kernel"], sort=False).mean()
    by_dataset = by_kernel.groupby(level="dataset", sort=False).mean()
    return by_dataset.mean().where(values.notna().all())
