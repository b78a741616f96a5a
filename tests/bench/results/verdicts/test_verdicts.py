"""Made-up evidence with a known truth, judged: every kind of claim, every shortage, and the rung that decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fabricated_evidence import write_evidence
from toy_plan import REAL, working_in
from toy_study import toy_study

from bench.foundation.errors import BenchError
from bench.results.verdicts.judge import Judgement, judge_study
from bench.results.verdicts.verdict import COLUMNS, Verdict
from bench.stages.verdicts import verdicts

SEEDS = (0.00, 0.02, -0.01, 0.01, -0.02)
"""What a seed adds to every row: pairs share it."""
OWN = {"DnCNN": (0.001, -0.002, 0.001, 0.0, 0.0), "Conv-DnCNN": (-0.001, 0.0, 0.002, 0.001, -0.002)}


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    with working_in(tmp_path):
        yield tmp_path


def row(mean: float, own: Sequence[float] = (0.0,) * 5, n: int = 5) -> list[float | None]:
    return [mean + s + o for s, o in zip(SEEDS, own, strict=True)][:n]


def scores(converse: float, dncnn: float, conv: float, n: int = 5) -> dict[str, list[float | None]]:
    return {
        "Converse-DnCNN": row(converse, n=n),
        "DnCNN": row(dncnn, OWN["DnCNN"], n),
        "Conv-DnCNN": row(conv, OWN["Conv-DnCNN"], n),
    }


def judged(*folders: Path) -> Judgement:
    found = judge_study(Path("config"), folders)
    assert found is not None
    return found


def on(found: Judgement, claim: str, rung: str = "S", dataset: str = "", kernel: str = "") -> Verdict:
    (one,) = (v for v in found.verdicts if (v.claim, v.rung, v.dataset, v.kernel) == (claim, rung, dataset, kernel))
    return one


def test_clear_differences(root: Path) -> None:
    plan = toy_study(root)["S"]
    found = judged(write_evidence(root / "e", plan, scores(28.5, 28.0, 28.49), table="four"))
    better = on(found, "better")
    assert (better.words, better.n, better.rung) == ("holds", 5, "S")
    assert better.effect_db == pytest.approx(0.5) and better.low is not None and better.low > 0.49
    assert better.published_db is None  # other data than the paper's
    assert better.correlation is not None and better.correlation > 0.9 and (better.detectable_db or 0) < 0.01
    best = on(found, "best")
    assert best.words == "holds" and best.comparison == "Converse-DnCNN − Conv-DnCNN"
    assert on(found, "same").words == "equivalent"  # 0.01 dB: not zero, and within the margin
    assert on(found, "fine").words == "not worse"
    assert on(found, "looks", "").verdict == "shown"
    assert on(found, "unknown", "").verdict == "not measured"


def test_one_reversed_comparison_rejects_the_whole(root: Path) -> None:
    plan = toy_study(root)["S"]
    found = judged(write_evidence(root / "e", plan, scores(28.5, 28.0, 28.8), table="four"))
    assert (on(found, "better").words, on(found, "best").words) == ("holds", "reversed")
    assert on(found, "best").effect_db == pytest.approx(-0.3)
    assert (on(found, "same").words, on(found, "fine").words) == ("different", "worse")


def test_paired_sees_what_welch_cannot(root: Path) -> None:
    words = {}
    for design in ("paired", "welch"):
        plan = toy_study(root, design=design)["S"]
        found = judged(write_evidence(root / design, plan, scores(28.51, 28.5, 28.49), table="four"))
        words[design] = on(found, "better").words
        if design == "welch":
            needed = on(found, "same").reason
    assert words == {"paired": "holds", "welch": "cannot tell"}
    assert "needs a standard deviation over seeds ≤ 0.0" in needed or on(found, "same").words == "equivalent"


@pytest.mark.parametrize(("n", "words"), [(2, "no verdict"), (3, "holds, provisional"), (5, "holds")])
def test_seeds_that_are_still_to_come(root: Path, n: int, words: str) -> None:
    plan = toy_study(root)["S"]
    found = judged(write_evidence(root / "e", plan, scores(28.5, 28.0, 28.1, n), table="four"))
    verdict = on(found, "better")
    assert (verdict.words, verdict.n) == (words, n) and verdict.effect_db == pytest.approx(0.5, abs=1e-3)
    assert n == 5 or f"{n}" in verdict.reason


def test_the_highest_rung_with_its_declared_seeds_decides(root: Path) -> None:
    plans = toy_study(root)
    small = write_evidence(root / "small", plans["S"], scores(28.5, 28.0, 28.1), table="four")
    started = write_evidence(root / "started", plans["M"], scores(28.5, 28.9, 29.1, 3), table="four")
    whole = write_evidence(root / "whole", plans["M"], scores(28.5, 28.9, 29.1), table="four")
    assert judged(small, started).decisive["better"].rung == "S"  # M is a point of the ladder
    assert judged(started).decisive["better"].words == "reversed, provisional"
    assert judged(small, whole).decisive["better"].rung == "M"


def test_a_diverged_seed_is_said_and_does_not_count(root: Path) -> None:
    plan = toy_study(root)["S"]
    made = scores(28.5, 28.0, 28.1)
    made["DnCNN"][1] = None
    verdict = on(judged(write_evidence(root / "e", plan, made, table="four")), "better")
    assert (verdict.words, verdict.n) == ("holds", 4) and "seed 1 of DnCNN diverged" in verdict.reason


def test_a_missing_row_is_said_and_the_rest_is_judged(root: Path) -> None:
    plan = toy_study(root)["S"]
    made = scores(28.5, 28.0, 28.1)
    del made["DnCNN"]
    found = judged(write_evidence(root / "e", plan, made, table="four"))
    assert on(found, "better").words == "not measured" and "no result of DnCNN" in on(found, "better").reason
    unmeasured = on(judged(root / "nothing"), "better", rung="")
    assert on(found, "better").published_db == unmeasured.published_db is not None
    assert on(found, "same").words == "different"


def test_identical_outputs_are_said(root: Path) -> None:
    plan = toy_study(root)["S"]
    made = {"Converse-DnCNN": row(28.0), "DnCNN": row(28.0), "Conv-DnCNN": row(28.0)}
    for design in ("paired", "welch"):
        toy_study(root, design=design)
        found = judged(write_evidence(root / design, plan, made, table="four"))
        assert on(found, "better").words == "cannot tell" and "identical outputs" in on(found, "better").reason
        assert on(found, "same").words == "equivalent" and "identical outputs" in on(found, "same").reason
        assert on(found, "fine").words == "not worse"


def test_seeds_that_change_nothing_replicate_nothing(root: Path) -> None:
    plan = toy_study(root)["S"]
    made = {"Converse-DnCNN": [28.5] * 5, "DnCNN": [28.0] * 5, "Conv-DnCNN": [28.1] * 5}
    verdict = on(judged(write_evidence(root / "e", plan, made, table="four")), "better")
    assert verdict.words == "no verdict" and "nothing is replicated" in verdict.reason


def test_one_image_and_no_image(root: Path) -> None:
    plan = toy_study(root)["S"]
    one = judged(write_evidence(root / "one", plan, scores(28.5, 28.0, 28.1), table="four", images=["b.png"]))
    assert on(one, "better").words == "holds" and "one image only" in on(one, "better").reason
    none = judged(write_evidence(root / "none", plan, scores(28.5, 28.0, 28.1), table="four", images=[]))
    assert none.decisive["better"].words == "not measured" and none.decisive["better"].n == 0


def test_images_that_only_one_row_has_do_not_count(root: Path) -> None:
    plan = toy_study(root)["S"]
    made = scores(28.5, 28.0, 28.1)
    folder = write_evidence(root / "e", plan, made, table="four")
    frame = pd.read_csv(folder / "metrics.csv", keep_default_na=False)
    lost = {r.id for r in next(r for r in plan.rows["four"] if r.id == "DnCNN").runs}
    frame[~(frame["run"].isin(lost) & (frame["image"] == "d.png"))].to_csv(folder / "metrics.csv", index=False)
    verdict = on(judged(folder), "better")
    assert verdict.effect_db == pytest.approx(0.5) and "1 images that only one row has" in verdict.reason


def test_cells_and_how_many_are_reversed(root: Path) -> None:
    plan = toy_study(root)["S"]
    made = {"ConverseNet": row(28.5), "ConvNet": row(28.0, OWN["DnCNN"])}
    extra = {("ConverseNet", "embedded_test", "motion"): -0.8}
    found = judged(write_evidence(root / "e", plan, made, table="seven", extra=extra))
    whole = on(found, "blind")
    assert (whole.words, whole.cells, whole.reversed_cells) == ("holds", 2, 1)
    assert whole.effect_db == pytest.approx(0.1) and "reversed in 1 of 2 cells" in whole.reason
    assert on(found, "blind", "S", "embedded_test", "gaussian").words == "holds"
    assert on(found, "blind", "S", "embedded_test", "motion").words == "reversed"


def test_a_cell_is_reversed_after_the_correction_over_all_cells(root: Path) -> None:
    plan = toy_study(root, denoising=REAL)["S"]
    extra = {("DnCNN", "set12", ""): 0.00205}  # p = 0.02 in one of four comparisons, the others show nothing
    found = judged(write_evidence(root / "e", plan, scores(28.5, 28.5, 28.5), table="four", extra=extra))
    two, four = (on(found, claim, "S", "set12") for claim in ("better", "best"))
    assert (two.words, on(found, "better").reversed_cells) == ("reversed", 1)
    assert two.p_holm == pytest.approx(0.04, abs=0.001) and four.p_holm == pytest.approx(1, abs=0.1)
    assert (four.words, on(found, "best").reversed_cells) == ("cannot tell", 0)


def test_the_papers_difference_stands_beside_ours(root: Path) -> None:
    plan = toy_study(root, denoising=REAL)["S"]
    found = judged(write_evidence(root / "e", plan, scores(28.5, 28.0, 28.49), table="four"))
    assert on(found, "better").published_db == pytest.approx((0.27 + 0.13) / 2)
    assert on(found, "better", "S", "set12").published_db == pytest.approx(0.27)
    assert on(found, "best").published_db == pytest.approx(0.06)  # of the comparison that the effect is of


def test_single_comparisons_are_corrected_over_the_axis(root: Path) -> None:
    plan = toy_study(root)["S"]
    made = scores(28.5, 28.4, 28.0)
    rng = np.random.default_rng(2)
    made["DnCNN"] = [28.47 + s + 0.02 * float(rng.standard_normal()) for s in SEEDS]
    found = judged(write_evidence(root / "e", plan, made, table="four"))
    gap = found.ladder.rungs[0].compare("four", "Converse-DnCNN", "DnCNN")
    assert gap is not None and 0.001 < gap.p < 0.2
    # Two comparisons are shown; the other one is much clearer, so that this one is the second step.
    assert on(found, "better").p_holm == pytest.approx(gap.p)
    made["Conv-DnCNN"] = [28.47 + s + 0.04 * float(rng.standard_normal()) for s in SEEDS]
    found = judged(write_evidence(root / "f", plan, made, table="four"))
    assert on(found, "better").p_holm == pytest.approx(2 * gap.p)


def test_the_file_and_its_columns(root: Path) -> None:
    plan = toy_study(root)["S"]
    folder = write_evidence(root / "e", plan, scores(28.5, 28.0, 28.1, 4), table="four")
    path, found = verdicts([folder], root / "out.csv")
    frame = pd.read_csv(path)
    assert list(frame.columns) == list(COLUMNS)
    assert len(frame) == len(found.verdicts) and set(frame["claim"]) == set(found.decisive)
    assert frame.set_index("claim").loc["better", "verdict"] == "holds, provisional"
    first = path.read_bytes()
    assert verdicts([folder], root / "out.csv")[0].read_bytes() == first


def test_a_folder_that_is_no_evidence_is_named(root: Path) -> None:
    toy_study(root)
    with pytest.raises(BenchError, match=r"nowhere/runs.csv is missing"):
        verdicts([root / "nowhere"], root / "out.csv")


def test_what_is_not_measured_stands_beside_the_papers_difference(root: Path) -> None:
    toy_study(root)
    (root / "none").mkdir()
    found = {v.claim: v for v in judged(root / "none").verdicts}
    assert (found["best"].words, found["best"].n, found["best"].reason) == ("not measured", 0, "")
    assert found["best"].published_db == pytest.approx(((30.70 - 30.64) + (29.36 - 29.30)) / 2), (
        "against the best other"
    )
