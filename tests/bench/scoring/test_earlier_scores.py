"""A full evaluation reuses what a subset has scored already, and nothing that is not proven to fit."""

from __future__ import annotations

import csv
import dataclasses
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fabricated_sets import photograph
from tiny_training import run_id, tiny_plan

from bench.config import layout
from bench.config.evaluation import Evaluation
from bench.config.plan import Plan
from bench.data.file_hashes import sha256_file
from bench.data.images import read_image, write_png
from bench.foundation import provenance, versions
from bench.foundation.errors import BenchError
from bench.foundation.lifeline import Interrupted
from bench.models import inference
from bench.models.checkpoint import load, save
from bench.results import captions
from bench.results import tidy as results
from bench.scoring import earlier_scores
from bench.scoring.score_record import ScoreRecord, read_record
from bench.stages import evaluate as stage
from bench.stages.evaluate import evaluate
from bench.stages.train import train


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """One entry per image that a network restores."""
    seen: list[tuple[int, ...]] = []
    apply = inference.apply

    def counted(model: Any, image: Any, *rest: Any) -> Any:
        seen.append(image.shape)
        return apply(model, image, *rest)

    monkeypatch.setattr(inference, "apply", counted)
    return seen


def with_test(plan: Plan, **change: Any) -> Plan:
    """The same plan with its deblurring test changed."""
    task = plan.preset.tasks["deblurring"]
    test = Evaluation.model_validate({**task.evaluate[0].model_dump(), **change})
    tasks = {**plan.preset.tasks, "deblurring": task.model_copy(update={"evaluate": [test]})}
    return dataclasses.replace(plan, preset=plan.preset.model_copy(update={"tasks": tasks}))


def rows(plan: Plan, run: str) -> list[dict[str, str]]:
    stem = plan.evaluations(plan.run(run))[0].stem
    with layout.metrics_csv(run, stem).open() as file:
        return [row for row in csv.DictReader(file) if row["metric"] != "seconds"]


def record_of(plan: Plan, run: str) -> ScoreRecord:
    record = read_record(layout.metrics_csv(run, plan.evaluations(plan.run(run))[0].stem))
    assert record is not None
    return record


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Plan, str]:
    plan = tiny_plan(tmp_path, steps=1)
    run = run_id(plan, "blind")
    train(plan, run, progress=False)
    return plan, run


def test_all_images_reuse_every_second(trained: tuple[Plan, str], calls: list[Any]) -> None:
    plan, run = trained
    evaluate(with_test(plan, subset="every2"), run, progress=False)  # a, c
    assert len(calls) == 2 * 2
    evaluate(plan, run, progress=False)
    assert len(calls) == 3 * 2
    whole = rows(plan, run)
    assert len(whole) == 3 * 2 * 2
    for path in (layout.run_dir(run) / "metrics").iterdir():
        path.unlink()
    evaluate(plan, run, progress=False)
    assert rows(plan, run) == whole and len(calls) == 6 * 2


def test_a_subset_and_some_kernels_come_from_the_whole(trained: tuple[Plan, str], calls: list[Any]) -> None:
    plan, run = trained
    evaluate(plan, run, progress=False)
    part = with_test(plan, subset="first2", only=["motion"])
    assert part.evaluations(part.run(run))[0].key == "test@deblur-circular-s2.55@kernels@motion@first2"
    evaluate(part, run, progress=False)
    # The picture shows the first case, which is another one here: restored again.
    assert len(calls) == 6 + 1
    assert [(r["image"], r["kernel"]) for r in rows(part, run)] == [(i, "motion") for i in "aabb"]
    same = with_test(plan, subset="first2")
    evaluate(same, run, progress=False)
    assert len(calls) == 7
    stems = [p.evaluations(p.run(run))[0].stem for p in (plan, same)]
    np.testing.assert_array_equal(*(read_image(layout.showcase_png(run, stem)) for stem in stems))


