"""Tables that property claims are judged on: what the analyses found, how fast things are, how trainings went."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.config import layout
from bench.config.loading import load_plan, preset_names
from bench.config.plan import Plan
from bench.foundation.errors import BenchError
from bench.results.analysis_table import read_analysis
from bench.results.curves import curves_by_run
from bench.results.properties import properties
from bench.results.tidy import all_timings


@dataclass(frozen=True)
class TidyTables:
    """Frames by the analysis' name, and the timings."""

    analyses: Mapping[str, Any] = field(default_factory=dict)
    throughput: Any = None
    curves: Mapping[str, Any] = field(default_factory=dict)
    """Training curve by run."""
    properties: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    """What was measured of a trained network, by (run, property)."""


def load_tables(
    config: Path, judged: Sequence[Plan], evidence: Sequence[Path] | None = None, plugins: Sequence[str] = ()
) -> TidyTables:
    """Every analysis that a preset names, as far as it was carried out with the present data and version.

    A preset that cannot be read is named and left out: nothing that is judged needs it whole.

    Args:
        config: the configuration.
        judged: plans whose training curves and properties count.
        evidence: folders in the published format that alone count; None: this machine, then committed evidence.
        plugins: operator files, which tables may name.

    Raises:
        BenchError: a file that is not what it should be, by name.
    """
    plans = list(_plans(config, plugins))
    folders = layout.evidence_folders() if evidence is None else list(evidence)
    found: dict[str, Any] = {}
    for spec in (s for plan in plans for s in plan.analyses.values()):
        places = [folder / "analyses" / f"{spec.id}.csv" for folder in folders]
        if evidence is None:
            places.insert(0, layout.analysis_csv(spec.id))
        path = next((p for p in places if p.is_file()), None)
        if path is not None and spec.name not in found:
            found[spec.name] = read_analysis(path, spec.name)
    timed = all_timings(folders, [plan.name for plan in plans] if evidence is None else [])
    curves = curves_by_run([run for plan in judged for run in plan.runs], evidence)
    measured = {pair: numbers for plan in judged for pair, numbers in properties(plan, evidence).items()}
    return TidyTables(found, timed if len(timed) else None, curves, measured)


def _plans(config: Path, plugins: Sequence[str]) -> Iterator[Plan]:
    for name in preset_names(config):
        try:
            yield load_plan(name, plugins=plugins, config=config)
        except BenchError as error:
            print(f"preset {name!r} does not take part in the verdicts: {error}", file=sys.stderr)
