"""``plan`` and ``doctor``: what is cached, how long the rest takes, what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from fabricated import fabricate, write_throughput
from fabricated_evidence import write_evidence
from toy_plan import IMAGES, REAL, toy_plan, working_in

from bench.config import layout
from bench.config.plan import Plan
from bench.stages.status import doctor, show_plan
from bench.workflow.time_left import JOB_S, time_left


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    with working_in(tmp_path):
        yield toy_plan(tmp_path)


def trained(plan: Plan, task: str) -> list:  # type: ignore[type-arg]
    return [r for r in plan.runs.values() if r.train and r.task == task]


def test_nothing_measured_is_said(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    show_plan(plan)
    said = capsys.readouterr().out
    assert ": 0 of " not in said and "; 0 of " in said and " networks are trained or loaded" in said
    assert "about" not in said and "at least" in said, "loading takes seconds, the trainings nobody knows"
    assert "No estimate for" in said and "python -m bench throughput --preset toy" in said


def test_cached_rows_and_the_time_of_the_rest(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    fabricate(plan, IMAGES)
    show_plan(plan)
    assert "Left:" not in capsys.readouterr().out
    run = trained(plan, "denoising")[0]
    layout.run_json(run.id).unlink()
    test = plan.evaluations(run)[0]
    layout.metrics_csv(run.id, test.stem).unlink()
    left = time_left(plan, [run], [(run, test.key)])
    assert left.training_s == pytest.approx(12.5 + JOB_S), "the other seed took 12.5 s for as many steps"
    assert left.scoring_s == pytest.approx(0.5 * len(IMAGES) + JOB_S)
    assert left.sources == {"runs of the same network": 1} and left.unknown == 0
    show_plan(plan)
    said = capsys.readouterr().out
    assert "1 to train, 1 to score" in said and "Left: about" in said and "same network" in said


def test_the_throughput_table_serves_where_nothing_was_trained(plan: Plan) -> None:
    write_throughput(plan)
    run = trained(plan, "denoising")[0]
    left = time_left(plan, [run], [])
    assert left.sources == {"throughput": 1}
    # fabricated: at least 0.09 s with the backward pass for 16x16 pixels; trained: 100 steps of 4 crops of 32x32
    assert left.training_s > 0.09 * (4 * 32**2 / 16**2) * 100
    (blind,) = {r.task for r in plan.runs.values() if r.task != "denoising"}
    assert time_left(plan, trained(plan, blind)[:1], []).unknown == 1, "no such task among the timed models"


def test_published_evidence_serves_where_nothing_was_measured_here(
    plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    table = next(name for name, rows in plan.rows.items() if any(r.task == "denoising" for r in rows[-1].runs))
    row = next(row for row in plan.rows[table] if row.runs[0].train and len(row.runs) > 1)
    folder = write_evidence(layout.evidence_dir("2026-01-01-a"), plan, {row.id: [28.0]}, table=table)
    runs, metrics = pd.read_csv(folder / "runs.csv"), pd.read_csv(folder / "metrics.csv")
    runs.assign(steps=100, seconds=40.0).to_csv(folder / "runs.csv", index=False)
    pd.concat([metrics, metrics.assign(metric="seconds", value=3.0)]).to_csv(folder / "metrics.csv", index=False)
    run, test = row.runs[1], plan.table_tests(table)[0]
    assert run.train is not None
    left = time_left(plan, [run], [(run, test.key)])
    assert left.training_s == pytest.approx(0.4 * run.train.budget.steps + JOB_S)
    assert left.scoring_s == pytest.approx(3.0 * metrics[metrics["evaluation"] == test.key]["image"].nunique() + JOB_S)
    assert left.sources == {"published runs of the same network": 1} and left.elsewhere
    show_plan(plan)
    assert "from measurements on this machine and published evidence; " in capsys.readouterr().out


@pytest.mark.parametrize("kept", [1, 2])
def test_a_training_that_evidence_answers_in_part_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kept: int
) -> None:
    with working_in(tmp_path):
        plan = toy_plan(tmp_path, denoising=REAL)
        table, row = next((t, row) for t, rows in plan.rows.items() for row in rows if row.runs[0].train)
        folder = write_evidence(layout.evidence_dir("2026-01-01-a"), plan, {row.id: [28.0]}, table=table)
        metrics = pd.read_csv(folder / "metrics.csv")
        keys = [test.key for test in plan.evaluations(row.runs[0])[:kept]]
        metrics[metrics["evaluation"].isin(keys)].to_csv(folder / "metrics.csv", index=False)
        show_plan(plan)
    said = next((line for line in capsys.readouterr().out.splitlines() if "made again" in line), "")
    assert not said if kept == 2 else said.startswith("1 of the") and said.endswith(f"made again: {row.runs[0].id}")


def test_a_damaged_record_is_no_measurement(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(plan, "denoising")[0]
    layout.run_json(run.id).parent.mkdir(parents=True)
    layout.run_json(run.id).write_text("xx")
    show_plan(plan)
    assert "No estimate for" in capsys.readouterr().out


def test_doctor_names_what_is_missing(
    plan: Plan, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BENCH_MIRROR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    doctor(plan)
    said = capsys.readouterr().out
    for words in ("torch", "pyiqa", "memory", "disk", "GiB free", "nowhere is no folder"):
        assert words in said, words
    assert "python -m bench fetch embedded_train" in said and "operator: converse2d" in said