def stopped_after_one(plan: Plan, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    score = stage._Test._score

    def stopped(self: Any, *rest: Any, **more: Any) -> Any:
        values = score(self, *rest, **more)
        signal.raise_signal(signal.SIGTERM)
        return values

    with monkeypatch.context() as patch:
        patch.setattr(stage._Test, "_score", stopped)
        evaluate(plan, run, progress=False)


def test_an_interrupted_subset_counts_too(
    trained: tuple[Plan, str], calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, run = trained
    with pytest.raises(Interrupted):
        stopped_after_one(with_test(plan, subset="first2"), run, monkeypatch)
    assert len(calls) == 1
    evaluate(plan, run, progress=False)
    assert len(calls) == 1 + 6  # one again, for the picture of the whole evaluation
    assert len(rows(plan, run)) == 12


@pytest.mark.parametrize("stopped", [False, True])
def test_what_is_taken_over_keeps_how_it_was_computed(
    trained: tuple[Plan, str], monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    """Another machine scored a and c, or was stopped after a; this one scores the rest."""
    plan, run = trained
    real = provenance.computation
    here = real("cpu", plan.run(run).threads, "float32")
    there = {**here, "instructions": "AVX9"}
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "computation", lambda *given: there)
        if stopped:
            with pytest.raises(Interrupted):
                stopped_after_one(plan, run, monkeypatch)
        else:
            evaluate(with_test(plan, subset="every2"), run, progress=False)
    if not stopped:
        part = with_test(plan, subset="first1")
        evaluate(part, run, progress=False)
        assert record_of(part, run).computed == there, "nothing of it was computed here"
    evaluate(plan, run, progress=False)
    assert record_of(plan, run).computed == [there, here]
    said = captions.mixed_text(results.load(plan), [plan.run(run)])
    assert said.endswith(f"instructions {here['instructions']} and AVX9")


@pytest.mark.parametrize(
    ("what", "again"), [("weights", 6), ("image", 2 + 2), ("table", 6), ("unsigned", 6), ("version", 6)]
)
def test_what_does_not_fit_is_measured_again(
    trained: tuple[Plan, str], calls: list[Any], tmp_path: Path, what: str, again: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no more: of a swapped image (c; b was never scored) both kernels, not those of a."""
    plan, run = trained
    subset = with_test(plan, subset="every2")
    evaluate(subset, run, progress=False)
    table = layout.metrics_csv(run, subset.evaluations(subset.run(run))[0].stem)
    if what == "weights":
        tensors, meta = load(layout.weights(run))
        save(layout.weights(run), {n: t * 1.01 for n, t in tensors.items()}, meta)
        record = json.loads(layout.run_json(run).read_text())
        record["weights_sha256"] = sha256_file(layout.weights(run))
        layout.run_json(run).write_text(json.dumps(record))
    elif what == "image":
        write_png(tmp_path / "test" / "c.png", photograph(48, 56, seed=99))
        plan = tiny_plan(tmp_path, steps=1)
    elif what == "table":
        table.write_text(table.read_text().replace(",ssim,0.", ",ssim,0.9"))
    elif what == "unsigned":
        table.with_suffix(".json").unlink()
    else:
        monkeypatch.setattr(versions, "EVAL_VERSION", 99)
    before = len(calls)
    evaluate(plan, run, progress=False)
    assert len(calls) - before == again


def test_a_renamed_photograph_is_not_scored_again(trained: tuple[Plan, str], calls: list[Any], tmp_path: Path) -> None:
    plan, run = trained
    evaluate(plan, run, progress=False)
    (tmp_path / "test" / "b.png").rename(tmp_path / "test" / "z.png")
    renamed = dataclasses.replace(plan)
    evaluate(renamed, run, progress=False)
    assert len(calls) == 6 and [r["image"] for r in rows(renamed, run)][::4] == ["a", "c", "z"]


def test_a_metric_is_added_to_the_scores_and_a_failure_costs_none(
    trained: tuple[Plan, str], calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, run = trained
    evaluate(plan, run, progress=False)
    before = rows(plan, run)
    seen: list[str] = []

    def mean(restored: np.ndarray, target: np.ndarray) -> float:
        seen.append("gmsd")
        if len(seen) == 5:
            raise BenchError("no more")
        return float(restored.mean())

    monkeypatch.setattr(stage.extra_metrics, "extra", lambda names: dict.fromkeys(names, mean))
    more = dataclasses.replace(plan, metrics=("gmsd",))
    with pytest.raises(BenchError, match="no more"):
        evaluate(more, run, progress=False)
    assert rows(plan, run) == before, "the finished scores were touched"
    evaluate(more, run, progress=False)
    assert len(seen) == 7, "a metric that was computed is computed again"
    assert [r for r in rows(more, run) if r["metric"] != "gmsd"] == before
    assert sum(r["metric"] == "gmsd" for r in rows(more, run)) == 6


def test_scores_that_go_while_they_are_read_are_none(
    trained: tuple[Plan, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where Snakemake removes what another job was to make anew."""
    plan, run = trained
    evaluate(plan, run, progress=False)
    table = layout.metrics_csv(run, plan.evaluations(plan.run(run))[0].stem)
    record, text = read_record(table), table.read_bytes()
    assert record is not None

    def gone(found: ScoreRecord | None) -> Any:
        def read(path: Path) -> ScoreRecord | None:
            path.unlink()
            return found

        return read

    for found in (None, record):
        table.write_bytes(text)
        monkeypatch.setattr(earlier_scores, "read_record", gone(found))
        assert earlier_scores.earlier(table.parent, record.identity) == {}


def test_a_picture_that_goes_while_it_is_read_is_made_anew(trained: tuple[Plan, str]) -> None:
    plan, run = trained
    evaluate(plan, run, progress=False)
    table = layout.metrics_csv(run, plan.evaluations(plan.run(run))[0].stem)
    record = read_record(table)
    assert record is not None
    first = next(iter(earlier_scores.earlier(table.parent, record.identity)))
    other = table.with_name("other.csv")
    assert earlier_scores.take_showcase(other, record.identity, first)
    table.with_suffix(".png").write_bytes(b"")
    assert not earlier_scores.take_showcase(other, record.identity, first)


def test_a_metric_of_another_restored_image_is_refused(
    trained: tuple[Plan, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the code moved and no version did: the new metric would be of another image than the old scores."""
    plan, run = trained
    evaluate(plan, run, progress=False)
    apply = inference.apply

    def brighter(*given: Any) -> Any:
        restored, seconds = apply(*given)
        return restored + 0.05, seconds

    monkeypatch.setattr(inference, "apply", brighter)
    monkeypatch.setattr(stage.extra_metrics, "extra", lambda names: dict.fromkeys(names, lambda a, b: 0.0))
    with pytest.raises(BenchError, match=r"a\.png: restores to .* dB here, was scored .* dB with these weights"):
        evaluate(dataclasses.replace(plan, metrics=("gmsd",)), run, progress=False)


def test_scores_of_another_data_set_are_not_taken(trained: tuple[Plan, str], calls: list[Any]) -> None:
    """A name that begins alike: test and test@…; other protocols have other keys."""
    plan, run = trained
    evaluate(with_test(plan, protocol="deblur-natural-s2.55"), run, progress=False)
    evaluate(plan, run, progress=False)
    assert len(calls) == 12
    record = json.loads(
        layout.metrics_csv(run, plan.evaluations(plan.run(run))[0].stem).with_suffix(".json").read_text()
    )
    assert set(record["identity"]) == {"run", "weights", "protocol", "versions"} and len(record["sha256"]) == 64
