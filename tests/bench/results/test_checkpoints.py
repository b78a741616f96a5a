"""A released checkpoint whose declared sha256 changes: what was computed from the old file no longer counts."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fabricated import fabricate
from toy_plan import toy_plan, working_in

from bench.config import layout
from bench.config.analysis_info import WEIGHTS
from bench.config.plan import Plan
from bench.config.run_spec import RunSpec
from bench.data.datasets import Dataset
from bench.foundation.errors import BenchError
from bench.models import networks
from bench.results.done import Done
from bench.results.tidy import load
from bench.stages.publish import publish
from bench.workflow import launch
from bench.workflow.snake import Targets

IMAGES = {"a.png": 0.0, "b.png": 1.3}
KERNELS = ("gaussian", "motion")


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    with working_in(tmp_path):
        found = toy_plan(tmp_path)
        fabricate(found, IMAGES, KERNELS)
        for run in found.runs.values():
            if not run.method:
                layout.weights(run.id).write_bytes(b"weights")
        yield found


def released(plan: Plan) -> RunSpec:
    return next(run for run in plan.runs.values() if run.checkpoint)


def declaring(plan: Plan, sha256: str) -> Plan:
    """The same plan with another declared checkpoint."""
    data = Dataset(**plan.datasets[WEIGHTS].model_dump())
    data._name, data._base = WEIGHTS, plan.datasets[WEIGHTS]._base
    data._hashes = {**plan.datasets[WEIGHTS].hashes, "converse_dncnn.pth": sha256}
    return dataclasses.replace(plan, datasets={**plan.datasets, WEIGHTS: data})


def test_the_id_stays_and_nothing_else_is_touched(plan: Plan) -> None:
    changed = declaring(plan, 64 * "f")
    assert list(changed.runs) == list(plan.runs)
    assert not [r.id for r in plan.runs.values() if Done(plan).to_make(r) or Done(plan).left(r)]
    assert [r.id for r in changed.runs.values() if Done(changed).to_make(r)] == [released(plan).id]
    assert [r.id for r in changed.runs.values() if Done(changed).left(r)] == [released(plan).id]


def test_scores_of_this_machine_are_named_and_not_used(plan: Plan) -> None:
    run, changed = released(plan), declaring(plan, 64 * "f")
    (test,) = plan.evaluations(run)
    assert load(plan).values(run.id, test.key, "psnr") is not None
    found = load(changed)
    assert found.values(run.id, test.key, "psnr") is None and found.status(run.id).status == "missing"
    assert "sha256 3b86c7f6e41a, declared is ffffffffffff" in found.faults[run.id, test.key]
    assert len(found.scores) == len(load(plan).scores) - 1
    with pytest.raises(BenchError, match="declared is ffffffffffff"):
        publish(changed)


def test_snakemake_loads_and_scores_again(plan: Plan) -> None:
    run = released(plan)
    (test,) = plan.evaluations(run)
    layout.showcase_png(run.id, test.stem).write_bytes(b"picture")
    layout.curve_csv(run.id).write_text("step,loss\n")
    assert Targets(plan).training_inputs(run.id) == Targets(plan).evaluation_inputs(run.id, test.key) == []
    changed = Targets(declaring(plan, 64 * "f"))
    inputs = changed.training_inputs(run.id)
    assert str(layout.manifest(WEIGHTS)) in inputs and str(layout.stale_marker()) in inputs
    assert layout.stale_marker().stat().st_mtime_ns >= layout.run_json(run.id).stat().st_mtime_ns
    assert str(layout.weights(run.id)) in changed.evaluation_inputs(run.id, test.key)


def test_evidence_of_the_old_file_answers_nothing(plan: Plan) -> None:
    run = released(plan)
    (test,) = plan.evaluations(run)
    publish(plan, name="one")
    shutil.rmtree(layout.RESULTS / "runs")
    assert Done(plan).published(run, test) and load(plan).sources[run.id, test.key] == "one"
    changed = declaring(plan, 64 * "f")
    assert not Done(changed).published(run, test) and Done(changed).to_make(run)
    found = load(changed)
    assert found.values(run.id, test.key, "psnr") is None and found.status(run.id).status == "missing"
    assert "evidence/one" in found.faults[run.id, test.key]
    (folder,) = layout.evidence_folders()
    text = (folder / "runs.csv").read_text()
    (folder / "runs.csv").write_text(text.replace(plan.checkpoint_sha256(run), ""))
    assert not Done(plan).published(run, test), "an unknown file is not the declared one"
    assert "sha256 unknown" in load(plan).faults[run.id, test.key]


def test_another_file_is_not_loaded(plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    for name in plan.datasets[WEIGHTS].hashes:
        path = tmp_path / "data" / WEIGHTS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"another file")
    with pytest.raises(BenchError, match=r"converse_dncnn.pth: its sha256 is .*expected 3b86c7f6e41a…; run: .*fetch"):
        networks.load_checkpoint(released(plan), (), plan.datasets)


def test_the_record_says_which_file_was_loaded(plan: Plan) -> None:
    record = json.loads(layout.run_json(released(plan).id).read_text())
    assert record["checkpoint_sha256"] == plan.checkpoint_sha256(released(plan)) == plan.datasets[WEIGHTS].hashes[
        "converse_dncnn.pth"
    ]  # fmt: skip
    assert all(plan.checkpoint_sha256(r) == "" for r in plan.runs.values() if not r.checkpoint)


# --- a request that Snakemake would lose a part of --------------------------------------------------


@pytest.mark.parametrize("extra", [("plugins=a.py", "plugins=b.py"), ("preset=quick",), ("nonsense",)])
def test_an_entry_given_twice_is_refused(tmp_path: Path, extra: tuple[str, ...]) -> None:
    with working_in(tmp_path), pytest.raises(BenchError, match=r"twice: Snakemake would|expected key=value"):
        launch.run("small", extra=extra)


@pytest.mark.parametrize(
    "line",
    ["snakemake all --config a=1 --config b=2", "snakemake -C a=1 --config b=2", "snakemake --config=a=1 -C b=2"],
)
def test_two_config_flags_are_refused(line: str) -> None:
    with pytest.raises(BenchError, match="two --config"):
        launch.refuse_repeated(line.split())
    launch.refuse_repeated(["snakemake", "all", "--configfile", "x.yaml", "--config", "a=1", "b=2", "--cores", "2"])
