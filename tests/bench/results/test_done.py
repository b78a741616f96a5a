"""What counts as done of a run that no test set is asked of: its training is all there is."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from tiny_training import run_id, tiny_plan, without_test_sets

from bench.config import layout
from bench.config.plan import Plan
from bench.results.done import Done
from bench.results.tidy import load
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
