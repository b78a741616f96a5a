"""The operator against Algorithm 1 and four depthwise convolutions: time, memory and threads, as a Markdown table.

All sides run interleaved in one process on float32 and 2 threads; a ratio is the median of the ratios of samples taken
in one round. Memory is the growth of the resident peak (Linux), each side in a fresh process. Parallel regions are
probed before every sample: when two threads share a core (a neighbour's load, an unlucky start) one region costs
milliseconds, so the sample waits until the probe is fast again, and the table says how often it had to give up waiting.

    python benchmarks/operator_speed.py --case dncnn --repeats 15
    python benchmarks/operator_speed.py --case small --threads 1
    python benchmarks/operator_speed.py --scaling                   # one thread against two, this operator alone
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
    """One shape with its targets, forward and forward + backward; None: there is none."""

    shape: tuple[int, int, int, int]
    kernel: int
    padding: int
    scale: int = 1
    faster: tuple[float | None, float | None] = (None, None)
    """Algorithm 1's time over ours, at least (of a Zen 4; a Xeon 18 and 17 where it says 25 and 30)."""
    circular: tuple[float | None, float | None] = (None, None)
    """Ours over a circularly padded convolution's, at most."""
    best: tuple[float | None, float | None] = (None, None)
    """Ours over the fastest convolution's, at most."""


BODY = {"circular": (0.85, 0.4), "best": (3.3, 0.8)}
CASES = {
    "dncnn": Case((16, 128, 64, 64), 5, 4, faster=(25, 30), **BODY),
    "image": Case((1, 128, 256, 256), 7, 6, faster=(25, 30), **BODY),
    "large": Case((1, 64, 512, 512), 5, 4, faster=(25, 30), **BODY),
    "prime521": Case((1, 64, 513, 513), 5, 4, faster=(25, 20)),
    "prime524": Case((1, 64, 516, 516), 5, 4, faster=(25, 20)),
    "upsampler": Case((1, 64, 128, 128), 2, 1, 2, faster=(150, 100), best=(1.0, 1.0)),
    "small": Case((4, 32, 40, 40), 5, 4, circular=(1.7, 0.42)),
}
CONVOLUTIONS = ("zeros", "zeros, channels_last", "circular", "circular, channels_last")
SIDES = ("converse2d", "algorithm1", *CONVOLUTIONS)
"""The first runs on the backend that the table's first line names; CONVERSE_NATIVE=0 makes it torch."""
PASSES = ("fwd", "fwd+bwd")
BOUND = 2e-6
"""Of the errors against float64, where times are printed: that of the operator's tests."""
CHECKED = 8
"""Channels in that comparison: with fewer the compiled operator divides its work in another way."""
Step = Callable[[], None]


def sides_of(case: Case) -> tuple[str, ...]:
    """An upsampler with kernel = scale pads nothing: its two convolutions are ConvTranspose2d in two layouts."""
    return SIDES if case.scale == 1 else SIDES[:4]


