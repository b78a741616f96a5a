"""From ``config/tables.yaml`` to planned rows: bases, presets, seeds, operators from the registry.

Torch-free. Whatever is wrong becomes a `BenchError` with file, line and nearest valid name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.config.changes import changed, check_options, check_tuned
from bench.config.planned_row import PlannedRow
from bench.config.run_spec import RunSpec, TrainSpec
from bench.config.spec import METHOD_LABELS, METHODS, Checkpoint, Preset, Row, Table, TaskPreset
from bench.config.table_tests import SPLITS, check_split, check_tests
from bench.config.variants import PlannedInference
from bench.data.datasets import Dataset, data_root
from bench.data.file_hashes import remembered_sha256
from bench.foundation import strict_yaml, versions
from bench.foundation.errors import nearest
from bench.foundation.strict_yaml import Keys
from converse.declarations import model_info, model_spec


def digest(data: Any) -> str:
    """Twelve hex digits of the sha256 of data as JSON, whatever the order of keys; what JSON lacks as its ``str``."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()[:12]


def published_rows(published: Mapping[str, Any], table: str) -> dict[str, Any]:
    """Rows of one published table by id; for a table in parts (Table 7) the rows of any part."""
    entry = published.get(table) or {}
    if "rows" in entry:
        return dict(entry["rows"])
    return {row: cells for part in entry.values() if isinstance(part, dict) for row, cells in part.items()}


