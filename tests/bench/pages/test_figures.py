"""Figures from made-up results: drawn, captioned, the same bytes twice; crops by the stated rule."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fabricated import fabricate, write_metrics, write_run, write_showcase
from illustrated import NAMES, illustrated, photograph
from toy_plan import toy_plan

from bench.config import layout
from bench.config.plan import Plan
from bench.data.images import write_png
from bench.foundation.errors import BenchError
from bench.pages.drawings import KINDS, axis, curves, latency, visual
from bench.pages.style import looks
from bench.results.row_comparisons import against_default
from bench.results.tidy import load
from bench.stages.figures import figures


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    with illustrated(tmp_path) as found:
        yield found


def size(png: Path) -> tuple[int, int]:
    return struct.unpack(">II", png.read_bytes()[16:24])  # type: ignore[return-value]


def test_every_kind_is_drawn_twice_the_same(plan: Plan) -> None:
    written = figures(plan)
    stems = [f"four-{kind}" for kind in ("visual", "curves", "axis", "paired", "seeds", "latency")]
    assert written == [layout.figure_stem("toy", s).with_suffix(x) for s in stems for x in (".png", ".pdf")]
    first = {p: p.read_bytes() for p in written}
    for path in written[::2]:
        width, height = size(path)
        assert 500 < width < 3000 and 200 < height < 3000, path
        assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    assert first == {p: p.read_bytes() for p in figures(plan)}


CAPTIONS = {
    "visual": ("photo_1 of embedded test", "seed 0"),
    "curves": ("seeds 0, 1",),
    "axis": ("to Converse-DnCNN", "95% interval over training seeds on these images"),
    "latency": ("denoising 16×16, batch 1", "Imaginary CPU"),
    "paired": ("against Converse-DnCNN, one mark per image",),
    "seeds": ("2 seeds a row",),
}
READINGS = {
    "visual": ("96×96", "largest gradient energy", "whole image"),
    "curves": ("never a test set", "mean over seeds"),
    "axis": ("on the same images", "no interval", "the paper's own"),
    "paired": ("no uncertainty of training",),
    "seeds": ("one training seed",),
    "latency": ("median time of one forward pass",),
}


@pytest.mark.parametrize("kind", KINDS)
def test_captions_say_what_is_particular_and_readings_what_holds_for_all(plan: Plan, kind: str) -> None:
    caption = KINDS[kind].caption(plan, load(plan), "four")
    assert all(words in caption for words in CAPTIONS[kind])
    assert all(words in KINDS[kind].READING for words in READINGS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_data_of_a_figure_are_what_it_draws(plan: Plan, kind: str) -> None:
    results = load(plan)
    frame = KINDS[kind].data(plan, results, "four")
    assert len(frame) and not frame["label"].isna().any()
    if kind in ("axis", "paired"):
        gaps = against_default(plan, results, "four", plan.table_tests("four")[0])
        row, gap = next((n, g) for n, (_, g) in gaps.items() if g is not None)
        assert frame.loc[frame["row"] == row, "psnr_difference"].mean() == pytest.approx(gap.effect)
    if kind == "latency":
        assert list(frame["seconds"]) == [p.seconds for p in latency.points(plan, results, "four")[2]]


def test_the_crop_lies_on_the_busy_patch() -> None:
    top, left, height, width = visual.window(photograph(0), side=48, margin=0)
    assert (height, width) == (48, 48)
    assert top <= 60 and top + 48 >= 100 and left <= 20 and left + 48 >= 60
    brute = _brute(photograph(0), 48)
    assert brute[top, left] == pytest.approx(brute.max())


def _brute(image: np.ndarray, side: int) -> np.ndarray:
    gray = image.astype(float).mean(axis=2)
    energy = np.zeros_like(gray)
    energy[:-1] += np.diff(gray, axis=0) ** 2
    energy[:, :-1] += np.diff(gray, axis=1) ** 2
    rows, columns = gray.shape[0] - side + 1, gray.shape[1] - side + 1
    return np.array([[energy[i : i + side, j : j + side].sum() for j in range(columns)] for i in range(rows)])


@pytest.mark.parametrize("shape", [(96, 96), (40, 200), (7, 5)])
def test_small_images_give_what_they_have(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*shape, 1)).astype(np.uint8)
    top, left, height, width = visual.window(image)
    assert (height, width) == (min(96, shape[0]), min(96, shape[1]))
    assert 0 <= top <= shape[0] - height and 0 <= left <= shape[1] - width


def test_titles_carry_the_scores_of_the_whole_image(plan: Plan) -> None:
    results = load(plan)
    found = visual.comparison(plan, results, "four")
    run = plan.rows["four"][0].runs[0]
    values = results.values(run.id, plan.evaluations(run)[0].key, "psnr")
    assert values is not None
    assert found.name == "photo_1" and found.tiles[0].psnr == values[("photo_1", "")]
    assert [t.label for t in found.tiles] == [r.label for r in plan.rows["four"]] and not found.lost
    drawn = visual.draw(plan, results, "four")
    titles = [a.get_title() for a in drawn.axes]
    assert f"{found.tiles[0].label}\n{found.tiles[0].psnr:.2f} dB / {found.tiles[0].ssim:.3f}" in titles


def test_a_picture_of_another_size_is_refused(plan: Plan) -> None:
    run = plan.rows["four"][0].runs[0]
    write_showcase(run, plan.evaluations(run)[0], np.zeros((8, 8, 1), np.uint8))
    with pytest.raises(BenchError, match=f"{run.id}.*does not fit"):
        figures(plan, ["four-visual"])


def test_another_photograph_under_the_name_is_not_shown(plan: Plan) -> None:
    """The scores beside it are of the one before."""
    plan.table_tests("four")
    write_png(Path("photos") / "photo_1.png", photograph(9))
    with pytest.raises(BenchError, match="embedded_test: its files changed after this was planned"):
        figures(plan, ["four-visual"])


def test_axis_has_bars_for_two_seeds_and_none_for_one(plan: Plan, tmp_path: Path) -> None:
    test = plan.evaluations(plan.rows["four"][0].runs[0])[0]
    found = against_default(plan, load(plan), "four", test)
    gap = found["DnCNN"][1]
    assert gap is not None and gap.interval() is not None and gap.n == 2
    assert not {"Converse-DnCNN", "noisy", "released"} & set(found)
    single = toy_plan(tmp_path, seeds=1)
    fabricate(single, NAMES)
    caption = axis.caption(single, load(single), "four")
    assert "no interval" in caption and "Bar:" not in caption


def test_axis_without_a_default_row_is_refused(plan: Plan) -> None:
    with pytest.raises(BenchError, match=r"tables.yaml.*'seven'.*default"):
        axis.draw(plan, load(plan), "seven")


def test_missing_inputs_are_named_or_left_out(plan: Plan) -> None:
    gone = plan.rows["four"][2].runs[0]
    layout.curve_csv(gone.id).unlink()
    with pytest.raises(BenchError, match=rf"four-curves.*{gone.id}.*curve.csv is missing"):
        figures(plan, ["four-curves"])
    assert len(figures(plan, ["four-curves"], allow_missing=True)) == 2
    for run in plan.runs.values():
        layout.curve_csv(run.id).unlink(missing_ok=True)
    assert figures(plan, ["four-curves"], allow_missing=True) == []


def test_diverged_rows_are_named(plan: Plan) -> None:
    row = next(r for r in plan.rows["four"] if r.id == "DnCNN")
    for run in row.runs:
        write_run(run, "diverged", "nan")
        write_metrics(run, plan.evaluations(run)[0], NAMES, empty=True)
    results = load(plan)
    assert "Diverged: DnCNN" in curves.caption(plan, results, "four")
    assert "Without a result: DnCNN" in axis.caption(plan, results, "four")
    assert "DnCNN" in latency.caption(plan, results, "four").split("Not shown")[1]
    assert visual.comparison(plan, results, "four").lost == ["DnCNN"]
    assert len(figures(plan)) == 12


def test_latency_needs_timings(plan: Plan) -> None:
    layout.throughput_csv("toy").unlink()
    with pytest.raises(BenchError, match="throughput"):
        figures(plan, ["four-latency"])
    assert figures(plan, ["four-latency"], allow_missing=True) == []


def test_unknown_figure_names_the_nearest(plan: Plan) -> None:
    with pytest.raises(BenchError, match="did you mean 'four-axis'"):
        figures(plan, ["four-axes"])


def test_series_differ_without_colour() -> None:
    found = looks([str(i) for i in range(8)]).values()
    assert len({(x.marker, str(x.line)) for x in found}) == 8
