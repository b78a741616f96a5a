"""Properties of trained networks: measured while the weights are here, published, and what makes them not count."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_training import run_id, tiny_plan

from bench.analyses.trained.checkerboard import share_db
from bench.config import layout
from bench.config.plan import Plan
from bench.config.planned_properties import properties_of
from bench.foundation.errors import BenchError
from bench.results import properties as measured
from bench.results.columns import COLUMNS as DICTIONARY
from bench.results.done import Done
from bench.results.verdicts.properties.no_border import border_deficit
from bench.stages.archive import export, import_archive
from bench.stages.evaluate import evaluate
from bench.stages.measure import measure
from bench.stages.publish import publish
from bench.stages.status import show_plan
from bench.stages.train import train
from bench.workflow.snake import Targets


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def asking(root: Path, *kinds: str, rows: tuple[str, ...] = ("converse",)) -> Plan:
    plan = tiny_plan(root)
    table = plan.tables["all"].model_copy(update={"properties": list(kinds)})
    shown = tuple(row for row in plan.rows["all"] if row.id in rows)
    return dataclasses.replace(plan, tables={"all": table}, rows={"all": shown})


def made(root: Path, *kinds: str, row: str = "converse") -> tuple[Plan, str]:
    plan = asking(root, *kinds, rows=(row,))
    run = run_id(plan, row)
    train(plan, run, progress=False)
    return plan, run


def table(plan: Plan, run: str, kind: str) -> Path:
    return layout.property_csv(run, next(p.stem for p in properties_of(plan, plan.run(run)) if p.name == kind))


def test_the_plan_counts_what_is_left_to_measure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_plan(asking(tmp_path, "border"))
    said = capsys.readouterr().out
    assert "1 to train, 1 to score, 1 to measure" in said and "1 properties are measured" in said
    plan, run = made(tmp_path, "border")
    measure(plan, run)
    capsys.readouterr()
    show_plan(plan)
    assert "to measure" not in capsys.readouterr().out


def test_ids_and_seals_do_not_hang_on_what_is_measured(tmp_path: Path) -> None:
    plain, asked = asking(tmp_path), asking(tmp_path, "border", "reconvolution")
    assert list(plain.runs) == list(asked.runs)
    run = asked.run(run_id(asked, "converse"))
    assert [t.stem for t in plain.evaluations(run)] == [t.stem for t in asked.evaluations(run)]
    nothing = dataclasses.replace(asked, preset=asked.preset.model_copy(update={"properties": []}))
    assert not properties_of(nothing, run)
    assert not properties_of(plain, run) and [p.name for p in properties_of(asked, run)] == ["border", "reconvolution"]


def test_border_and_reconvolution_of_a_denoiser(tmp_path: Path) -> None:
    plan, run = made(tmp_path, "border", "reconvolution")
    assert measure(plan, run) == ["border@test@denoise-gray-s25", "reconvolution@test@denoise-gray-s25"]
    found = measured.properties(plan)
    border, layers = found[run, "border"], found[run, "reconvolution"]
    assert list(border.columns) == list(DICTIONARY["properties.csv"])
    assert set(border["part"]) == {"border", "interior"} and set(border["image"]) == {"a", "b", "c"}
    noisy = border[border["metric"] == "psnr_input"]["value"]
    assert noisy.between(19, 22).all(), "sigma 25 is 20.2 dB"
    assert math.isfinite(border_deficit(border))
    assert set(layers["part"]) == {"body.0.conv1.3"} or len(set(layers["part"])) == 1
    assert layers["value"].between(0, 1, inclusive="neither").all() and len(layers) == 3
    before = table(plan, run, "border").read_bytes()
    measure(plan, run)
    assert table(plan, run, "border").read_bytes() == before


def test_a_network_without_reverse_convolution_has_no_layer(tmp_path: Path) -> None:
    plan, run = made(tmp_path, "reconvolution", row="dncnn")
    measure(plan, run)
    assert measured.properties(plan) == {} and Done(plan).is_measured(run, properties_of(plan, plan.run(run))[0])


def test_checkerboard_of_a_super_resolution_network(tmp_path: Path) -> None:
    plan, run = made(tmp_path, "checkerboard", row="sr")
    measure(plan, run)
    found = measured.properties(plan)[run, "checkerboard"]
    assert set(found["image"]) == {"constant", "ramp", "a", "b", "c"}
    assert (found["value"] < 0).all()
    assert set(found.loc[found["metric"] == "share_db_target", "image"]) == {"a", "b", "c"}


def test_the_share_of_a_known_checkerboard() -> None:
    flat = np.full((48, 48, 1), 0.5)
    assert share_db(flat, 4) == -300
    flat[1::4] += 0.1  # one of four rows: a quarter of its energy is the mean's
    power = np.mean(flat**2)
    assert share_db(flat, 4) == pytest.approx(10 * math.log10((power - flat.mean() ** 2) / power))
    odd = np.full((45, 49, 1), 0.5)
    assert share_db(odd, 4) == -300, "a part of a period is left out"


def test_unknown_key_and_untrained_run(tmp_path: Path) -> None:
    plan = asking(tmp_path, "border")
    run = run_id(plan, "converse")
    with pytest.raises(BenchError, match=r"no property 'bordr@.*did you mean 'border@"):
        measure(plan, run, keys=["bordr@test@denoise-gray-s25"])
    with pytest.raises(BenchError, match="bench train"):
        measure(plan, run)


@pytest.mark.parametrize("name", ["kernels/gaussian.npy", "test/a.png"])
def test_nothing_is_measured_on_another_file_than_was_planned(tmp_path: Path, name: str) -> None:
    plan, run = made(tmp_path, "border", row="blind")
    properties_of(plan, plan.run(run))
    other = {"kernels/gaussian.npy": "kernels/motion.npy", "test/a.png": "test/b.png"}[name]
    (tmp_path / name).write_bytes((tmp_path / other).read_bytes())
    with pytest.raises(BenchError, match=rf"{Path(name).name}: is not the file that|its files changed after this"):
        measure(plan, run)
    assert not table(plan, run, "border").exists()


def test_a_run_that_diverged_has_no_number(tmp_path: Path) -> None:
    plan, run = made(tmp_path, "border")
    record = json.loads(layout.run_json(run).read_text())
    layout.run_json(run).write_text(json.dumps({**record, "status": "diverged"}))
    measure(plan, run)
    assert len(pd.read_csv(table(plan, run, "border"))) == 0 and measured.properties(plan) == {}


def test_where_it_was_measured_is_kept_and_decides_the_folder(tmp_path: Path) -> None:
    plan, run = made(tmp_path, "border")
    evaluate(plan, run, progress=False)
    measure(plan, run)
    path = table(plan, run, "border")
    frame = pd.read_csv(path, dtype=str)
    record = json.loads(layout.run_json(run).read_text())
    assert set(frame["date"]) == {record["date"]} and set(frame["device"]) == {"cpu"}
    assert json.loads(frame["machine"][0]) == record["machine"]
    assert json.loads(frame["computed"][0]) == record["computed"][-1]
    gpu = json.dumps({**record["machine"], "gpu": "Imaginary H100"})
    frame.assign(machine=gpu, date="2099-01-01").to_csv(path, index=False)
    folders = {folder.name: folder for folder in publish(plan)}
    there = folders.pop("2099-01-01-imaginary-h100")
    assert set(pd.read_csv(there / "properties.csv")["run"]) == {run} == set(pd.read_csv(there / "runs.csv")["run"])
    (scored,) = folders.values()
    assert len(pd.read_csv(scored / "properties.csv")) == 0
    shutil.rmtree(layout.RESULTS / "runs")
    assert (run, "border") in measured.properties(plan)


def test_a_table_from_before_its_provenance_was_kept_has_that_of_the_training(tmp_path: Path) -> None:
    plan, run = made(tmp_path, "border")
    evaluate(plan, run, progress=False)
    measure(plan, run)
    path = table(plan, run, "border")
    whole = measured.properties(plan)[run, "border"]
    pd.read_csv(path, dtype=str).drop(columns=list(measured.PROVENANCE)).to_csv(path, index=False)
    pd.testing.assert_frame_equal(measured.properties(plan)[run, "border"], whole)
    assert Done(plan).is_measured(run, properties_of(plan, plan.run(run))[0])
    (folder,) = publish(plan)
    assert list(pd.read_csv(folder / "properties.csv")) == list(DICTIONARY["properties.csv"])


def test_a_property_of_which_a_part_is_missing_does_not_count(tmp_path: Path) -> None:
    plan, run = made(tmp_path, "border")
    evaluate(plan, run, progress=False)
    measure(plan, run)
    (folder,) = publish(plan, name="one")
    shutil.rmtree(layout.RESULTS / "runs")
    path = folder / "properties.csv"
    frame = pd.read_csv(path, dtype=str)
    assert measured.published_properties(plan) == {(run, "border")}
    for part in (
        frame[frame["metric"] == "psnr"],
        frame[frame["part"] == "border"],
        frame[frame["image"] != "a"],
        frame[1:],
        pd.concat([frame, frame[:1]]),
    ):
        part.to_csv(path, index=False)
        assert not measured.published_properties(plan) and measured.properties(plan) == {}


@pytest.mark.parametrize("measured_here", [True, False])
def test_a_property_of_another_training_than_lies_here_does_not_count(tmp_path: Path, measured_here: bool) -> None:
    plan, run = made(tmp_path, "border")
    evaluate(plan, run, progress=False)
    measure(plan, run)
    (folder,) = publish(plan, name="one")
    for name in ("properties.csv", "runs.csv", "scores.csv"):  # as if of a training elsewhere
        pd.read_csv(folder / name, dtype=str).assign(weights_sha256="f" * 64).to_csv(folder / name, index=False)
    here = table(plan, run, "border")
    if measured_here:
        assert set(measured.properties(plan)[run, "border"]["weights_sha256"]) != {"f" * 64}
    else:
        here.unlink()
        assert measured.properties(plan) == {} and [one.name for one in Done(plan).to_measure(plan.run(run))]


def test_a_value_that_is_no_number_is_named(tmp_path: Path) -> None:
    plan, run = made(tmp_path, "border")
    measure(plan, run)
    path = table(plan, run, "border")
    frame = pd.read_csv(path, dtype=str)
    frame.assign(value="good").to_csv(path, index=False)
    with pytest.raises(BenchError, match=f"{path.name}, run {run}, property border: value 'good' is no number"):
        measured.properties(plan)


@pytest.mark.parametrize(
    ("metric", "a", "b", "same"),
    [
        ("psnr", 25.0, 25.004, True),
        ("psnr_input", 20.0, 20.02, False),
        ("share_db", -155.0, -300.0, True),
        ("share_db", -99.9, -140.0, True),
        ("share_db", -60.0, -60.4, True),
        ("share_db", -60.0, -61.0, False),
        ("share_db_target", -40.0, -40.1, False),
        ("error", 0.05, 0.0503, True),
        ("error", 0.05, 0.055, False),
        ("psnr", math.nan, math.nan, True),
        ("psnr", 25.0, math.nan, False),
    ],
)
def test_how_far_two_processors_may_be_apart(metric: str, a: float, b: float, same: bool) -> None:
    name = {"share": "checkerboard", "error": "reconvolution"}.get(metric.split("_")[0], "border")
    row = {"run": "r", "property": name, "content": "c", "weights_sha256": "w", "part": "", "image": "i"}
    first, second = ([{**row, "metric": metric, "value": repr(v)}] for v in (a, b))
    assert bool(measured.property_disagreement(first, second)) is not same
    assert bool(measured.property_disagreement(second, first)) is not same
    others = [{**second[0], "weights_sha256": "v"}]
    assert measured.property_disagreement(first, others).startswith("other weights were measured")


def test_without_weights_it_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    plan, run = made(tmp_path, "border")
    layout.weights(run).unlink()
    with pytest.raises(BenchError, match="nothing can be measured without weights"):
        measure(plan, run)
    assert not table(plan, run, "border").parent.exists()


def test_published_it_answers_on_a_clone_without_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan, run = made(tmp_path, "border")
    evaluate(plan, run, progress=False)
    assert Targets(plan).property_tables() == [table(plan, run, "border")]
    measure(plan, run)
    here = measured.properties(plan)[run, "border"]
    (folder,) = publish(plan, name="one")
    shutil.rmtree(layout.RESULTS / "runs")
    there = measured.properties(plan)[run, "border"]
    keys = ["part", "image", "metric"]
    pd.testing.assert_frame_equal(
        there.sort_values(keys, ignore_index=True), here.sort_values(keys, ignore_index=True), check_exact=False
    )
    done = Done(plan)
    assert done.to_measure(plan.run(run)) == [] and not done.to_make(plan.run(run))
    (folder / "properties.csv").unlink()
    done = Done(plan)
    assert done.to_measure(plan.run(run)) == [], "nothing is trained again for it"
    assert measured.properties(plan) == {}
    capsys.readouterr()
    show_plan(plan)
    said = capsys.readouterr().out
    assert "1 properties of 1 runs that evidence answers are not in it" in said and f"one again: {run}" in said
    show_plan(dataclasses.replace(plan, anew=(run,)))
    assert "1 to train, 1 to score, 1 to measure" in capsys.readouterr().out


@pytest.mark.parametrize("column", ["version", "content", "weights_sha256"])
def test_numbers_of_something_else_do_not_count(tmp_path: Path, column: str) -> None:
    plan, run = made(tmp_path, "border")
    evaluate(plan, run, progress=False)
    measure(plan, run)
    (folder,) = publish(plan, name="one")
    for path in (table(plan, run, "border"), folder / "properties.csv"):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        frame[column] = "other"
        frame.to_csv(path, index=False)
    assert measured.properties(plan) == {} and not measured.published_properties(plan)
    if column == "weights_sha256":
        one = properties_of(plan, plan.run(run))[0]
        assert not Done(plan).is_measured(run, one) and Targets(plan).property_inputs(run, one.key)


def test_a_folder_that_holds_no_property_is_no_error(tmp_path: Path) -> None:
    plan, run = made(tmp_path, "border")
    evaluate(plan, run, progress=False)
    (folder,) = publish(plan, name="one")
    assert len(pd.read_csv(folder / "properties.csv")) == 0
    assert measured.properties(plan) == {} and not measured.published_properties(plan)


def test_two_places_that_disagree_are_an_error(tmp_path: Path) -> None:
    plan, run = made(tmp_path, "border")
    evaluate(plan, run, progress=False)
    measure(plan, run)
    (folder,) = publish(plan, name="one")
    path = table(plan, run, "border")
    frame = pd.read_csv(path)
    frame.assign(value=frame["value"] + 0.001).to_csv(path, index=False)
    assert measured.properties(plan), "last digits may differ"
    frame.assign(value=frame["value"] + 1).to_csv(path, index=False)
    with pytest.raises(
        BenchError, match=f"run {run}, property border: {path} and {folder}/properties.csv disagree: psnr of"
    ):
        measured.properties(plan)


def test_it_travels_in_an_archive(tmp_path: Path) -> None:
    plan, run = made(tmp_path, "border")
    measure(plan, run)
    export(plan, tmp_path / "a.zip", weights=False)
    path = table(plan, run, "border")
    there = path.read_bytes()
    shutil.rmtree(layout.RESULTS)
    import_archive(tmp_path / "a.zip")
    assert path.read_bytes() == there and measured.properties(plan)
    import_archive(tmp_path / "a.zip")
    frame = pd.read_csv(path)
    frame.assign(value=frame["value"] + 1).to_csv(path, index=False)
    with pytest.raises(BenchError, match="is already here and differs"):
        import_archive(tmp_path / "a.zip")


def test_what_snakemake_is_told(tmp_path: Path) -> None:
    plan = asking(tmp_path, "border")
    run = run_id(plan, "converse")
    one = properties_of(plan, plan.run(run))[0]
    path = layout.property_csv(run, one.stem)
    targets = Targets(plan)
    assert str(path) in targets.everything() and str(path) in targets.report_inputs()
    inputs = targets.property_inputs(run, one.key)
    assert str(layout.weights(run)) in inputs and str(layout.manifest("test")) in inputs
    train(plan, run, progress=False)
    measure(plan, run)
    assert Targets(plan).property_inputs(run, one.key) == []
