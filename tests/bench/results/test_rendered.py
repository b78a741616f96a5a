"""A rendering is taken for what was asked only if its stamp says so; Snakemake renders the others again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fabricated import fabricate, write_run, write_throughput
from toy_plan import IMAGES, KERNELS, toy_plan, working_in
from toy_study import toy_study, write_proof

from bench.config import layout
from bench.config.plan import Plan
from bench.results import rendered
from bench.results.rendered import TABLE_SUFFIXES, state
from bench.stages.report import report
from bench.stages.tables import tables
from bench.workflow.snake import Targets


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    with working_in(tmp_path):
        found = toy_plan(tmp_path)
        fabricate(found, IMAGES, KERNELS)
        write_throughput(found)
        tables(found)
        yield found


def files(plan: Plan, table: str = "four") -> list[Path]:
    return [layout.table_stem(plan.name, table).with_suffix(suffix) for suffix in TABLE_SUFFIXES]


def renders_again(plan: Plan, table: str = "four") -> bool:
    return str(layout.stale_marker()) in Targets(plan).table_inputs(table)


def test_what_was_asked_and_is_whole_is_fresh_whoever_rendered_it(plan: Plan) -> None:
    assert {state(plan, "tables", name, files(plan, name)) for name in ("four", "seven", "throughput")} == {"fresh"}
    assert not renders_again(plan)


def altered(plan: Plan) -> Plan:
    path = files(plan)[0]
    path.write_text(path.read_text().replace("26.", "27."))
    return plan


def more_evidence(plan: Plan) -> Plan:
    path = layout.evidence_dir("2026-01-01-x") / "runs.csv"
    path.parent.mkdir(parents=True)
    path.write_text("run,status\n")
    return plan


REQUESTS: dict[str, Callable[[Plan], Plan]] = {
    "subset": lambda plan: dataclasses.replace(plan, subset="first1"),
    "plugins": lambda plan: dataclasses.replace(plan, plugins=("mine.py",)),
    "metrics": lambda plan: dataclasses.replace(plan, metrics=("fsim",)),
    "words": lambda plan: dataclasses.replace(
        plan, tables={**plan.tables, "four": plan.tables["four"].model_copy(update={"title": "Other"})}
    ),
    "altered": altered,
    "evidence": more_evidence,
}


@pytest.mark.parametrize("what", REQUESTS)
def test_what_is_of_another_request_is_rendered_again(plan: Plan, what: str) -> None:
    other = REQUESTS[what](plan)
    assert state(other, "tables", "four", files(other)) == "stale" and renders_again(other)


def test_a_data_folder_that_others_own_is_not_written(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    more_evidence(plan)
    owned = layout.RESULTS / "owned"
    owned.write_text("a file, so that nothing can be written below it")
    monkeypatch.setenv("BENCH_DATA", str(owned))
    assert renders_again(plan)
    tables(plan)
    assert not renders_again(plan)


def test_other_code_renders_again(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendered, "code_digest", lambda stage: "other")
    assert renders_again(plan)


def test_a_full_request_after_a_subset_does_not_keep_the_subset(plan: Plan) -> None:
    subset = dataclasses.replace(plan, subset="first1")
    fabricate(subset, IMAGES, KERNELS)
    tables(subset)
    assert not renders_again(subset) and renders_again(plan) and not renders_again(plan, "throughput")
    marker, table = layout.stale_marker().stat().st_mtime_ns, files(plan)[0].stat().st_mtime_ns
    assert marker > table, "Snakemake goes by time: the marker must be the newer one"


def test_a_preview_of_what_exists_says_so_and_is_not_taken_for_the_whole(plan: Plan) -> None:
    run = plan.table_runs("four")[0]
    layout.metrics_csv(run.id, plan.evaluations(run)[0].stem).unlink()
    tables(plan, ["four"], allow_missing=True)
    assert state(plan, "tables", "four", files(plan)) == "partial" and renders_again(plan)
    assert "Incomplete: results are missing." in files(plan)[0].read_text()
    assert not renders_again(plan, "seven")


def test_the_verdicts_of_a_report_go_stale_with_what_another_preset_trains(tmp_path: Path) -> None:
    with working_in(tmp_path):
        write_proof()
        small, medium = toy_study(tmp_path, seeds=2).values()
        write_throughput(small)
        report(small, allow_missing=True)
        pages = layout.report_pages(small.name)
        assert {p.name for p in layout.report_dir(small.name).glob("*.*")} == {p.name for p in pages}
        assert state(small, "report", "", pages) == "partial"
        write_run(medium.table_runs("four")[-1])
        assert state(small, "report", "", pages) == "stale"
        report(small, allow_missing=True)
        assert state(small, "report", "", pages) == "partial"


def test_what_changes_while_a_report_is_made_makes_it_stale(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(*arguments: object, **options: object) -> None:
        write_run(plan.table_runs("four")[-1], "diverged", "later")

    monkeypatch.setattr("bench.stages.report._write_data", meanwhile)
    report(plan, allow_missing=True)
    assert state(plan, "report", "", layout.report_pages(plan.name)) == "stale"


def test_every_page_of_a_report_is_its_rules_output(plan: Plan) -> None:
    report(plan, allow_missing=True)
    pages = layout.report_pages(plan.name)
    assert {str(page) for page in pages} <= set(Targets(plan).everything())
    pages[-1].unlink()
    assert state(plan, "report", "", pages) == "missing"
