"""Which runs a verdict rests on: from a claim to its rows, seeds and runs."""

from __future__ import annotations

import pandas as pd

from bench.config.claims import RowClaim
from bench.results.verdicts import properties
from bench.results.verdicts.judge import Judgement

COLUMNS = {
    "claim": "claim in config/claims.yaml",
    "rung": "budget of the ladder (config/study.yaml)",
    "table": "table of the row",
    "row": "row of that table",
    "run": "identity of the run, as in runs.csv",
    "status": "what became of it",
}


def runs_frame(found: Judgement) -> pd.DataFrame:
    """One line per claim that trained rows decide, rung, row and run."""
    lines = []
    for name, claim in found.ladder.claims.by_id.items():
        for rung in found.ladder.rungs:
            for table in [claim.table] if isinstance(claim, RowClaim) else properties.tables_of(name):
                rows = claim.row_ids if isinstance(claim, RowClaim) else [r.id for r in rung.plan.rows.get(table, ())]
                for row in rows:
                    scores = rung.scores(table, row)
                    for run in scores.runs if scores else ():
                        lines.append((name, rung.name, table, row, run, rung.results.status(run).status))
    return pd.DataFrame(lines, columns=list(COLUMNS))
