"""Analyses: what a preset may say, measured offline, drawn, reported, resumed, published."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from analysis_plan import ANALYSES, analysis_plan, photograph
from fabricated import fabricate, write_throughput
from fabricated_sets import public_mirror
from toy_plan import IMAGES, toy_plan, working_in

import converse
from bench import analyses
from bench.analyses import checkerboard, paper_figure2, paper_figure4, protocol_sensitivity, response
from bench.analyses.laboratory import Laboratory
from bench.config import analysis_info, layout
from bench.config.analysis_info import WEIGHTS
from bench.config.loading import load_plan
from bench.config.plan import Plan
from bench.data import protocols
from bench.data.datasets import data_root
from bench.data.images import write_png
from bench.data.kernels import embedded_bytes
from bench.foundation.errors import BenchError
from bench.models.reconvolution import reconvolution, relative_error
from bench.pages.drawings import of_analysis
from bench.results.findings import Findings, load_findings
from bench.scoring.score import score
from bench.stages.analyze import analyze
from bench.stages.archive import export
from bench.stages.fetch import fetch
from bench.stages.figures import figures
from bench.stages.publish import publish
from bench.stages.report import report
from converse.assembly.released import RELEASED
from converse.operators.converse2d import Converse2D

NAMES = list(analysis_info.available())
CONFIG = Path(__file__).parents[3] / "config"


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """Every analysis carried out once."""
    root = tmp_path_factory.mktemp("analyses")
    with pytest.MonkeyPatch.context() as patch, working_in(root):
        found = analysis_plan(root, patch)
        analyze(found, progress=False)
        yield found


def test_every_analysis_has_a_drawing() -> None:
    assert all(f"name: {name}" in ANALYSES for name in NAMES)
    for name in NAMES:
        assert all(hasattr(of_analysis(name), f) for f in ("draw", "caption", "explanation", "view"))
        assert all(hasattr(analyses.module(name), f) for f in ("cases", "measure"))


def test_released_names_them_all_and_others_none() -> None:
    assert set(load_plan("released", config=CONFIG).analyses) == set(NAMES)
    assert not load_plan("quick", config=CONFIG).analyses
    assert not load_plan("released", tables=["released_sr"], config=CONFIG).analyses


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[respnse]", r"toy.yaml:\d+: unknown analysis 'respnse'; did you mean 'response'\? \(allowed: "),
        ("[response, response]", "analysis 'response' appears twice"),
        ("[{name: boundary, settings: {sid: 3}}]", "boundary: unknown setting 'sid'; did you mean 'side'"),
        ("[{name: boundary, settings: {side: big}}]", "boundary: side is a int, as in 256"),
        ("[{name: boundary, settings: {photographs: bsd10}}]", "unknown data set 'bsd10'; did you mean 'bsd100'"),
    ],
)
def test_a_bad_preset_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    toy_plan(tmp_path)
    preset = tmp_path / "config" / "presets" / "toy.yaml"
    preset.write_text(preset.read_text() + f"\nanalyses: {text}\n")
    with pytest.raises(BenchError, match=message):
        load_plan("toy", config=tmp_path / "config")


def test_identity_hangs_on_settings_data_and_versions(plan: Plan) -> None:
    spec = plan.analyses["boundary"]
    changes = [
        {"version": 99}, {"eval_version": 99}, {"degrade_version": 99},
        {"settings": {**spec.settings, "side": 40}}, {"data": {**spec.data, "released_weights": "0"}},
    ]  # fmt: skip
    ids = {spec.id, *(spec.model_copy(update=change).id for change in changes)}
    assert len(ids) == 1 + len(changes)


@pytest.mark.parametrize("name", NAMES)
def test_tidy_drawn_and_worded(plan: Plan, name: str) -> None:
    found = load_findings(plan, name)
    assert list(found.frame.columns) == list(analysis_info.available()[name].columns)
    numbers = found.frame.select_dtypes("number")
    assert (
        len(found.frame)
        and np.isfinite(numbers.drop(columns=["size", "at", "psnr_input"], errors="ignore").to_numpy()).all()
    )
    caption = of_analysis(name).caption(found)
    assert "nan" not in caption and len(caption) > 80
    assert all("nan" not in text for text in of_analysis(name).explanation(found))
    assert of_analysis(name).view(found).sections[0].lines
    written = figures(plan, [name])
    assert [p.suffix for p in written] == [".png", ".pdf"]
    first = [p.read_bytes() for p in written]
    assert first == [p.read_bytes() for p in figures(plan, [name])]


def test_reconvolution_gives_the_input_back_up_to_lam() -> None:
    y = torch.rand(1, 3, 24, 30, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for scale in (1, 2):
        layer = Converse2D(3, 5, scale=scale, init="gaussian", lam=1e-12, generator=torch.Generator().manual_seed(0))
        tight = relative_error(layer.double().eval(), y)
        loose = relative_error(Converse2D(3, 5, scale=scale, init="delta", lam=0.5, x0="zero").double().eval(), y)
        assert tight < 1e-4 < loose
        assert scale > 1 or loose == pytest.approx(0.5 / 1.5)  # with a delta: Y - Y / (1 + lam)


def test_reconvolution_names_the_layers_and_leaves_no_hook() -> None:
    network = converse.build_model("converse_dncnn", seed=0, channels=4, blocks=2).eval()
    with reconvolution(network) as found, torch.inference_mode():
        network(torch.rand(1, 1, 16, 16))
    assert len(found) == 2 and all(isinstance(network.get_submodule(name), Converse2D) for name in found)
    before = dict(found)
    network(torch.rand(1, 1, 16, 16))
    assert found == before
    plain = converse.build_model("dncnn", seed=0, channels=4, blocks=2).eval()
    with reconvolution(plain) as none:
        plain(torch.rand(1, 1, 16, 16))
    assert none == {}


def test_transfer_function_is_the_operator() -> None:
    layer = Converse2D(3, 5, padding=0, generator=torch.Generator().manual_seed(0)).double().eval()
    y = torch.rand(1, 3, 24, 31, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    lam = torch.as_tensor(layer.lam).reshape(-1).detach()
    otf, g = response.transfer(layer.weight[0].detach(), lam, (24, 31))
    filtered = torch.fft.irfft2(torch.fft.rfft2(y) * g, s=(24, 31))
    assert torch.allclose(filtered, layer(y).detach(), atol=1e-9)
    assert torch.allclose(otf[:, 0, 0].real, layer.weight[0].detach().sum((1, 2)))


def test_gain_reaches_its_bound_and_tails_fall(plan: Plan) -> None:
    frame = load_findings(plan, "response").frame
    bounds = frame[(frame["quantity"] == "bound") & (frame["statistic"] == "max")].set_index(["network", "layer"])[
        "value"
    ]
    gains = frame[(frame["quantity"] == "max_gain") & (frame["statistic"] == "max")]
    for row in gains.itertuples():
        assert row.value <= bounds[row.network, row.layer] * (1 + 1e-6)
    tails = frame[(frame["quantity"] == "tail") & (frame["statistic"] == "median")]
    for _, part in tails.groupby(["network", "layer", "size"]):
        assert part.sort_values("at")["value"].is_monotonic_decreasing
    steps = frame[frame["layer"].str.startswith("d.")]["layer"].unique()
    assert list(steps) == [f"d.{i}.motion" for i in range(5)]


def test_the_wrapped_impulse_response_has_all_its_energy() -> None:
    delta = torch.zeros(2, 3, 3)
    delta[:, 1, 1] = 1.0  # F = 1 everywhere: the layer is the identity
    _, g = response.transfer(delta, torch.tensor([1e-4, 1e-2]), (9, 12))
    assert torch.allclose(g, torch.ones_like(g))
    radius = response._radii((9, 12), torch.device("cpu"))
    assert radius.reshape(9, 12)[0, 6] == 6 and radius.reshape(9, 12)[8, 11] == 1 and radius.max() == 6


def test_residual_is_what_the_formula_says(plan: Plan) -> None:
    found = load_findings(plan, "paper_figure2")
    case = ("motion", "1")
    y, kernel = found.picture(case, "y").astype(float), found.picture(case, "k").astype(float)
    row = found.frame[(found.frame["kernel"] == "motion") & (found.frame["scale"] == 1)].iloc[0]
    padded = np.zeros_like(y)
    padded[: kernel.shape[0], : kernel.shape[1]] = kernel
    f = np.fft.fft2(np.roll(padded, (-(kernel.shape[0] // 2), -(kernel.shape[1] // 2)), (0, 1)))
    left = np.fft.ifft2(row.lam * (1 - f) / (np.abs(f) ** 2 + row.lam) * np.fft.fft2(y)).real
    assert np.sqrt(np.mean(left**2)) == pytest.approx(row.residual_rms, rel=1e-3)


def test_eq_1_keeps_the_upper_left_sample() -> None:
    image = np.arange(36.0).reshape(6, 6)
    kernel = np.zeros((3, 3))
    kernel[0, 1] = 1.0  # true convolution: the value comes from the row below
    assert (paper_figure2.degrade(image, kernel, 2) == np.roll(image, -1, 0)[::2, ::2]).all()


def test_regions_cover_the_image() -> None:
    masks = paper_figure4.regions(40, 50, 8, 5)
    assert (masks["interior"] ^ masks["border band of 8 pixels"]).all()
    strips = [m for name, m in masks.items() if name.startswith("strip")]
    assert (sum(m.astype(int) for m in strips) == 1).all() and len(strips) == 5


def test_interrupted_it_goes_on_and_gives_the_same(plan: Plan) -> None:
    spec = plan.analyses["boundary"]
    table = layout.analysis_csv(spec.id)
    before = table.read_bytes()
    folder = table.with_suffix("")
    victim, *others = sorted(folder.glob("*.npz"))
    times = {p: p.stat().st_mtime_ns for p in others}
    table.unlink()
    victim.unlink()  # the last thing that a case writes
    analyze(plan, ["boundary"], progress=False)
    assert table.read_bytes() == before and victim.is_file()
    assert times == {p: p.stat().st_mtime_ns for p in others}


def test_missing_data_is_named_and_the_others_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with working_in(tmp_path):
        plan = analysis_plan(tmp_path, monkeypatch, networks=("converse_dncnn", "conversenet", "converse_usrnet"))
        with pytest.raises(BenchError, match=r"paper_figure5: .*converse_srresnet.pth: missing"):
            analyze(plan, ["paper_figure5", "paper_figure4"], progress=False)
        assert layout.analysis_csv(plan.analyses["paper_figure4"].id).is_file()
        with pytest.raises(BenchError, match=r"figure paper_figure5: .* is missing"):
            figures(plan, ["paper_figure5", "paper_figure4"])
        assert len(figures(plan, ["paper_figure5", "paper_figure4"], allow_missing=True)) == 2


def test_what_is_not_the_file_that_is_declared_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The results' id stands for what is declared: no other network of its kind, taps or photographs."""
    with working_in(tmp_path):
        plan = analysis_plan(tmp_path, monkeypatch, networks=("converse_dncnn",))
        lab = Laboratory(plan.analyses["boundary"], plan.datasets, torch.device("cpu"))
        lab.network("converse_dncnn"), lab.kernel("motion"), lab.photograph("photographs", "a.png")
        other = converse.build_model("converse_dncnn", seed=9, **RELEASED["converse_dncnn"])
        torch.save(other.state_dict(), plan.datasets[WEIGHTS].directory() / "converse_dncnn.pth")
        (data_root() / "embedded_kernels" / "motion.npy").write_bytes(embedded_bytes("gaussian.npy"))
        write_png(tmp_path / "photos" / "a.png", photograph(9))
        lab = Laboratory(plan.analyses["boundary"], plan.datasets, torch.device("cpu"))
        with pytest.raises(BenchError, match=r"converse_dncnn\.pth: is not the file .* fetch released_weights"):
            lab.network("converse_dncnn")
        with pytest.raises(BenchError, match=r"motion\.npy: is not the file that datasets\.yaml"):
            lab.kernel("motion")
        with pytest.raises(BenchError, match="embedded_test: its files changed after this was planned"):
            lab.photograph("photographs", "a.png")


