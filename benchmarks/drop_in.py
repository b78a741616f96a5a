"""What a swap costs in networks of others: a training step and its memory, before and after, per place of use.

Before and after are timed in turn in one process; medians, and the quartiles of the paired ratios. Memory is the
growth of the resident peak in one step, each side in a process of its own. The compiled operator, where it was built,
and the torch path are rows of their own. Run from the repository:

    python -m benchmarks.drop_in --repeats 9
    python -m benchmarks.drop_in --train 200        # the published network, trained before and after
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

import converse
from bench.models.timing import in_own_process, resident_extra_peak
from examples.drop_in.generator import generator
from examples.drop_in.neck import Detector
from examples.drop_in.published import Segmentation, toy_batch
from examples.drop_in.unet import UNet


@dataclass(frozen=True)
class Place:
    """A place of use: a network, what is swapped in it, with which options, and its training input."""

    name: str
    build: Callable[[], nn.Module]
    kind: type[nn.Module]
    shape: tuple[int, int, int, int]
    options: dict[str, object] = field(default_factory=dict)


PLACES = [
    Place("U-Net, nearest", lambda: UNet("nearest"), nn.Upsample, (4, 3, 128, 128)),
    Place("U-Net, dense 2×2 transposed", lambda: UNet("dense 2×2"), nn.ConvTranspose2d, (4, 3, 128, 128)),
    Place("U-Net, depthwise 2×2 transposed", lambda: UNet("depthwise 2×2"), nn.ConvTranspose2d, (4, 3, 128, 128)),
    Place("U-Net, depthwise 4×4 transposed", lambda: UNet("depthwise 4×4"), nn.ConvTranspose2d, (4, 3, 128, 128)),
    Place("detector, nearest in the neck", Detector, nn.Upsample, (4, 3, 128, 128)),
    Place("detector, depthwise 7×7 in the backbone", Detector, nn.Conv2d, (4, 3, 128, 128)),
    Place("generator, dense 3×3 transposed", generator, nn.ConvTranspose2d, (2, 3, 128, 128)),
    Place("LR-ASPP MobileNetV3, depthwise 3×3 and 5×5", Segmentation, nn.Conv2d, (4, 3, 128, 128)),
]
BACKENDS = {"torch": {"CONVERSE_NATIVE": "0"}, "compiled": {}}


def network(place: Place, swapped: bool) -> nn.Module:
    """The place's network with fixed weights, in training mode."""
    torch.manual_seed(0)
    model = place.build().train()
    if swapped:
        converse.swap(model, place.kind, example=torch.rand(1, *place.shape[1:]), seed=0, **place.options)
    return model


def step_of(model: nn.Module, shape: tuple[int, ...]) -> Callable[[], None]:
    """One step of Adam on the mean square of the output."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4)
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        out = model(x)
        outputs: list[Tensor] = out if isinstance(out, list) else [out]
        sum(o.square().mean() for o in outputs).backward()
        optimiser.step()

    return step


def memory(index: int, swapped: bool, threads: int) -> int | None:
    """Growth of the resident peak in the first training step, in bytes: later ones take memory that is held already."""
    torch.set_num_threads(threads)
    place = PLACES[index]
    model = network(place, swapped)
    with torch.no_grad():
        model(torch.rand(1, *place.shape[1:]))  # libraries load and kernels are made for both sides alike
    step = step_of(model, place.shape)
    return resident_extra_peak(step)


def row(index: int, backend: str, repeats: int, threads: int) -> str:
    """One line of the table."""
    place = PLACES[index]
    steps = [step_of(network(place, swapped), place.shape) for swapped in (False, True)]
    for step in steps:
        step(), step()
    seconds: list[list[float]] = [[], []]
    for _ in range(repeats):
        for kept, step in zip(seconds, steps, strict=True):
            start = time.perf_counter()
            step()
            kept.append(time.perf_counter() - start)
    before, after = (statistics.median(s) * 1e3 for s in seconds)
    low, middle, high = statistics.quantiles([b / a for a, b in zip(*seconds, strict=True)], n=4)
    peaks = [in_own_process(memory, index, swapped, threads) for swapped in (False, True)]
    shown = ["–" if p is None else f"{p / 1e6:.0f}" for p in peaks]
    cells = [place.name, backend, f"{before:.0f}", f"{after:.0f}", f"{middle:.2f} ({low:.2f}–{high:.2f})", *shown]
    return f"| {' | '.join(cells)} |"


def train(steps: int) -> None:
    """The published network before and after the swap, the same batches: loss and seconds a step."""
    place = PLACES[-1]
    for swapped in (False, True):
        model = network(place, swapped)
        optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
        losses, start = [], time.perf_counter()
        for i in range(steps):
            image, target = toy_batch(64, seed=i)
            loss = nn.functional.cross_entropy(model(image), target)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        each = (time.perf_counter() - start) / steps
        first, last = (statistics.mean(part) for part in (losses[:10], losses[-10:]))
        side = "after" if swapped else "before"
        print(f"{side}: loss {first:.3f} -> {last:.3f} in {steps} steps of {each * 1e3:.0f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="places whose name contains this")
    parser.add_argument("--backend", choices=BACKENDS, help="this process alone, one backend")
    parser.add_argument("--train", type=int, metavar="STEPS", default=0)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.train:
        train(chosen.train)
        return
    if chosen.backend is None:
        print("| place | backend | before, ms | after, ms | ratio (quartiles) | before, MB | after, MB |")
        print("|:--|:--|--:|--:|--:|--:|--:|", flush=True)
        for backend, switch in BACKENDS.items():  # the switch is read when the package is imported
            command = [sys.executable, "-m", "benchmarks.drop_in", *sys.argv[1:], "--backend", backend]
            subprocess.run(command, env={**os.environ, **switch}, check=True)
        return
    for index, place in enumerate(PLACES):
        if chosen.only in place.name:
            print(row(index, chosen.backend, chosen.repeats, chosen.threads), flush=True)


if __name__ == "__main__":
    main()
