"""Several sources of one number: what is whole goes first, what differs is an error, what does not belong is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from fabricated import fabricate, write_metrics, write_record
from toy_plan import IMAGES, KERNELS, toy_plan, working_in

from bench.config import layout
from bench.config.evaluation import PlannedTest
from bench.config.loading import load_plan
from bench.config.plan import Plan
from bench.config.run_spec import RunSpec
from bench.foundation.errors import BenchError
from bench.results.done import Done
from bench.results.evidence import rows_of, runs_of
from bench.results.failures import failures
from bench.results.tidy import load
from bench.stages.publish import publish
from bench.stages.tables import tables
from bench.workflow.snake import Targets


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    with working_in(tmp_path):
        plan = toy_plan(tmp_path)
        fabricate(plan, IMAGES, KERNELS)
        yield plan


def trained(plan: Plan) -> tuple[RunSpec, PlannedTest, Path]:
    run = next(r for r in plan.runs.values() if r.train)
    test = plan.evaluations(run)[0]
    return run, test, layout.metrics_csv(run.id, test.stem)


def change(path: Path, rows: object, **values: object) -> None:
    """Edits a CSV as a hand would; ``rows`` is a function of the frame."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert callable(rows)
    for column, value in values.items():
        frame.loc[rows(frame), column] = value
    frame.to_csv(path, index=False)


# --- several sources ------------------------------------------------------------------------------


def test_a_part_does_not_replace_the_whole(plan: Plan) -> None:
    run, test, _ = trained(plan)
    whole = load(plan).values(run.id, test.key, "psnr")
    publish(plan, name="2026-01-01-whole")
    write_metrics(run, test, {"a.png": 0.0})
    publish(plan, name="2026-02-02-part")
    for here in (True, False):
        if not here:
            shutil.rmtree(layout.RESULTS / "runs")
        found = load(plan)
        assert found.sources[run.id, test.key] == "2026-01-01-whole"
        assert whole is not None and whole.equals(found.values(run.id, test.key, "psnr"))


@pytest.mark.parametrize("images", [{"a.png": -9.0}, {**IMAGES, "a.png": 0.2}], ids=["a shifted part", "one image"])
def test_values_that_differ_are_an_error_that_names_both(plan: Plan, images: dict[str, float]) -> None:
    run, test, scores = trained(plan)
    publish(plan, name="2026-01-01-one")
    write_metrics(run, test, images)
    with pytest.raises(BenchError, match=f"run {run.id}, test {test.key}") as local:
        load(plan)
    assert str(scores) in str(local.value) and "2026-01-01-one" in str(local.value)
    publish(plan, name="2026-02-02-two")
    shutil.rmtree(layout.RESULTS / "runs")
    with pytest.raises(BenchError, match=r"psnr of a\.png is [\d.]+ and [\d.]+") as both:
        load(plan)
    assert "2026-01-01-one" in str(both.value) and "2026-02-02-two" in str(both.value)


def test_last_digits_and_the_clock_may_differ(plan: Plan) -> None:
    run, test, scores = trained(plan)
    publish(plan, name="2026-01-01-one")
    write_metrics(run, test, IMAGES, offset=0.001)
    scores.write_text(scores.read_text().replace(",seconds,0.5", ",seconds,60"))
    write_record(scores, run, test)
    assert load(plan).sources[run.id, test.key] == "", "of equals this machine's"


def test_other_images_are_an_error_though_the_values_agree(plan: Plan) -> None:
    run, test, scores = trained(plan)
    publish(plan, name="2026-01-01-one")
    write_record(scores, run, test, content="ff")
    found = load(plan)
    assert found.sources[run.id, test.key] == "2026-01-01-one"
    assert "holds scores of content 'ff'" in found.faults[run.id, test.key]
    write_metrics(run, test, {"a.png": 0.0, "another.png": 1.0})
    with pytest.raises(BenchError, match=r"only the second has another\.png, and the first has others"):
        load(plan)


