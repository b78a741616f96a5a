"""Stages check (before anything is trained) and restore (a user's own images)."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fabricated_sets import photograph
from PIL import Image, ImageCms
from tiny_training import NETWORK, RUNS, run_id, tiny_plan
from torch import nn

from bench.config import layout
from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.data.images import read_image, write_png
from bench.foundation.errors import BenchError
from bench.models import inference, networks
from bench.models.restorer import restorer_of
from bench.scoring.metrics import to_uint8
from bench.stages.check import check
from bench.stages.restore import restore
from bench.stages.train import train


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


# --- check ------------------------------------------------------------------------------------------------------


def test_every_row_is_built(tmp_path: Path) -> None:
    plan = tiny_plan(tmp_path)
    check(plan)
    record = json.loads(layout.check_json(plan.name).read_text())
    assert set(record["parameters"]) == set(plan.runs) and record["leaks_checked"] == ["train against test"]
    built = networks.build(plan.run(run_id(plan, "sr")), ())
    assert record["parameters"][run_id(plan, "sr")] == networks.count_parameters(built)
    assert record["parameters"][run_id(plan, "noisy")] is None


def test_a_plugin_that_fails_at_import_takes_out_its_own_rows_only(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        'OPERATOR = {"label": "Bad", "class": "Bad", "roles": ["spatial"], "scales": [1], '
        '"trains": True, "options": [], "summary": "cannot be imported"}\nraise RuntimeError("no licence")\n'
    )
    plan = tiny_plan(tmp_path, plugins=(str(bad),))
    check(plan)
    record = json.loads(layout.check_json(plan.name).read_text())
    ((run, reason),) = record["skipped"].items()
    assert "fails at import: RuntimeError: no licence" in reason
    assert set(record["parameters"]) == set(plan.runs) - {run}
    train(plan, run, progress=False)
    assert json.loads(layout.run_json(run).read_text())["status"] == "skipped"


def with_row(plan: Plan, row: str, **change: Any) -> Plan:
    """The plan with one run changed."""
    run = plan.run(run_id(plan, row)).model_copy(update=change)
    changed = PlannedRow("all", "bad", "bad", (run,))
    return dataclasses.replace(plan, rows={"all": (*plan.rows["all"], changed)})


@pytest.mark.parametrize(
    ("row", "change", "message"),
    [
        (
            "converse",
            {"options": {**NETWORK, "init": "gausian"}, "network": {"a": 1}},
            "row all/bad: .*gausian",
        ),
        (
            "converse",
            {"options": {**NETWORK, "padding": "wide"}, "network": {"a": 2}},
            "row all/bad: .*padding",
        ),
        (
            "sr",
            {"model": "srresnet", "options": {"channels": -1}, "network": {"a": 3}},
            "row all/bad: .*channels",
        ),
        ("noisy", {"task": "sr"}, r"row all/bad: method 'noisy' does not serve sr"),
        ("dncnn", {"task": "sr"}, r"row all/bad: protocol sr-bicubic-x4 is ×4, the network ×1"),
        (
            "dncnn",
            {"task": "deblurring"},
            r"row all/bad: protocol deblur-circular-s2.55 is rgb, the network takes 1",
        ),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, change: dict[str, Any], message: str) -> None:
    plan = with_row(tiny_plan(tmp_path), row, **change)
    with pytest.raises(BenchError, match=message) as caught:
        check(plan)
    assert "\n" not in str(caught.value) and not layout.check_json(plan.name).exists()


def test_every_side_of_a_crop_is_a_multiple_of_the_scale(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="row all/sr: patch 50 is no multiple of the scale 4"):
        check(tiny_plan(tmp_path, patch=64, patches=[50]))


def test_a_test_image_among_the_training_images_is_refused(tmp_path: Path) -> None:
    plan = tiny_plan(tmp_path)
    image = photograph(96, 128, seed=5)
    write_png(tmp_path / "test" / "x.png", image)
    Image.fromarray(image[:, ::-1]).save(tmp_path / "train" / "innocent.jpg", quality=85)
    with pytest.raises(BenchError, match=r"innocent\.jpg: is the test image .*x\.png"):
        check(plan)


def test_what_will_be_a_dash_or_fail_is_said_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tiny_plan(tmp_path, metrics=("ms_ssim",))
    write_png(tmp_path / "train" / "small.png", photograph(10, 10))
    (tmp_path / "test" / "zero.png").touch()
    (tmp_path / "test" / "._n.png").write_bytes(b"of macOS")
    plan = tiny_plan(tmp_path, metrics=("ms_ssim",))
    check(plan)
    said = capsys.readouterr().out
    remarks = json.loads(layout.check_json(plan.name).read_text())["remarks"]
    assert said.splitlines() == remarks and "._n.png" not in said
    assert any("ms_ssim will be a dash" in line and "it needs 161 on each side" in line for line in remarks)
    assert any("zero.png: not an image" in line and "cannot be scored" in line for line in remarks)
    assert any("small.png: 10x10 pixels is too small" in line for line in remarks)


# --- restore ----------------------------------------------------------------------------------------------------


def run_of(tmp_path: Path, row: str) -> str:
    plan = tiny_plan(tmp_path, steps=1)
    run = run_id(plan, row)
    train(plan, run, progress=False)
    return run


@pytest.mark.parametrize("row", [r for r in RUNS if r != "usrnet"])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_any_size_and_colour(tmp_path: Path, row: str, channels: int) -> None:
    run = run_of(tmp_path, row)
    photo = photograph(21, 34, channels)
    write_png(tmp_path / "mine.png", photo)
    (written,) = restore(run, [Path("mine.png")], Path("out"), boundary="none")
    scale = 4 if row == "sr" else 1
    assert written == Path("out/mine.png")
    restored = read_image(written)
    assert restored.shape == (21 * scale, 34 * scale, channels)
    plan = tiny_plan(tmp_path, steps=1)
    model = networks.load_run(plan.run(run), ())
    if networks.info(model).image_channels == channels:
        expected, _ = inference.apply(model, photo / 255.0, torch.device("cpu"))
        np.testing.assert_array_equal(restored, to_uint8(expected))


@pytest.mark.parametrize("size", [7, 3])
def test_a_non_blind_network_takes_a_kernel(tmp_path: Path, size: int) -> None:
    run = run_of(tmp_path, "usrnet")
    write_png(tmp_path / "mine.png", photograph(20, 24))
    with pytest.raises(BenchError, match="is non-blind: it needs --kernel"):
        restore(run, [Path("mine.png")], Path("out"))
    kernel = np.zeros((size, size))
    kernel[size // 2, size // 2] = 1.0
    np.save(tmp_path / "kernel.npy", kernel)
    (written,) = restore(run, [Path("mine.png")], Path("out"), kernel=Path("kernel.npy"))
    assert read_image(written).shape == (20, 24, 3)
    np.save(tmp_path / "kernel.npy", np.full((9, 9), 1 / 81))
    with pytest.raises(BenchError, match=r"kernel\.npy: 9x9, the networks take up to 7x7"):
        restore(run, [Path("mine.png")], Path("out"), kernel=Path("kernel.npy"))


def test_a_profile_survives_and_a_wide_image_is_refused(tmp_path: Path) -> None:
    run = run_of(tmp_path, "dncnn")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(photograph(16, 16)).save(tmp_path / "a.png", icc_profile=profile)
    Image.fromarray(np.full((16, 16), 0.5, np.float32)).save(tmp_path / "b.tif")
    with pytest.raises(BenchError, match=r"b\.tif: image mode F .*1 of 2 images restored"):
        restore(run, [Path("a.png"), Path("b.tif")], Path("out"))
    with Image.open("out/a.png") as restored:
        assert restored.info["icc_profile"] == profile


def test_memory_runs_out_for_one_image_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As torch's allocator on the CPU says it; the others are restored."""
    run = run_of(tmp_path, "dncnn")
    for name, side in (("a", 16), ("b", 24), ("c", 16)):
        write_png(tmp_path / f"{name}.png", photograph(side, side, 1))
    apply = inference.apply
    message = "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"

    def scarce(model: nn.Module, image: np.ndarray, *rest: Any) -> Any:
        if image.shape[0] > 20:
            raise RuntimeError(message)
        return apply(model, image, *rest)

    monkeypatch.setattr(inference, "apply", scarce)
    with pytest.raises(
        BenchError, match=r"^b\.png: out of memory; --boundary tiles:SIZE needs less \(2 of 3"
    ) as caught:
        restore(run, [Path("a.png"), Path("b.png"), Path("c.png")], Path("out"))
    assert "\n" not in str(caught.value)
    assert sorted(p.name for p in Path("out").iterdir()) == ["a.png", "c.png"]


