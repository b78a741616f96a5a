"""Where the spread of every trained row comes from, as tidy rows."""

from __future__ import annotations

import pandas as pd

from bench.results.statistics.seed_means import seed_means
from bench.results.statistics.spread import components
from bench.results.verdicts.ladder import Ladder

COLUMNS = {
    "rung": "budget of the ladder (config/study.yaml)",
    "table": "table of the row",
    "row": "row of that table",
    "seeds": "training seeds with a number",
    "sd_db": "standard deviation (dB) over seeds of the number that is tested: all data sets, equally weighted",
    "seed_db": "component of the seed (standard deviation, dB) in a balanced two-way analysis, all images together",
    "image_db": "component of the image",
    "rest_db": "component of seed × image",
}
"""The columns of ``spread.csv`` and their meaning."""


def spread_frame(ladder: Ladder) -> pd.DataFrame:
    """One row per rung, table and row with two seeds or more; NaN: not to be told."""
    lines = []
    for rung in ladder.rungs:
        for table in rung.plan.tables:
            for row in rung.plan.rows[table]:
                scores = rung.scores(table, row.id)
                values = scores.values.dropna(axis=1) if scores is not None else None
                if values is None or values.shape[1] < 2 or not len(values):
                    continue
                parts = components(values.T.to_numpy())
                deviations = (None if v is None else v**0.5 for v in (parts.seed, parts.image, parts.rest))
                total = float(seed_means(values).std())
                lines.append((rung.name, table, row.id, values.shape[1], total, *deviations))
    return pd.DataFrame(lines, columns=list(COLUMNS)).astype(dict.fromkeys(list(COLUMNS)[4:], float))