@dataclass
class Resolver:
    """Resolves the rows of one preset."""

    preset: Preset
    preset_doc: strict_yaml.Document
    doc: strict_yaml.Document
    datasets: Mapping[str, Dataset]
    operators: Mapping[str, Any]
    published: Mapping[str, Any]
    plugins: tuple[str, ...]
    name: str

    def check_names(self) -> None:
        """Every data set, model and test that the preset names exists and suits its task."""
        for task, spec in self.preset.tasks.items():
            check_tuned(spec.tuned, spec.budget, self.preset_doc, ("tasks", task, "tuned"))
            check_options(spec.options, self.preset_doc, ("tasks", task, "options"))
            for i, name in enumerate(spec.train):
                if name not in self.datasets:
                    message = f"unknown data set {name!r}{nearest(name, self.datasets)}"
                    raise self.preset_doc.error(("tasks", task, "train", i), message)
                check_split(self.datasets[name], SPLITS["train"], self.preset_doc, ("tasks", task, "train", i))
            check_tests(spec.evaluate, task, self.preset_doc, ("tasks", task, "evaluate"), self.datasets)

    def check_presets(self, given: list[str] | None, names: list[str], keys: Keys) -> None:
        """The presets that a table or row is shown in exist."""
        for i, preset in enumerate(given or ()):
            if preset not in names:
                raise self.doc.error((*keys, i), f"unknown preset {preset!r}{nearest(preset, names)}")

    def rows(self, name: str, table: Table) -> tuple[PlannedRow, ...]:
        """References first, then the table's own rows, one per operator, and the rows beside them."""
        at = ("tables", name)
        published = published_rows(self.published.get("tables", {}), table.published or name)
        rows = []
        for i, method in enumerate(table.references):
            if method not in METHODS or table.task not in METHODS[method]:
                allowed = [m for m, tasks in METHODS.items() if table.task in tasks]
                message = f"unknown method {method!r} (allowed: {', '.join(allowed)})"
                raise self.doc.error((*at, "references", i), message)
            run = RunSpec(task=table.task, method=method, threads=self.preset.threads)
            rows.append(PlannedRow(name, method, METHOD_LABELS[method], (run,), ours=True, reference=True))
        rows.extend(self._named_rows(name, table, table.rows, (*at, "rows"), published))
        if table.operators:
            rows.extend(self._operator_rows(name, table, published))
        if (beside := table.beside) is not None and self._shown(beside.presets):
            below = self._named_rows(name, table, beside.rows, (*at, "beside", "rows"), published)
            rows.extend(replace(row, group=beside.title, note=self._cited(row)) for row in below)
        ids = [r.id for r in rows]
        for row_id in ids:
            if ids.count(row_id) > 1:
                raise self.doc.error((*at, "rows", row_id), f"row {row_id!r} appears twice in table {name!r}")
        if table.default is not None and table.default not in ids:
            raise self.doc.error((*at, "default"), f"no row {table.default!r}{nearest(table.default, ids)}")
        return tuple(rows)

    def _shown(self, presets: list[str] | None) -> bool:
        return presets is None or self.name in presets

    def _named_rows(
        self, name: str, table: Table, rows: Mapping[str, Row], at: Keys, published: Mapping[str, Any]
    ) -> list[PlannedRow]:
        """The rows that the table writes out, those of this preset."""
        shown = {row_id: row for row_id, row in rows.items() if self._shown(row.presets)}
        return [self._planned(name, i, r, self._runs(name, table, r, (*at, i)), published) for i, r in shown.items()]

    def _cited(self, row: PlannedRow) -> str | None:
        """The row's note, and what its operator says of its source and its cost."""
        info = self.operators.get(str((row.runs[0].network or {}).get("operator")))
        parts = [row.note, info.source, info.cost] if info else [row.note]
        return "; ".join(part for part in parts if part) or None

    def _planned(
        self,
        table: str,
        row_id: str,
        row: Row,
        runs: tuple[RunSpec, ...],
        published: Mapping[str, Any],
    ) -> PlannedRow:
        cell = row.published or row_id
        return PlannedRow(
            table,
            row_id,
            row.label or row_id,
            runs,
            note=row.note,
            published=cell,
            ours=cell not in published,
        )

    def _operator_rows(self, name: str, table: Table, published: Mapping[str, Any]) -> list[PlannedRow]:
        axis = table.operators
        assert axis is not None
        at = ("tables", name, "operators")
        names = [n for n, o in self.operators.items() if o.error or (axis.role in o.roles and o.tables == "all")]
        for i, first in enumerate(axis.first):
            if first not in self.operators:
                raise self.doc.error((*at, "first", i), f"unknown operator {first!r}{nearest(first, self.operators)}")
        order = [*axis.first, *sorted(n for n in names if n not in axis.first)]
        rows: list[PlannedRow] = []
        for op_name in order:
            info = self.operators[op_name]
            label = info.upsampler_label if axis.role == "upsampler" else info.label
            # A broken operator goes by its name, which is its own: its label may be that of a sound one.
            row_id = axis.row.format(label=op_name if info.error else label or op_name, name=op_name)
            reason = str(info.error) if info.error else None
            if any(row.id == row_id for row in rows):
                row_id = f"{row_id} ({op_name})"
                reason = reason or f"operator {op_name!r} ({info.origin}): the label {label!r} is taken in this table"
            if reason:
                rows.append(PlannedRow(name, row_id, row_id, skipped=reason, ours=True))
                continue
            if not info.trains or not info.supports(axis.role, 2 if axis.role == "upsampler" else 1):
                continue
            value = str(info.path) if str(info.origin).startswith("file") else op_name
            row = Row(options={axis.option: value})
            rows.append(self._planned(name, row_id, row, self._runs(name, table, row, at), published))
        return rows

    def _runs(self, name: str, table: Table, row: Row, at: Keys) -> tuple[RunSpec, ...]:
        """One run per seed; exactly one where nothing is trained."""
        model = row.model or table.base.model
        task = self.preset.tasks[table.task]
        if model is None:
            raise self.doc.error(at, "a row needs a model (in the row or in the table's base)")
        checkpoint = row.checkpoint or table.base.checkpoint
        options = self._options(model, task, table, row, at, loaded=checkpoint is not None)
        network = self._network(model, options, at)
        common: dict[str, Any] = {
            "task": table.task,
            "model": model,
            "options": options,
            "network": network,
            "threads": self.preset.threads,
        }
        if self.preset.precision != "float32":
            common["precision"] = self.preset.precision
        if (inference := self._inference(model, table, row, at)) is not None:
            common["inference"] = inference
        if checkpoint is not None:
            return (RunSpec(checkpoint=_with_content(checkpoint), **common),)
        if inference is not None:
            message = f"row {at[-1]!r}: inference is for rows with a checkpoint; a trained row would be trained anew"
            raise self.doc.error((*at, "inference"), message)
        if not task.train or task.budget is None or task.degradation is None:
            needs = "train, degradation and budget"
            raise self.preset_doc.error(("tasks", table.task), f"row {at[-1]!r} of {name} is trained: it needs {needs}")
        own = ("tasks", table.task, "tuned", model)
        budget = changed(task.budget, task.tuned.get(model, {}), self.preset_doc, own)
        budget = changed(budget, {**table.base.budget, **row.budget}, self.doc, (*at, "budget"))
        undone = {**table.base.degradation, **row.degradation}
        degradation = changed(task.degradation, undone, self.doc, (*at, "degradation"))
        seeds = row.seeds or self.preset.seeds.get(name, self.preset.seeds.get("default", 1))
        data_hash = digest([self.datasets[d].content_hash(data_root()) for d in task.train])
        return tuple(
            RunSpec(
                train=TrainSpec(
                    data=task.train,
                    data_hash=data_hash,
                    degradation=degradation,
                    budget=budget,
                    seed=seed,
                    version=versions.TRAIN_VERSION,
                ),
                **common,
            )
            for seed in range(seeds)
        )

    def _inference(self, model: str, table: Table, row: Row, at: Keys) -> PlannedInference | None:
        variant = row.inference or table.base.inference
        if variant is None:
            return None
        known = model_info.models()
        if model in known and (reason := variant.refuses(known[model].inputs, table.task)):
            raise self.doc.error((*at, "inference"), f"row {at[-1]!r}: {reason}")
        return PlannedInference(version=versions.INFERENCE_VERSION, **variant.model_dump())

    def _options(
        self, model: str, task: TaskPreset, table: Table, row: Row, at: Keys, *, loaded: bool
    ) -> dict[str, Any]:
        """The preset's options where the model has them, then the table's base, then the row's.

        A row that loads weights takes no width or depth from the preset.
        """
        known = model_info.models()
        own = known[model].defaults if model in known else {}
        options = {} if loaded else {k: v for k, v in task.options.items() if k in own}
        options.update(table.base.options)
        options.update(row.options)
        return options

    def _network(self, model: str, options: Mapping[str, Any], at: Keys) -> dict[str, Any]:
        try:
            return model_spec.resolve(model, options, plugins=self.plugins).identity()
        except (ValueError, TypeError) as error:
            raise self.doc.error(at, str(error)) from error


def _with_content(checkpoint: Checkpoint) -> Checkpoint:
    """A weights file by its bytes: another file under the same path is another run. One that is missing has none."""
    if checkpoint.path is None or checkpoint.sha256 is not None:
        return checkpoint
    sha256 = remembered_sha256(Path(checkpoint.path).expanduser(), data_root())
    return checkpoint.model_copy(update={"sha256": sha256})
