"""Which preset a target of the Snakefile belongs to. No Snakemake import, no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.config import layout
from bench.config.loading import plan_from_config, preset_names
from bench.config.planned_properties import properties_of
from bench.foundation.errors import BenchError
from bench.workflow.snake import Targets

RULES = (
    *("all", "reports", "fetch", "check", "train", "evaluate", "measure"),
    *("throughput", "analyze", "tables", "figures", "report"),
)
"""Names of the Snakefile's own rules."""


class Presets:
    """Targets by preset. The one that ``--config`` names is planned at once, another when it is asked for.

    So ``snakemake released`` and ``snakemake all --config preset=released`` build the same jobs, and a job that
    a cluster starts by itself, with no target that names its preset, still finds the plan it belongs to.

    Raises:
        BenchError: anything wrong in the configuration of the preset that ``--config`` names.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = dict(config)
        self.names = preset_names()
        self.chosen = Targets(plan_from_config(config))
        self._planned = {self.chosen.plan.name: self.chosen}
        self._asked: dict[str, None] = {}

    @property
    def targets(self) -> list[str]:
        """Presets that are targets by their names; one that is named like a rule is made by ``--config preset=``."""
        return [name for name in self.names if name not in RULES]

    def __getitem__(self, preset: str) -> Targets:
        if preset not in self._planned:
            config = {**self._config, "preset": preset}
            if config.get("anew") != "all":  # ids of runs are those of the preset that --config names
                config.pop("anew", None)
            self._planned[preset] = Targets(plan_from_config(config))
        return self._planned[preset]

    def everything(self, preset: str) -> list[str]:
        """The files of a whole preset, whose report will be named at the end."""
        self._asked[preset] = None
        return self[preset].everything()

    def asked(self) -> list[Targets]:
        """The presets that were asked for as a whole; the one of ``--config`` if there was none."""
        return [self[name] for name in self._asked] or [self.chosen]

    def of_run(self, run: str, key: str | None = None) -> Targets:
        """The first preset that has that run (and that test of it), in the order of `_every`."""
        for targets in self._every():
            plan = targets.plan
            if run in plan.runs and (key is None or any(e.key == key for e in plan.evaluations(plan.run(run)))):
                return targets
        raise BenchError(f"no preset has the run {run!r}{f' with the test {key!r}' if key else ''}")

    def of_property(self, run: str, key: str) -> Targets:
        """The first preset that asks for that property of that run, in the order of `_every`."""
        for targets in self._every():
            plan = targets.plan
            if run in plan.runs and any(one.key == key for one in properties_of(plan, plan.run(run))):
                return targets
        raise BenchError(f"no preset asks for the property {key!r} of the run {run!r}")

    def of_analysis(self, analysis: str) -> Targets:
        """The first preset that has the analysis of that id, in the order of `_every`."""
        for targets in self._every():
            if any(spec.id == analysis for spec in targets.plan.analyses.values()):
                return targets
        raise BenchError(f"no preset has the analysis {analysis!r}")

    def _every(self) -> Iterator[Targets]:
        """All presets: what was asked for, what a job on a cluster finds checked, what is planned, the rest.

        A run that two presets share so asks for the data of the one that is being made, and for no more. A preset that
        nobody asked for and that cannot be read has nothing.
        """
        checked = [name for name in self.names if layout.check_json(name).is_file()]
        for name in dict.fromkeys([*self._asked, *checked, *self._planned, *self.names]):
            try:
                found = self[name]
            except BenchError:
                if name in self._asked:
                    raise
                continue
            yield found
