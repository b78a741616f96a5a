"""Property claims that trained rows decide: made-up evidence, and every outcome that each test can have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pandas as pd
import pytest
from property_study import TABLES, evidence, judged, property_study, spread_out, write_curves
from toy_plan import working_in

from bench.config import layout
from bench.foundation import versions
from bench.results.columns import COLUMNS
from bench.results.seed_scores import SeedScores
from bench.results.verdicts.judge import judge_study
from bench.results.verdicts.ladder import Rung
from bench.results.verdicts.row_means import row_means
from bench.results.verdicts.runs_table import runs_frame


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    with working_in(tmp_path):
        yield tmp_path


def starts(exact: tuple[float, float, float], rough: tuple[float, float, float]) -> dict[str, float]:
    names = ("gaussian_softmax", "gaussian", "uniform")
    return dict(zip(names, exact, strict=True)) | {f"{n}_published": x for n, x in zip(names, rough, strict=True)}


LARGER = ("1e-3", "1e-2", "0.1", "0.27", "0.7")
PARTS = ("3 channels, conv", "3 channels, converse", "features, conv", "features, converse")
MODES = {"zero": 28.0, "reflect": 28.1, "replicate": 28.1, "circular": 28.5}
SIZES = {"0x0": 28.5, "2x2": 28.51, "5x5": 28.49}
TABLE_OF = {
    "init_is_stability": "init_arithmetic",
    "lam_start_small": "lambda_start",
    "usrnet_reason": "usrnet_parts",
}
CASES: dict[str, tuple[str, Mapping[str, float], str, str]] = {
    "both formulas agree": (
        "init_is_stability", starts((28.5, 28.2, 28.1), (28.4, 28.0, 28.0)), "holds",
        "softmax minus gaussian: exact +0.300 dB, Algorithm 1 +0.400 dB",
    ),
    "the exact formula takes the gap away": (
        "init_is_stability", starts((28.5, 28.5, 28.5), (28.4, 28.0, 28.0)), "reversed", "Algorithm 1 +0.400 dB",
    ),
    "the exact formula turns it around": (
        "init_is_stability", starts((28.2, 28.5, 28.5), (28.2, 28.2, 28.2)), "reversed", "exact −0.300 dB",
    ),
    "no gap at all": (
        "init_is_stability", starts((28.5, 28.5, 28.5), (28.5, 28.5, 28.5)), "cannot tell", "Algorithm 1 0.000 dB",
    ),
    "the small start is best": (
        "lam_start_small", {"1.2e-4": 28.5} | dict.fromkeys(LARGER, 28.2), "holds", "least favourable of 5 starts",
    ),
    "one larger start is better": (
        "lam_start_small", {"1.2e-4": 28.5} | dict.fromkeys(LARGER, 28.2) | {"0.27": 28.8}, "reversed", "starts: 0.27",
    ),
    "all starts are alike": (
        "lam_start_small", {"1.2e-4": 28.5} | dict.fromkeys(LARGER, 28.5), "cannot tell", "standard deviation",
    ),
    "the data step makes the gain": (
        "usrnet_reason", dict(zip(PARTS, (28.0, 28.1, 28.6, 28.7), strict=True)), "holds",
        "data step in features +0.600",
    ),
    "the operator makes the gain": (
        "usrnet_reason", dict(zip(PARTS, (28.0, 28.6, 28.1, 28.7), strict=True)), "reversed",
        "operator of the prior +0.600",
    ),
    "both make it alike": (
        "usrnet_reason", dict(zip(PARTS, (28.0, 28.3, 28.3, 28.6), strict=True)), "cannot tell", "interaction 0.000",
    ),
    "there is no gain": (
        "usrnet_reason", dict(zip(PARTS, (28.3, 28.0, 28.6, 28.3), strict=True)), "cannot tell",
        "no gain to explain",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_answer(root: Path, case: str) -> None:
    claim, means, word, reason = CASES[case]
    plan = property_study(root, claim)
    verdict = judged(evidence(root, plan, TABLE_OF[claim], spread_out(means)), claim)
    assert (verdict.words, verdict.n, verdict.rung, verdict.source) == (word, 5, "S", TABLE_OF[claim])
    assert reason in verdict.reason, verdict.reason
    assert verdict.effect_db is not None and verdict.low is not None and verdict.low < verdict.effect_db


@pytest.mark.parametrize("claim", TABLE_OF)
def test_what_is_not_measured_says_so(root: Path, claim: str) -> None:
    plan = property_study(root, claim)
    (root / "evidence").mkdir()
    nothing = judged(root / "evidence", claim)
    assert (nothing.words, nothing.n, nothing.reason) == ("not measured", 0, "")
    means = next(dict(m) for c, m, *_ in CASES.values() if c == claim)
    lost = means.popitem()[0]
    part = judged(evidence(root, plan, TABLE_OF[claim], spread_out(means)), claim)
    assert (part.verdict, part.n) == ("not measured", 0) and f"no result of {lost}" in part.reason


@pytest.mark.parametrize(("n", "words"), [(2, "no verdict"), (3, "holds, provisional")])
@pytest.mark.parametrize("claim", TABLE_OF)
def test_seeds_that_are_still_to_come(root: Path, claim: str, n: int, words: str) -> None:
    plan = property_study(root, claim)
    means = next(m for c, m, word, _ in CASES.values() if c == claim and word == "holds")
    verdict = judged(evidence(root, plan, TABLE_OF[claim], spread_out(means, n)), claim)
    assert (verdict.words, verdict.n) == (words, n) and f"{n}" in verdict.reason


def test_seeds_that_diverge_are_an_answer_to_stability(root: Path) -> None:
    claim, table = "init_is_stability", "init_arithmetic"
    plan = property_study(root, claim)
    scores = spread_out(starts((28.5, 28.2, 28.1), (28.4, 28.0, 28.0)))
    scores["gaussian_published"] = [None] * 5
    verdict = judged(evidence(root, plan, table, scores), claim)
    assert verdict.words == "holds" and "seeds 0 to 4 of gaussian_published diverged" in verdict.reason
    scores |= {"gaussian": scores["gaussian_softmax"][::-1]}
    (root / "again").mkdir()
    verdict = judged(evidence(root / "again", plan, table, scores), claim)
    assert verdict.words == "reversed" and "Algorithm 1 no number" in verdict.reason
    scores["gaussian"] = [None] * 5
    (root / "third").mkdir()
    verdict = judged(evidence(root / "third", plan, table, scores), claim)
    assert verdict.words == "holds" and verdict.comparison == "gaussian_softmax − uniform"
    scores["uniform"] = [None] * 5
    (root / "fourth").mkdir()
    verdict = judged(evidence(root / "fourth", plan, table, scores), claim)
    assert (verdict.words, verdict.effect_db) == ("holds", None)


def test_a_larger_start_with_less_spread_or_with_diverged_seeds(root: Path) -> None:
    claim, table = "lam_start_small", "lambda_start"
    plan = property_study(root, claim, seeds=8)
    wide = [28.3, 28.7, 28.3, 28.7, 28.3, 28.7, 28.3, 28.7]
    scores = dict.fromkeys(("1.2e-4", *LARGER), wide) | {"0.27": [28.5 + i / 1000 for i in range(-4, 4)]}
    verdict = judged(evidence(root, plan, table, scores), claim)
    assert verdict.words == "reversed" and "significantly less spread from 0.27" in verdict.reason
    plan = property_study(root, claim)
    best = spread_out({"1.2e-4": 28.5} | dict.fromkeys(LARGER, 28.2)) | {"0.7": [None] * 5}
    (root / "again").mkdir()
    assert judged(evidence(root / "again", plan, table, best), claim).words == "holds"
    best |= dict.fromkeys(LARGER, [None] * 5)
    (root / "third").mkdir()
    alone = judged(evidence(root / "third", plan, table, best), claim)
    assert (alone.words, alone.effect_db) == ("holds", None)


def test_runs_can_be_followed(root: Path) -> None:
    claim, table = "usrnet_reason", "usrnet_parts"
    plan = property_study(root, claim)
    folder = evidence(root, plan, table, spread_out(dict.fromkeys(PARTS, 28.0)))
    found = judge_study(Path("config"), [folder])
    assert found is not None
    runs_frame(found).to_csv(root / "runs.csv", index=False)
    frame = pd.read_csv(root / "runs.csv")
    assert len(frame) == 20 and set(frame["table"]) == {table} and set(frame["row"]) == set(PARTS)


def padding(root: Path, modes: Mapping[str, float], sizes: Mapping[str, float], n: int = 5) -> Path:
    plan = property_study(root, "pad_mode_matters")
    folder = evidence(root, plan, "table2_padding_mode", spread_out(modes, n))
    return evidence(folder.parent, plan, "table2_padding_size", spread_out(sizes, n))  # 4x4 is circular


def test_padding_modes_against_sizes(root: Path) -> None:
    holds = judged(padding(root, MODES, SIZES), "pad_mode_matters")
    assert holds.words == "holds" and holds.effect_db == pytest.approx(0.5 - 0.03, abs=0.05)
    assert "range over modes 0.5" in holds.reason


def test_padding_sizes_matter_more(root: Path) -> None:
    close = {"zero": 28.5, "reflect": 28.51, "replicate": 28.49, "circular": 28.5}
    assert judged(padding(root, close, {"0x0": 28.0, "2x2": 28.1, "5x5": 28.1}), "pad_mode_matters").words == "reversed"


def test_padding_alike_and_not_measured(root: Path) -> None:
    alike = judged(padding(root, dict.fromkeys(MODES, 28.5), dict.fromkeys(SIZES, 28.5)), "pad_mode_matters")
    assert alike.words == "cannot tell" and alike.n == 5
    (root / "none").mkdir()
    assert judged(root / "none", "pad_mode_matters").verdict == "not measured"


def test_padding_with_two_seeds_and_without_a_row(root: Path) -> None:
    assert judged(padding(root, MODES, SIZES, 2), "pad_mode_matters").words == "no verdict"
    (root / "b").mkdir()
    plan = property_study(root, "pad_mode_matters")
    folder = evidence(root / "b", plan, "table2_padding_mode", spread_out(MODES))
    lost = judged(folder, "pad_mode_matters")
    assert (lost.words, lost.n) == ("not measured", 0) and "no result of 0x0, 2x2, 5x5" in lost.reason


def convergence(root: Path, zero: float, y: float, n: int = 5, diverged: int = 0) -> Path:
    plan, table = property_study(root, "x0_convergence"), "table3_x0_denoising"
    scores = spread_out({"zero": 28.0, "y": 28.0}, n)
    scores["y"][:diverged] = [None] * diverged
    folder = evidence(root, plan, table, scores)
    rates = {"zero": [zero * (1 + i / 50) for i in range(n)], "y": [y * (1 + (i * 3 % 5) / 50) for i in range(n)]}
    write_curves(folder, plan, table, rates)
    return folder


@pytest.mark.parametrize(
    ("zero", "y", "word"), [(0.005, 0.01, "holds"), (0.01, 0.005, "reversed"), (0.01, 0.01, "cannot tell")]
)
def test_convergence(root: Path, zero: float, y: float, word: str) -> None:
    verdict = judged(convergence(root, zero, y), "x0_convergence")
    assert (verdict.words, verdict.n, verdict.source) == (word, 5, "table3_x0_denoising")
    assert f"{y / zero:.2f}"[:3] in verdict.reason, verdict.reason


def test_convergence_of_one_task_is_provisional_while_another_is_planned(root: Path) -> None:
    folder = convergence(root, 0.005, 0.01)
    property_study(root, "x0_convergence", shown=(*TABLES, "table3_x0_sr"))
    verdict = judged(folder, "x0_convergence")
    assert verdict.words == "holds, provisional" and "sr: not measured" in verdict.reason


def test_convergence_of_few_and_of_diverged_seeds(root: Path) -> None:
    assert judged(convergence(root, 0.005, 0.01, 2), "x0_convergence").words == "no verdict"
    for name, lost, word in (("b", 1, "holds"), ("c", 5, "cannot tell")):
        (root / name).mkdir()
        with working_in(root / name):
            verdict = judged(convergence(root / name, 0.005, 0.01, diverged=lost), "x0_convergence")
        assert (verdict.words, verdict.n) == (word, 5 - lost if lost == 5 else 4) and "of y diverged" in verdict.reason


def test_convergence_without_curves_is_not_measured(root: Path) -> None:
    plan = property_study(root, "x0_convergence")
    folder = evidence(root, plan, "table3_x0_denoising", spread_out({"zero": 28.0, "y": 28.0}))
    assert judged(folder, "x0_convergence").verdict == "not measured"


def timings(
    path: Path, slower: tuple[float, float], gate: str = "passed", *, instructions: str = "AVX9", conv: float = 0.01
) -> None:
    columns = [c for c in COLUMNS["throughput.csv"] if c != "source"]
    lines = [",".join(columns)]
    for case, factor in zip(("small map", "large map"), slower, strict=True):
        for name, seconds in (
            ("conv", 2 * conv), ("conv, zeros", conv), ("converse2d", conv * factor), ("algorithm1", 0.1)
        ):  # fmt: skip
            where = f"v{versions.THROUGHPUT_VERSION},1,cpu,Imaginary CPU,{instructions},torch,float32,2.13.0"
            passed = gate if (case, name) == ("large map", "converse2d") else "passed"
            lines.append(
                f'small,operator,{case},"{name}",conv,forward+backward,{seconds},0,5,1000,,,0,{passed},ok,,{where}'
            )
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("slower", "word"), [((0.8, 0.9), "holds"), ((1.5, 2.0), "reversed"), ((0.8, 2.0), "cannot tell")]
)
def test_efficiency(root: Path, slower: tuple[float, float], word: str) -> None:
    property_study(root, "efficient")
    timings(root / "evidence" / "throughput.csv", slower)
    verdict = judged(root / "evidence", "efficient")
    assert (verdict.words, verdict.n, verdict.source) == (word, 2, "throughput")
    assert f"time {slower[0]:g} to {slower[1]:g} of the fastest" in verdict.reason and "Imaginary CPU" in verdict.reason


def test_a_case_with_wrong_results_is_said_and_allows_no_holds(root: Path) -> None:
    property_study(root, "efficient")
    timings(root / "evidence" / "throughput.csv", (0.8, 0.9), "failed: off by 1")
    verdict = judged(root / "evidence", "efficient")
    assert (verdict.words, verdict.n) == ("cannot tell", 1) and "converse2d of large map" in verdict.reason


def test_a_machine_of_another_instruction_set_is_another_machine(root: Path) -> None:
    """Where the operator is slower on a slow machine, the convolution of a fast one of the same name is no yardstick,
    and where it is faster on the fast one, its own slow timings are hidden."""
    property_study(root, "efficient")
    timings(root / "fast" / "throughput.csv", (0.5, 0.5), instructions="AVX512")
    timings(root / "slow" / "throughput.csv", (3.0, 3.0), instructions="AVX2", conv=0.1)
    found = judge_study(Path("config"), [root / "fast", root / "slow"])
    assert found is not None
    verdict = found.decisive["efficient"]
    assert (verdict.words, verdict.n) == ("cannot tell", 4) and "time 0.5 to 3 of the fastest" in verdict.reason


def test_imported_timings_count_and_what_was_published_too_counts_once(root: Path) -> None:
    property_study(root, "efficient")
    imported = layout.imported_throughput("small", "0a1b2c")
    timings(root / imported, (0.8, 0.9))
    timings(root / layout.evidence_dir("2026-01-01-x") / "throughput.csv", (0.8, 0.9))
    found = judge_study(Path("config"), None)
    assert found is not None
    assert (found.decisive["efficient"].words, found.decisive["efficient"].n) == ("holds", 2)
    assert list(found.tables.throughput["source"].unique()) == [""]


def test_efficiency_not_measured(root: Path) -> None:
    property_study(root, "efficient")
    (root / "evidence").mkdir()
    assert judged(root / "evidence", "efficient").verdict == "not measured"


def test_a_seed_that_lacks_a_data_set_is_not_known() -> None:
    names = ["dataset", "kernel", "image"]
    images = pd.MultiIndex.from_tuples([("bsd68", "", "a"), ("set12", "", "a")], names=names)
    whole = pd.DataFrame({seed: [28.0, 27.0] for seed in range(3)}, index=images)
    part = whole.copy()
    part.iloc[0, 2] = float("nan")
    sides = {"a": SeedScores("a", whole, 3), "b": SeedScores("b", part, 3, missing=(2,))}
    rung = SimpleNamespace(scores=lambda table, row: sides[row])
    means = row_means(cast(Rung, rung), "four", ("a", "b"))
    assert means is not None and (means.converged("a"), means.converged("b")) == (3, 2)
    assert means.means["a"][0] == 27.5, "both data sets count"
