"""The toy configuration with claims and a ladder of two rungs, which differ in the number of steps."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from toy_plan import toy_plan

from bench.config import layout
from bench.config.loading import load_plan
from bench.config.plan import Plan
from bench.results.verdicts import proof_table

CLAIMS = """
claims:
  better: {kind: order, better: Converse-DnCNN, worse: [DnCNN], table: four, words: "clearly", published: {set12: 0.27}}
  best: {kind: order, better: Converse-DnCNN, worse: [DnCNN, Conv-DnCNN], table: four}
  same: {kind: equivalence, rows: [Converse-DnCNN, Conv-DnCNN], within: 0.05, table: four}
  fine: {kind: non_inferiority, candidate: Converse-DnCNN, against: [DnCNN, Conv-DnCNN], within: 0.05, table: four}
  blind: {kind: order, better: ConverseNet, worse: [ConvNet], table: seven}
  looks: {kind: picture, figure: 5}
  unknown: {kind: property, words: "something else", test: "none yet"}
"""
STUDY = """
rungs:
  S: {preset: toy, seeds: {denoising: 5, deblurring: 5}}
  M: {preset: larger, seeds: {denoising: 5}}
designs: {operator: paired}
"""


def toy_study(root: Path, *, design: str = "paired", seeds: int = 5, **settings: str) -> dict[str, Plan]:
    """Plans of the two rungs by name; the configuration lies under ``root``, which must be the working directory."""
    toy_plan(root, seeds=seeds, **settings)  # type: ignore[arg-type]
    config = root / "config"
    tables = config / "tables.yaml"
    tables.write_text(
        tables.read_text()
        .replace("    task: den", "    axis: operator\n    task: den")
        .replace("    task: deb", "    axis: operator\n    task: deb")
    )
    text = (config / "presets" / "toy.yaml").read_text()
    (config / "presets" / "larger.yaml").write_text(text.replace("steps: 100", "steps: 400"))
    (config / "claims.yaml").write_text(CLAIMS)
    (config / "study.yaml").write_text(STUDY.replace("operator: paired", f"operator: {design}"))
    assert layout.CONFIG.resolve() == config.resolve(), "work in the folder of the study"
    return {"S": load_plan("toy", config=config), "M": load_plan("larger", config=config)}


def write_proof() -> None:
    """A made-up proof of the statistics, below the working directory: with it, verdicts are given."""
    path = layout.proof_csv(proof_table.code())
    path.parent.mkdir(parents=True)
    values = ("an event", "paired", 3, 0.0, 0.1, 0.05, "equal", 0.051, 10_000, 0.46)
    pd.DataFrame([values], columns=list(proof_table.COLUMNS)).to_csv(path, index=False)
