"""Every command and every Python block of the README, run."""

from __future__ import annotations

import csv
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.stages.present import present

ROOT = Path(__file__).parents[1]
EVIDENCE = ROOT / "reports/evidence"
TABLE = EVIDENCE / "small/table4_denoising.csv"
TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, flags=re.M | re.S)
PYTHON = [code for language, code in BLOCKS if language == "python"]
COMMANDS = [
    line.split("#")[0].strip()
    for language, code in BLOCKS
    if language == "sh"
    for line in code.splitlines()
    if line.strip()
]


@pytest.mark.parametrize("code", PYTHON, ids=lambda c: c.strip().splitlines()[0][:40])
def test_python_blocks_run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


def test_the_example_is_published_evidence() -> None:
    """Its numbers are those of a committed table, to the digit."""
    example = (ROOT / "docs" / "example.md").read_text()
    assert f"<!-- example: begin -->\n{example}<!-- example: end -->" in TEXT
    assert (ROOT / "docs" / "example.png").stat().st_size > 10_000
    with TABLE.open(encoding="utf-8") as file:
        rows = {(r["label"], r["dataset"]): r for r in csv.DictReader(file) if r["metric"] == "psnr"}
    lines = [[c.strip() for c in line.strip("|").split("|")] for line in example.splitlines() if line.startswith("| ")]
    for label, parameters, seeds, *cells in lines[1:]:
        pair = [rows[label, name] for name in ("set12", "bsd68")]
        shown = [f"{float(r['mean']):.2f}" + (f" ± {float(r['sd']):.2f}" if r["sd"] else "") for r in pair]
        paper = [f"*{float(r['paper']):.2f}*" if r["paper"] else "" for r in pair]
        assert cells == [*shown, *paper], label
        assert parameters.replace(",", "") == pair[0]["parameters"].removesuffix(".0")
        declared = pair[0]["seeds"]
        assert pair[0]["n"] == declared or declared == "0", "the rung has its declared seeds"
        assert seeds == (declared if declared != "0" else "")


def test_the_committed_pages_are_what_the_committed_evidence_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    readme, pages = Path(shutil.copy(ROOT / "README.md", tmp_path)), tmp_path / "reports"
    pages.mkdir()
    shutil.copy(EVIDENCE / "README.md", pages)
    present(pages, readme)
    committed = {p.relative_to(EVIDENCE) for p in EVIDENCE.rglob("*") if p.is_file()}
    assert committed == {p.relative_to(pages) for p in pages.rglob("*") if p.is_file()}, "python -m bench present"
    other = [str(name) for name in sorted(committed) if not same(EVIDENCE / name, pages / name)]
    assert not other and readme.read_text() == TEXT, f"{other}: python -m bench present"


def same(a: Path, b: Path) -> bool:
    """To the byte; in CSV, which has all digits, but for the last of them, which are the processor's."""
    if a.suffix != ".csv":
        return a.read_bytes() == b.read_bytes()
    rows = [list(csv.reader(path.read_text(encoding="utf-8").splitlines())) for path in (a, b)]
    cells = [[cell for row in each for cell in row] for each in rows]
    lengths = [[len(row) for row in each] for each in rows]
    return lengths[0] == lengths[1] and all(x == y or close(x, y) for x, y in zip(*cells, strict=True))


def close(a: str, b: str) -> bool:
    try:
        return math.isclose(float(a), float(b), rel_tol=1e-9, abs_tol=1e-12)
    except ValueError:
        return False


def test_the_commands_are_the_expected_kinds() -> None:
    assert COMMANDS[:2] == ["make", "make test"]
    assert sum(c.startswith("snakemake") for c in COMMANDS) >= 5


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the pipeline reads, in a folder of its own: no results, no data."""
    folder = tmp_path_factory.mktemp("readme")
    for name in ("Snakefile", "datasets.yaml"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("config", "datasets", "profiles", "envs", "report", "bench", "converse"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    preset = folder / "config" / "presets" / "quick.yaml"
    budgets = re.sub(r"warmup: \d+", "warmup: 1", re.sub(r"steps: \d+", "steps: 2", preset.read_text()))
    preset.write_text(re.sub(r"^seeds: .*$", "seeds: {default: 1}", budgets, flags=re.M))
    return folder


def test_the_three_uses_are_there_and_each_is_really_run() -> None:
    """Reproduce, regenerate, plug in: at least one command of each is carried out, not only dry-run."""
    uses = re.findall(r"^### \d\. .*?(?=^##)", TEXT, flags=re.M | re.S)
    assert len(uses) == 3
    for use in uses:
        commands = [c for c in COMMANDS if c in use]
        assert commands and any(not is_dry(c) for c in commands), use[:40]


def is_dry(command: str) -> bool:
    """What would take hours or download is a dry run; one table of quick, and whatever only renders, is not."""
    return command.startswith("snakemake") and not (" reports" in command or " table4 --config preset=quick" in command)


@pytest.mark.slow
def test_commands_run(checkout: Path) -> None:
    """In the README's order, with `quick` at two steps a training; what would take hours as Snakemake's dry run.

    `make` and `make test` are what CI itself runs.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for command in COMMANDS[2:]:
        if command.startswith("pip"):
            continue
        dry = is_dry(command)
        line = command.replace("snakemake", "snakemake --dry-run --quiet rules", 1) if dry else command
        run = subprocess.run(
            line,
            shell=True,
            cwd=checkout,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=1200,
        )
        assert run.returncode == 0, f"{line}\n{run.stdout}\n{run.stderr}"
    assert (checkout / "reports" / "small" / "index.md").is_file()
    rows = (checkout / "reports" / "quick" / "tables" / "table4_denoising.md").read_text()
    assert "Converse-DnCNN" in rows and "MyOperator-DnCNN" in rows
    assert (checkout / "reports" / "small" / "reproducibility.md").is_file()
