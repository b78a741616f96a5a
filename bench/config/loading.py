"""From ``config/`` and what a command asks for to a validated `Plan`. Torch-free and quick."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.config import layout
from bench.config.metric_names import check_extra
from bench.config.plan import Plan
from bench.config.planned_analyses import resolve as resolve_analyses
from bench.config.resolve import Resolver
from bench.config.spec import Preset, Table, Tables
from bench.config.table_tests import check_tests
from bench.data.datasets import load_datasets
from bench.data.subsets import read_subset
from bench.foundation import strict_yaml
from bench.foundation.errors import BenchError, nearest
from converse.declarations import registry

CONFIG_KEYS = ("preset", "tables", "images", "plugins", "metrics", "anew")
"""What ``snakemake --config`` and the verbs' options may set."""


def preset_names(config: Path = layout.CONFIG) -> list[str]:
    """Presets that exist; an editor's hidden files are none."""
    return sorted(p.stem for p in (config / "presets").glob("*.yaml") if not p.name.startswith("."))


def load_plan(
    preset: str = "quick",
    *,
    tables: Iterable[str] = (),
    images: str | int | None = None,
    plugins: Iterable[str] = (),
    metrics: Iterable[str] = (),
    anew: Iterable[str] = (),
    config: Path = layout.CONFIG,
) -> Plan:
    """Read and validate ``config/`` and ``datasets.yaml`` and resolve every row of a preset.

    Args:
        preset: a file name in ``config/presets``.
        tables: table ids instead of the preset's own choice; ``all``: every table that the preset may show.
        images: a subset of the test images: ``5`` (the first five) or ``every10``.
        plugins: operator files in addition to those named in ``config/tables.yaml``.
        metrics: pyiqa metrics in addition to those named there.
        anew: runs by id, or ``all``, that are made here even where committed evidence has them.
        config: the configuration folder.

    Raises:
        BenchError: anything wrong in a file, with file, line and nearest valid name.
    """
    names = preset_names(config)
    if not names:
        raise BenchError(f"{config / 'presets'}: no preset there; run this in the repository")
    if preset not in names:
        raise BenchError(f"unknown preset {preset!r}{nearest(preset, names)} (allowed: {', '.join(names)})")
    preset_doc = strict_yaml.load(config / "presets" / f"{preset}.yaml")
    tables_doc = strict_yaml.load(config / "tables.yaml")
    published_doc = strict_yaml.load(config / "published.yaml")
    spec = strict_yaml.validate(preset_doc, Preset)
    every = strict_yaml.validate(tables_doc, Tables)
    datasets = load_datasets()
    every_metric = tuple(dict.fromkeys([*every.metrics, *metrics]))
    check_extra(every_metric)
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
    resolver.check_names()
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
        check_tests(entry.evaluate or (), entry.task, tables_doc, ("tables", name, "evaluate"), datasets)
        for row_id, row in entry.rows.items():
            resolver.check_presets(row.presets, names, ("tables", name, "rows", row_id, "presets"))
        if (beside := entry.beside) is not None:
            resolver.check_presets(beside.presets, names, ("tables", name, "beside", "presets"))
            for row_id, row in beside.rows.items():
                resolver.check_presets(row.presets, names, ("tables", name, "beside", "rows", row_id, "presets"))
    views = {name: every.tables[name] for name in chosen if _shown(every.tables[name], preset, spec)}
    plan = Plan(
        name=preset,
        preset=spec,
        tables=views,
        rows={name: resolver.rows(name, table) for name, table in views.items()},
        published=published_doc.data.get("tables", {}),
        datasets=datasets,
        plugins=every_plugin,
        metrics=every_metric,
        # Who asks for certain tables wants those.
        analyses=resolve_analyses(spec, preset_doc, datasets) if not asked or "all" in asked else {},
        subset=_subset(images),
        anew=tuple(dict.fromkeys(anew)),
        asked=asked,
        folder=config,
    )
    for run_id in plan.anew:
        if run_id != "all":
            plan.run(run_id)
    return plan


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
        str(config.get("preset", "small")),
        tables=_words(config.get("tables")),
        images=config.get("images"),
        plugins=_words(config.get("plugins")),
        metrics=_words(config.get("metrics")),
        anew=_words(config.get("anew")),
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
    word = text if text.startswith(("every", "first")) else f"first{text}"
    try:
        read_subset(word)
    except BenchError as error:
        message = f"images={text!r}: allowed are N (the first N images) or everyN (every Nth image)"
        raise BenchError(message) from error
    return word


def command_options(plan: Plan) -> str:
    """The options that give a verb this plan, quoted for a shell command."""
    options = ["--preset", plan.name]
    for option, values in (
        ("--tables", plan.asked),
        ("--images", [plan.subset] if plan.subset else []),
        ("--plugins", plan.plugins),
        ("--metrics", plan.metrics),
        ("--anew", plan.anew),
    ):
        if values:
            options += [option, ",".join(map(str, values))]
    return shlex.join(options)
