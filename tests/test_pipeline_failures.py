"""Bad files in a pipeline: each is named, the other pairs finish, the report shows the gap, the exit code says so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data as photographs
from tiny_checkout import ROOT, tiny_checkout

from bench.data.images import write_png
from converse import build_model

PRESET = """
title: "tiny"
statement: "Shows what happens to bad files."
tasks:
  denoising:
    evaluate:
      - {data: whole, protocol: denoise-gray-s25}
      - {data: broken, protocol: denoise-gray-s25}
  deblurring:
    evaluate:
      - {data: whole, protocol: deblur-circular-s2.55, kernels: embedded_kernels}
"""
TABLES = """
tables:
  denoising:
    title: "Denoising"
    task: denoising
    base: {model: dncnn, options: {channels: 4, blocks: 1}}
    references: [noisy]
    rows:
      good: {checkpoint: {path: good.pth}}
      missing: {checkpoint: {path: missing.pth}}
      cut: {checkpoint: {path: cut.pth}}
  deblurring:
    title: "Deblurring"
    task: deblurring
    base: {model: conversenet}
    references: [blurred]
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_checkout(tmp_path_factory.mktemp("failures"), PRESET, TABLES)
    names = ("whole/a.png", "whole/b.png", "broken/a.png", "broken/b.png", "broken/c.png", "broken/d.png")
    for i, name in enumerate(names):  # no two alike: equal images are scored once
        write_png(folder / name, photographs.camera()[8 * i : 8 * i + 48, :56, None])
    sets = "".join(f"{name}:\n  folder: {name}\n  split: test\n" for name in ("whole", "broken"))
    (folder / "datasets.yaml").write_text((ROOT / "datasets.yaml").read_text() + sets)
    weights = folder / "good.pth"
    torch.save(build_model("dncnn", seed=0, channels=4, blocks=1).state_dict(), weights)
    return folder


def run(folder: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "bench", "run", "--preset", "tiny", "--cores", "2"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1500)
    return done.returncode, done.stdout + done.stderr


def scored(folder: Path) -> set[str]:
    """``slug data`` of every finished evaluation."""
    return {
        f"{path.parents[1].name.rpartition('-')[0]} {path.name.partition('@')[0]}"
        for path in folder.glob("results/runs/*/metrics/*.csv")
    }


@pytest.mark.slow
def test_bad_files_are_gaps_and_not_the_end(checkout: Path) -> None:
    whole = (checkout / "broken" / "b.png").read_bytes()
    (checkout / "cut.pth").write_bytes((checkout / "good.pth").read_bytes()[:1000])
    (checkout / "broken" / "b.png").write_bytes(whole[:200])
    colours = np.zeros((48, 56, 4), np.uint8)
    Image.fromarray(colours, "RGBA").save(checkout / "broken" / "c.png")
    fetch = [sys.executable, "-m", "bench", "fetch", "embedded_kernels", "--quiet"]
    subprocess.run(fetch, cwd=checkout, check=True, timeout=120)
    kernel = checkout / "data" / "embedded_kernels" / "motion.npy"
    taps = kernel.read_bytes()
    np.save(kernel, np.load(kernel)[:6, :6])

    code, output = run(checkout)
    assert code != 0 and "Traceback" not in output
    assert "missing.pth: no such checkpoint" in output
    assert re.search(r"error: (\S*/)?cut\.pth: truncated or not a checkpoint \(\w+: .+\)$", output, flags=re.M)
    assert "b.png: truncated or damaged image" in output
    assert "c.png: image mode RGBA with transparency, alpha from 0 of 255 (allowed: 8-bit gray or RGB" in output
    assert "motion.npy: sides of a blur kernel are odd, got 6x6" in output
    assert {"noisy whole", "dncnn-loaded whole"} <= scored(checkout)
    assert not any(name.endswith("broken") or name.startswith("blurred") for name in scored(checkout))
    kept = next(checkout.glob("results/runs/dncnn-loaded-*/metrics/broken@*.partial")).read_text()
    assert '"image": "a"' in kept and '"image": "d"' in kept and '"image": "b"' not in kept

    report = (checkout / "reports" / "tiny" / "index.md").read_text()
    lines = [line for line in report.splitlines() if line.startswith("|")]
    good, missing = (next(line for line in lines if line.startswith(f"| {name}<sup>")) for name in ("good", "missing"))
    assert re.search(r"\d\.\d{4}", good), "the good row has the scores of the whole images"
    assert "–" in missing and "no result: not run yet, or its job failed" in report

    # Repaired, the same command finishes what is left.
    (checkout / "missing.pth").write_bytes((checkout / "good.pth").read_bytes())
    (checkout / "cut.pth").write_bytes((checkout / "good.pth").read_bytes())
    for name in ("b", "c"):
        (checkout / "broken" / f"{name}.png").write_bytes(whole)
    kernel.write_bytes(taps)
    code, output = run(checkout)
    assert code == 0, output[-3000:]
    assert {"noisy broken", "dncnn-loaded broken", "blurred whole"} <= scored(checkout)
    assert "no result" not in (checkout / "reports" / "tiny" / "index.md").read_text()
