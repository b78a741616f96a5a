"""From ``config/`` to runs: what a preset asks for. Paths are built in `bench.config.layout`.

Torch-free and quick, since the Snakefile calls it every time it is parsed. A preset or a table is
only a view: runs are shared by all tables and presets whose row resolves to the same `RunSpec`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.config.layout import (
    CONFIG,
    REPORTS,
    RESULTS,
    analysis_csv,
    check_json,
    code_digest,
    curve_csv,
    figure_stem,
    manifest,
    metrics_csv,
    report_dir,
    run_dir,
    run_json,
    showcase_png,
    state_file,
    table_stem,
    throughput_csv,
    weights,
)
from bench.config.planned_analyses import AnalysisSpec
from bench.config.planned_analyses import resolve as resolve_analyses
from bench.config.resolve import PlannedRow, Resolver, digest
from bench.config.spec import Evaluation, Preset, RunSpec, Table, Tables, Task
from bench.config.table_tests import check_tests
from bench.data.datasets import Dataset, load_datasets
from bench.foundation import strict_yaml
from bench.foundation.errors import BenchError, nearest
from converse.declarations import registry

__all__ = [
    "CONFIG",
    "CONFIG_KEYS",
    "REPORTS",
    "RESULTS",
    "Plan",
    "PlannedRow",
    "check_json",
    "code_digest",
    "command_options",
    "curve_csv",
    "figure_stem",
    "load_plan",
    "manifest",
    "metrics_csv",
    "plan_from_config",
    "preset_names",
    "report_dir",
    "run_dir",
    "run_json",
    "showcase_png",
    "state_file",
    "table_stem",
    "throughput_csv",
    "weights",
]

CONFIG_KEYS = ("preset", "tables", "images", "plugins", "metrics")
"""What ``snakemake --config`` and the verbs' options may set."""