def test_unknown_analysis_names_the_nearest(plan: Plan) -> None:
    with pytest.raises(BenchError, match=r"no analysis 'boundry' in preset 'toy'; did you mean 'boundary'"):
        analyze(plan, ["boundry"], progress=False)


def test_report_has_sections_tables_and_what_is_missing(plan: Plan) -> None:
    fabricate(plan, IMAGES)
    write_throughput(plan)
    figures(plan, NAMES)
    victim = layout.analysis_csv(plan.analyses["paper_figure6"].id)
    held = victim.read_bytes()
    victim.unlink()
    with pytest.raises(BenchError, match=r"analysis paper_figure6: .*is missing"):
        report(plan)
    report(plan, allow_missing=True)
    victim.write_bytes(held)
    folder = layout.report_dir("toy")
    page, text = (folder / "index.html").read_text(), (folder / "index.md").read_text()
    for name in NAMES:
        assert f'id="{name}"' in page and page.count(f'id="{name}"') == 1
        assert (folder / "data" / f"{name}.csv").is_file() == (name != "paper_figure6")
    assert "Missing: results/analyses/paper_figure6-" in text
    assert "1/(2√λ)" in page and 'src="http' not in page
    assert "## size_dependence.csv" in (folder / "data" / "columns.md").read_text()


