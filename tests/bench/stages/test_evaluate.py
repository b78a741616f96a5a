"""Stage evaluate: tidy metrics, one image lost at most, damaged images named after the others are done."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from tiny_training import METHODS, RUNS, run_id, tiny_plan

from bench.config import layout
from bench.config.plan import Plan
from bench.data import protocols
from bench.data.images import read_image
from bench.foundation.errors import BenchError
from bench.foundation.lifeline import Interrupted
from bench.models import inference
from bench.scoring.prepare import prepare
from bench.scoring.score import score
from bench.scoring.score_log import Case
from bench.stages import evaluate as stage
from bench.stages.evaluate import COLUMNS, evaluate
from bench.stages.train import train


def denoising(plan: Plan) -> str:
    return stem_of(plan, "noisy")


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def stem_of(plan: Plan, row: str) -> str:
    return plan.evaluations(plan.run(run_id(plan, row)))[0].stem


def scores(plan: Plan, row: str) -> list[dict[str, str]]:
    """The metric rows of a run, as they stand in the file."""
    with layout.metrics_csv(run_id(plan, row), stem_of(plan, row)).open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    return rows


def without_times(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in rows if row["metric"] != "seconds"]


@pytest.mark.parametrize("row", [*RUNS, *METHODS])
def test_every_row_gets_tidy_metrics_and_a_picture(tmp_path: Path, row: str) -> None:
    plan = tiny_plan(tmp_path)
    run = run_id(plan, row)
    if row in RUNS:
        train(plan, run, progress=False)
    evaluate(plan, run, progress=False)
    rows = scores(plan, row)
    kernels = ["gaussian", "motion"] if plan.run(run).task == "deblurring" else [""]
    cases = [(i, k, m) for i in "abc" for k in kernels for m in ("psnr", "ssim", "seconds")]
    assert [(r["image"], r["kernel"], r["metric"]) for r in rows] == cases
    assert {(r["run"], r["dataset"]) for r in rows} == {(run, "test")}
    picture = read_image(layout.showcase_png(run, stem_of(plan, row)))
    protocol = protocols.get(rows[0]["protocol"])
    blur = plan.datasets["kernels"].file("gaussian.npy") if kernels[0] else None
    kernel = np.load(blur) if blur else None
    sample = prepare(protocol, read_image(tmp_path / "test" / "a.png"), kernel)
    shown = score(protocol, picture / 255.0, sample.target)
    assert shown["psnr"] == pytest.approx(float(rows[0]["value"]), abs=1e-9)
    first = without_times(rows)
    evaluate(plan, run, progress=False)
    assert without_times(scores(plan, row)) == first
    assert not list((layout.run_dir(run) / "metrics").glob("*.partial"))


def stopping_after(count: int, monkeypatch: pytest.MonkeyPatch, number: int) -> list[str]:
    """Sends this process a signal once ``count`` images are scored; returns the images that are."""
    seen: list[str] = []
    score = stage._Test._score

    def counted(self: stage._Test, case: Case, *rest: object, **more: object) -> object:
        values = score(self, case, *rest, **more)  # type: ignore[arg-type]
        seen.append(case.image)
        if len(seen) == count:
            os.kill(os.getpid(), number)
        return values

    monkeypatch.setattr(stage._Test, "_score", counted)
    return seen


def test_an_interrupted_run_loses_no_finished_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tiny_plan(tmp_path)
    run = run_id(plan, "noisy")
    seen = stopping_after(2, monkeypatch, signal.SIGTERM)
    with pytest.raises(Interrupted, match="SIGTERM after 2 of 3 images"):
        evaluate(plan, run, progress=False)
    assert not layout.metrics_csv(run, denoising(plan)).exists()
    partial = layout.metrics_csv(run, denoising(plan)).with_suffix(".partial")
    partial.write_text(partial.read_text()[:-9])  # as if killed while the second line was written
    evaluate(plan, run, progress=False)
    assert seen == ["a", "b", "b", "c"]
    assert [r["image"] for r in scores(plan, "noisy") if r["metric"] == "psnr"] == ["a", "b", "c"]


def test_a_stop_is_heeded_where_every_image_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tiny_plan(tmp_path)
    seen: list[str] = []

    def failing(self: stage._Test, case: Case, *rest: object, **more: object) -> object:
        seen.append(case.image)
        os.kill(os.getpid(), signal.SIGTERM)
        raise BenchError("damaged")

    monkeypatch.setattr(stage._Test, "_score", failing)
    with pytest.raises(Interrupted, match="SIGTERM after 0 of 3 images"):
        evaluate(plan, run_id(plan, "noisy"), progress=False)
    assert seen == ["a"]


def test_the_picture_is_made_again_where_it_was_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tiny_plan(tmp_path)
    run = run_id(plan, "noisy")
    seen = stopping_after(2, monkeypatch, signal.SIGINT)
    with pytest.raises(Interrupted, match="SIGINT"):
        evaluate(plan, run, progress=False)
    layout.showcase_png(run, denoising(plan)).unlink()  # Snakemake deletes outputs before a rerun
    evaluate(plan, run, progress=False)
    assert seen == ["a", "b", "a", "c"] and layout.showcase_png(run, denoising(plan)).is_file()


def test_scores_of_other_weights_are_not_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tiny_plan(tmp_path)
    run = run_id(plan, "dncnn")
    train(plan, run, progress=False)
    seen = stopping_after(2, monkeypatch, signal.SIGTERM)
    with pytest.raises(Interrupted):
        evaluate(plan, run, progress=False)
    partial = layout.metrics_csv(run, denoising(plan)).with_suffix(".partial")
    head, *lines = partial.read_text().splitlines()
    other = json.dumps({**json.loads(head), "weights": "0" * 64})
    partial.write_text("\n".join([other, *lines]) + "\n")
    evaluate(plan, run, progress=False)
    assert seen == ["a", "b", "a", "b", "c"]


def test_a_damaged_image_is_named_after_the_others_are_done(tmp_path: Path) -> None:
    plan = tiny_plan(tmp_path)
    run = run_id(plan, "noisy")
    path = tmp_path / "test" / "b.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:300])
    with pytest.raises(BenchError, match=r"b\.png: truncated or damaged.*all other images are scored and kept"):
        evaluate(plan, run, progress=False)
    target = layout.metrics_csv(run, denoising(plan))
    lines = target.with_suffix(".partial").read_text().splitlines()
    assert not target.exists() and [json.loads(line).get("image") for line in lines] == [
        None,
        "a",
        "c",
    ]
    path.write_bytes(whole)
    with pytest.raises(BenchError, match="test: its files changed after this was planned"):
        evaluate(plan, run, progress=False)
    plan = dataclasses.replace(plan)  # as a new process plans it
    evaluate(plan, run, progress=False)
    assert [r["image"] for r in scores(plan, "noisy") if r["metric"] == "ssim"] == ["a", "b", "c"]


def test_a_bad_kernel_does_not_stop_the_others(tmp_path: Path) -> None:
    plan = tiny_plan(tmp_path)
    run = run_id(plan, "blurred")
    np.save(tmp_path / "kernels" / "motion.npy", np.full((6, 6), 0.5))
    with pytest.raises(BenchError, match=r"motion\.npy: sides of a blur kernel are odd"):
        evaluate(plan, run, progress=False)
    partial = layout.metrics_csv(run, stem_of(plan, "blurred")).with_suffix(".partial")
    done = [json.loads(line) for line in partial.read_text().splitlines()[1:]]
    assert [(d["image"], d["kernel"]) for d in done] == [(i, "gaussian") for i in "abc"]


def test_a_diverged_run_has_rows_without_values(tmp_path: Path) -> None:
    plan = tiny_plan(tmp_path, lr=1e30)
    run = run_id(plan, "converse")
    train(plan, run, progress=False)
    evaluate(plan, run, progress=False)
    rows = scores(plan, "converse")
    assert [(r["image"], r["metric"], r["value"]) for r in rows] == [
        (i, m, "") for i in "abc" for m in ("psnr", "ssim")
    ]
    assert (read_image(layout.showcase_png(run, denoising(plan))) == 128).all()


def test_further_metrics_see_what_is_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyiqa itself is tested in test_pyiqa.py; here stands a metric whose value tells what it was given."""

    def area(restored: np.ndarray, target: np.ndarray) -> float:
        assert restored.dtype == target.dtype == np.uint8 and restored.shape == target.shape
        return float(restored.shape[0] * restored.shape[1])

    monkeypatch.setattr(stage.extra_metrics, "extra", lambda names: dict.fromkeys(names, area))
    plan = tiny_plan(tmp_path, metrics=("gmsd",))
    evaluate(plan, run_id(plan, "bicubic"), progress=False)
    values = [float(r["value"]) for r in scores(plan, "bicubic") if r["metric"] == "gmsd"]
    assert values == [(48 - 8) * (56 - 8)] * 3  # the border of 4 pixels is cropped


