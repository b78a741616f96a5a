"""The toy configuration with photographs and restorations, all made up: what figures and the page are tested on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from fabricated import fabricate, write_showcase, write_throughput
from toy_plan import toy_plan, working_in

from bench.config.plan import Plan
from bench.data import protocols
from bench.data.datasets import Dataset
from bench.data.images import write_png
from bench.scoring.prepare import prepare

NAMES = {"photo_1": 0.0, "photo_2": 0.7}


def photograph(seed: int, height: int = 120, width: int = 140) -> np.ndarray:
    """Smooth, with a busy patch whose place is known: rows 60-100, columns 20-60."""
    rng = np.random.default_rng(seed)
    image = np.tile(np.linspace(60, 180, width), (height, 1))
    image[60:100, 20:60] += rng.normal(0, 60, (40, 40))
    return np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@contextmanager
def illustrated(folder: Path) -> Iterator[Plan]:
    """A plan whose test images are two photographs in ``folder``, where one works until the end."""
    with working_in(folder):
        for i, name in enumerate(NAMES):
            write_png(folder / "photos" / f"{name}.png", photograph(i))
        found = toy_plan(folder)
        data = Dataset(split="test", folder=str(folder / "photos"))
        data._name, data._base = "embedded_test", folder
        found = dataclasses.replace(found, datasets={**found.datasets, "embedded_test": data})
        fabricate(found, NAMES)
        write_throughput(found)
        target = prepare(protocols.get("denoise-gray-s25"), photograph(0)).target
        for i, run in enumerate(found.table_runs("four")):
            write_showcase(run, found.evaluations(run)[0], target, sigma=3.0 + i)
        yield found
