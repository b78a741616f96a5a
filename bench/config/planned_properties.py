"""What is measured of a trained network beside its scores, right after the training: which, of what. Torch-free.

Whatever needs weights or restored images must be measured where they are; the numbers travel, the weights do not. A
table asks for it (``properties:``); it is no part of a run's identity and changes no score.
"""

from __future__ import annotations

from bench.config.evaluation import PlannedTest
from bench.config.plan import Plan
from bench.config.run_spec import RunSpec
from bench.foundation import versions
from bench.foundation.strict_model import Strict

VERSION = f"p{versions.PROPERTY_VERSION}{versions.of_scores()}"
"""Version of the measurement."""


class PlannedProperty(Strict):
    """One property of a run, measured on the images of one test."""

    name: str
    """A file of ``bench/analyses/trained``."""
    test: PlannedTest

    @property
    def key(self) -> str:
        """``<property>@<test>``."""
        return f"{self.name}@{self.test.key}"

    @property
    def stem(self) -> str:
        """File-name stem of its numbers: with the versions and the content of the images."""
        return f"{self.key}.{VERSION}-{self.test.content}"


def properties_of(plan: Plan, run: RunSpec) -> list[PlannedProperty]:
    """What the tables that show a trained run ask for, on their first test; each once."""
    if run.train is None:
        return []
    found, wanted = {}, plan.preset.properties
    for name in plan.tables_of(run):
        kinds = [k for k in plan.tables[name].properties if wanted is None or k in wanted]
        for test in plan.table_tests(name, run.task)[:1] if kinds else ():
            for kind in kinds:
                one = PlannedProperty(name=kind, test=test.model_copy(update={"metrics": ()}))
                found[one.key] = one
    return list(found.values())