def test_of_two_trainings_of_one_run_the_one_made_here_counts_whole(plan: Plan, tmp_path: Path) -> None:
    run, test, scores = trained(plan)
    record = json.loads(layout.run_json(run.id).read_text())
    layout.run_json(run.id).write_text(json.dumps({**record, "weights_sha256": "aa"}))
    publish(plan, name="2026-01-01-one")
    layout.run_json(run.id).write_text(json.dumps({**record, "weights_sha256": "bb"}))
    found = load(plan)
    assert found.sources[run.id, test.key] == "" and set(
        found.runs.set_index("run").loc[[run.id], "weights_sha256"]
    ) == {"bb"}
    scores.unlink()
    assert (run.id, test.key) not in load(plan).sources, "no score of the other training fills in"
    layout.run_json(run.id).unlink()
    assert load(plan).sources[run.id, test.key] == "2026-01-01-one"
    anew = load_plan("toy", config=tmp_path / "config", anew=[run.id])
    metrics = load(anew).metrics
    assert metrics[metrics["run"] == run.id].empty
    with pytest.raises(BenchError, match="no run 'dncn'"):
        load_plan("toy", config=tmp_path / "config", anew=["dncn"])


# --- what does not belong -------------------------------------------------------------------------


def damages(plan: Plan) -> dict[str, tuple[str, object]]:
    run, test, scores = trained(plan)
    noisy = next(r for r in plan.runs.values() if r.method == "noisy")
    foreign = layout.metrics_csv(noisy.id, test.stem)

    def swapped() -> None:
        shutil.copy(foreign, scores)

    def swapped_with_record() -> None:
        swapped()
        shutil.copy(layout.score_record(foreign), layout.score_record(scores))

    def signed_again() -> None:
        swapped()
        write_record(scores, run, test)

    return {
        "copied": ("changed since it was measured", swapped),
        "copied with its record": ("holds scores of run 'noisy-", swapped_with_record),
        "signed again": ("holds scores of run 'noisy-", signed_again),
        "without a record": ("no record", layout.score_record(scores).unlink),
        "cut short": ("changed since", lambda: scores.write_text(scores.read_text()[:-200])),
        "another version": ("of version 'e0d0'", lambda: write_record(scores, run, test, version="e0d0")),
        "other images": ("of content 'ff'", lambda: write_record(scores, run, test, content="ff")),
        "another test": ("of test 'x@y'", lambda: write_record(scores, run, test, evaluation="x@y")),
    }


@pytest.mark.parametrize(
    "damage",
    [
        "copied", "copied with its record", "signed again", "without a record", "cut short", "another version",
        "another test", "other images",
    ],
)  # fmt: skip
def test_a_file_that_does_not_belong_is_named_and_not_used(plan: Plan, damage: str) -> None:
    run, test, scores = trained(plan)
    before = load(plan)
    words, hurt = damages(plan)[damage]
    assert callable(hurt)
    hurt()
    found = load(plan)
    assert found.values(run.id, test.key, "psnr") is None
    assert words in found.faults[run.id, test.key] and str(scores) in found.faults[run.id, test.key]
    assert len(found.scores) == len(before.scores) - 1, "nothing else is lost"
    with pytest.raises(BenchError, match="evaluate again"):
        tables(plan, ["four"])
    assert any(str(scores) in f.reason for f in failures(plan, found))


def test_a_file_that_does_not_belong_is_named_though_evidence_answers(plan: Plan) -> None:
    run, test, scores = trained(plan)
    publish(plan, name="one")
    layout.score_record(scores).unlink()
    found = load(plan)
    assert found.sources[run.id, test.key] == "one"
    assert [f.status for f in failures(plan, found) if str(scores) in f.reason] == ["not used"]


