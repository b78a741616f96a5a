"""Tables that no test set is asked of: the validation strip by row, from curves here or in evidence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tiny_training import run_id, tiny_plan, without_test_sets

from bench.config.plan import Plan
from bench.foundation.errors import BenchError
from bench.pages.table_view import table_view
from bench.results.curves import curves_by_run
from bench.results.record_frame import records_frame
from bench.results.tidy import load
from bench.results.validation import correlation_over_seeds
from bench.stages.report import report
from bench.stages.tables import tables
from bench.stages.train import train


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    plan = without_test_sets(tiny_plan(tmp_path))
    networks = {"all": tuple(row for row in plan.rows["all"] if not row.runs[0].method)}
    return dataclasses.replace(plan, rows=networks)


def test_a_row_shows_its_last_validation_and_what_is_missing(plan: Plan) -> None:
    run = run_id(plan, "dncnn")
    with pytest.raises(BenchError, match=r"run\.json is missing \(python -m bench train"):
        tables(plan, ["all"])
    train(plan, run, progress=False)
    results = load(plan)
    last = curves_by_run([run])[run]["val_psnr"].dropna().iloc[-1]
    frame = records_frame(plan, results, "all").set_index("row")
    assert frame.loc["dncnn", "mean"] == last and frame.loc["dncnn", "metric"] == "val_psnr"
    assert frame.loc["converse", "status"] == "missing"
    view = table_view(plan, results, "all")
    first, second = (tuple(cell.text for cell in line.cells) for line in view.sections[0].lines[:2])
    assert first[2:] == ("1", f"{last:.2f}", f"{last:.2f}", f"{last:.2f}")
    assert second[2:4] == ("0 of 1", "–") and ("a", "seed 0: no validation") in view.notes
    assert "No test set was looked at" in view.remarks[0]


def test_the_report_of_such_a_preset_is_made(plan: Plan) -> None:
    train(plan, run_id(plan, "dncnn"), progress=False)
    tables(plan, allow_missing=True)
    report(plan, allow_missing=True)
    assert "validation strip" in Path("reports/tiny/index.md").read_text()


def test_the_correlation_pools_all_pairs_of_rows() -> None:
    along = {"a": {0: 1.0, 1: 2.0, 2: 3.0}, "b": {0: 11.0, 1: 12.0, 2: 13.0}}
    assert correlation_over_seeds([[*along.values()]]) == pytest.approx(1.0)
    against = {"a": along["a"], "b": {0: 3.0, 1: 2.0, 2: 1.0}}
    assert correlation_over_seeds([[*against.values()]]) == pytest.approx(-1.0)
    three = {**along, "c": against["b"]}
    assert correlation_over_seeds([[*three.values()]]) == pytest.approx(-1 / 3)
    apart = [[*along.values()], [against["b"]]]
    assert correlation_over_seeds(apart) == pytest.approx(1.0), "rows of two groups are no pair"
    assert correlation_over_seeds([[*along.values()], [*against.values()]]) == pytest.approx(0.0)
    short = {**along, "c": {0: 5.0}}
    assert correlation_over_seeds([[*short.values()]]) == pytest.approx(1.0), "a row without all seeds is left out"
    assert correlation_over_seeds([[along["a"]]]) is None and correlation_over_seeds([]) is None
    assert correlation_over_seeds([[{0: 1.0, 1: 1.0}, {0: 1.0, 1: 1.0}]]) is None