def test_the_others_are_restored_and_the_bad_ones_named(tmp_path: Path) -> None:
    run = run_of(tmp_path, "dncnn")
    folder = tmp_path / "mine"
    for name in ("a", "b", "c"):
        write_png(folder / f"{name}.png", photograph(16, 16))
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:100])
    with pytest.raises(BenchError, match=r"b\.png: truncated.*2 of 3 images restored"):
        restore(run, [Path("mine")], Path("out"))
    assert sorted(p.name for p in Path("out").iterdir()) == ["a.png", "c.png"]


def test_inputs_are_never_overwritten(tmp_path: Path) -> None:
    run = run_of(tmp_path, "dncnn")
    write_png(tmp_path / "a.png", photograph(16, 16))
    with pytest.raises(BenchError, match=r"a\.png: would be overwritten"):
        restore(run, [Path("a.png")], Path("."))
    Image.fromarray(photograph(16, 16)).save(tmp_path / "a.jpg")
    with pytest.raises(BenchError, match=r"would be written for a\.png and for a\.jpg"):
        restore(run, [Path("a.png"), Path("a.jpg")], Path("out"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("dncnn-s0-0", "no such run"),
        ("converse_dnn=x.pth", "unknown released model 'converse_dnn'; did you mean 'converse_dncnn'"),
        ("converse_dncnn=x.pth", r"x\.pth: no such file"),
    ],
)
def test_a_bad_source_is_explained(source: str, message: str) -> None:
    with pytest.raises(BenchError, match=message):
        restore(source, [Path("a.png")], Path("out"))


