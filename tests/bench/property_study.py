"""A ladder of one rung with the real tables that property claims read, on embedded photographs; made-up evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from fabricated_evidence import write_evidence
from toy_plan import EMBEDDED, PRESET

from bench.config.loading import load_plan
from bench.config.plan import Plan
from bench.foundation import strict_yaml
from bench.results.verdicts.judge import judge_study
from bench.results.verdicts.verdict import Verdict

REAL = Path(__file__).parents[2] / "config"
TABLES = (
    "init_arithmetic",
    "lambda_start",
    "usrnet_parts",
    "table2_padding_mode",
    "table2_padding_size",
    "table3_x0_denoising",
    "table6_upsampling",
)
BLUR = "[{data: embedded_test, protocol: deblur-circular-s2.55, kernels: embedded_kernels}]"
SR = """  sr:
    train: [embedded_train]
    degradation: {kind: bicubic, scale: 4}
    options: {channels: 8, blocks: 1}
    budget: {steps: 100, batch: 4, patch: 32}
    evaluate: [{data: embedded_test, protocol: sr-bicubic-x4}]
"""
SEEDS = 5
NOISE = ((0.0, 0.02, -0.01, 0.01, -0.02), (0.01, -0.02, 0.0, 0.02, -0.01), (-0.02, 0.0, 0.02, -0.01, 0.01))
"""What a seed adds: rows take turns, so that they are independent samples."""


def property_study(root: Path, claim: str, *, seeds: int = SEEDS, shown: Sequence[str] = TABLES) -> Plan:
    """The plan of the rung; the configuration lies under ``root``, which must be the working directory."""
    config = root / "config"
    (config / "presets").mkdir(parents=True, exist_ok=True)
    (config / "presets" / "small.yaml").write_text(
        PRESET.format(denoising=EMBEDDED, deblurring=BLUR, seeds=seeds, full_size="false").replace(
            "throughput:", f"{SR}throughput:"
        )
    )
    tables = strict_yaml.load(REAL / "tables.yaml").data["tables"]
    kept = {name: {k: v for k, v in tables[name].items() if k != "beside"} for name in shown}
    text = json.dumps({"tables": kept})  # JSON is YAML
    (config / "tables.yaml").write_text(text)
    (config / "published.yaml").write_text("tables: {}\n")
    claims = strict_yaml.load(REAL / "claims.yaml").data["claims"]
    (config / "claims.yaml").write_text(json.dumps({"claims": {claim: claims[claim]}}))
    rung = f"S: {{preset: small, seeds: {{denoising: {seeds}, sr: {seeds}, deblurring: {seeds}}}}}"
    (config / "study.yaml").write_text(f"rungs:\n  {rung}\n")
    return load_plan("small", config=config)


def spread_out(means: Mapping[str, float], n: int = SEEDS) -> dict[str, list[float | None]]:
    """``n`` seeds of every row around its mean, independent from row to row."""
    return {row: [mean + noise for noise in NOISE[i % 3]][:n] for i, (row, mean) in enumerate(means.items())}


def judged(folder: Path, claim: str) -> Verdict:
    """The verdict to be read, on a folder of evidence alone."""
    found = judge_study(Path("config"), [folder])
    assert found is not None
    return found.decisive[claim]


def evidence(root: Path, plan: Plan, table: str, scores: Mapping[str, Sequence[float | None]]) -> Path:
    """A folder with the scores of one table."""
    return write_evidence(root / "evidence", plan, scores, table=table)


def write_curves(folder: Path, plan: Plan, table: str, rates: Mapping[str, Sequence[float]]) -> None:
    """Validation losses that fall exponentially, with a rate (per step) for every seed of a row."""
    lines = []
    for row in plan.rows[table]:
        for run, rate in zip(row.runs, rates.get(row.id, ()), strict=False):
            for step in range(0, 1001, 20):
                lines.append((run.id, step, 0.1, 1e-3, float(step), 0.02 + 2.0 ** (-rate * step), 25.0))
    names = ["run", "step", "loss", "lr", "seconds", "val_loss", "val_psnr"]
    pd.DataFrame(lines, columns=names).to_csv(folder / "curves.csv", index=False)
