"""Which rows of a table are compared with its default row."""

from __future__ import annotations

from bench.config.loading import load_plan
from bench.results.row_comparisons import against_default
from bench.results.tidy import load


def test_loaded_weights_are_not_compared_with_networks_trained_here() -> None:
    plan = load_plan("small")
    names = {row.id for row in plan.rows["table4_denoising"] if not row.reference}
    found = against_default(plan, load(plan, []), "table4_denoising", plan.table_tests("table4_denoising")[0])
    assert names - set(found) == {"released", plan.tables["table4_denoising"].default}


def test_loaded_rows_are_compared_with_each_other() -> None:
    plan = load_plan("released")
    rows = plan.rows["released_boundary"]
    assert all(row.loaded for row in rows if row.runs and not row.reference)
