"""Training curves of runs, from this machine or from evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.config import layout
from bench.results.columns import COLUMNS
from bench.results.reading import number, read_csv

if TYPE_CHECKING:
    import pandas as pd

FIELDS = tuple(COLUMNS["curves.csv"])


def curves(run_ids: Iterable[str]) -> pd.DataFrame:
    """The curves that lie on this machine, one below the other, as text.

    Raises:
        BenchError: a curve that cannot be read, by name.
    """
    import pandas as pd

    frames = [
        read_csv(path, FIELDS[1:]).assign(run=run_id)[list(FIELDS)]
        for run_id in run_ids
        if (path := layout.curve_csv(run_id)).is_file()
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(FIELDS))


def curves_by_run(run_ids: Iterable[str], evidence: Sequence[Path] | None = None) -> dict[str, pd.DataFrame]:
    """Run to its curve as numbers; runs without one are left out.

    Args:
        run_ids: which runs.
        evidence: folders in the published format that alone count, the first first; None: this machine, then
            committed evidence.

    Raises:
        BenchError: a file that cannot be read, by name.
    """
    wanted = list(dict.fromkeys(run_ids))
    frames = [("training curve", curves(wanted))] if evidence is None else []
    places = layout.evidence_folders() if evidence is None else evidence
    frames += [(str(p), read_csv(p, FIELDS)) for folder in places if (p := folder / "curves.csv").is_file()]
    found: dict[str, pd.DataFrame] = {}
    for place, frame in frames:
        for run_id, part in frame[frame["run"].isin(wanted)].groupby("run", sort=False):
            if run_id not in found:
                found[str(run_id)] = number(part, *FIELDS[1:], place=place).reset_index(drop=True)
    return found


def curve_frame(run_ids: Iterable[str]) -> pd.DataFrame:
    """The curves of `curves_by_run`, one below the other.

    Raises:
        BenchError: a file that cannot be read, by name.
    """
    import pandas as pd

    found = list(curves_by_run(run_ids).values())
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(FIELDS))