@pytest.mark.parametrize("text", ["[]", "null", "{}", "{"])
def test_a_damaged_record_is_one_line(tmp_path: Path, text: str) -> None:
    plan = tiny_plan(tmp_path)
    run = plan.run(run_id(plan, "dncnn"))
    layout.run_json(run.id).parent.mkdir(parents=True)
    layout.run_json(run.id).write_text(text)
    with pytest.raises(BenchError, match=r"run\.json: damaged"):
        restore(run.id, [Path("a.png")], Path("out"))
    with pytest.raises(BenchError, match=r"run\.json: missing or damaged"):
        restorer_of((), run, "cpu")


# --- checkpoints of rows ----------------------------------------------------------------------------------------


def loaded_row(plan: Plan, checkpoint: dict[str, str], **change: Any) -> Plan:
    run = plan.run(run_id(plan, "dncnn"))
    data = {**run.model_dump(), "train": None, "checkpoint": checkpoint, **change}
    row = PlannedRow("all", "loaded", "loaded", (type(run).model_validate(data),))
    return dataclasses.replace(plan, rows={"all": (*plan.rows["all"], row)})


def test_a_row_with_a_checkpoint_is_loaded(tmp_path: Path) -> None:
    plan = tiny_plan(tmp_path, steps=1)
    train(plan, run_id(plan, "dncnn"), progress=False)
    weights = layout.weights(run_id(plan, "dncnn"))
    plan = loaded_row(plan, {"path": str(weights)})
    train(plan, run_id(plan, "loaded"), progress=False)
    record = json.loads(layout.run_json(run_id(plan, "loaded")).read_text())
    assert record["status"] == "loaded" and record["steps"] == 0 and len(record["checkpoint_sha256"]) == 64
    ours, theirs = (networks.load_run(plan.run(run_id(plan, r)), ()) for r in ("loaded", "dncnn"))
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


@pytest.mark.parametrize(
    ("checkpoint", "change", "message"),
    [
        ({"path": "nowhere.pth"}, {}, r"nowhere\.pth: no such checkpoint"),
        ({"path": "w.pth", "sha256": "0" * 64}, {}, r"w\.pth: its sha256 is"),
        ({"path": "w.pth"}, {"options": {"channels": 6, "blocks": 1}}, r"w\.pth: .*has shape"),
        ({"path": "w.pth"}, {"options": {"channels": 4, "blocks": 2}}, r"w\.pth: .*missing"),
        ({"path": "bad.pth"}, {}, r"bad\.pth: .*NaN or infinity"),
    ],
)
def test_a_bad_checkpoint_is_named(
    tmp_path: Path, checkpoint: dict[str, str], change: dict[str, Any], message: str
) -> None:
    plan = tiny_plan(tmp_path)
    state = networks.build(plan.run(run_id(plan, "dncnn")), ()).state_dict()
    torch.save(state, tmp_path / "w.pth")
    torch.save({n: t * float("nan") for n, t in state.items()}, tmp_path / "bad.pth")
    plan = loaded_row(plan, checkpoint, **change)
    with pytest.raises(BenchError, match=message):
        train(plan, run_id(plan, "loaded"), progress=False)
    assert not layout.run_json(run_id(plan, "loaded")).exists()
