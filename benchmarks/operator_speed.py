"""The operator against Algorithm 1 and a depthwise convolution: time and memory, as a Markdown table.

All sides run interleaved in one process on float32 and 2 threads; ratios are of medians. Memory is the growth
of the resident peak (Linux), each side in a fresh process. Parallel regions are probed before every sample:
when two threads share a core (a neighbour's load, an unlucky start) one region costs milliseconds, so the
sample waits until the probe is fast again, and the table says how often it had to give up waiting.

    python benchmarks/operator_speed.py --case dncnn --repeats 15
    THP_MEM_ALLOC_ENABLE=1 python benchmarks/operator_speed.py      # huge pages for every side

The variable is read when the process starts, so it holds for all sides or for none.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from converse.algorithm1 import algorithm1
from converse.mathematics.functional import converse2d
from converse.native.loading import backend


@dataclass(frozen=True)
class Case:
    """One shape with its targets: ratios to Algorithm 1 (at least) and to the convolution (at most)."""

    shape: tuple[int, int, int, int]
    kernel: int
    padding: int
    scale: int = 1
    faster: tuple[float, float] = (0.0, 0.0)
    slower: tuple[float | None, float | None] = (None, None)


CASES = {
    "dncnn": Case((16, 128, 64, 64), 5, 4, faster=(25, 30), slower=(3.3, 0.8)),
    "image": Case((1, 128, 256, 256), 7, 6, faster=(25, 30), slower=(3.3, 0.8)),
    "large": Case((1, 64, 512, 512), 5, 4, faster=(25, 30), slower=(3.3, 0.8)),
    "prime521": Case((1, 64, 513, 513), 5, 4, faster=(25, 20)),
    "prime524": Case((1, 64, 516, 516), 5, 4, faster=(25, 20)),
    "upsampler": Case((1, 64, 128, 128), 2, 1, 2, faster=(150, 100), slower=(1.0, 1.0)),
}
SIDES = ("converse2d", "algorithm1", "depthwise")
"""The first runs on the backend that the table's first line names; CONVERSE_NATIVE=0 makes it torch."""
PASSES = ("fwd", "fwd+bwd")
Step = Callable[[], None]


def steps(case: Case, side: str, backward: bool) -> Step:
    """One timed step of one side: a forward without grad, or a forward and a backward."""
    g = torch.Generator().manual_seed(0)
    channels, k = case.shape[1], case.kernel
    y = torch.randn(case.shape, generator=g)
    kernel = torch.randn(1, channels, k * k, generator=g).softmax(2).view(1, channels, k, k)
    lam = torch.full((1, channels, 1, 1), 1.33e-4)
    weight = kernel.transpose(0, 1).contiguous()
    leaves = [y, weight] if side == "depthwise" else [y, kernel, lam]
    for leaf in leaves:
        leaf.requires_grad_(backward)

    def forward() -> Tensor:
        if side == "depthwise" and case.scale == 1:
            return F.conv2d(y, weight, padding=k // 2, groups=channels)
        if side == "depthwise":
            return F.conv_transpose2d(y, weight, stride=case.scale, groups=channels)
        function = converse2d if side == "converse2d" else algorithm1
        return function(y, kernel, lam, scale=case.scale, padding=case.padding)

    with torch.no_grad():
        cotangent = torch.randn(forward().shape, generator=g) if backward else None

    def step() -> None:
        if backward:
            torch.autograd.grad(forward(), leaves, cotangent)
        else:
            with torch.no_grad():
                forward()

    return step


def wait_for_cores(patience: float = 5.0) -> bool:
    """Wait until a small parallel region is fast; False if it never was."""
    x = torch.ones(1 << 18)
    start = time.perf_counter()
    while True:
        best = 0.0
        for _ in range(5):
            begin = time.perf_counter()
            x.mul_(1.0)
            best = max(best, time.perf_counter() - begin)
        if best < 1e-3:
            return True
        if time.perf_counter() - start > patience:
            return False
        time.sleep(0.02)


def measure(case: Case, backward: bool, repeats: int) -> tuple[dict[str, float], int]:
    """Median milliseconds of each side, and how many samples were taken without quiet cores."""
    todo = {side: steps(case, side, backward) for side in SIDES}
    samples: dict[str, list[float]] = {side: [] for side in SIDES}
    disturbed = 0
    for repeat in range(repeats + 1):
        for side, step in todo.items():
            disturbed += not wait_for_cores()
            start = time.perf_counter()
            step()
            if repeat:
                samples[side].append(1e3 * (time.perf_counter() - start))
    return {side: statistics.median(values) for side, values in samples.items()}, disturbed


def _status(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/self/status has no {field}")


def peak(case: Case, side: str, backward: bool) -> float:
    """MB by which one step raises this process's resident peak; run it in a fresh process."""
    step = steps(Case((1, 2, 16, 16), case.kernel, case.padding, case.scale), side, backward)
    step()
    step = steps(case, side, backward)
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    step()
    return _status("VmHWM") - before


def peak_elsewhere(name: str, side: str, backward: bool) -> float:
    """:func:`peak` in a fresh process."""
    command = [sys.executable, __file__, "--case", name, "--peak", side]
    if backward:
        command.append("--backward")
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=sorted(CASES), action="append", help="repeatable; all")
    parser.add_argument("--repeats", type=int, default=9, help="samples per side (default 9)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-memory", action="store_true", help="leave the memory columns out")
    parser.add_argument("--peak", choices=SIDES, help="print one side's extra peak in MB only")
    parser.add_argument("--backward", action="store_true", help="with --peak")
    options = parser.parse_args()
    if options.repeats < 1 or options.threads < 1:
        parser.error("--repeats and --threads must be at least 1")
    torch.set_num_threads(options.threads)
    names = options.case or list(CASES)
    if options.peak:
        print(peak(CASES[names[0]], options.peak, options.backward))
        return
    pages = "huge pages" if os.environ.get("THP_MEM_ALLOC_ENABLE") == "1" else "small pages"
    print(f"float32, {options.threads} threads, {pages}, medians of {options.repeats}, torch {torch.__version__}")
    print(f"converse2d: {backend()}\n")
    print(
        "| case | pass | converse2d ms | Algorithm 1 ms | depthwise ms | Alg. 1 / converse2d (target) "
        "| converse2d / depthwise (target) | peak MB converse2d / Alg. 1 | disturbed |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    for name in names:
        case = CASES[name]
        for index, label in enumerate(PASSES):
            ms, disturbed = measure(case, bool(index), options.repeats)
            fast, paper, conv = (ms[side] for side in SIDES)
            limit = case.slower[index]
            target = f"≤ {limit}" if limit else "–"
            memory = "–"
            if not options.no_memory:
                a, b = (peak_elsewhere(name, side, bool(index)) for side in SIDES[:2])
                memory = f"{a:.0f} / {b:.0f} = 1/{b / max(a, 1.0):.1f} (≤ 1/6)"
            print(
                f"| {name} | {label} | {fast:.1f} | {paper:.1f} | {conv:.1f} | {paper / fast:.1f} "
                f"(≥ {case.faster[index]:g}) | {fast / conv:.2f} ({target}) | {memory} | {disturbed} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
