"""When a difference to the paper may be shown: same images, protocol, network, options and inference, or the reason."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from fabricated import fabricate
from toy_plan import toy_plan, working_in

from bench.config.plan import Plan
from bench.config.planned_row import PlannedRow
from bench.config.published import differs, published_table
from bench.config.variants import PlannedInference, Tiles
from bench.results import captions
from bench.results.tidy import load
from converse.declarations.model_spec import resolve

SET12 = "[{data: set12, protocol: denoise-gray-s25}]"


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    with working_in(tmp_path):
        yield toy_plan(tmp_path, denoising=SET12)


def released(plan: Plan) -> PlannedRow:
    return next(row for row in plan.rows["four"] if row.id == "released")


def why(plan: Plan, row: PlannedRow, images: int | None = 12) -> str:
    return differs(plan, row, plan.table_tests("four")[0], published_table(plan, "four"), images)


def changed(row: PlannedRow, **update: object) -> PlannedRow:
    return dataclasses.replace(row, runs=tuple(run.model_copy(update=update) for run in row.runs))


def test_the_released_network_as_published_may_be_compared(plan: Plan) -> None:
    assert why(plan, released(plan)) == ""


def test_each_departure_is_named(plan: Plan) -> None:
    row = released(plan)
    tiles = PlannedInference(tiles=Tiles(size=96), version=1)
    assert why(plan, changed(row, inference=tiles)) == "other inference"
    for option in ({"x0": "zero"}, {"padding_mode": "reflect"}):
        network = resolve("converse_dncnn", {"kernel_size": 7, **option}).identity()
        assert why(plan, changed(row, network=network)) == "other options"
    assert why(plan, row, images=11) == "subset of the data"
    assert why(plan, plan.rows["four"][-1]) == "other budget"


def test_a_set_of_fewer_images_under_the_same_name(plan: Plan) -> None:
    left = plan.datasets["set12"].model_copy(update={"leave_out": {"01.png": "why"}})
    assert why(dataclasses.replace(plan, datasets={**plan.datasets, "set12": left}), released(plan)) == (
        "subset of the data"
    )


def test_a_preset_that_calls_small_networks_full(tmp_path: Path) -> None:
    with working_in(tmp_path):
        plan = toy_plan(tmp_path, denoising=SET12, full_size="true")
        assert why(plan, plan.rows["four"][-1]) == "other size"


def test_a_caption_is_made_of_the_runs_it_describes(plan: Plan) -> None:
    trained = [run for row in plan.rows["four"] for run in row.runs if run.train]
    assert captions.options_text(plan, "four", trained) == "Size of the networks trained here: channels 8, blocks 1."
    assert captions.options_text(plan, "four", released(plan).runs) == ""
    alike = captions.budget_text([("a", trained), ("b", trained)])
    assert alike.startswith("Trained here: ") and "(a" not in alike
    assert captions.budget_text([("released", released(plan).runs)]) == ""
    run = trained[0]
    assert run.train
    slower = run.train.model_copy(update={"budget": run.train.budget.model_copy(update={"lr": 1e-5})})
    other = captions.budget_text([("a", trained), ("b", [run.model_copy(update={"train": slower})])])
    assert "1e-05" in other.split("; ")[1] and other.count("(a)") == other.count("(b)") == 1


def test_how_seeds_were_computed_is_said_where_they_differ(plan: Plan) -> None:
    fabricate(plan, {f"{i:02d}": 0.0 for i in range(1, 13)})
    results = load(plan)
    row = plan.rows["four"][-1]
    assert captions.mixed_text(results, row.runs) == ""
    frame = results.runs.copy()
    other = frame["computed"].str.replace("AVX9", "AVX2").where(frame["run"] == row.runs[0].id, frame["computed"])
    mixed = dataclasses.replace(results, runs=frame.assign(computed=other))
    assert "instructions AVX2 and AVX9" in captions.mixed_text(mixed, row.runs)
