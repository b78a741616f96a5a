"""What `bench restore` does about the boundary of a photograph, and what the user may say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from fabricated_sets import photograph
from tiny_training import run_id, tiny_plan

from bench.config.loading import load_plan
from bench.config.variants import Inference
from bench.data.images import read_image, write_png
from bench.data.kernels import gaussian_kernel
from bench.foundation.errors import BenchError
from bench.models import inference, networks
from bench.models.boundary_choice import BLIND, INFORMED, choose, describe
from bench.scoring.metrics import to_uint8
from bench.stages.restore import restore
from bench.stages.train import train
from converse.declarations.model_info import models

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("conversenet", BLIND),
        ("convnet", BLIND),
        ("converse_usrnet", INFORMED),
        ("converse_dncnn", None),
        ("converse_srresnet", None),
    ],
)
def test_the_default_follows_from_what_the_network_does(network: str, expected: Inference | None) -> None:
    assert choose("auto", models()[network]) == expected
    assert choose("none", models()[network]) is None


@pytest.mark.parametrize(
    ("boundary", "network", "words"),
    [
        ("pad", "converse_dncnn", "reflect padding by 16 pixels, cropped afterwards"),
        ("pad:4", "converse_srresnet", "reflect padding by 4 pixels, cropped afterwards"),
        ("tiles", "conversenet", "tiles of 128 pixels (neighbours share at least 32, Hann weights)"),
        ("tiles:96", "converse_dncnn", "tiles of 96 pixels (neighbours share at least 32, Hann weights)"),
        ("taper", "conversenet", "edge taper by a Gaussian of 0.8 pixels"),
        ("taper", "converse_usrnet", "edge taper by the blur kernel"),
        ("none", "conversenet", "the whole image as it is"),
    ],
)
def test_the_user_may_choose(boundary: str, network: str, words: str) -> None:
    assert describe(choose(boundary, models()[network])) == words


@pytest.mark.parametrize(
    ("boundary", "message"),
    [
        ("tile", r"--boundary 'tile'; did you mean 'tiles'\? \(allowed: auto, none, pad, pad:PIXELS"),
        ("tiles:0", r"--boundary 'tiles:0'.*allowed: auto"),
        ("tiles:32", r"--boundary 'tiles:32': tiles are more than 32 pixels wide"),
        ("taper:3", r"--boundary 'taper:3'.*allowed"),
        ("taper", "--boundary taper is for deblurring; converse_dncnn does denoising"),
    ],
)
def test_other_words_are_refused(boundary: str, message: str) -> None:
    with pytest.raises(BenchError, match=message):
        choose(boundary, models()["converse_dncnn"])


def test_the_defaults_are_rows_of_the_table_that_judges_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).resolve().parents[3])
    rows = load_plan("released").rows["released_boundary"]
    for network, default in (("conversenet", BLIND), ("converse_usrnet", INFORMED)):
        assert choose("auto", models()[network]) == default
        planned = [run.inference for row in rows for run in row.runs if run.model == network and run.inference]
        assert default.model_dump() in [variant.model_dump(exclude={"version"}) for variant in planned]


@pytest.mark.parametrize("row", ["blind", "usrnet", "converse"])
def test_restore_says_what_it_does_and_does_it(tmp_path: Path, row: str, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tiny_plan(tmp_path, steps=1)
    run = run_id(plan, row)
    train(plan, run, progress=False)
    capsys.readouterr()
    channels = 1 if row == "converse" else 3
    photo = photograph(40, 150, channels)
    write_png(tmp_path / "mine.png", photo)
    kernel = gaussian_kernel(1.0)
    np.save(tmp_path / "kernel.npy", kernel)
    blur = Path("kernel.npy") if row == "usrnet" else None
    model = networks.load_run(plan.run(run), ())
    for boundary in ("auto", "none", "tiles:48"):
        (written,) = restore(run, [Path("mine.png")], Path(boundary[:4]), kernel=blur, boundary=boundary)
        variant = choose(boundary, networks.info(model))
        said = capsys.readouterr().out
        assert said.count("\n") == 1 and describe(variant) in said
        assert ("the default for photographs" in said) == (boundary == "auto" and row != "converse")
        expected, _ = inference.apply(model, photo / 255.0, CPU, kernel, variant)
        np.testing.assert_array_equal(read_image(written), to_uint8(expected))
