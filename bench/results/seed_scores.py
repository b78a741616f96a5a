"""The scores of one row, seed by seed, as one frame; and what became of the seeds that have none. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.config.evaluation import Evaluation
from bench.config.planned_row import PlannedRow
from bench.config.run_record import UNSCORED
from bench.results.captions import seed_names
from bench.results.tidy import Results

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SeedScores:
    """One row's values by (data set, kernel, image) × seed."""

    row: str
    values: pd.DataFrame
    planned: int
    diverged: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    """Seeds of the plan without a complete result."""
    runs: tuple[str, ...] = ()

    @property
    def settled(self) -> int:
        """Seeds of which the outcome is known: scored, or diverged."""
        return self.planned - len(self.missing)

    def cell(self, dataset: str, kernel: str) -> SeedScores:
        """The scores on one data set and kernel."""
        index = self.values.index
        here = (index.get_level_values("dataset") == dataset) & (index.get_level_values("kernel") == kernel)
        return replace(self, values=self.values[here])

    @property
    def lost(self) -> str:
        """Which seeds do not count, and why; empty if all do."""
        kinds = ((self.diverged, "diverged", "diverged"), (self.missing, "is not measured", "are not measured"))
        return "; ".join(
            f"{seed_names(seeds)} of {self.row} {one if len(seeds) == 1 else several}"
            for seeds, one, several in kinds
            if seeds
        )


def seed_scores(
    results: Results, row: PlannedRow, tests: Sequence[Evaluation], metric: str = "psnr", seeds: int | None = None
) -> SeedScores:
    """A row's scores.

    Args:
        results: what was measured.
        row: the row; only runs that were trained replicate anything, a loaded or classical one counts as seed 0.
        tests: the evaluations that count. Where two of them share a data set and a kernel, the larger one does.
        metric: which number.
        seeds: so many seeds were declared; later ones do not count.
    """
    import pandas as pd

    cells: dict[tuple[str, str], dict[int, pd.Series]] = {}
    expected = {(test.data, kernel) for test in tests for kernel in results.kernels(test)}
    diverged, missing, used = [], [], []
    for run in row.runs[:seeds]:
        seed = run.train.seed if run.train else 0
        used.append(run.id)
        if results.status(run.id).status in UNSCORED:
            diverged.append(seed)
            continue
        parts: dict[tuple[str, str], pd.Series] = {}
        for test in tests:
            for kernel, part in results.cells(run.id, test.key, metric).items():
                known = parts.get((test.data, kernel))
                if known is None or len(part) > len(known):
                    parts[test.data, kernel] = part
        for cell, part in parts.items():
            cells.setdefault(cell, {})[seed] = part
        if parts.keys() < expected or any(part.isna().any() for part in parts.values()):
            missing.append(seed)
    names = ["dataset", "kernel", "image"]
    empty = pd.DataFrame(index=pd.MultiIndex.from_arrays([[], [], []], names=names))
    frame = pd.concat({cell: pd.DataFrame(by_seed) for cell, by_seed in cells.items()}, names=names) if cells else empty
    return SeedScores(row.id, frame, len(used), tuple(diverged), tuple(missing), tuple(used))
