"""Converse-DnCNN against the same network with its operators switched to Algorithm 1, as a Markdown table.

Both networks have the same weights and run in one process, image by image in turn. The ratio is that of the medians
summed over the images, so that every image counts by its time. The errors are the largest differences to the same
network in float64 (where the two operators agree to 1e-9). Set12 and the released weights come from

    python -m bench fetch set12 released_weights

    python benchmarks/network_speed.py                        # whole Set12, and one 256×256 image
    python benchmarks/network_speed.py --images 1 --repeats 1 # a smoke run
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from operator_speed import wait_for_cores

import converse
from bench.data.datasets import load_datasets
from bench.data.images import read_image
from bench.foundation.errors import BenchError
from bench.scoring import degrade

SIGMA = 25.0
TARGETS = {"set12": 6.0, "image": 7.0}
"""Smallest ratio asked for."""
MAX_ERROR = 1e-4
"""Largest difference of converse2d to the same network in float64 that is allowed, gray values in [0, 1]."""
BLOCKS = 20
SIDES = ("converse2d", "algorithm1")


def noisy(clean: Tensor) -> Tensor:
    """(1, 1, H, W) with noise of standard deviation 25/255."""
    generator = torch.Generator().manual_seed(0)
    return clean + torch.randn(clean.shape, generator=generator) * (SIGMA / 255)


def set12(count: int | None) -> list[tuple[str, Tensor]]:
    """The first images of Set12, each with its name, noisy as the protocol has it, (1, 1, H, W).

    Raises:
        BenchError: not fetched.
    """
    found = []
    for path in load_datasets()["set12"].files()[:count]:
        image = degrade.awgn(degrade.to_float(read_image(path, "gray")), SIGMA)
        found.append((path.stem, torch.from_numpy(image).float().permute(2, 0, 1)[None]))
    return found


def pair(released: Path | None, depth: int = BLOCKS) -> dict[str, nn.Module]:
    """The 7×7 network on either operator, with the released weights (20 blocks) or, None, the same random ones."""
    options = {"seed": 0, "kernel_size": 7, "blocks": depth}
    networks = {side: converse.build_model("converse_dncnn", operator=side, **options) for side in SIDES}
    state = networks["converse2d"].state_dict()
    if released is not None:
        state = converse.load_released("converse_dncnn", released).state_dict()
    for network in networks.values():
        network.load_state_dict(state)
        network.eval()
    return networks


@dataclass(frozen=True)
class Result:
    """Both sides on one image or several: seconds and errors by side, samples taken without quiet cores."""

    seconds: dict[str, float]
    errors: dict[str, float]
    disturbed: int

    def __add__(self, other: Result) -> Result:
        seconds = {side: self.seconds[side] + other.seconds[side] for side in SIDES}
        errors = {side: max(self.errors[side], other.errors[side]) for side in SIDES}
        return Result(seconds, errors, self.disturbed + other.disturbed)

    @property
    def ratio(self) -> float:
        """How many times faster converse2d is."""
        return self.seconds["algorithm1"] / self.seconds["converse2d"]


def compare(networks: dict[str, nn.Module], image: Tensor, repeats: int) -> Result:
    """Medians and errors of both sides on one image."""
    samples: dict[str, list[float]] = {side: [] for side in SIDES}
    outputs, disturbed = {}, 0
    with torch.inference_mode():
        for repeat in range(repeats + 1):
            for side, network in networks.items():
                disturbed += not wait_for_cores()
                start = time.perf_counter()
                outputs[side] = network(image)
                if repeat:  # the first pass of each side warms up
                    samples[side].append(time.perf_counter() - start)
        exact = copy.deepcopy(networks["converse2d"]).double()(image.double())
    seconds = {side: statistics.median(values) for side, values in samples.items()}
    return Result(seconds, {side: float((outputs[side] - exact).abs().max()) for side in SIDES}, disturbed)


def report(name: str, key: str, networks: dict[str, nn.Module], images: list[tuple[str, Tensor]], repeats: int) -> bool:
    """Times one set of images, prints its lines, and returns whether it meets its targets."""
    total = Result(dict.fromkeys(SIDES, 0.0), dict.fromkeys(SIDES, 0.0), 0)
    for stem, image in images:
        found = compare(networks, image, repeats)
        total += found
        if len(images) > 1:
            line(f"{name}, {stem} {image.shape[3]}×{image.shape[2]}", found, "–")
    line(f"**{name}, {len(images)} images**", total, f"≥ {TARGETS[key]:g}")
    return total.ratio >= TARGETS[key] and total.errors["converse2d"] <= MAX_ERROR


def line(name: str, found: Result, target: str) -> None:
    """One line of the table."""
    fast, slow = (f"{found.seconds[side]:.3f}" for side in SIDES)
    near, far = (f"{found.errors[side]:.1e}" for side in SIDES)
    print(
        f"| {name} | {fast} | {slow} | {found.ratio:.2f} | {target} | {near} | {far} | {found.disturbed} |", flush=True
    )


def main() -> None:
    """Print the table; exit with 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="samples per side and image (default 5)")
    parser.add_argument("--images", type=int, help="the first N images of Set12 only")
    parser.add_argument("--case", choices=sorted(TARGETS), action="append", help="repeatable; all")
    parser.add_argument("--depth", type=int, default=BLOCKS, help=f"blocks of the untrained network (default {BLOCKS})")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if options.repeats < 1 or options.threads < 1:
        parser.error("--repeats and --threads must be at least 1")
    torch.set_num_threads(options.threads)
    cases = options.case or list(TARGETS)
    if "set12" in cases:
        try:
            images = set12(options.images)
            weights = load_datasets()["released_weights"].file("converse_dncnn.pth")
        except BenchError as error:
            sys.exit(f"error: {error}")
    pages = "huge pages" if os.environ.get("THP_MEM_ALLOC_ENABLE") == "1" else "small pages"
    print(f"float32, {options.threads} threads, {pages}, medians of {options.repeats}, torch {torch.__version__}\n")
    print(
        f"| images | converse2d s | Algorithm 1 s | ratio | target | converse2d error (≤ {MAX_ERROR:g}) "
        "| Algorithm 1 error | disturbed |\n|---|---|---|---|---|---|---|---|"
    )
    met = True
    if "set12" in cases:
        met &= report("Set12, released 7×7", "set12", pair(weights), images, options.repeats)
    if "image" in cases:
        image = noisy(torch.rand(1, 1, 256, 256, generator=torch.Generator().manual_seed(1)))
        name = f"256×256, 7×7 untrained, {options.depth} blocks"
        met &= report(name, "image", pair(None, options.depth), [("256×256", image)], options.repeats)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
