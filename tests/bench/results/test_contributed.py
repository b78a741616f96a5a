"""The check of contributed evidence: the committed folders pass, and every way to spoil a copy is named."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.data.datasets import load_datasets
from bench.foundation.errors import BenchError
from bench.results.columns import COLUMNS
from bench.results.contributed import problems
from bench.stages.check_evidence import check_evidence
from converse.declarations import registry

EVIDENCE = sorted((Path(__file__).parents[3] / "results" / "evidence").glob("2026-11-21-*"))[0]
Rows = list[dict[str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a committed folder, in which the runs and scores of Set5 alone are left."""
    copy = tmp_path / "2026-01-01-my-gpu"
    shutil.copytree(EVIDENCE, copy)
    edit(copy, "metrics.csv", lambda rows: rows.__setitem__(slice(None), [r for r in rows if r["dataset"] == "set5"]))
    return copy


def edit(folder: Path, name: str, change: Callable[[Rows], object]) -> None:
    with (folder / name).open(newline="") as file:
        rows = list(csv.DictReader(file))
    change(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(k for row in rows for k in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (folder / name).write_text(text.getvalue())


def found(folder: Path) -> list[str]:
    """What is wrong, but for the curves, which the oldest folder has not."""
    said = problems(folder, load_datasets(), registry.operators([]))
    return [line for line in said if "curves.csv" not in line]


def trained(rows: Rows) -> dict[str, str]:
    return next(row for row in rows if row["status"] == "trained")


def test_committed_evidence_has_nothing_wrong() -> None:
    assert check_evidence()


def test_a_copy_has_nothing_wrong(folder: Path) -> None:
    assert found(folder) == []


def _budget(rows: Rows) -> None:
    spec = json.loads(trained(rows)["spec"])
    spec["train"]["budget"]["steps"] = 5
    trained(rows)["spec"] = json.dumps(spec)


def _operator(rows: Rows) -> None:
    spec = json.loads(trained(rows)["spec"])
    spec["network"]["operator"] = "mine"
    trained(rows)["spec"] = json.dumps(spec)


RUNS: dict[str, tuple[Callable[[Rows], object], str]] = {
    "budget": (_budget, "one of the two was changed"),
    "operator": (_operator, "operator 'mine' is not known here"),
    "specification": (lambda r: trained(r).update(spec="{}"), "its specification is not one"),
    "steps": (lambda r: trained(r).update(steps="7"), "trained for 7 of 3000 steps"),
    "date": (
        lambda r: trained(r).update(date="yesterday"),
        "date 'yesterday' is not allowed (allowed: a day as YYYY-MM-DD)",
    ),
    "machine": (lambda r: trained(r).update(machine="{}"), "machine says neither cpu nor gpu"),
    "versions": (lambda r: trained(r).update(versions='{"python": "3"}'), "versions lack torch, train_version"),
    "weights": (
        lambda r: next(x for x in r if x["status"] == "loaded").update(checkpoint_sha256=""),
        "without their sha256",
    ),
    "twice": (lambda r: r.append(dict(r[0])), "twice"),
    "column": (lambda r: [x.pop("machine") for x in r], "column 'machine' is missing"),
    "unknown column": (lambda r: r[0].update(machien="x"), "unknown column 'machien'; did you mean 'machine'?"),
}
METRICS: dict[str, tuple[Callable[[Rows], object], str]] = {
    "run": (lambda r: r[0].update(run="nobody-0000000000"), "nobody-0000000000 is not in runs.csv"),
    "protocol": (lambda r: r[0].update(protocol="sr-bicubik-x4"), "unknown protocol 'sr-bicubik-x4'; did you mean"),
    "protocol's number": (lambda r: r[0].update(protocol="sr-bicubic-x2.5"), "the scale is a whole number"),
    "data set": (lambda r: r[0].update(dataset="set50"), "data set 'set50' is not in datasets.yaml"),
    "evaluation": (lambda r: r[0].update(evaluation="set14@sr-bicubic-x4"), "its rows name data set 'set5'"),
    "no number": (lambda r: r[0].update(value="good"), "is 'good', no finite number"),
    "no value": (lambda r: r[0].update(value=""), "has no value, though the status of its run is"),
    "range": (
        lambda r: next(x for x in r if x["metric"] == "psnr").update(value="130"),
        "psnr is 130, outside 0 to 100",
    ),
    "nan": (lambda r: r[0].update(value="nan"), "is 'nan', no finite number"),
    "an infinite ssim": (
        lambda r: next(x for x in r if x["metric"] == "ssim").update(value="inf"),
        "ssim is 'inf', no finite number from -1 to 1",
    ),
    "an image short": (lambda r: r.pop(), "images and kernels"),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_spoiled_run_is_named(folder: Path, name: str) -> None:
    change, words = RUNS[name]
    edit(folder, "runs.csv", change)
    assert any(words in line for line in found(folder)), found(folder)


@pytest.mark.parametrize("name", METRICS)
def test_a_spoiled_score_is_named(folder: Path, name: str) -> None:
    change, words = METRICS[name]
    edit(folder, "metrics.csv", change)
    assert any(words in line for line in found(folder)), found(folder)


def test_a_protocol_that_presets_accept_is_known(folder: Path) -> None:
    other = {"protocol": "sr-bicubic-x3", "evaluation": "set5@sr-bicubic-x3"}
    edit(folder, "metrics.csv", lambda rows: [row.update(other) for row in rows])
    assert found(folder) == []


def test_the_psnr_of_equal_images_is_infinite(folder: Path) -> None:
    edit(folder, "metrics.csv", lambda rows: next(x for x in rows if x["metric"] == "psnr").update(value="inf"))
    assert found(folder) == []


PROPERTIES: dict[str, tuple[Callable[[Rows], object], str]] = {
    "run": (lambda r: [x.update(run="nobody-0000000000") for x in r], "nobody-0000000000 is not in runs.csv"),
    "weights": (
        lambda r: [x.update(weights_sha256="aa") for x in r],
        "measured of other weights than those",
    ),
    "name": (lambda r: [x.update(property="bordr") for x in r], "unknown property 'bordr'; did you mean 'border'?"),
    "no number": (lambda r: r[0].update(value=""), "value is empty (allowed: a finite number)"),
    "nan": (lambda r: r[0].update(value="nan"), "value 'nan' is not allowed (allowed: a finite number)"),
    "a part short": (lambda r: r.pop(), "not every metric of every part of every image is there"),
    "twice": (lambda r: r.append(dict(r[0])), "twice"),
    "column": (lambda r: [x.pop("content") for x in r], "column 'content' is missing"),
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_spoiled_property_is_named(folder: Path, name: str) -> None:
    runs: Rows = []
    sha256 = {"weights_sha256": "c" * 64}
    edit(folder, "runs.csv", lambda rows: [row.update(sha256) for row in rows] and runs.extend(rows))
    rows = [
        {column: "" for column in COLUMNS["properties.csv"]}
        | {
            "run": trained(runs)["run"],
            "property": "border",
            "weights_sha256": "c" * 64,
            "value": "25.5",
            "version": "p1e1d1",
        }
        | {"part": part, "image": image, "metric": metric}
        for part in ("border", "interior")
        for image in ("a", "b")
        for metric in ("psnr", "psnr_input")
    ]
    (folder / "properties.csv").write_text("run\nx\n")
    edit(folder, "properties.csv", lambda old: old.__setitem__(slice(None), rows))
    assert found(folder) == []
    change, words = PROPERTIES[name]
    edit(folder, "properties.csv", change)
    assert any(words in line for line in found(folder)), found(folder)


def test_pictures_and_missing_files_are_named(folder: Path) -> None:
    (folder / "crop.png").write_bytes(b"")
    assert any("crop.png: only CSV files" in line for line in found(folder))
    (folder / "runs.csv").unlink()
    assert found(folder) == [f"{folder / 'runs.csv'} is missing"]


def test_the_stage_says_everything_at_once(folder: Path) -> None:
    edit(folder, "runs.csv", RUNS["date"][0])
    edit(folder, "metrics.csv", METRICS["range"][0])
    with pytest.raises(BenchError, match="2 things are wrong") as said:
        check_evidence([folder])
    first, second = said.value.__notes__
    assert "yesterday" in first and "outside 0 to 100" in second