@dataclass(frozen=True)
class Plan:
    """Everything that one preset asks for."""

    name: str
    preset: Preset
    tables: Mapping[str, Table]
    rows: Mapping[str, tuple[PlannedRow, ...]]
    published: Mapping[str, Any]
    datasets: Mapping[str, Dataset]
    plugins: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    analyses: Mapping[str, AnalysisSpec] = field(default_factory=dict)
    subset: str | None = None
    asked: tuple[str, ...] = ()
    """Tables asked for instead of the preset's own choice."""
    documents: tuple[Path, ...] = field(default=())

    @cached_property
    def runs(self) -> dict[str, RunSpec]:
        """All distinct runs by id, in the order of the tables."""
        return {run.id: run for rows in self.rows.values() for row in rows for run in row.runs}

    def run(self, run_id: str) -> RunSpec:
        """The run of that id.

        Raises:
            BenchError: no such run in this preset.
        """
        if run_id not in self.runs:
            hint = nearest(run_id, self.runs)
            raise BenchError(f"no run {run_id!r} in preset {self.name!r}{hint} (python -m bench plan lists them)")
        return self.runs[run_id]

    def table_tests(self, table: str, task: Task | None = None) -> list[Evaluation]:
        """The tests of one table: its own, or those of its task (or of ``task``), with the plan's subset of images."""
        entry = self.tables[table]
        tests = entry.evaluate
        if tests is None:
            tests = self.preset.tasks[task or entry.task].evaluate
        if self.subset:  # for all: a test of its own subset beside one of all images becomes the same test
            tests = [t.model_copy(update={"subset": self.subset}) for t in tests]
        return list({test.key: test for test in tests}.values())

    def evaluations(self, run: RunSpec) -> list[Evaluation]:
        """The tests of one run: those of every table that shows it, each once."""
        tables = [t for t, rows in self.rows.items() if any(r.id == run.id for row in rows for r in row.runs)]
        return list({test.key: test for t in tables for test in self.table_tests(t, run.task)}.values())

    def table_runs(self, table: str) -> list[RunSpec]:
        """Distinct runs of one table."""
        return list({run.id: run for row in self.rows[table] for run in row.runs}.values())

    def table_metrics(self, table: str) -> list[Path]:
        """The metric files that a table is made of."""
        return [metrics_csv(r.id, e.key) for r in self.table_runs(table) for e in self.table_tests(table, r.task)]

    @property
    def figures(self) -> dict[str, tuple[str, str]]:
        """Figure name to (table, kind), e.g. ``table4_denoising-curves``."""
        return {f"{t}-{kind}": (t, kind) for t, table in self.tables.items() for kind in table.figures}

    def figure_inputs(self, figure: str) -> list[Path]:
        """The files that a figure is drawn from."""
        if figure in self.analyses:
            return [analysis_csv(self.analyses[figure].id)]
        table, kind = self.figures[figure]
        runs = self.table_runs(table)
        if kind == "curves":
            return [curve_csv(r.id) for r in runs if r.train]
        if kind == "visual":
            return [showcase_png(r.id, e.key) for r in runs for e in self.table_tests(table, r.task)[:1]]
        if kind == "latency":
            return [*self.table_metrics(table), throughput_csv(self.name)]
        return self.table_metrics(table)

    def data_names(self, run: RunSpec) -> list[str]:
        """Data sets that training (or loading) one run needs."""
        if run.checkpoint and run.checkpoint.released:
            return ["released_weights"]
        return list(run.train.data) if run.train else []

    def digest(self) -> str:
        """Hash over the ids of all runs: when it changes, the `check` job looks again."""
        return digest(sorted(self.runs))

    def operators_digest(self) -> str:
        """Hash over the names and files of all operators, for the throughput stage."""
        return digest([(n, o.sha256) for n, o in registry.operators(self.plugins).items()])

    def figure_fingerprint(self, figure: str) -> str:
        """Hash of what a figure depends on beside its inputs."""
        return self.analyses[figure].id if figure in self.analyses else self.fingerprint(self.figures[figure][0])

    def fingerprint(self, table: str | None = None) -> str:
        """Hash of what rendering depends on beside the metrics: titles, labels, notes, cells."""
        tables = [t for t in self.tables if table in (None, t)]
        data = {
            t: [
                self.tables[t].model_dump(mode="json"),
                [_row_json(r) for r in self.rows[t]],
                self.published.get(t),
            ]
            for t in tables
        }
        return digest([data, self.preset.model_dump(mode="json"), self.metrics])


def _row_json(row: PlannedRow) -> list[Any]:
    return [row.id, row.label, [r.id for r in row.runs], row.skipped, row.note, row.published]


def preset_names(config: Path = CONFIG) -> list[str]:
    """Presets that exist."""
    return sorted(p.stem for p in (config / "presets").glob("*.yaml"))


