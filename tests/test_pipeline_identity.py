"""The Snakefile when an input changes under it: what hangs on it is made again, and no page is taken for another."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from skimage import data as photographs
from test_pipeline import jobs, snakemake
from tiny_checkout import ROOT, tiny_checkout

from bench.data.images import write_png
from converse import build_model
from converse.native.build import library_name

PRESET = """
title: "tiny"
statement: "Shows what is made again."
tasks:
  denoising:
    evaluate: [{data: mine, protocol: denoise-gray-s25}]
"""
TABLES = """
tables:
  tiny:
    title: "Tiny"
    task: denoising
    base: {model: dncnn, options: {channels: 4, blocks: 1}}
    references: [noisy]
    rows:
      loaded: {checkpoint: {path: weights.pth}}
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_checkout(tmp_path_factory.mktemp("identity"), PRESET, TABLES)
    image = photographs.camera()[..., None]
    for i, name in enumerate("abc"):
        write_png(folder / "mine" / f"{name}.png", image[60 * i : 60 * i + 48, 100:156])
    sets = (ROOT / "datasets.yaml").read_text() + "mine:\n  folder: mine\n  split: test\n"
    (folder / "datasets.yaml").write_text(sets)
    weights(folder, 0)
    return folder


def weights(folder: Path, seed: int) -> None:
    torch.save(build_model("dncnn", seed=seed, channels=4, blocks=1).state_dict(), folder / "weights.pth")


def table(folder: Path) -> str:
    return (folder / "reports" / "tiny" / "tables" / "tiny.md").read_text()


def psnr(folder: Path, row: str) -> str:
    line = next(line for line in table(folder).splitlines() if line.startswith(f"| {row}"))
    return re.findall(r"\d\d\.\d\d", line)[0]


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_every_change_reaches_the_table(checkout: Path) -> None:
    """One story, since every step needs the one before."""
    snakemake(checkout)
    first = psnr(checkout, "noisy"), psnr(checkout, "loaded")

    # A photograph is swapped: every row is scored on the new set, nothing is loaded again.
    write_png(checkout / "mine" / "b.png", photographs.camera()[300:348, 200:256, None])
    done = jobs(snakemake(checkout))
    assert done["evaluate"] == 2 and done["tables"] >= 1 and "train" not in done
    assert "Means over 3 images" in table(checkout)
    second = psnr(checkout, "noisy"), psnr(checkout, "loaded")
    assert all(a != b for a, b in zip(first, second, strict=True))

    # The weights are replaced under their path: that row alone.
    weights(checkout, 1)
    done = jobs(snakemake(checkout))
    assert done["train"] == 1 and done["evaluate"] == 1
    third = psnr(checkout, "noisy"), psnr(checkout, "loaded")
    assert third[0] == second[0] and third[1] != second[1]

    # A metric that does not exist costs nothing; neither does asking for one image and for all again.
    scores = {path: path.read_bytes() for path in checkout.glob("results/runs/*/metrics/*.csv")}
    refused = bench(checkout, "run", "--preset", "tiny", "--cores", "2", "--config", "metrics=fsimm")
    assert refused.returncode != 0 and "did you mean 'fsim'" in refused.stderr + refused.stdout
    assert {path: path.read_bytes() for path in scores} == scores
    whole = table(checkout)
    assert jobs(snakemake(checkout, config=("images=1",)))["evaluate"] == 2
    assert "Subset: the first 1 images of mine" in table(checkout)
    done = jobs(snakemake(checkout))
    assert "tables" in done and not {"evaluate", "train"} & set(done)
    assert table(checkout) == whole

    # A preview by hand of something else is not taken for the full table.
    assert bench(checkout, "tables", "--preset", "tiny", "--images", "1").returncode == 0
    assert "tables" in jobs(snakemake(checkout)) and table(checkout) == whole
    assert "Nothing to be done" in snakemake(checkout)

    # The compiled operator is another, or is there no longer: times are taken again, nothing else.
    library = checkout / "converse" / "native" / "built" / library_name()
    if library.is_file():
        library.unlink()
    else:
        library.parent.mkdir(exist_ok=True)
        library.touch()
    done = jobs(snakemake(checkout, "--dry-run"))
    assert "throughput" in done and not {"train", "evaluate"} & set(done)

    # A plugin's name is a name and no command.
    bench(checkout, "run", "--preset", "tiny", "--cores", "2", "--config", "plugins=p;touch INJECTED;/x.py")
    assert not (checkout / "INJECTED").exists()