def test_what_cannot_be_evaluated_says_why(tmp_path: Path) -> None:
    plan = tiny_plan(tmp_path)
    run = run_id(plan, "dncnn")
    with pytest.raises(BenchError, match=r"run\.json: missing or damaged; run: python -m bench train"):
        evaluate(plan, run, progress=False)
    with pytest.raises(BenchError, match="has no test 'test@denoise-gray-s2'; did you mean 'test@denoise-gray-s25'"):
        evaluate(plan, run, keys=["test@denoise-gray-s2"], progress=False)
    train(plan, run, progress=False)
    path = layout.weights(run)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(BenchError, match=r"model\.safetensors: not a whole checkpoint"):
        evaluate(plan, run, progress=False)


def test_an_image_of_other_channels_is_refused(tmp_path: Path) -> None:
    import torch

    import converse

    model = converse.build_model("dncnn", seed=0, channels=4, blocks=1).eval()
    with pytest.raises(BenchError, match="dncnn takes 1 channels, the image has 3"):
        inference.apply(model, np.zeros((8, 8, 3)), torch.device("cpu"))


def test_a_test_set_of_training_photographs_is_refused_after_the_training(tmp_path: Path) -> None:
    """The training is done, its check long past: then somebody adds a test set."""
    plan = tiny_plan(tmp_path, steps=1)
    run = run_id(plan, "dncnn")
    train(plan, run, progress=False)
    (tmp_path / "test" / "b.png").write_bytes((tmp_path / "train" / "c.png").read_bytes())
    with pytest.raises(BenchError, match=r"train/c\.png: is the test image .*test/b\.png"):
        evaluate(dataclasses.replace(plan), run, progress=False)
    assert not list((layout.run_dir(run) / "metrics").glob("*.csv"))


def test_a_pair_is_compared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tiny_plan(tmp_path, steps=1)
    run = run_id(plan, "dncnn")
    train(plan, run, progress=False)
    evaluate(plan, run, progress=False)
    monkeypatch.setattr("bench.data.leak_pairs.refuse_overlap", None)
    (layout.metrics_csv(run, denoising(plan))).unlink()
    evaluate(plan, run, progress=False)


def test_weights_that_are_not_the_runs_own_are_not_scored(tmp_path: Path) -> None:
    """Another training's file in its place: its scores would have stood under this run, and stopped every table."""
    plan = tiny_plan(tmp_path)
    run = run_id(plan, "dncnn")
    train(plan, run, progress=False)
    record = json.loads(layout.run_json(run).read_text())
    layout.run_json(run).write_text(json.dumps({**record, "weights_sha256": "0" * 64}))
    with pytest.raises(BenchError, match=r"model\.safetensors: other weights than run\.json beside it records"):
        evaluate(plan, run, progress=False)
    assert not layout.metrics_csv(run, denoising(plan)).exists()
