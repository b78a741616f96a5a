"""Restorations side by side: one crop, chosen by a rule, with PSNR and SSIM of the whole image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.config import layout
from bench.config.evaluation import Evaluation, PlannedTest
from bench.config.plan import Plan
from bench.data import protocols
from bench.data.images import Pixels, read_image
from bench.data.kernel_files import load_kernel
from bench.data.planned_files import PlannedFile
from bench.foundation.errors import BenchError
from bench.pages.drawings import crops
from bench.results import captions
from bench.results.records import tests_of
from bench.results.tidy import Results
from bench.scoring.prepare import prepare

if TYPE_CHECKING:
    import pandas as pd

SIDE = 96
"""Side of the crop in pixels of the clean image."""
RULE = f"the {SIDE}×{SIDE} window of the clean image (at least 8 pixels inside) with the largest gradient energy"
READING = (
    f"Restorations: the first image (and kernel) of the table's first test set as every row restored it. The crop is "
    f"{RULE}. PSNR / SSIM are of the whole image."
)


@dataclass(frozen=True)
class Tile:
    """One restored image with its scores."""

    label: str
    image: Pixels
    psnr: float
    ssim: float


@dataclass(frozen=True)
class Comparison:
    """The clean image and what the rows made of it."""

    name: str
    kernel: str
    clean: Pixels
    tiles: list[Tile]
    lost: list[str]


def window(clean: Pixels, side: int = SIDE, margin: int = 8) -> tuple[int, int, int, int]:
    """Top, left, height and width of the window with the largest gradient energy.

    Squared forward differences of the gray values, summed over every window by an integral image; of equal windows
    the first in reading order. Smaller images give what they have.
    """
    gray = clean.astype(np.float64).mean(axis=2)
    height, width = min(side, gray.shape[0]), min(side, gray.shape[1])
    energy = np.zeros_like(gray)
    energy[:-1] += np.diff(gray, axis=0) ** 2
    energy[:, :-1] += np.diff(gray, axis=1) ** 2
    total = np.zeros((gray.shape[0] + 1, gray.shape[1] + 1))
    total[1:, 1:] = energy.cumsum(0).cumsum(1)
    sums: NDArray[np.float64] = (
        total[height:, width:] - total[:-height, width:] - total[height:, :-width] + total[:-height, :-width]
    )
    my = margin if gray.shape[0] >= side + 2 * margin else 0
    mx = margin if gray.shape[1] >= side + 2 * margin else 0
    inner = sums[my : sums.shape[0] - my, mx : sums.shape[1] - mx]
    top, left = np.unravel_index(int(inner.argmax()), inner.shape)
    return int(top) + my, int(left) + mx, height, width


def comparison(plan: Plan, results: Results, table: str) -> Comparison:
    """The first image (and first kernel) of the first test, as every row restored it.

    Raises:
        BenchError: no row has a restored image, or one does not fit the clean image.
    """
    test = tests_of(plan, table)[0]
    part = results.metrics[results.metrics["evaluation"] == test.key]
    if not len(part):
        raise BenchError(f"no metrics of {test.key} yet (python -m bench evaluate RUN --preset {plan.name})")
    name, kernel = str(part["image"].iloc[0]), str(part["kernel"].iloc[0])
    clean = _clean(plan, test, name, kernel)
    tiles, lost = [], []
    for row in plan.rows[table]:
        tile = None
        for run in row.runs:
            path = layout.showcase_png(run.id, test.stem)
            if tile is None and path.is_file() and results.status(run.id).status != "diverged":
                tile = _tile(results, test, run.id, row.label, path, (name, kernel), clean)
        if tile is None:
            lost.append(row.label)
        else:
            tiles.append(tile)
    if not tiles:
        raise BenchError(
            f"no restored image of table {table!r}: {layout.showcase_png('RUN', test.key)} (python -m bench evaluate)"
        )
    return Comparison(name, kernel, clean, tiles, lost)


def _tile(
    results: Results,
    test: Evaluation,
    run_id: str,
    label: str,
    path: Path,
    index: tuple[str, str],
    clean: Pixels,
) -> Tile | None:
    image = read_image(path, "gray" if clean.shape[2] == 1 else "rgb")
    if image.shape != clean.shape:
        raise BenchError(f"{path}: {image.shape} does not fit the clean image {clean.shape}; evaluate {run_id} again")
    psnr, ssim = (results.values(run_id, test.key, m) for m in ("psnr", "ssim"))
    if psnr is None or ssim is None or index not in psnr.index:
        return None
    return Tile(label, image, float(psnr[index]), float(ssim[index]))


def _clean(plan: Plan, test: PlannedTest, name: str, kernel: str) -> Pixels:
    protocol = protocols.get(test.protocol)
    files = test.files(plan.datasets)
    blur = _file(test, files.kernels, kernel).read(load_kernel) if test.kernels else None
    image = _file(test, files.images, name).read(lambda path: read_image(path, protocol.color))
    return prepare(protocol, image, blur).target


def _file(test: Evaluation, files: Mapping[str, PlannedFile], name: str) -> PlannedFile:
    if name not in files:
        raise BenchError(f"{test.key}: no file {name!r} any more; evaluate again")
    return files[name]


def draw(plan: Plan, results: Results, table: str) -> Any:
    """The whole clean image with the crop's frame, the clean crop, then every row's."""
    from matplotlib import pyplot as plt

    found = comparison(plan, results, table)
    box = window(found.clean)
    count = 2 + len(found.tiles)
    columns = min(count, 5 if count in (5, 9, 10) else 4)
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.15 * columns, 2.75 * rows), squeeze=False)
    cells = list(axes.flat)
    for cell in cells:
        cell.set_axis_off()
    crops.show(cells[0], found.clean, f"clean\n{found.name}", size=9)
    crops.frame(cells[0], box)
    parts = [("clean\ncrop", found.clean)]
    parts += [(f"{t.label}\n{t.psnr:.2f} dB / {t.ssim:.3f}", t.image) for t in found.tiles]
    for cell, (title, image) in zip(cells[1:], parts, strict=False):
        crops.show(cell, image, title, box=box, size=9)
    figure.tight_layout(h_pad=1.4, w_pad=0.5)
    return figure


def data(plan: Plan, results: Results, table: str) -> pd.DataFrame:
    """The numbers over the crops, and where the crop lies."""
    import pandas as pd

    found = comparison(plan, results, table)
    place = window(found.clean)
    rows = [(t.label, found.name, found.kernel, t.psnr, t.ssim, *place) for t in found.tiles]
    columns = ["label", "image", "kernel", "psnr", "ssim", "top", "left", "height", "width"]
    return pd.DataFrame(rows, columns=columns)


def caption(plan: Plan, results: Results, table: str) -> str:
    """Which image, which seed."""
    found = comparison(plan, results, table)
    test = tests_of(plan, table)[0]
    kernel = f", kernel {found.kernel}" if found.kernel else ""
    runs = [run for row in plan.rows[table] for run in row.runs[:1]]
    text = (
        f"{plan.tables[table].title}: {found.name} of {captions.dataset_name(test.data)}{kernel}; "
        f"{captions.seeds_text(runs)}. "
    )
    if found.lost:
        text += f"Without a picture: {', '.join(found.lost)}. "
    return text.strip()
