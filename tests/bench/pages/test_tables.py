"""Tables from made-up results: what is shown, what is marked, what is refused."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from fabricated import MACHINE, fabricate, write_metrics, write_record, write_run, write_throughput
from toy_plan import IMAGES, KERNELS, REAL, toy_plan, working_in

from bench.config import layout
from bench.config.plan import Plan
from bench.config.run_spec import RunSpec
from bench.foundation.errors import BenchError
from bench.pages import formats
from bench.pages.table_view import table_view
from bench.results.tidy import load
from bench.results.view import DASH, Cell, Column, Footnotes, Line, Section, View
from bench.scoring.score_record import VERSION
from bench.stages.tables import tables


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    with working_in(tmp_path):
        yield tmp_path


def cell(plan: Plan, table: str, label: str, column: str, group: str = "") -> Cell:
    """One cell of the rendered table, by the row's label and the column's name and group."""
    view = table_view(plan, load(plan), table)
    index = next(i for i, c in enumerate(view.columns) if c.name == column and (not group or c.group.startswith(group)))
    for section in view.sections:
        for line in section.lines:
            if line.cells[0].text == label:
                return line.cells[index]
    raise AssertionError(f"no row {label}")


def note(plan: Plan, table: str, got: Cell) -> str:
    notes = dict(table_view(plan, load(plan), table).notes)
    return "; ".join(notes[mark] for mark in got.marks)


def row_runs(plan: Plan, table: str, row: str) -> tuple[RunSpec, ...]:
    return next(r for r in plan.rows[table] if r.id == row).runs


def test_every_format_is_written_and_tidy(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    write_throughput(plan)
    written = tables(plan)
    stems = ["four", "seven", "throughput"]
    assert written == [layout.table_stem("toy", s).with_suffix(x) for s in stems for x in (".md", ".tex", ".csv")]
    frame = pd.read_csv(layout.table_stem("toy", "seven").with_suffix(".csv"))
    psnr = frame[(frame["row"] == "ConverseNet") & (frame["metric"] == "psnr")]
    assert list(psnr["kernel"])[:2] == list(KERNELS)
    assert set(frame["status"]) == {"ok", "published"}
    measured = pd.read_csv(layout.metrics_csv(row_runs(plan, "seven", "ConverseNet")[0].id, deblurring(plan)))
    mine = measured[(measured["metric"] == "psnr") & (measured["kernel"] == "motion")]["value"].mean()
    assert psnr["mean"].iloc[1] == pytest.approx(mine + 0.02)  # the second seed is 0.04 dB better
    assert psnr["sd"].iloc[1] == pytest.approx(0.04 / 2**0.5) and psnr["n"].iloc[1] == 2


def deblurring(plan: Plan) -> str:
    return plan.table_tests("seven")[0].stem


def test_mean_sd_seeds_and_paper_columns(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES)
    assert "±" in cell(plan, "four", "DnCNN", "PSNR (dB)").text
    assert "±" not in cell(plan, "four", "noisy input", "PSNR (dB)").text
    assert cell(plan, "four", "DnCNN", "seeds").text == "2"
    assert cell(plan, "four", "Converse-DnCNN, released", "seeds").text == "loaded"
    assert cell(plan, "four", "DnCNN", "Set12", "paper").text == "30.43"
    assert cell(plan, "four", "DnCNN", "parameters", "paper").text == "557,057"
    assert "12,3" in cell(plan, "four", "DnCNN", "parameters").text
    view = table_view(plan, load(plan), "four")
    assert {c.note for c in view.columns if c.kind == "paper"} == {"other data"}  # one row is the paper's model
    assert not [c for c in view.columns if c.kind == "difference"]
    assert note(plan, "four", cell(plan, "four", "DnCNN", "")) == "a plain network"


def test_rows_beside_the_table_stand_under_a_rule_of_their_own(root: Path) -> None:
    plan = toy_plan(root, beside=True)
    fabricate(plan, IMAGES)
    view = table_view(plan, load(plan), "four")
    assert [section.title for section in view.sections] == ["", "Beside"]
    below = view.sections[1].lines
    assert [line.cells[0].text for line in below] == ["FFC-DnCNN"]
    assert note(plan, "four", below[0].cells[0]).startswith(
        "a note; Chi et al., Fast Fourier Convolution, NeurIPS 2020"
    )
    assert "**Beside**" in formats.markdown(view) and "Beside" in formats.latex(view)


def test_one_seed_has_no_spread_and_no_ranking(root: Path) -> None:
    plan = toy_plan(root, seeds=1)
    fabricate(plan, IMAGES)
    view = table_view(plan, load(plan), "four")
    assert "±" not in formats.markdown(view)
    assert any("fewer than three seeds" in remark for remark in view.remarks)


@pytest.mark.parametrize(("full_size", "why"), [("false", "other budget"), ("true", "other size")])
def test_difference_only_for_the_same_experiment(root: Path, full_size: str, why: str) -> None:
    plan = toy_plan(root, denoising=REAL, full_size=full_size)
    fabricate(plan, {f"{i:02d}.png": i / 10 for i in range(1, 13)})
    released = cell(plan, "four", "Converse-DnCNN, released", "Set12", "Δ")
    measured = cell(plan, "four", "Converse-DnCNN, released", "PSNR (dB)", "Set12")
    expected = float(measured.text) - 30.70
    assert float(released.text.replace("−", "-")) == pytest.approx(expected, abs=0.011)
    assert "734,913" in note(plan, "four", released)  # the model here has another number of parameters
    assert not cell(plan, "four", "Converse-DnCNN, released", "BSD68", "Δ").text, "12 of 68 images"
    assert not cell(plan, "four", "DnCNN", "Set12", "Δ").text
    assert note(plan, "four", cell(plan, "four", "DnCNN", "Set12", "paper")) == why


def test_a_network_of_the_papers_size_and_budget_is_compared(root: Path) -> None:
    plan = toy_plan(root, denoising=REAL, full_size="true")
    fabricate(plan, {f"{i:02d}.png": i / 10 for i in range(1, 13)})
    tasks = {name: task.model_copy(update={"options": {}}) for name, task in plan.preset.tasks.items()}
    plan = dataclasses.replace(plan, preset=plan.preset.model_copy(update={"tasks": tasks}))
    assert cell(plan, "four", "DnCNN", "Set12", "Δ").text


def test_a_subset_is_announced_and_never_compared(root: Path) -> None:
    plan = toy_plan(root, denoising=REAL, images="5")
    fabricate(plan, IMAGES)
    view = table_view(plan, load(plan), "four")
    assert "first 5 images of Set12" in view.warning
    assert view.warning in formats.markdown(view)
    assert not [c for c in view.columns if c.kind == "difference"]
    assert all("subset of the data" in c.note for c in view.columns if c.kind == "paper")


def test_kernel_table_keeps_the_papers_blocks(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    view = table_view(plan, load(plan), "seven")
    assert [s.title.split(":")[0] for s in view.sections] == ["embedded test", "BSD100", "Urban100"]
    names = [(c.group, c.name) for c in view.columns]
    assert ("PSNR (dB)", "motion") in names and ("paper", "kernel 1") in names
    block = view.sections[1]
    texts = {line.cells[0].text: [c.text for c in line.cells if c.text] for line in block.lines}
    assert texts["ConverseNet"] == ["ConverseNet", "27.69", "24.43"]
    assert "ConvTNet" not in texts  # the paper has no such row


def test_best_is_bold_and_a_lead_within_the_interval_is_no_ranking(root: Path) -> None:
    plan = toy_plan(root, seeds=3)
    fabricate(plan, IMAGES)
    test = plan.evaluations(row_runs(plan, "four", "DnCNN")[0])[0]
    for i, run in enumerate(row_runs(plan, "four", "DnCNN")):
        write_metrics(run, test, IMAGES, offset=20 - 0.01 * i)
    best = cell(plan, "four", "DnCNN", "PSNR (dB)")
    assert best.best and not best.marks  # 20 dB ahead
    others = row_runs(plan, "four", "Conv-DnCNN")
    for i, run in enumerate(others):
        write_metrics(run, test, IMAGES, offset=20.5 - 3 * i)
    first, second = (cell(plan, "four", r, "PSNR (dB)") for r in ("DnCNN", "Conv-DnCNN"))
    assert first.best != second.best
    words = note(plan, "four", first if first.best else second)
    assert "no ranking" in words and "not significantly better than" in words and "3 seeds" in words


def test_two_seeds_are_no_ranking(root: Path) -> None:
    plan = toy_plan(root, seeds=2)
    fabricate(plan, IMAGES)
    assert any("fewer than three seeds" in remark for remark in table_view(plan, load(plan), "four").remarks)


def test_equal_rows_are_both_best(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES)
    test = plan.evaluations(row_runs(plan, "four", "DnCNN")[0])[0]
    source = layout.metrics_csv(row_runs(plan, "four", "DnCNN")[0].id, test.stem).read_text()
    for row in ("DnCNN", "Conv-DnCNN"):
        for run in row_runs(plan, "four", row):
            lines = [line.split(",") for line in source.splitlines()]
            text = "\n".join(",".join(x) for x in [lines[0], *([run.id, *x[1:5], x[5], "40.0"] for x in lines[1:])])
            layout.metrics_csv(run.id, test.stem).write_text(text + "\n")
            write_record(layout.metrics_csv(run.id, test.stem), run, test)
    assert cell(plan, "four", "DnCNN", "PSNR (dB)").best
    assert cell(plan, "four", "Conv-DnCNN", "PSNR (dB)").best


def test_diverged_and_missing_rows_are_a_dash_with_the_reason(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES)
    test = plan.evaluations(row_runs(plan, "four", "DnCNN")[0])[0]
    for run in row_runs(plan, "four", "DnCNN"):
        write_run(run, "diverged", "loss is nan at step 12")
        write_metrics(run, test, IMAGES, empty=True)
    gone = row_runs(plan, "four", "Conv-DnCNN")
    for run in gone:
        layout.metrics_csv(run.id, test.stem).unlink()
    with pytest.raises(BenchError, match=r"evaluate.*--allow-missing"):
        tables(plan, ["four"])
    tables(plan, ["four"], allow_missing=True)
    for row, reason in (("DnCNN", "nan at step 12"), ("Conv-DnCNN", "not run yet")):
        got = cell(plan, "four", row, "PSNR (dB)")
        assert got.text == DASH and reason in note(plan, "four", got)


def test_one_diverged_seed_leaves_the_others(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES)
    lost = row_runs(plan, "four", "DnCNN")[1]
    write_run(lost, "diverged", "loss is nan")
    write_metrics(lost, plan.evaluations(lost)[0], IMAGES, empty=True)
    assert cell(plan, "four", "DnCNN", "seeds").text == "1 of 2"
    assert "mean without seed 1: diverged" in note(plan, "four", cell(plan, "four", "DnCNN", ""))
    assert "±" not in cell(plan, "four", "DnCNN", "PSNR (dB)").text


def test_a_broken_plugin_is_a_dash_with_its_reason(root: Path) -> None:
    (root / "shaky.py").write_text("OPERATOR = {'label': 'Shaky'}\n")
    plan = toy_plan(root, plugins=("shaky.py",))
    fabricate(plan, IMAGES)
    label = next(r.label for r in plan.rows["four"] if r.skipped)
    got = cell(plan, "four", label, "PSNR (dB)")
    assert got.text == DASH and "OPERATOR" in note(plan, "four", got)


def test_mixed_protocols_are_refused(root: Path) -> None:
    mixed = "[{data: set12, protocol: denoise-gray-s25}, {data: set12, protocol: denoise-gray-ramp50}]"
    plan = toy_plan(root, denoising=mixed)
    fabricate(plan, IMAGES)
    with pytest.raises(BenchError, match="mixes the protocols denoise-gray-s25 and denoise-gray-ramp50"):
        tables(plan, ["four"])


def test_a_file_of_another_protocol_is_refused(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES)
    run = row_runs(plan, "four", "DnCNN")[0]
    path = layout.metrics_csv(run.id, plan.evaluations(run)[0].stem)
    path.write_text(path.read_text().replace("denoise-gray-s25", "denoise-gray-s15"))
    write_record(path, run, plan.evaluations(run)[0])
    with pytest.raises(BenchError, match=f"{run.id}.*denoise-gray-s15"):
        tables(plan, ["four"])


@pytest.mark.parametrize("text", ["", "run,value\n", "\x00\x01"])
def test_a_damaged_metric_file_is_named(root: Path, text: str) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES)
    run = row_runs(plan, "four", "DnCNN")[0]
    layout.metrics_csv(run.id, plan.evaluations(run)[0].stem).write_text(text)
    with pytest.raises(BenchError, match=run.id):
        tables(plan, ["four"])


def test_unknown_table_names_the_nearest(root: Path) -> None:
    with pytest.raises(BenchError, match="did you mean 'seven'"):
        tables(toy_plan(root), ["sevn"])


def test_published_evidence_fills_what_was_not_measured_here(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES)
    run = row_runs(plan, "four", "DnCNN")[0]
    key = plan.evaluations(run)[0].key
    results = load(plan)
    before = cell(plan, "four", "Conv-DnCNN", "PSNR (dB)").text
    folder = layout.RESULTS / "evidence" / "2026-01-01-gpu"
    folder.mkdir(parents=True)
    machine = json.dumps({**MACHINE, "gpu": "Imaginary GPU"})
    results.runs.assign(machine=machine).to_csv(folder / "runs.csv", index=False)
    evidence = results.metrics.copy()
    elsewhere = evidence["run"].isin([seed.id for seed in row_runs(plan, "four", "DnCNN")])
    evidence.loc[elsewhere & (evidence["metric"] == "psnr"), "value"] += 1
    evidence.to_csv(folder / "metrics.csv", index=False)
    for seed in row_runs(plan, "four", "DnCNN"):
        layout.metrics_csv(seed.id, plan.evaluations(seed)[0].stem).unlink()
        layout.run_json(seed.id).unlink()
    tables(plan, ["four"])  # nothing is missing
    assert "Imaginary GPU" in note(plan, "four", cell(plan, "four", "DnCNN", ""))
    assert cell(plan, "four", "DnCNN", "PSNR (dB)").text.startswith(
        f"{results.values(run.id, key, 'psnr').mean() + 1.02:.2f}"
    )
    assert cell(plan, "four", "Conv-DnCNN", "PSNR (dB)").text == before  # measured here: not replaced
    evidence.assign(version="e0d0").to_csv(folder / "metrics.csv", index=False)
    assert VERSION != "e0d0"
    with pytest.raises(BenchError, match="is missing"):
        tables(plan, ["four"])  # measured by another version of the score


def test_rendering_is_reproducible(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    write_throughput(plan)
    first = {p: p.read_bytes() for p in tables(plan)}
    assert first == {p: p.read_bytes() for p in tables(plan)}


VIEW = View(
    id="a_b",
    title="50 % & more_1",
    columns=(
        Column("", "label"),
        Column("PSNR", "measured", "Set_12"),
        Column("x", "paper", "paper", "other data"),
    ),
    sections=(
        Section(
            (
                Line((Cell("r|1"), Cell("1 ± 2", True, ("a",)), Cell("3"))),
                Line((Cell("<r>"), Cell(DASH), Cell())),
            )
        ),
    ),
    notes=(("a", "why_not {x}"),),
    remarks=("α % & $",),
)


def test_markdown_escapes_and_marks() -> None:
    text = formats.markdown(VIEW)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert r"r\|1" in text and "&lt;r>" in text
    assert "**1 ± 2**<sup>a</sup>" in text and "*3*" in text
    assert "*† paper: other data.*" in text and "*paper† x*" in rows[0]
    assert len({row.replace(r"\|", "").count("|") for row in rows}) == 1


def test_latex_escapes_and_marks() -> None:
    text = formats.latex(VIEW)
    assert r"50 \% \& more\_1" in text and r"\textbf{1 $\pm$ 2}\textsuperscript{a}" in text
    assert r"\textit{3}" in text and r"\toprule" in text and r"\bottomrule" in text
    assert r"why\_not \{x\}" in text
    body = [line for line in text.splitlines() if line.endswith(r" \\") and "multicolumn" not in line]
    assert {line.replace(r"\&", "").count("&") for line in body} == {2}
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


def test_html_escapes_and_marks() -> None:
    from xml.etree import ElementTree

    text = formats.html_fragment(VIEW)
    tree = ElementTree.fromstring(text)
    assert "<b>1 ± 2</b><sup>a</sup>" in text and "<small>other data</small>" in text
    assert [td.get("class") for td in tree.findall(".//tbody/tr/td")] == [
        "measured first",
        "paper first",
    ] * 2


def test_footnotes_share_letters() -> None:
    notes = Footnotes()
    assert notes.marks("x", None, "y", "x") == ("a", "b")
    assert [notes.mark(f"n{i}") for i in range(25)][-1] == "aa"
    assert notes.notes[0] == ("a", "x")


def test_csv_has_no_machine_paths(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES)
    tables(plan, ["four"])
    with layout.table_stem("toy", "four").with_suffix(".csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows and not any(str(root) in value for row in rows for value in row.values())
