"""A folder with the pipeline on a tiny preset of its own: no results, no data, no network."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
PRESET = """
title: "tiny"
statement: "Shows that the pipeline runs."
tasks:
  denoising:
    train: [embedded_train]
    degradation: {kind: awgn, sigma: 25}
    options: {channels: 4, blocks: 1}
    budget: {steps: 400, batch: 1, patch: 16, lr: 1e-3}
    evaluate: [{data: embedded_test, protocol: denoise-gray-s25, subset: first1}]
"""
THROUGHPUT = """
throughput:
  repeats: 1
  operators: [{name: "tiny", input: [1, 4, 8, 8], kernel: 3}]
"""
TABLES = """
tables:
  tiny:
    title: "Tiny"
    task: denoising
    base: {model: converse_dncnn}
    references: [noisy]
    rows:
      DnCNN: {model: dncnn}
      Converse-DnCNN: {}
    figures: [curves]
"""


def tiny_checkout(folder: Path, preset: str = PRESET, tables: str = TABLES) -> Path:
    """What a run reads, copied to ``folder``; its only preset is ``tiny``: `PRESET` or another, and `THROUGHPUT`."""
    for name in ("Snakefile", "datasets.yaml"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("config", "datasets", "profiles", "envs", "report", "bench", "converse"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (folder / "config" / "presets").glob("*.yaml"):
        file.unlink()
    (folder / "config" / "presets" / "tiny.yaml").write_text(preset + THROUGHPUT)
    (folder / "config" / "tables.yaml").write_text(tables)
    for name in ("reproducibility", "claims", "study"):  # their words are about the rows of the full configuration
        (folder / "config" / f"{name}.yaml").unlink()
    return folder
