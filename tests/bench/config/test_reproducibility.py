"""The reproducibility page: ids are checked, numbers come from results and published.yaml."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fabricated import base_psnr, fabricate, write_metrics
from toy_plan import REAL, toy_plan, working_in

from bench.config import layout, reproducibility
from bench.config.loading import load_plan, preset_names
from bench.config.plan import Plan
from bench.foundation.errors import BenchError
from bench.pages.reproducibility_page import page
from bench.results.released_answers import answers_of
from bench.results.tidy import load
from bench.stages.report import report

ROOT = Path(__file__).parents[3]
WORDS = """
released:
  converse_dncnn: {rows: {four/Converse-DnCNN: "of another size"}}
open:
  - {paper: "the seeds", here: "three"}
tables:
  four:
    open:
      - {paper: "the layout", here: "ours", rows: [four/DnCNN]}
    contradictions:
      - "Says {four/Converse-DnCNN/parameters} and {readme/Converse-DnCNN}, has {parameters/converse_dncnn}."
      - "{four/Conv-DnCNN/set12} dB against {seven/ConvNet/urban100/kernel_2} dB."
    notes: [odd]
    claims: [best]
  seven: {}
"""
CLAIMS = 'claims:\n  best: {kind: property, words: "it is best", test: "try it", own_table: "reversed"}\n'


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    """The toy plan on Set12 and a tenth of BSD68, with words; the released row scores 30.704 dB on Set12."""
    with working_in(tmp_path):
        found = toy_plan(tmp_path, denoising=REAL.replace("bsd68, ", "bsd68, subset: every10, "))
        config = tmp_path / "config"
        (config / "reproducibility.yaml").write_text(WORDS)
        (config / "claims.yaml").write_text(CLAIMS)
        (config / "study.yaml").write_text("rungs:\n  S: {preset: toy, seeds: {denoising: 2}}\n")
        with (config / "published.yaml").open("a") as file:
            file.write('notes: {odd: "An odd thing."}\nreadme_parameters: {Converse-DnCNN: 1234}\n')
        fabricate(found, {"a.png": 0.0})
        run = next(r for r in found.rows["four"] if r.id == "released").runs[0]
        write_metrics(run, found.evaluations(run)[0], {"a.png": 0.004, "b.png": 0.004}, offset=30.7 - base_psnr(run))
        yield found


def words(plan: Plan) -> reproducibility.Reproducibility:
    found = reproducibility.load(plan)
    assert found is not None
    return found


@pytest.mark.parametrize("preset", preset_names(ROOT / "config"))
def test_the_words_in_config_fit_every_preset(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    plan = load_plan(preset)
    found, results = words(plan), load(plan)
    assert set(found.words.tables) == set(plan.published)
    assert sum(len(answers_of(plan, results, found, t)) for t in plan.published) == 30


def test_measured_joined_with_published(plan: Plan) -> None:
    set12, bsd68 = answers_of(plan, load(plan), words(plan), "four")
    assert (set12.paper, set12.difference, set12.images, set12.subset) == (30.70, 0.0, 2, "")
    assert set12.measured == pytest.approx(30.704)
    assert bsd68.measured is not None and bsd68.subset == "every10"
    assert bsd68.difference is None, "a subset may not be subtracted from the published average"


@pytest.mark.parametrize("first", ["every10", "all"])
def test_all_images_answer_where_a_subset_is_scored_too(first: str, tmp_path: Path) -> None:
    tests = REAL[1:-1].split(", {data: bsd68")
    both = [", {data: bsd68, subset: every10" + tests[1], ", {data: bsd68" + tests[1]]
    with working_in(tmp_path):
        found = toy_plan(tmp_path, denoising=f"[{tests[0]}{''.join(both if first == 'every10' else reversed(both))}]")
        config = tmp_path / "config"
        (config / "reproducibility.yaml").write_text(
            WORDS.replace("    notes: [odd]\n", "").replace("{readme/Converse-DnCNN}", "-")
        )
        (config / "claims.yaml").write_text(CLAIMS)
        fabricate(found, {"a.png": 0.0})
        run = next(r for r in found.rows["four"] if r.id == "released").runs[0]
        whole = next(t for t in found.evaluations(run) if t.data == "bsd68" and not t.subset)
        bsd68 = answers_of(found, load(found), words(found), "four")[1]
        assert bsd68.measured is not None and (bsd68.images, bsd68.subset) == (1, ""), "as many: all goes first"
        write_metrics(run, whole, {"a.png": 0.0, "b.png": 1.0})
        bsd68 = answers_of(found, load(found), words(found), "four")[1]
        assert (bsd68.images, bsd68.subset) == (2, "") and bsd68.difference is not None
        layout.metrics_csv(run.id, whole.stem).unlink()
        bsd68 = answers_of(found, load(found), words(found), "four")[1]
        assert (bsd68.images, bsd68.subset) == (1, "every10"), "the subset stands in until then"


def test_the_page_says_what_is_reproduced_and_what_is_not(plan: Plan) -> None:
    assert "on all images and 1 on a subset" in page(plan, load(plan), words(plan)).statement
    report(plan, allow_missing=True)
    text = (layout.report_dir("toy") / "reproducibility.md").read_text()
    html = (layout.report_dir("toy") / "index.html").read_text()
    for said in (
        "Says 734,913 and 1,234, has ",
        "30.64 dB against 20.59 dB.",
        "An odd thing.",
        "the layout → ours (rows DnCNN)",
        "“it is best” (to be tested by: try it; its own tables: reversed)",
    ):
        assert said in text and said in html, said
    line = next(row for row in text.splitlines() if row.startswith("| Converse-DnCNN") and "Set12" in row)
    assert [cell.strip() for cell in line.split("|")][2:7] == ["Set12", "*30.70*", "30.70", "0.00", "2"]
    assert "{" not in text
    waiting = next(row for row in text.splitlines() if row.startswith("| Conv-DnCNN"))
    assert "*30.64*" in waiting and "Set12 2" in waiting and "<sup>a</sup>" in waiting
    assert "(reproducibility.md)" in (layout.report_dir("toy") / "index.md").read_text()


def test_a_preset_without_released_weights_says_so(plan: Plan, tmp_path: Path) -> None:
    tables, presets = tmp_path / "config" / "tables.yaml", tmp_path / "config" / "presets"
    old = "published: Converse-DnCNN\n"
    tables.write_text(tables.read_text().replace(old, f"{old}        presets: [other]\n"))
    shutil.copy(presets / "toy.yaml", presets / "other.yaml")
    without = load_plan("toy", config=tmp_path / "config")
    result = page(without, load(without), words(without))
    assert "loads no released weights" in result.statement
    assert all(a.measured is None for a in answers_of(without, load(without), words(without), "four"))


BAD = {
    "row": ("table5_sr/SRResNet]", "table5_sr/SRRestNet]", "did you mean 'table5_sr/SRResNet'"),
    "table": ("  table6_upsampling:\n", "  table6_upsamplin:\n", "did you mean 'table6_upsampling'"),
    "weights": ("  conversenet:\n", "  convrsenet:\n", "did you mean 'conversenet'"),
    "published row": ("table3_x0_sr/interp:", "table3_x0_sr/nearest:", "unknown published row"),
    "number": ("{table5_sr/SRResNet/urban100}", "{table5_sr/SRResNet/urban10}", "table5_sr/SRResNet/urban100"),
    "claim": ("claims: [checkerboard]", "claims: [chekerboard]", "did you mean 'checkerboard'"),
    "note": ("notes: [size_dependence,", "notes: [size_dependance,", "did you mean 'size_dependence'"),
    "key": ("contradictions:", "contradiction:", "did you mean 'contradictions'"),
}


@pytest.mark.parametrize("case", BAD)
def test_unknown_ids_are_one_line_with_the_nearest(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shutil.copytree(ROOT / "config", tmp_path / "config")
    file = tmp_path / "config" / "reproducibility.yaml"
    old, new, expected = BAD[case]
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(BenchError) as caught:
        reproducibility.load(load_plan("quick", config=tmp_path / "config"))
    assert "reproducibility.yaml:" in str(caught.value) and expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_page_is_stale_when_its_words_change(plan: Plan, tmp_path: Path) -> None:
    before = reproducibility.digest(plan)
    (tmp_path / "config" / "claims.yaml").write_text(CLAIMS.replace("best}", "better}").replace("it is", "it was"))
    assert reproducibility.digest(plan) != before
