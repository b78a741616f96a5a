"""The block's pointwise halves, compiled against torch's operations, inside whole networks, as Markdown tables.

Both sides are the same network with the same operator, in one process and in turn; ratios are medians of pairs. A
training step is forward, L1 loss, backward and fused Adam, as `bench train` has it. Processor time counts, which does
not see other processes waiting for the cores. Before anything is timed, the gradients of all sides (for inference their
output) are held against float64: a side that is less exact than it should be ends the script.

    python benchmarks/block_speed.py                     # training steps, one thread
    python benchmarks/block_speed.py --inference         # a 512×512 image: time, and peak memory in fresh processes
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from network_memory import peak_gib

import converse
from converse.assembly import branch
from converse.native.library import Library
from converse.native.loading import backend, load
from converse.native.serving import on_torch

CASES = {"small": (16, 3, (4, 1, 40, 40), 0.45), "large": (64, 20, (1, 1, 64, 64), 0.5)}
"""Channels, blocks, images, and the largest ratio asked for."""
AGAINST_CONV = 1.15
"""Largest ratio of Converse-DnCNN to Conv-DnCNN asked for, both compiled."""
MAX_ERROR = 1e-5
"""Relative, of the gradients of all parameters together, or the output, against the same network in float64."""
SIDES = ("compiled", "torch", "all torch")
"""Of the block; last, the operator is torch's as well."""


@contextlib.contextmanager
def block_by(side: str) -> Iterator[None]:
    """The block's pointwise halves by that side, while it lasts."""
    if side == "all torch":
        with on_torch():
            yield
        return
    kept = branch._serving
    if side == "torch":
        branch._serving = lambda *_: None
    try:
        yield
    finally:
        branch._serving = kept


def network(operator: str, channels: int, blocks: int) -> nn.Module:
    """Converse-DnCNN or Conv-DnCNN, the same weights every time."""
    return converse.build_model(f"{operator}_dncnn", seed=0, channels=channels, blocks=blocks)


