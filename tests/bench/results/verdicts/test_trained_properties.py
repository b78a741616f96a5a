"""Claims that are judged on what was measured of trained networks beside their scores; every answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest
from property_study import evidence, judged, property_study, spread_out
from toy_plan import working_in

from bench.config.plan import Plan
from bench.config.planned_properties import VERSION, properties_of
from bench.results.properties import NEEDED
from bench.results.view import signed

MODES = ("circular", "zero", "reflect", "replicate")
UPSAMPLERS = ("ConvT", "Converse2D", "PixelShuffle", "Nearest")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    with working_in(tmp_path):
        yield tmp_path


def numbers(kind: str, value: float, images: Sequence[str]) -> list[tuple[str, str, str, float]]:
    """(part, image, metric, value) of a network whose one number is ``value``."""
    if kind == "border":
        gains = {"border": 8 + value, "interior": 8.0}
        return [
            (part, image, metric, 20 + (gain if metric == "psnr" else 0))
            for part, gain in gains.items()
            for image in images
            for metric in ("psnr", "psnr_input")
        ]
    if kind == "checkerboard":
        pictures = [("", name, "share_db", value) for name in ("constant", "ramp", *images)]
        return [*pictures, *(("", image, "share_db_target", -40.0) for image in images)]
    return [(layer, image, "error", value) for layer in ("one", "two") for image in images]


def write(folder: Path, plan: Plan, table: str, kind: str, values: Mapping[str, Sequence[float | None]]) -> Path:
    lines = []
    for row in plan.rows[table]:
        for run, value in zip(row.runs, values.get(row.id, ()), strict=False):
            one = next(p for p in properties_of(plan, run) if p.name == kind)
            images = list(dict.fromkeys(image for image, _ in plan.scored(one.test).cases() or ()))
            head = (run.id, kind, one.test.key, VERSION, one.test.content, f"sha of {run.id}")
            lines += [(*head, *rest) for rest in (numbers(kind, value, images) if value is not None else ())]
    pd.DataFrame(lines, columns=list(NEEDED)).to_csv(folder / "properties.csv", index=False)
    runs = pd.read_csv(folder / "runs.csv", dtype=str, keep_default_na=False)
    runs.assign(weights_sha256="sha of " + runs["run"]).to_csv(folder / "runs.csv", index=False)
    return folder


def measured(
    root: Path, claim: str, table: str, kind: str, means: Mapping[str, float], n: int = 5
) -> tuple[Path, dict[str, list[float | None]]]:
    plan, values = property_study(root, claim), spread_out(means, n)
    folder = evidence(root, plan, table, spread_out(dict.fromkeys(means, 28.0), n))
    return write(folder, plan, table, kind, values), values


@pytest.mark.parametrize(
    ("means", "word"),
    [((0.0, -0.3, -0.2, -0.2), "holds"), ((-0.5, -0.3, -0.2, -0.6), "reversed"), ((-0.2,) * 4, "cannot tell")],
)
def test_border(root: Path, means: tuple[float, ...], word: str) -> None:
    folder, _ = measured(root, "no_border", "table2_padding_mode", "border", dict(zip(MODES, means, strict=True)))
    verdict = judged(folder, "no_border")
    assert (verdict.words, verdict.n, verdict.rung, verdict.source) == (word, 5, "S", "table2_padding_mode")
    assert verdict.effect_db is not None and verdict.comparison.startswith("circular − ")
    assert "gain at the border (8 pixels) minus in the interior (dB): circular" in verdict.reason


def test_border_of_few_seeds_and_of_a_row_that_is_missing(root: Path) -> None:
    means = dict(zip(MODES, (0.0, -0.3, -0.2, -0.2), strict=True))
    folder, values = measured(root, "no_border", "table2_padding_mode", "border", means, n=2)
    assert judged(folder, "no_border").words == "no verdict"
    plan = property_study(root, "no_border")
    del values["zero"]
    write(folder, plan, "table2_padding_mode", "border", values)
    lost = judged(folder, "no_border")
    assert (lost.verdict, lost.n) == ("not measured", 0) and "no result of zero" in lost.reason
    (folder / "properties.csv").unlink()
    assert judged(folder, "no_border").verdict == "not measured"


def test_seeds_that_have_scores_and_no_property_are_named(root: Path) -> None:
    means = dict(zip(MODES, (0.0, -0.3, -0.2, -0.2), strict=True))
    folder, values = measured(root, "no_border", "table2_padding_mode", "border", means)
    plan = property_study(root, "no_border")
    values["circular"] = [None, *values["circular"][1:]]
    write(folder, plan, "table2_padding_mode", "border", values)
    verdict = judged(folder, "no_border")
    assert (verdict.words, verdict.n) == ("holds, provisional", 4)
    assert "4 of 5 declared seeds; scored, without this property: seed 0 of circular" in verdict.reason
    values["circular"] = [None] * 5
    write(folder, plan, "table2_padding_mode", "border", values)
    lost = judged(folder, "no_border")
    assert lost.verdict == "not measured" and "seeds 0 to 4 of circular" in lost.reason
    cut = pd.read_csv(folder / "properties.csv")
    cut[cut["metric"] == "psnr"].to_csv(folder / "properties.csv", index=False)
    assert judged(folder, "no_border").verdict == "not measured", "a table without psnr_input does not count"


@pytest.mark.parametrize(
    ("means", "word"),
    [
        ((-40, -90, -60, -80), "holds"),
        ((-40, -20, -60, -80), "reversed"),  # the other one has more
        ((-60, -90, -60, -80), "reversed"),  # more than the other one has, and nothing that an image can show
        ((-40, -40, -60, -60), "cannot tell"),
        ((-48, -90, -60, -60), "cannot tell"),  # more, and perhaps to be seen
    ],
)
def test_checkerboard(root: Path, means: tuple[float, ...], word: str) -> None:
    table = "table6_upsampling"
    folder, _ = measured(root, "checkerboard", table, "checkerboard", dict(zip(UPSAMPLERS, means, strict=True)))
    verdict = judged(folder, "checkerboard")
    assert (verdict.words, verdict.n, verdict.source, verdict.effect_db) == (word, 5, table, None)
    assert f"ConvT {means[0]:.0f} / {means[0]:.0f} / {means[0]:.1f} (-40.0)" in verdict.reason
    assert f"{signed(means[0], 0)} dB (seen from −48)" in verdict.number


def test_data_fidelity_stands_beside_the_start_of_lambda(root: Path) -> None:
    rows = ("1.2e-4", "1e-3", "1e-2", "0.1", "0.27", "0.7")
    errors = dict(zip(rows, (0.05, 0.1, 0.2, 0.3, 0.4, 0.5), strict=True))
    folder, _ = measured(root, "lam_start_small", "lambda_start", "reconvolution", errors)
    verdict = judged(folder, "lam_start_small")
    assert verdict.verdict == "cannot tell" and "re-convolution error 5.0e-02, from 1e-3 1.0e-01" in verdict.reason