def steps(case: Case, side: str, backward: bool) -> Step:
    """One timed step of one side: a forward without grad, or a forward and a backward."""
    g = torch.Generator().manual_seed(0)
    channels, k = case.shape[1], case.kernel
    layout = torch.channels_last if "channels_last" in side else torch.contiguous_format
    y = torch.randn(case.shape, generator=g).contiguous(memory_format=layout)
    kernel = torch.randn(1, channels, k * k, generator=g).softmax(2).view(1, channels, k, k)
    lam = torch.full((1, channels, 1, 1), 1.33e-4)
    weight = kernel.transpose(0, 1).contiguous(memory_format=layout)
    leaves = [y, weight] if side in CONVOLUTIONS else [y, kernel, lam]
    for leaf in leaves:
        leaf.requires_grad_(backward)

    def forward() -> Tensor:
        if side in CONVOLUTIONS and case.scale > 1:
            return F.conv_transpose2d(y, weight, stride=case.scale, groups=channels)
        if side.startswith("zeros"):
            return F.conv2d(y, weight, padding=k // 2, groups=channels)
        if side.startswith("circular"):
            return F.conv2d(F.pad(y, [k // 2] * 4, mode="circular"), weight, groups=channels)
        function = converse2d if side == "converse2d" else algorithm1
        return function(y, kernel, lam, scale=case.scale, padding=case.padding if case.scale == 1 else 0)

    with torch.no_grad():
        cotangent = torch.randn(forward().shape, generator=g).contiguous(memory_format=layout) if backward else None

    def step() -> None:
        if backward:
            torch.autograd.grad(forward(), leaves, cotangent)
        else:
            with torch.no_grad():
                forward()

    return step


def error(case: Case) -> float:
    """Largest relative error of output and gradients against Algorithm 1 in float64, on `CHECKED` channels.

    Those of kernel and lam are sums that may cancel: relative to themselves and to the terms that they are sums of.
    """
    g = torch.Generator().manual_seed(0)
    shape, k = (case.shape[0], min(CHECKED, case.shape[1]), *case.shape[2:]), case.kernel
    y = torch.randn(shape, generator=g)
    kernel = torch.rand(1, shape[1], k, k, generator=g) / k**2
    options = {"scale": case.scale, "padding": case.padding if case.scale == 1 else 0}
    results = []
    for function, dtype in ((converse2d, torch.float32), (algorithm1, torch.float64)):
        lam = torch.full((1, shape[1], 1, 1), 1.33e-4)
        leaves = [t.to(dtype, copy=True).requires_grad_() for t in (y, kernel, lam)]
        out = function(*leaves, **options)
        cotangent = torch.linspace(-9, 9, out.numel()).sin().view_as(out).to(dtype)
        results.append([out.detach(), *torch.autograd.grad(out, leaves, cotangent)])
    terms = cotangent.norm() * out.detach().norm()
    sizes = [b.norm() + extra for b, extra in zip(results[1], (0, 0, terms, terms), strict=True)]
    errors = [(a - b).norm() / size for a, b, size in zip(*results, sizes, strict=True)]
    return float(torch.stack(errors).max())  # NaN is passed on


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


def measure(todo: dict[str, Step], repeats: int, clock: Callable[[], float]) -> tuple[dict[str, list[float]], int]:
    """Milliseconds of each side, round by round, and how many samples were taken without quiet cores."""
    samples: dict[str, list[float]] = {side: [] for side in todo}
    disturbed = 0
    for repeat in range(repeats + 1):
        for side, step in todo.items():
            disturbed += not wait_for_cores()
            start = clock()
            step()
            if repeat:
                samples[side].append(1e3 * (clock() - start))
    return samples, disturbed


def ratio(over: list[float], under: list[float]) -> float:
    """The median of paired ratios."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def _row(name: str, index: int, repeats: int, memory: bool, clock: Callable[[], float]) -> str:
    """One line of the table."""
    case = CASES[name]
    samples, disturbed = measure({s: steps(case, s, bool(index)) for s in sides_of(case)}, repeats, clock)
    ms = {side: statistics.median(values) for side, values in samples.items()}
    mine, convolutions = samples["converse2d"], [s for s in samples if s in CONVOLUTIONS]
    fastest = min(convolutions, key=lambda s: ms[s])

    def against(value: float, sign: str, targets: tuple[float | None, float | None]) -> str:
        return f"{value:.2f}" + (f" ({sign} {targets[index]:g})" if targets[index] else "")

    cells = [name, PASSES[index], f"{ms['converse2d']:.1f}", f"{ms['algorithm1']:.0f}"]
    cells += [f"{ms[s]:.1f}" if s in ms else "–" for s in CONVOLUTIONS]
    cells.append(against(ratio(samples["algorithm1"], mine), "≥", case.faster))
    cells.append(against(ratio(mine, samples["circular"]), "≤", case.circular) if "circular" in ms else "–")
    cells.append(f"{against(ratio(mine, samples[fastest]), '≤', case.best)} {fastest}")
    peaks = "–"
    if memory:
        a, b = (peak_elsewhere(name, side, bool(index)) for side in SIDES[:2])
        peaks = f"{a:.0f} / {b:.0f} = 1/{b / max(a, 1.0):.1f} (≤ 1/10)"
    return f"| {' | '.join([*cells, peaks, str(disturbed)])} |"


def scaling(name: str, repeats: int) -> str:
    """One line: time on one thread over that on two, sample by sample."""
    ratios = []
    for index in range(2):
        step = steps(CASES[name], "converse2d", bool(index))

        def on(threads: int, step: Step = step) -> Step:
            def run() -> None:
                torch.set_num_threads(threads)
                step()

            return run

        samples, _ = measure({"1": on(1), "2": on(2)}, repeats, time.perf_counter)
        ratios.append(f"{ratio(samples['1'], samples['2']):.2f} (≥ 1.7)")
    return f"| {name} | {' | '.join(ratios)} |"


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
    command = [sys.executable, __file__, "--case", name, "--peak", side, "--threads", str(torch.get_num_threads())]
    if backward:
        command.append("--backward")
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=sorted(CASES), action="append", help="repeatable; all")
    parser.add_argument("--repeats", type=int, default=9, help="samples per side (default 9)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-memory", action="store_true", help="leave the memory column out")
    parser.add_argument(
        "--cpu", action="store_true", help="processor time, on 1 thread: sees no waiting for neighbours"
    )
    parser.add_argument("--scaling", action="store_true", help="one thread against two, instead of the table")
    parser.add_argument("--pass", dest="which", choices=PASSES, help="one pass only")
    parser.add_argument("--peak", choices=SIDES, help="print one side's extra peak in MB only")
    parser.add_argument("--backward", action="store_true", help="with --peak")
    options = parser.parse_args()
    if options.repeats < 1 or options.threads < 1:
        parser.error("--repeats and --threads must be at least 1")
    if options.cpu and options.scaling:
        parser.error("--scaling compares times on the clock: processor time is the same on one thread and on two")
    if options.cpu:
        options.threads = 1
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.cpu else time.perf_counter
    names = options.case or [name for name in CASES if name != "small"]
    if options.peak:
        print(peak(CASES[names[0]], options.peak, options.backward))
        return
    pages = "huge pages" if os.environ.get("THP_MEM_ALLOC_ENABLE") == "1" else "small pages"
    what = "processor time" if options.cpu else "wall clock"
    print(
        f"float32, {options.threads} threads, {what}, {pages}, medians of {options.repeats}, torch {torch.__version__}"
    )
    print(f"converse2d: {backend()}\n")
    if options.scaling:
        print("| case | 1 thread / 2 threads, fwd | fwd+bwd |\n|---|---|---|")
        for name in names:
            wrong = error(CASES[name])
            if not wrong < BOUND:
                print(f"| {name} | wrong by {wrong:.1e}: no times | |", flush=True)
                continue
            print(scaling(name, options.repeats), flush=True)
        return
    print(
        f"| case | pass | converse2d ms | Algorithm 1 ms | {' ms | '.join(CONVOLUTIONS)} ms | Alg. 1 / converse2d | "
        "converse2d / circular | converse2d / fastest conv | peak MB converse2d / Alg. 1 | disturbed |\n"
        f"|{'---|' * 13}"
    )
    for name in names:
        wrong = error(CASES[name])
        if not wrong < BOUND:
            print(f"| {name} | wrong by {wrong:.1e}: no times |" + " |" * 11, flush=True)
            continue
        for index, label in enumerate(PASSES):
            if options.which in (None, label):
                print(_row(name, index, options.repeats, not options.no_memory, clock), flush=True)


if __name__ == "__main__":
    main()
