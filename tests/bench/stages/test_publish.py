"""Evidence that is published: groups are replaced whole, machines and presets stand beside each other."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fabricated import MACHINE, fabricate, write_metrics, write_record, write_throughput
from toy_plan import IMAGES, KERNELS, toy_plan, working_in

from bench.config import layout
from bench.config.plan import Plan
from bench.config.run_spec import RunSpec
from bench.foundation.errors import BenchError
from bench.pages.drawings.curves import draw
from bench.results.contributed import problems
from bench.results.done import Done
from bench.results.reading import read_csv
from bench.results.tidy import load
from bench.stages.publish import publish
from converse.declarations import registry


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    with working_in(tmp_path):
        yield tmp_path


def first_trained(plan: Plan) -> RunSpec:
    return next(r for r in plan.runs.values() if r.train)


def test_evidence_fills_what_is_not_measured_here(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    write_throughput(plan)
    (folder,) = publish(plan, name="2026-01-01-elsewhere")
    before = load(plan)
    shutil.rmtree(layout.RESULTS / "runs")
    after = load(plan)
    assert set(after.metrics["source"]) == {"2026-01-01-elsewhere"}
    assert sorted(after.metrics["value"].dropna()) == sorted(before.metrics["value"].dropna())
    assert set(after.runs["run"]) == set(before.runs["run"])
    columns = ["run", "evaluation", "content", "machine", "versions", "device", "date"]
    assert after.scores[columns].equals(before.scores[columns]) and (after.scores["content"] != "").all()
    assert (folder / "columns.json").is_file()


def test_publishing_twice_changes_nothing(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    (folder,) = publish(plan, name="same")
    first = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.glob("*.csv")}
    assert publish(plan, name="same") == [folder]
    assert {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.glob("*.csv")} == first
    assert len(read_csv(folder / "metrics.csv", ("run",))) > 0


def test_nothing_measured_is_one_line(root: Path) -> None:
    with pytest.raises(BenchError, match="nothing of preset 'toy' was measured"):
        publish(toy_plan(root))


def test_a_group_is_replaced_whole(root: Path) -> None:
    """An image that was removed goes, and so do images whose scores changed; other runs stay."""
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    (folder,) = publish(plan, name="same")
    run = first_trained(plan)
    test = plan.evaluations(run)[0]
    before = read_csv(folder / "metrics.csv", ("run",))
    write_metrics(run, test, {"a.png": 0.5})
    publish(plan, name="same")
    after = read_csv(folder / "metrics.csv", ("run",))
    assert set(after.loc[after["run"] == run.id, "image"]) == {"a.png"}
    assert after[after["run"] != run.id].equals(
        before[before["run"] != run.id].set_axis(after[after["run"] != run.id].index)
    )
    assert not load(plan).faults, "the checksums are those of the new values"


def test_runs_stand_in_the_folder_of_the_machine_that_scored_them(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    run = first_trained(plan)
    test = plan.evaluations(run)[0]
    gpu = {**MACHINE, "gpu": "Imaginary H100"}
    write_record(layout.metrics_csv(run.id, test.stem), run, test, machine=gpu, date="2026-03-04", device="cuda")
    cpu_folder, gpu_folder = publish(plan)
    assert (cpu_folder.name, gpu_folder.name) == ("2026-01-02-imaginary-cpu", "2026-03-04-imaginary-h100")
    assert set(read_csv(gpu_folder / "metrics.csv", ("run",))["run"]) == {run.id}
    assert run.id not in set(read_csv(cpu_folder / "runs.csv", ("run",))["run"])
    (named,) = publish(plan, name="all")
    scores = read_csv(named / "scores.csv", ("run", "machine")).set_index("run")["machine"]
    assert json.loads(scores[run.id]) == gpu and scores.nunique() == 2


def test_a_second_preset_keeps_the_timings_of_the_first(root: Path) -> None:
    plan = toy_plan(root)
    write_throughput(plan)
    (folder,) = publish(plan, name="same")
    count = len(read_csv(folder / "throughput.csv", ("preset",)))
    other = dataclasses.replace(plan, name="other")
    write_throughput(other)
    publish(other, name="same")
    assert read_csv(folder / "throughput.csv", ("preset",))["preset"].value_counts().to_dict() == {
        "toy": count, "other": count,
    }  # fmt: skip
    shutil.rmtree(layout.RESULTS / "throughput")
    assert set(load(plan).throughput["preset"]) == {"toy"}, "a table shows the timings of its own preset"


def test_timings_that_are_published_already_count_once(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES)
    write_throughput(plan)
    (folder,) = publish(plan)
    once = (folder / "throughput.csv").read_bytes()
    columns = ["kind", "case", "name", "pass"]
    assert not load(plan).throughput.duplicated(columns).any()
    assert publish(plan) == [folder] and (folder / "throughput.csv").read_bytes() == once


@pytest.mark.parametrize("there", [",torch,float32,2.13.0", ",torch,float32,", ",AVX9,"])
def test_timings_of_another_compiler_torch_or_instruction_set_stand_beside_each_other(root: Path, there: str) -> None:
    plan = toy_plan(root)
    path = write_throughput(plan)
    (folder,) = publish(plan, name="same")
    first = read_csv(folder / "throughput.csv", ("preset",))
    other = {",AVX9,": ",AVX2,", ",torch,float32,": ',"native, c++ 12",float32,'}.get(there, ",torch,float32,2.14.0")
    path.write_text(path.read_text().replace(there, other))
    for seconds in ("0.4,", "0.5,"):  # what is timed again under the same conditions is replaced
        path.write_text(path.read_text().replace("0.4,", seconds))
        publish(plan, name="same")
    both = read_csv(folder / "throughput.csv", ("preset",))
    assert len(both) == 2 * len(first) and len(both.merge(first)) == len(first)
    said = problems(folder, plan.datasets, registry.operators([]))
    assert not [line for line in said if "throughput.csv" in line]


def made(plan: Plan, run: RunSpec, weights: str) -> None:
    """A run as if those weights had come of it."""
    record = json.loads(layout.run_json(run.id).read_text())
    layout.run_json(run.id).write_text(json.dumps({**record, "weights_sha256": weights}))
    test = plan.evaluations(run)[0]
    write_record(layout.metrics_csv(run.id, test.stem), run, test, weights_sha256=weights)


def test_a_run_that_was_trained_again_leaves_no_scores_of_its_former_weights(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    run = first_trained(plan)
    made(plan, run, "aa")
    (folder,) = publish(plan, name="same")
    path = folder / "scores.csv"
    scores = read_csv(path, ("run",))
    other = scores[scores["run"] == run.id].assign(evaluation="another@test")
    other.to_csv(path, mode="a", header=False, index=False)
    made(plan, run, "bb")
    publish(plan, name="same")
    mine = read_csv(path, ("run",))
    assert list(mine.loc[mine["run"] == run.id, "weights_sha256"]) == ["bb"]


def test_a_run_that_was_trained_again_takes_its_place_in_other_folders(root: Path) -> None:
    """On another processor, say, for a test that the first one was not scored under."""
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    run = first_trained(plan)
    test = plan.evaluations(run)[0]
    made(plan, run, "aa")
    (first,) = publish(plan, name="2026-01-01-first")
    others = {f.name: len(read_csv(f, ("run",))) for f in first.glob("*.csv") if f.name != "throughput.csv"}
    made(plan, run, "bb")
    index = (first / "scores.csv").read_text()
    line = next(line for line in index.splitlines() if line.startswith(run.id))
    (first / "scores.csv").write_text(index + line.replace(test.key, "another@test") + "\n")
    with pytest.raises(BenchError, match="2026-01-01-first has it with other weights and under another@test"):
        publish(plan, name="2026-01-02-second")
    assert run.id in set(read_csv(first / "runs.csv", ("run",))["run"]), "nothing has been removed"
    (first / "scores.csv").write_text(index)
    (second,) = publish(plan, name="2026-01-02-second")
    for file in ("runs.csv", "metrics.csv", "scores.csv", "curves.csv"):
        left = read_csv(first / file, ("run",))
        assert run.id not in set(left["run"]) and 0 < len(left) < others[file]
        assert run.id in set(read_csv(second / file, ("run",))["run"])
    assert dict(load(plan, layout.evidence_folders()).sources)[run.id, test.key] == "2026-01-02-second"


def test_a_file_that_does_not_belong_is_not_published(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    run = first_trained(plan)
    layout.score_record(layout.metrics_csv(run.id, plan.evaluations(run)[0].stem)).unlink()
    with pytest.raises(BenchError, match=f"{run.id}.*no record"):
        publish(plan, name="same")


def test_curves_are_drawn_from_evidence(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    here = draw(plan, load(plan), "four").axes[0].get_lines()[0].get_ydata()
    publish(plan, name="same")
    shutil.rmtree(layout.RESULTS / "runs")
    assert list(draw(plan, load(plan), "four").axes[0].get_lines()[0].get_ydata()) == list(here)
    assert not Done(plan).undrawable("four-curves") and "no restored image" in Done(plan).undrawable("four-visual")
