"""Evidence and archives: what goes out, what comes back, what is refused; and the operator template."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fabricated import fabricate, write_throughput
from toy_plan import IMAGES, KERNELS, toy_plan, working_in

from bench.config import layout
from bench.foundation.errors import BenchError
from bench.results.tidy import load, read_csv
from bench.stages.publish import export, import_archive, publish
from bench.stages.scaffold import new_operator


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    with working_in(tmp_path):
        yield tmp_path


def test_evidence_fills_what_is_not_measured_here(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    write_throughput(plan)
    folder = publish(plan, name="2026-01-01-elsewhere")
    before = load(plan)
    shutil.rmtree(layout.RESULTS / "runs")
    after = load(plan)
    assert set(after.metrics["source"]) == {"2026-01-01-elsewhere"}
    assert sorted(after.metrics["value"].dropna()) == sorted(before.metrics["value"].dropna())
    assert set(after.runs["run"]) == set(before.runs["run"])
    assert (folder / "columns.json").is_file()


def test_publishing_twice_changes_nothing(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    folder = publish(plan, name="same")
    first = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert publish(plan, name="same") == folder
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == first
    assert len(read_csv(folder / "metrics.csv", ("run",))) > 0


def test_nothing_measured_is_one_line(root: Path) -> None:
    with pytest.raises(BenchError, match="nothing of preset 'toy' was measured"):
        publish(toy_plan(root))


def test_an_archive_comes_back_whole(root: Path) -> None:
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    write_throughput(plan)
    count = export(plan, root / "gpu.zip")
    before = {p: p.read_bytes() for p in layout.RESULTS.rglob("*") if p.is_file() and "state" not in p.parts}
    shutil.rmtree(layout.RESULTS)
    assert len(import_archive(root / "gpu.zip")) == count == len(plan.runs)
    assert {p: p.read_bytes() for p in layout.RESULTS.rglob("*") if p.is_file()} == before
    import_archive(root / "gpu.zip")  # again: the same files, nothing to do
    victim = next(iter(before))
    victim.write_text("something else")
    with pytest.raises(BenchError, match="already here and differs"):
        import_archive(root / "gpu.zip")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "reports/evil"])
def test_an_archive_cannot_write_elsewhere(root: Path, name: str) -> None:
    with zipfile.ZipFile(root / "evil.zip", "w") as bundle:
        bundle.writestr(name, "x")
    with pytest.raises(BenchError, match="does not belong"):
        import_archive(root / "evil.zip")
    (root / "no.zip").write_text("text")
    with pytest.raises(BenchError, match="not an exported archive"):
        import_archive(root / "no.zip")


def test_the_operator_template_works(root: Path) -> None:
    import torch

    from converse import build_model
    from converse.declarations import registry

    path = new_operator("my_operator", root)
    assert len(path.read_text().splitlines()) <= 40
    cls = registry.load_operator(path)
    assert cls(4, 3)(torch.rand(2, 4, 7, 9)).shape == (2, 4, 7, 9)
    model = build_model("converse_dncnn", operator=str(path), channels=4, blocks=1)
    assert model(torch.rand(1, 1, 8, 8)).shape == (1, 1, 8, 8)
    for name, message in (("conv", "exists already"), ("my_operator", "left alone"), ("2x", "letters, digits")):
        with pytest.raises(BenchError, match=message):
            new_operator(name, root)
