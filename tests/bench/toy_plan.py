"""A small configuration of its own for the tests of tables, figures and reports, in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.config.loading import load_plan
from bench.config.plan import Plan

PRESET = """
title: "toy: made-up numbers"
statement: "Shows nothing at all."
seeds: {{default: {seeds}}}
full_size: {full_size}
tasks:
  denoising:
    train: [embedded_train]
    degradation: {{kind: awgn, sigma: 25}}
    options: {{channels: 8, blocks: 1}}
    budget: {{steps: 100, batch: 4, patch: 32, lr: 2e-3, halve_every: 40}}
    evaluate: {denoising}
  deblurring:
    train: [embedded_train]
    degradation: {{kind: blur, sigma: 2.55, boundary: circular}}
    options: {{channels: 8, blocks: 1, iterations: 1}}
    budget: {{steps: 100, batch: 4, patch: 32}}
    evaluate: {deblurring}
throughput:
  repeats: 2
  operators:
    - {{name: "body 8²", input: [1, 4, 8, 8], kernel: 3, padding: 2}}
    - {{name: "up 8²", input: [1, 4, 8, 8], kernel: 2, scale: 2}}
  models:
    - {{task: denoising, size: [16, 16]}}
"""
TABLES = """
tables:
  four:
    title: "Denoising_one"
    paper: "Table 4"
    task: denoising
    default: Converse-DnCNN
    base: {model: converse_dncnn}
    parameters: true
    references: [noisy, tv]
    rows:
      DnCNN: {model: dncnn, note: "a plain network"}
      released:
        label: "Converse-DnCNN, released"
        published: Converse-DnCNN
        options: {kernel_size: 7}
        checkpoint: {released: converse_dncnn}
    operators: {role: spatial, row: "{label}-DnCNN", first: [conv, converse2d]}
    figures: [visual, curves, axis, paired, seeds, latency]
    note: "A note & a remark."
  seven:
    title: "Deblurring"
    paper: "Table 7"
    task: deblurring
    base: {model: conversenet}
    references: [blurred]
    operators: {role: spatial, row: "{label}Net", first: [conv, converse2d]}
"""
BESIDE = """    beside: {title: "Beside", rows: {"FFC-DnCNN": {options: {operator: ffc}, note: "a note"}}}
"""
PUBLISHED = """
tables:
  four:
    columns: [parameters, set12, bsd68]
    rows:
      DnCNN: [557057, 30.43, 29.23]
      Conv-DnCNN: [734913, 30.64, 29.30]
      Converse-DnCNN: [734913, 30.70, 29.36]
  seven:
    columns: [kernel_1, kernel_2]
    bsd100:
      ConvNet: [25.26, 22.96]
      ConverseNet: [27.69, 24.43]
    urban100:
      ConvNet: [22.27, 20.59]
      ConverseNet: [24.24, 21.52]
"""
EMBEDDED = "[{data: embedded_test, protocol: denoise-gray-s25}]"
REAL = "[{data: set12, protocol: denoise-gray-s25}, {data: bsd68, protocol: denoise-gray-s25}]"
BLUR = "[{data: embedded_test, protocol: deblur-circular-s2.55, kernels: embedded_kernels}]"
IMAGES = {"a.png": 0.0, "b.png": 1.3, "c.png": -0.8}
KERNELS = ("gaussian", "motion")


def toy_plan(
    root: Path,
    *,
    denoising: str = EMBEDDED,
    deblurring: str = BLUR,
    seeds: int = 2,
    full_size: str = "false",
    images: str | None = None,
    plugins: tuple[str, ...] = (),
    beside: bool = False,
) -> Plan:
    """The plan of the toy configuration, written under ``root``; with ``beside`` a row stands beside table four."""
    config = root / "config"
    (config / "presets").mkdir(parents=True, exist_ok=True)
    preset = PRESET.format(denoising=denoising, deblurring=deblurring, seeds=seeds, full_size=full_size)
    (config / "presets" / "toy.yaml").write_text(preset)
    (config / "tables.yaml").write_text(
        TABLES.replace("    figures:", f"{BESIDE}    figures:", 1) if beside else TABLES
    )
    (config / "published.yaml").write_text(PUBLISHED)
    return load_plan("toy", config=config, images=images, plugins=plugins)


@contextmanager
def working_in(root: Path) -> Iterator[None]:
    """Results and reports go below ``root`` (paths of the layout are relative)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        yield