def test_evidence_holds_tables_and_no_pictures(plan: Plan, tmp_path: Path) -> None:
    fabricate(plan, IMAGES)
    (folder,) = publish(plan, name="test-machine")
    spec = plan.analyses["size_dependence"]
    copy = layout.evidence_analysis("test-machine", spec.id)
    assert copy.read_bytes() == layout.analysis_csv(spec.id).read_bytes()
    assert not list(folder.rglob("*.npz"))
    held = layout.analysis_csv(spec.id)
    moved = held.rename(held.with_suffix(".away"))
    found = load_findings(plan, "size_dependence")
    moved.rename(held)
    assert found.source == "test-machine"
    assert any("published evidence test-machine" in r for r in of_analysis("size_dependence").view(found).remarks)
    assert export(plan, tmp_path / "all.zip") > 0


def _size_frame(losses: list[float]) -> Findings:
    columns = list(analysis_info.available()["size_dependence"].columns)
    rows = [["conversenet", "urban100", "x.png", "kernel_3", "deblur-circular-s2.55", s, s, 112, 31.0, 33.0 - loss]
            for s, loss in zip((128, 256), losses, strict=True)]  # fmt: skip
    spec = load_plan("released", config=CONFIG).analyses["size_dependence"]
    return Findings(spec, "t", pd.DataFrame(rows, columns=columns))