def test_published_values_that_were_edited_or_cut_are_not_used(plan: Plan) -> None:
    run, test, _ = trained(plan)
    (folder,) = publish(plan, name="one")
    shutil.rmtree(layout.RESULTS / "runs")
    for column, value in (("value", "31.4"), ("image", "z.png"), ("run", "elsewhere")):
        kept = (folder / "metrics.csv").read_bytes()
        mine = lambda f: (f["run"] == run.id) & (f["metric"] == "psnr") & (f["image"] == "a.png")  # noqa: E731
        change(folder / "metrics.csv", mine, **{column: value})
        found = load(plan)
        assert found.values(run.id, test.key, "psnr") is None
        assert "changed since they were published" in found.faults[run.id, test.key]
        (folder / "metrics.csv").write_bytes(kept)


def test_evidence_of_an_earlier_format_is_read_and_what_it_lacks_is_unknown(plan: Plan) -> None:
    run, test, _ = trained(plan)
    cases = plan.scored(test).cases()
    assert cases is not None
    fabricate(plan, dict.fromkeys((image for image, _ in cases), 0.0), KERNELS)
    (folder,) = publish(plan, name="one")
    (folder / "scores.csv").unlink()
    (folder / "curves.csv").unlink()
    frame = pd.read_csv(folder / "metrics.csv", dtype=str, keep_default_na=False)
    frame.drop(columns="content").to_csv(folder / "metrics.csv", index=False)
    shutil.rmtree(layout.RESULTS / "runs")
    found = load(plan)
    assert found.values(run.id, test.key, "psnr") is not None
    assert set(found.scores["content"]) == {""}
    assert not any(Done(plan).left(r) or Done(plan).to_make(r) for r in plan.runs.values())
    change(folder / "metrics.csv", lambda f: (f["run"] == run.id) & (f["image"] == cases[0][0]), run="elsewhere")
    assert "not all of those" in load(plan).faults[run.id, test.key], "a part of the images is no evidence"
    assert [r.id for r in plan.runs.values() if Done(plan).left(r)] == [run.id]


# --- what is done ---------------------------------------------------------------------------------


def test_a_trained_run_is_answered_whole_or_not_at_all(plan: Plan, tmp_path: Path) -> None:
    run, test, _ = trained(plan)
    (folder,) = publish(plan, name="one")
    shutil.rmtree(layout.RESULTS / "runs")
    done = Done(plan)
    assert done.published(run, test) and not done.to_make(run)
    assert folder / "metrics.csv" in done.table_inputs("four")
    assert not [p for p in done.table_inputs("four") if p.is_relative_to(layout.RESULTS / "runs")]

    anew = Done(load_plan("toy", config=tmp_path / "config", anew=[run.id]))
    assert anew.to_make(run) and anew.left(run) == [test]
    assert [r.id for r in plan.runs.values() if anew.to_make(r)] == [run.id]

    more = toy_plan(tmp_path, denoising="[{data: embedded_test, protocol: denoise-gray-s25}, "
                                        "{data: set12, protocol: denoise-gray-s25}]")  # fmt: skip
    assert Done(more).to_make(run) and [t.data for t in Done(more).left(run)] == ["embedded_test", "set12"]
    noisy = next(r for r in plan.runs.values() if r.method == "noisy")
    assert [t.data for t in Done(more).left(noisy)] == ["set12"], "what is not trained is the same everywhere"


def test_curves_are_read_once_by_a_process_and_again_when_they_change(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder,) = publish(plan, name="2026-01-01-first")
    shutil.rmtree(layout.RESULTS / "runs")
    asked: list[str] = []

    def counted(path: Path, *columns: str) -> list[dict[str, str]]:
        asked.append(path.name)
        return rows_of(path, *columns)

    monkeypatch.setattr("bench.results.evidence.rows_of", counted)
    targets = Targets(plan)
    assert targets.everything() and targets.report_inputs() and asked.count("curves.csv") == 1
    curves = folder / "curves.csv"
    run = next(iter(runs_of(curves)))
    change(curves, lambda frame: frame["run"] == run, run="another")
    assert {"another"} <= runs_of(curves) and run not in runs_of(curves)
    curves.unlink()
    assert runs_of(curves) == set()
