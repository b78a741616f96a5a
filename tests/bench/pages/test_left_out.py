"""Scores that are no number to average: named under the table, left out of the mean, never the best."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from fabricated import fabricate, write_record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_plan import IMAGES, toy_plan, working_in

from bench.config import layout
from bench.config.plan import Plan
from bench.pages.table_view import table_view
from bench.results.tidy import load
from bench.results.view import DASH, Cell, View

FIRST, *OTHERS = IMAGES


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    with working_in(tmp_path):
        plan = toy_plan(tmp_path)
        fabricate(plan, IMAGES)
        yield plan


def change(plan: Plan, row: str, metric: str, values: dict[str, tuple[str, str]]) -> list[float]:
    """Sets image → (value, reason) of one row of table four; returns the other values of its first run."""
    kept: list[float] = []
    test = plan.table_tests("four")[0]
    for run in next(r for r in plan.rows["four"] if r.id == row).runs:
        path = layout.metrics_csv(run.id, test.stem)
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        if "reason" not in frame:
            frame = frame.assign(reason="")
        for image, (value, reason) in values.items():
            frame.loc[(frame["image"] == image) & (frame["metric"] == metric), ["value", "reason"]] = value, reason
        frame.to_csv(path, index=False)
        write_record(path, run, test)
        rest = frame[(frame["metric"] == metric) & ~frame["image"].isin(list(values))]["value"].astype(float)
        kept = kept or list(rest)
    return kept


def column(view: View, name: str) -> dict[str, Cell]:
    index = next(i for i, c in enumerate(view.columns) if c.name == name)
    return {line.cells[0].text: line.cells[index] for section in view.sections for line in section.lines}


def test_an_infinite_psnr_is_named_and_the_mean_is_over_the_others(plan: Plan) -> None:
    kept = {row.id: change(plan, row.id, "psnr", {FIRST: ("inf", "")}) for row in plan.rows["four"]}
    view = table_view(plan, load(plan), "four")
    cells = column(view, "PSNR (dB)")
    assert cells["noisy input"].text == f"{statistics.fmean(kept['noisy']):.2f}"
    assert not any("inf" in cell.text or "nan" in cell.text for cell in cells.values())
    text = f"psnr of 1 of {len(IMAGES)} images is not a number to average: {FIRST} (infinite, it equals the target)"
    letter = next(mark for mark, note in view.notes if note == f"{text}; the mean is over the others")
    assert all(letter in cell.marks for cell in cells.values())
    assert sum(cell.best for cell in cells.values()) == 1  # the same image in every row: they compare


def test_means_over_different_images_have_no_best(plan: Plan) -> None:
    change(plan, "DnCNN", "psnr", {FIRST: ("inf", "")})
    cells = column(table_view(plan, load(plan), "four"), "PSNR (dB)")
    assert not any(cell.best for cell in cells.values())


def test_nothing_but_infinite_scores_is_a_dash(plan: Plan) -> None:
    for row in plan.rows["four"]:
        change(plan, row.id, "psnr", {image: ("inf", "") for image in IMAGES})
    view = table_view(plan, load(plan), "four")
    cells = column(view, "PSNR (dB)")
    assert all(cell.text == DASH and not cell.best for cell in cells.values())
    assert any("no image has a finite value" in note for _, note in view.notes)


def test_the_reason_of_a_metric_is_shown(plan: Plan) -> None:
    reason = "64x64 pixels, it needs 161 on each side"
    for row in plan.rows["four"]:
        change(plan, row.id, "ssim", {FIRST: ("", reason)})
    view = table_view(plan, load(plan), "four")
    assert any(f"ssim of 1 of {len(IMAGES)} images" in note and f"{FIRST} ({reason})" in note for _, note in view.notes)
    assert sum(cell.best for cell in column(view, "SSIM").values()) >= 1


VALUES = st.one_of(st.floats(0, 100), st.sampled_from([float("inf"), float("-inf")]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES, min_size=len(IMAGES), max_size=len(IMAGES)))
def test_any_values_give_the_mean_of_the_finite_ones(plan: Plan, values: list[float]) -> None:
    change(plan, "noisy", "psnr", {image: (repr(v), "") for image, v in zip(IMAGES, values, strict=True)})
    cell = column(table_view(plan, load(plan), "four"), "PSNR (dB)")["noisy input"]
    finite = [v for v in values if abs(v) != float("inf")]
    assert cell.text == (f"{statistics.fmean(finite):.2f}" if finite else DASH)