@pytest.mark.parametrize(("loss", "words"), [(0.0, "0.00"), (-0.001, "0.00"), (8.0, "+8.00"), (-1.5, "−1.50")])
def test_the_words_follow_the_numbers(loss: float, words: str) -> None:
    text = of_analysis("size_dependence").explanation(_size_frame([0.0, loss]))[0]
    assert f"ConverseNet {words} dB (x of Urban100, kernel_3, 128×128 to 256×256)" in text


PUBLISHED = {"128x128": 33.75, "256x256": 31.42}
"""Our measurement of the released ConverseNet, kernel 3 (the notes of published.yaml: 33.8 and 31.4)."""


@pytest.mark.mirror
def test_released_conversenet_loses_on_a_larger_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline sibling: `test_tidy_drawn_and_worded`."""
    monkeypatch.setenv("BENCH_MIRROR", str(public_mirror()))
    monkeypatch.setenv("BENCH_DATA", os.environ.get("BENCH_DATA") or str(tmp_path / "data"))
    with working_in(tmp_path):
        fetch(["urban100", "released_weights", "blur_kernels"], progress=False)
        spec = load_plan("released", config=CONFIG).analyses["size_dependence"]
        lab = Laboratory(spec, load_plan("released", config=CONFIG).datasets, torch.device("cpu"))
        for size, expected in PUBLISHED.items():
            case = ("conversenet", "img_001_SRF_4_HR.png", "kernel_3", size)
            frame = analyses.module("size_dependence").measure(lab, case)
            assert math.isclose(frame["psnr"].iloc[0], expected, abs_tol=0.01)


@pytest.mark.parametrize("name", ["sr-bicubic-x4", "denoise-gray-s25", "deblur-circular-s2.55"])
def test_a_habit_changes_one_thing_of_the_protocol(name: str) -> None:
    protocol = protocols.get(name)
    rng = np.random.default_rng(0)
    target = rng.integers(0, 256, (32, 40, 1 if protocol.color == "gray" else 3), dtype=np.uint8)
    restored = np.clip(target / 255 + 0.05 * rng.standard_normal(target.shape), -0.1, 1.1)
    found = protocol_sensitivity.under_habits(protocol, restored, target)
    usual = score(protocol, restored, target)
    assert found["protocol"] == pytest.approx((usual["psnr"], usual["ssim"]))
    assert found["default SSIM"][0] == found["protocol"][0] != found["default SSIM"][1]
    assert ("full-range Y" in found) == ("unrounded Y" in found) == (protocol.task == "sr")
    assert ("no border" in found) == bool(protocol.border)


def test_the_stride_share_of_known_patterns() -> None:
    flat = torch.ones(1, 2, 32, 32, dtype=torch.float64)
    sign = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(16)
    assert checkerboard.stride_share(flat) == pytest.approx(0)
    assert checkerboard.stride_share(flat * sign) == pytest.approx(1)
    assert checkerboard.stride_share(flat + flat * sign * sign[:, None]) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="even sides"):
        checkerboard.stride_share(flat[..., :31])
