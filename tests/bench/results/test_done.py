"""What counts as done of a run that no test set is asked of: its training is all there is."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from tiny_training import run_id, tiny_plan, without_test_sets

from bench.config import layout
from bench.config.plan import Plan
from bench.results.done import Done
from bench.results.tidy import load
from bench.stages.archive import export, import_archive
from bench.stages.publish import publish
from bench.stages.train import train
from bench.workflow.snake import Targets


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return without_test_sets(tiny_plan(tmp_path))


def test_without_a_test_set_the_training_is_to_be_made_and_then_done(plan: Plan) -> None:
    run = plan.run(run_id(plan, "dncnn"))
    assert plan.evaluations(run) == [] and Done(plan).to_make(run)
    assert str(layout.run_json(run.id)) in Targets(plan).table_inputs("all")
    train(plan, run.id, progress=False)
    assert not Done(plan).to_make(run)


def test_its_published_curve_answers_it_on_another_clone(plan: Plan) -> None:
    run = plan.run(run_id(plan, "dncnn"))
    train(plan, run.id, progress=False)
    (folder,) = publish(plan)
    shutil.rmtree(layout.run_json(run.id).parent)
    done = Done(plan)
    assert not done.to_make(run) and str(layout.run_json(run.id)) not in Targets(plan).table_inputs("all")
    assert list(load(plan).runs.set_index("run").loc[[run.id], "source"]) == [folder.name]
    assert Done(dataclasses.replace(plan, anew=(run.id,))).to_make(run)


def test_imported_without_weights_it_is_done(plan: Plan, tmp_path: Path) -> None:
    run = plan.run(run_id(plan, "dncnn"))
    train(plan, run.id, progress=False)
    export(plan, tmp_path / "a.zip", weights=False)
    shutil.rmtree(layout.RESULTS)
    import_archive(tmp_path / "a.zip")
    assert not layout.weights(run.id).is_file() and not Done(plan).to_make(run)
    targets = Targets(plan)
    assert str(layout.weights(run.id)) not in targets.everything() and targets.training_inputs(run.id) == []
    layout.curve_csv(run.id).unlink()
    assert Done(plan).to_make(run)


def test_one_that_diverged_before_its_first_row_is_done_on_another_clone(plan: Plan) -> None:
    run = plan.run(run_id(plan, "dncnn"))
    train(plan, run.id, progress=False)
    record = json.loads(layout.run_json(run.id).read_text())
    layout.run_json(run.id).write_text(json.dumps({**record, "status": "diverged"}))
    curve = layout.curve_csv(run.id)
    curve.write_text(curve.read_text().splitlines(keepends=True)[0])
    (folder,) = publish(plan)
    shutil.rmtree(layout.run_json(run.id).parent)
    assert not Done(plan).to_make(run)
    runs = folder / "runs.csv"
    runs.write_text(runs.read_text().replace("diverged", "trained"))
    assert Done(plan).to_make(run), "of one that was trained the curve is all there is"
