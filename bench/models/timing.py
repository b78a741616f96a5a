"""Interleaved timings in one process, and the extra peak memory of one pass.

Time: every round times each function once, in an order that rotates, so that a slow spell of the machine hits all
of them. CUDA work is timed with events and after `torch.cuda.synchronize`. Memory on the CPU: the pass runs once in
a process of its own, after a small warm-up that loads libraries and starts threads; what is reported is the peak
resident memory (the kernel's ``VmHWM``, reset just before) minus the resident memory before. It counts the output
and all tensors saved for the backward pass, and also memory that the allocator took and did not need. On CUDA it is
the allocator's own peak.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Function = Callable[[], object]
SAMPLE_S = 0.004
"""A timing repeats a faster function until it has taken this long."""
BUDGET_S = 1.5
"""After this long a function gets no further timings, if it has `MINIMUM`."""
MINIMUM = 3
TIMEOUT_S = 300.0
"""After this long a process of its own is given up."""


@dataclass(frozen=True)
class Timing:
    """Median and interquartile range in seconds over ``repeats`` timings."""

    median_s: float
    iqr_s: float
    repeats: int


def summarise(samples: list[float]) -> Timing:
    """Median and interquartile range (0 for fewer than two samples).

    Raises:
        ValueError: no sample.
    """
    if not samples:
        raise ValueError("no timing to summarise")
    if len(samples) == 1:
        return Timing(samples[0], 0.0, 1)
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
    return Timing(statistics.median(samples), high - low, len(samples))


def interleave(
    functions: Mapping[str, Function],
    repeats: int,
    device: torch.device,
    budget_s: float = BUDGET_S,
) -> dict[str, Timing]:
    """Times functions in turn, ``repeats`` times each (fewer, but at least three, where one is very slow).

    Each must have been called once before, so that plans, caches and threads exist.

    Raises:
        ValueError: ``repeats`` below one.
    """
    if repeats < 1:
        raise ValueError(f"repeats is at least 1, got {repeats}")
    samples: dict[str, list[float]] = {name: [] for name in functions}
    inner, spent = {}, dict.fromkeys(functions, 0.0)
    for name, function in functions.items():
        seconds = _time(function, 1, device)
        inner[name] = max(1, min(100, math.ceil(SAMPLE_S / max(seconds, 1e-7))))
        if inner[name] == 1:  # slow enough to count as the first timing
            samples[name].append(seconds)
            spent[name] = seconds
    names = list(functions)
    for turn in range(repeats):
        for i in range(len(names)):
            name = names[(i + turn) % len(names)]
            done = len(samples[name])
            if done >= repeats or (spent[name] > budget_s and done >= MINIMUM):
                continue
            seconds = _time(functions[name], inner[name], device)
            samples[name].append(seconds)
            spent[name] += seconds * inner[name]
    return {name: summarise(values) for name, values in samples.items()}


def _time(function: Function, calls: int, device: torch.device) -> float:
    """Seconds of one call, averaged over ``calls``."""
    import torch

    if device.type == "cuda":
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize(device)
        start.record()
        for _ in range(calls):
            function()
        end.record()
        torch.cuda.synchronize(device)
        return float(start.elapsed_time(end)) / 1e3 / calls
    begin = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - begin) / calls


def cuda_extra_peak(function: Function, device: torch.device) -> int:
    """Bytes that the CUDA allocator held at the peak of one call above what it held before."""
    import torch

    torch.cuda.synchronize(device)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    function()
    torch.cuda.synchronize(device)
    return int(torch.cuda.max_memory_allocated(device) - before)


def resident_extra_peak(function: Function) -> int | None:
    """Bytes of resident memory at the peak of one call above those before it; None where this cannot be read."""
    before = _resident("VmRSS")
    if before is None:
        return _resource_peak(function)
    if not _reset_peak():
        return _resource_peak(function)
    function()
    after = _resident("VmHWM")
    return None if after is None else max(0, after - before)


def _resident(key: str) -> int | None:
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _reset_peak() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _resource_peak(function: Function) -> int:
    """Without /proc: the highest peak so far, which a small warm-up keeps low."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    function()
    return int((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit)


def in_own_process(target: Callable[..., Any], *arguments: Any) -> Any:
    """``target(*arguments)`` in a fresh process that has torch loaded; None if it dies (out of memory, say).

    The processes are forked from one that has imported torch and computed nothing, since forking after OpenMP has
    started threads may hang.
    """
    import multiprocessing

    context = multiprocessing.get_context("forkserver")
    # torch loads its compiler at the first call of a custom operator: a second for every process otherwise.
    context.set_forkserver_preload(["torch", "torch._dynamo", "bench.models.timed"])
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(send, target, arguments), daemon=True)
    process.start()
    send.close()
    try:
        return receive.recv() if receive.poll(TIMEOUT_S) else None
    except EOFError:
        return None
    finally:
        if process.is_alive():
            process.join(5)
        if process.is_alive():
            process.kill()
        process.join()
        receive.close()


def _answer(send: Any, target: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        send.send(target(*arguments))
    finally:
        send.close()
