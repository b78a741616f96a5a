"""A row of a table as a preset has it: what is to be run, and what is said beside it. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass

from bench.config.run_spec import RunSpec


@dataclass(frozen=True)
class PlannedRow:
    """One row of one table under one preset: one run per seed, one if nothing is trained."""

    table: str
    id: str
    label: str
    runs: tuple[RunSpec, ...] = ()
    skipped: str | None = None
    """Why the row has no run (a plugin that fails or skips): shown as a dash with this reason."""
    note: str | None = None
    published: str | None = None
    ours: bool = False
    """True where the paper has no such row."""
    reference: bool = False
    """True for classical rows."""
    group: str = ""
    """Heading of the rule under which the row stands, for the rows beside the table's own."""

    @property
    def loaded(self) -> bool:
        """Whether its weights come from a file instead of a training of this benchmark."""
        return any(run.checkpoint is not None for run in self.runs)
