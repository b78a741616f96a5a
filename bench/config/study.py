"""What is decided before results are seen: ``config/study.yaml``. Torch-free.

The rungs of the ladder with the number of seeds that each declares, and for every axis whether its rows are
compared in pairs of seeds or as independent samples.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bench.config.loading import preset_names
from bench.config.plan import Plan
from bench.config.spec import Table
from bench.data.protocols import Task
from bench.foundation import strict_yaml
from bench.foundation.errors import nearest
from bench.foundation.strict_model import Strict

Seeds = Annotated[int, Field(ge=1)]


class Rung(Strict):
    """One budget of the ladder."""

    preset: str
    """The preset that trains it."""
    seeds: dict[str, Seeds]
    """Declared number of seeds, by task, or by table where a table declares its own."""


class Study(Strict):
    """``config/study.yaml``."""

    rungs: dict[str, Rung] = Field(default_factory=dict)
    """From the smallest training compute to the largest."""
    designs: dict[str, Literal["paired", "welch"]] = Field(default_factory=dict)
    """By axis of a table (``axis`` in ``tables.yaml``)."""

    def declared(self, rung: str, table: str, task: Task) -> int | None:
        """Seeds that a rung declares for a table; None where it declares none."""
        seeds = self.rungs[rung].seeds
        return seeds.get(table, seeds.get(task))

    def design(self, table: Table) -> Literal["paired", "welch"]:
        """How rows of a table are compared; Welch where nothing is declared."""
        return self.designs.get(table.axis or "", "welch")


def of(plan: Plan) -> Study:
    """The study of the configuration that a plan was read from; an empty one where it has none."""
    folder = plan.folder
    return load(folder, preset_names(folder)) if folder else Study()


def load(folder: Path, presets: list[str]) -> Study:
    """The study of a configuration folder; one without rungs where it has no such file.

    Args:
        folder: the configuration.
        presets: presets that exist.

    Raises:
        BenchError: an unknown key or preset, with file, line and nearest valid name.
    """
    path = folder / "study.yaml"
    if not path.is_file():
        return Study()
    document = strict_yaml.load(path)
    study = strict_yaml.validate(document, Study)
    for name, rung in study.rungs.items():
        if rung.preset not in presets:
            at = ("rungs", name, "preset")
            raise document.error(at, f"unknown preset {rung.preset!r}{nearest(rung.preset, presets)}")
    return study
