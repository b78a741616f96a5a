"""The Snakefile and results of other machines: what came in, or stands in committed evidence, is done."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_checkout import PRESET, TABLES, tiny_checkout

MAKING = {"train", "evaluate", "fetch"}


def call(folder: Path, *command: str) -> str:
    run = subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, timeout=1800)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return run.stdout + run.stderr


def snakemake(folder: Path, *arguments: str, config: str = "") -> str:
    options = ["--cores", "2", "--config", "preset=tiny", *([config] if config else [])]
    return call(folder, "snakemake", *arguments, *options)


def jobs(output: str) -> dict[str, int]:
    """Rule to number of jobs, from Snakemake's own summary."""
    table = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\n\n", output, flags=re.S)
    pairs = (line.split() for line in table[1].splitlines()) if table else ()
    return {name: int(count) for name, count in pairs if name not in ("total", "all")}


def another(folder: Path) -> Path:
    """A machine with the same checkout and nothing measured."""
    folder.mkdir()
    return tiny_checkout(folder, PRESET.replace("steps: 400", "steps: 20"), TABLES)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine on which everything is done, exported and published."""
    folder = another(tmp_path_factory.mktemp("evidence") / "here")
    call(folder, "bench", "run", "--preset", "tiny", "--cores", "2")
    call(folder, "bench", "export", "whole.zip", "--preset", "tiny")
    call(folder, "bench", "export", "scores.zip", "--preset", "tiny", "--no-weights")
    call(folder, "bench", "publish", "--preset", "tiny", "--name", "2026-01-01-here")
    return folder


def report(folder: Path) -> str:
    return (folder / "reports" / "tiny" / "tables" / "tiny.md").read_text()


@pytest.mark.slow
def test_imported_runs_are_done_without_and_with_weights_in_both_directions(here: Path, tmp_path: Path) -> None:
    there = another(tmp_path / "there")
    call(there, "bench", "import", str(here / "scores.zip"))
    snakemake(there, "reports")
    assert report(there) == report(here)
    assert not MAKING - {"fetch"} & set(jobs(snakemake(there, "all", "-n")))
    done = jobs(snakemake(there, "all"))  # its own timings and what is drawn
    assert not MAKING - {"fetch"} & set(done) and {"throughput", "report"} <= set(done)
    assert not list(there.glob("results/runs/*/model.safetensors"))
    assert "Nothing to be done" in snakemake(there, "all")

    call(there, "bench", "import", str(here / "whole.zip"))  # younger weights beside older scores
    assert list(there.glob("results/runs/*/model.safetensors"))
    assert "Nothing to be done" in snakemake(there, "all")

    call(there, "bench", "export", "back.zip", "--preset", "tiny")
    call(here, "bench", "import", str(there / "back.zip"))
    assert not MAKING & set(jobs(snakemake(here, "all", "-n")))
    snakemake(here, "reports")

    # A test that the archive lacks is scored with the weights that came in; nothing is trained.
    next(there.glob("results/runs/dncnn-converse2d-*/metrics/*.csv")).unlink()
    assert jobs(snakemake(there, "all", "-n")).get("evaluate") == 1
    assert "train" not in jobs(snakemake(there, "all", "-n"))


@pytest.mark.slow
def test_a_clone_with_committed_evidence_trains_and_scores_nothing(here: Path, tmp_path: Path) -> None:
    clone = another(tmp_path / "clone")
    shutil.copytree(here / "results" / "evidence", clone / "results" / "evidence")
    said = call(clone, "bench", "plan", "--preset", "tiny")
    assert said.count("published evidence") == 4 and "to train" not in said, said
    assert not MAKING & set(jobs(snakemake(clone, "all", "-n")))
    snakemake(clone, "all")
    assert not list(clone.glob("results/runs/*")), "nothing was made"
    numbers = re.compile(r"\d\d\.\d\d")
    assert numbers.findall(report(clone)) == numbers.findall(report(here))
    assert (clone / "reports" / "tiny" / "figures" / "tiny-curves.png").is_file(), "curves are published too"
    assert "Nothing to be done" in snakemake(clone, "all")

    run = next(here.glob("results/runs/dncnn-converse2d-*")).name
    for wanted, made in (("all", (2, 3)), (run, (1, 1))):
        anew = jobs(snakemake(clone, "all", "-n", config=f"anew={wanted}"))
        assert (anew["train"], anew["evaluate"]) == made


@pytest.mark.slow
def test_properties_are_measured_after_the_training_and_answer_on_a_clone(here: Path, tmp_path: Path) -> None:
    """A table that begins to ask for a property has it measured of the weights that are there; nothing is trained."""
    asking = tmp_path / "asking"
    shutil.copytree(here, asking, ignore=shutil.ignore_patterns(".snakemake", "evidence"))
    tables = asking / "config" / "tables.yaml"
    tables.write_text(TABLES.replace("    figures:", "    properties: [border]\n    figures:"))
    done = jobs(snakemake(asking, "all"))
    assert done["measure"] == 2 and not MAKING & set(done)
    assert len(list((asking / "results" / "runs").glob("*/properties/border@*.csv"))) == 2
    assert "measure" not in jobs(snakemake(asking, "all", "-n"))
    call(asking, "bench", "publish", "--preset", "tiny", "--name", "2026-01-02-asking")
    clone = another(tmp_path / "clone")
    shutil.copy(tables, clone / "config" / "tables.yaml")
    shutil.copytree(asking / "results" / "evidence", clone / "results" / "evidence")
    assert not {"measure", "train"} & set(jobs(snakemake(clone, "all", "-n")))
    published = clone / "results" / "evidence" / "2026-01-02-asking" / "properties.csv"
    assert published.read_text().count("psnr_input") == 4
    published.unlink()
    assert not {"measure", "train"} & set(jobs(snakemake(clone, "all", "-n"))), "not trained again for a property"
