"""A plan whose analyses run offline in seconds: made-up photographs, kernels of ours, networks at initialisation."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_plan import toy_plan

import converse
from bench.config.analysis_info import WEIGHTS
from bench.config.loading import load_plan
from bench.config.plan import Plan
from bench.config.planned_analyses import resolve
from bench.data.datasets import Dataset, data_root
from bench.data.file_hashes import sha256_file
from bench.data.images import write_png
from bench.data.kernels import embedded_bytes
from bench.foundation import strict_yaml
from converse.assembly.released import RELEASED

NAMES = ("a.png", "b.png")
ANALYSES = """
analyses:
  - name: paper_figure2
    settings: {photographs: embedded_test, image: a.png, kernels: embedded_kernels, use: [motion, softmax]}
  - {name: paper_figure4, settings: {photographs: embedded_test, image: a.png}}
  - {name: paper_figure5, settings: {photographs: embedded_test, image: a.png}}
  - name: paper_figure6
    settings: {photographs: embedded_test, image: a.png, kernels: embedded_kernels, use: [motion, gaussian]}
  - name: protocol_sensitivity
    settings: {sr: embedded_test, denoising: embedded_test, images: 2}
  - {name: checkerboard, settings: {photographs: embedded_test, seeds: 3, channels: 4, side: 16, images: 1}}
  - name: reconvolution
    settings:
      denoising: embedded_test
      sr: embedded_test
      deblurring: embedded_test
      kernels: embedded_kernels
      use: motion
      images: 1
  - name: response
    settings:
      networks: [conversenet, converse_usrnet]
      kernels: embedded_kernels
      use: [motion]
      sizes: [16, 25]
      profile: 16
      bins: 4
  - name: size_dependence
    settings:
      deblurring: embedded_test
      deblurring_images: [a.png]
      denoising: embedded_test
      denoising_images: [a.png]
      sr: embedded_test
      sr_images: [a.png]
      kernels: embedded_kernels
      use: [gaussian]
      sizes: [[24, 24], [40, 48]]
      core: 16
  - name: boundary
    settings:
      photographs: embedded_test
      count: 2
      kernels: embedded_kernels
      use: [gaussian, motion]
      side: 32
      core: 12
"""


def photograph(seed: int, height: int = 48, width: int = 56) -> np.ndarray:
    """Smooth colours with a busy patch, (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    image = np.linspace(40, 200, width)[None, :, None] + rng.uniform(-30, 30, 3)
    image = np.repeat(image, height, axis=0)
    image[8:28, 10:30] += rng.normal(0, 40, (20, 20, 1))
    return np.clip(image, 0, 255).astype(np.uint8)


def analysis_plan(root: Path, monkeypatch: pytest.MonkeyPatch, networks: tuple[str, ...] = tuple(RELEASED)) -> Plan:
    """The plan, with its data under ``root``; networks that are not asked for have no checkpoint."""
    monkeypatch.setenv("BENCH_DATA", str(root / "data"))
    toy_plan(root)  # writes the configuration
    preset = root / "config" / "presets" / "toy.yaml"
    preset.write_text(preset.read_text() + ANALYSES)
    plan = load_plan("toy", config=root / "config")
    for i, name in enumerate(NAMES):
        write_png(root / "photos" / name, photograph(i))
    photos = Dataset(split="test", folder=str(root / "photos"))
    photos._name, photos._base = "embedded_test", root
    kernels = data_root() / "embedded_kernels"
    kernels.mkdir(parents=True)
    for name in ("gaussian", "motion"):
        (kernels / f"{name}.npy").write_bytes(embedded_bytes(f"{name}.npy"))
    weights = Dataset(**plan.datasets[WEIGHTS].model_dump())
    weights._name, weights._hashes = WEIGHTS, dict(plan.datasets[WEIGHTS].hashes)
    weights.directory().mkdir()
    for i, name in enumerate(networks):
        path = weights.directory() / f"{name}.pth"
        torch.save(converse.build_model(name, seed=i, **RELEASED[name]).state_dict(), path)
        weights._hashes[path.name] = sha256_file(path)
    datasets = {**plan.datasets, "embedded_test": photos, WEIGHTS: weights}
    analyses = resolve(plan.preset, strict_yaml.load(preset), datasets)
    return dataclasses.replace(plan, datasets=datasets, analyses=analyses)