def training(model: nn.Module, images: tuple[int, ...]) -> Callable[[], None]:
    """One training step on noise."""
    generator = torch.Generator().manual_seed(0)
    x, target = torch.rand(images, generator=generator), torch.rand(images, generator=generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        (model(x) - target).abs().mean().backward()
        optimizer.step()

    return step


def output(model: nn.Module, images: Tensor) -> Tensor:
    """In float64, without a graph."""
    with torch.inference_mode():
        return model(images).double()


def gradients(model: nn.Module, images: Tensor) -> Tensor:
    """Of the mean square of the output, for all parameters, in one float64 vector."""
    model.zero_grad()
    model(images).square().mean().backward()
    return torch.cat([p.grad.double().flatten() for p in model.parameters() if p.grad is not None])


def errors(
    models: dict[str, nn.Module], shape: tuple[int, ...], of: Callable[[nn.Module, Tensor], Tensor]
) -> dict[str, dict[str, float]]:
    """Relative errors of :func:`gradients` or :func:`output` by network and side; too large a one ends the script."""
    images = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    found: dict[str, dict[str, float]] = {}
    for name, given in models.items():
        model, found[name] = copy.deepcopy(given), {}
        truth = of(copy.deepcopy(given).double(), images.double())
        for side in SIDES:
            with block_by(side):
                found[name][side] = float((of(model, images) - truth).norm() / truth.norm())
    if not all(error < MAX_ERROR for sides in found.values() for error in sides.values()):
        sys.exit(f"error: {of.__name__} of {shape} wrong, {found}: nothing is timed")
    return found


def in_turn(steps: dict[str, Callable[[], None]], repeats: int) -> dict[str, list[float]]:
    """Milliseconds of processor time of each, after two unmeasured rounds; a key's part after the slash is the side."""
    samples: dict[str, list[float]] = {key: [] for key in steps}
    for repeat in range(repeats + 2):
        for key, step in steps.items():
            with block_by(key.split("/")[1]):
                start = time.process_time()
                step()
                if repeat > 1:
                    samples[key].append(1e3 * (time.process_time() - start))
    return samples


def ratio(samples: dict[str, list[float]], above: str, below: str) -> float:
    """Median of pairs."""
    return statistics.median(a / b for a, b in zip(samples[above], samples[below], strict=True))


def train(cases: list[str], repeats: int) -> bool:
    """Prints the table of training steps; whether all targets are met."""
    print(
        "| network | step ms: block compiled | by torch | operator too | ratio | to all torch | target "
        "| gradients' error: compiled | by torch | operator too |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    )
    met = True
    for name in cases:
        channels, blocks, images, target = CASES[name]
        models = {operator: network(operator, channels, blocks) for operator in ("converse", "conv")}
        exact = errors(models, images, gradients)
        steps = {f"{o}/{side}": training(models[o], images) for o in models for side in SIDES}
        samples = in_turn(steps, repeats)
        for o in models:
            value, whole = (ratio(samples, f"{o}/compiled", f"{o}/{side}") for side in SIDES[1:])
            limit = f"≤ {target:g}" if o == "converse" else "–"
            met &= o != "converse" or value <= target
            times = " | ".join(f"{statistics.median(samples[f'{o}/{side}']):.1f}" for side in SIDES)
            near = " | ".join(f"{exact[o][side]:.1e}" for side in SIDES)
            size = f"{channels} channels, {blocks} blocks, {images[0]}×{images[2]}²"
            print(f"| {o}_dncnn, {size} | {times} | {value:.2f} | {whole:.2f} | {limit} | {near} |", flush=True)
        both = ratio(samples, "converse/compiled", "conv/compiled")
        met &= both <= AGAINST_CONV
        print(
            f"| Converse- / Conv-DnCNN, {name} | – | – | – | {both:.2f} | – | ≤ {AGAINST_CONV:g} | – | – | – |",
            flush=True,
        )
    return met


def restore(side: str, operator: str, size: int) -> Callable[[], None]:
    """One square image through ten blocks of 64 channels."""
    model, image = network(operator, 64, 10).eval(), torch.rand(1, 1, size, size)

    def step() -> None:
        with torch.inference_mode(), block_by(side):
            model(image)

    return step


def infer(repeats: int, threads: int, size: int) -> bool:
    """Prints the table of inference; whether the compiled block needs no more memory."""
    errors({operator: network(operator, 64, 10) for operator in ("converse", "conv")}, (1, 1, 96, 80), output)
    print(f"| network, {size}×{size} | side | ms | peak MiB |\n|---|---|--:|--:|")
    met = True
    for operator in ("converse", "conv"):
        samples = in_turn({f"{operator}/{side}": restore(side, operator, size) for side in SIDES[:2]}, repeats)
        peaks = []
        for side in SIDES[:2]:
            command = [
                sys.executable,
                __file__,
                "--peak",
                side,
                operator,
                "--threads",
                str(threads),
                "--size",
                str(size),
            ]
            peaks.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
            milliseconds = statistics.median(samples[f"{operator}/{side}"])
            print(f"| {operator}_dncnn, 64 channels, 10 blocks | {side} | {milliseconds:.0f} | {peaks[-1]:.0f} |")
        met &= peaks[0] <= peaks[1]
    return met


def main() -> None:
    """Print the tables; exit with 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15, help="samples per side (default 15)")
    parser.add_argument("--case", choices=sorted(CASES), action="append", help="repeatable; all")
    parser.add_argument("--inference", action="store_true")
    parser.add_argument("--size", type=int, default=512, help="height and width of the restored image (default 512)")
    parser.add_argument("--peak", nargs=2, metavar=("SIDE", "OPERATOR"), help="of one image in this process, in MiB")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.repeats < 1 or options.threads < 1:
        parser.error("--repeats and --threads must be at least 1")
    if options.peak and options.peak[0] not in SIDES:
        parser.error(f"--peak: no side {options.peak[0]!r}, only {', '.join(SIDES)}")
    torch.set_num_threads(options.threads)
    if not isinstance(load(), Library):  # which also counts its memory, and its self-test's, on every side of --peak
        sys.exit(f"error: {backend()}: there is nothing compiled to compare")
    if options.peak:
        restore(*options.peak, options.size)()
        print(peak_gib() * 1024)
        return
    print(f"{backend()}, float32, {options.threads} threads, medians of {options.repeats}, torch {torch.__version__}\n")
    if options.inference:
        sys.exit(0 if infer(options.repeats, options.threads, options.size) else 1)
    sys.exit(0 if train(options.case or list(CASES), options.repeats) else 1)


if __name__ == "__main__":
    main()