def load_plan(
    preset: str = "quick",
    *,
    tables: Iterable[str] = (),
    images: str | int | None = None,
    plugins: Iterable[str] = (),
    metrics: Iterable[str] = (),
    config: Path = CONFIG,
) -> Plan:
    """Read and validate ``config/`` and ``datasets.yaml`` and resolve every row of a preset.

    Args:
        preset: a file name in ``config/presets``.
        tables: table ids instead of the preset's own choice; ``all``: every table that the preset may show.
        images: a subset of the test images: ``5`` (the first five) or ``every10``.
        plugins: operator files in addition to those named in ``config/tables.yaml``.
        metrics: pyiqa metrics in addition to those named there.
        config: the configuration folder.

    Raises:
        BenchError: anything wrong in a file, with file, line and nearest valid name.
    """
    names = preset_names(config)
    if preset not in names:
        raise BenchError(f"unknown preset {preset!r}{nearest(preset, names)} (allowed: {', '.join(names)})")
    preset_doc = strict_yaml.load(config / "presets" / f"{preset}.yaml")
    tables_doc = strict_yaml.load(config / "tables.yaml")
    published_doc = strict_yaml.load(config / "published.yaml")
    spec = strict_yaml.validate(preset_doc, Preset)
    every = strict_yaml.validate(tables_doc, Tables)
    datasets = load_datasets()
    every_plugin = tuple(dict.fromkeys([*every.plugins, *plugins]))
    resolver = Resolver(
        spec,
        preset_doc,
        tables_doc,
        datasets,
        registry.operators(every_plugin),
        published_doc.data,
        every_plugin,
        preset,
    )
    resolver.check_data()
    for i, table in enumerate(spec.tables or ()):
        if table not in every.tables:
            hint = nearest(table, every.tables)
            raise preset_doc.error(("tables", i), f"unknown table {table!r}{hint} (allowed: {', '.join(every.tables)})")
    asked = tuple(tables)
    for table in asked:
        if table != "all" and table not in every.tables:
            hint = nearest(table, every.tables)
            raise BenchError(f"tables: unknown table {table!r}{hint} (allowed: all, {', '.join(every.tables)})")
    chosen = list(every.tables) if "all" in asked or not (asked or spec.tables) else list(asked or spec.tables or ())
    for key in spec.seeds:
        if key != "default" and key not in every.tables:
            raise preset_doc.error(("seeds", key), f"unknown table {key!r}{nearest(key, every.tables)}")
    for name, entry in every.tables.items():
        resolver.check_presets(entry.presets, names, ("tables", name, "presets"))
        check_tests(name, entry, tables_doc, datasets)
        for row_id, row in entry.rows.items():
            resolver.check_presets(row.presets, names, ("tables", name, "rows", row_id, "presets"))
    views = {name: every.tables[name] for name in chosen if _shown(every.tables[name], preset, spec)}
    return Plan(
        name=preset,
        preset=spec,
        tables=views,
        rows={name: resolver.rows(name, table) for name, table in views.items()},
        published=published_doc.data.get("tables", {}),
        datasets=datasets,
        plugins=every_plugin,
        metrics=tuple(dict.fromkeys([*every.metrics, *metrics])),
        # Who asks for certain tables wants those.
        analyses=resolve_analyses(spec, preset_doc, datasets) if not asked or "all" in asked else {},
        subset=_subset(images),
        asked=asked,
        documents=(preset_doc.path, tables_doc.path, published_doc.path),
    )


def plan_from_config(config: Mapping[str, Any]) -> Plan:
    """The plan that ``snakemake --config key=value …`` asks for.

    Raises:
        BenchError: an unknown key, with the nearest valid one.
    """
    for key in config:
        if key not in CONFIG_KEYS:
            hint = nearest(key, CONFIG_KEYS)
            allowed = ", ".join(CONFIG_KEYS)
            raise BenchError(f"--config: unknown key {key!r}{hint} (allowed: {allowed})")
    return load_plan(
        str(config.get("preset", "lite")),
        tables=_words(config.get("tables")),
        images=config.get("images"),
        plugins=_words(config.get("plugins")),
        metrics=_words(config.get("metrics")),
    )


def _shown(table: Table, preset: str, spec: Preset) -> bool:
    return table.task in spec.tasks and (table.presets is None or preset in table.presets)


def _words(value: Any) -> list[str]:
    if value is None:
        return []
    return [w for w in value.split(",") if w] if isinstance(value, str) else [str(v) for v in value]


def _subset(images: str | int | None) -> str | None:
    if images is None or images == "":
        return None
    text = str(images)
    number = text.removeprefix("first").removeprefix("every")
    if not number.isdigit() or int(number) < 1:
        raise BenchError(f"images={text!r}: allowed are N (the first N images) or everyN (every Nth image)")
    return text if text.startswith(("every", "first")) else f"first{text}"


def command_options(plan: Plan) -> str:
    """The options that give a verb this plan, for a shell command."""
    options = [f"--preset {plan.name}"]
    if plan.asked:
        options.append(f"--tables {','.join(plan.asked)}")
    if plan.subset:
        options.append(f"--images {plan.subset}")
    if plan.plugins:
        options.append(f"--plugins {','.join(map(str, plan.plugins))}")
    if plan.metrics:
        options.append(f"--metrics {','.join(plan.metrics)}")
    return " ".join(options)
