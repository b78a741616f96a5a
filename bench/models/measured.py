"""The jobs of one case timed in turn: seconds, memory, error against float64, and what the machine can do at most."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch

from bench.config.spec import Preset
from bench.config.timed_variants import COPY, PRODUCT, Pass
from bench.foundation.memory import ran_out
from bench.models.arithmetic import Precision, settings
from bench.models.compute import pass_flops
from bench.models.gate import errors
from bench.models.timed import Job, Skipped, build, memory_of, one_pass
from bench.models.timing import cuda_extra_peak, in_own_process, interleave
from bench.models.yardsticks import copying, least_bytes, multiplying


def side_by_side(
    kind: str,
    case: str,
    jobs: Mapping[str, Job],
    which: Pass,
    device: torch.device,
    threads: int,
    preset: Preset,
) -> list[dict[str, Any]]:
    """One pass of every job of a case, timed in turn.

    Args:
        kind: ``operator`` or ``model``; among operators the machine's limits are measured too.
        case: name of the case.
        jobs: by the names of their rows.
        which: the pass.
        device: where.
        threads: CPU threads.
        preset: says precision and number of timings.

    Returns:
        Rows of throughput.csv as far as they are of the job: one that cannot be timed has the reason.
    """
    functions: dict[str, Callable[[], object]] = {}
    rows: dict[str, dict[str, Any]] = {
        name: {"kind": kind, "case": case, "name": name, "timed": job.timed, "pass": which}
        for name, job in jobs.items()
    }
    with settings(threads, preset.precision):
        for name, job in jobs.items():
            function, about = _prepare(job, which, device)
            rows[name] |= {"repeats": 0, **about}
            if function is not None:
                functions[name] = function
        timed = list(functions)
        if kind == "operator" and functions:
            for name, (function, about) in _yardsticks(next(iter(jobs.values())), device).items():
                rows[name] = {"kind": "machine", "case": case, "name": name, "timed": name, "pass": which, **about}
                functions[name] = function
        for name, timing in interleave(functions, preset.throughput.repeats, device).items():
            rows[name] |= {
                "median_s": f"{timing.median_s:.6g}",
                "iqr_s": f"{timing.iqr_s:.3g}",
                "repeats": timing.repeats,
            }
        for name in timed:
            rows[name]["extra_peak_bytes"] = extra_peak(
                jobs[name], functions[name], which, device, threads, preset.precision
            )
    return list(rows.values())


def _prepare(job: Job, which: Pass, device: torch.device) -> tuple[Callable[[], object] | None, dict[str, Any]]:
    """A function that has run once, or None, and what its row says: why there is none, or what it does and how well."""
    try:
        module, inputs = build(job, device)
        function = one_pass(job, module, inputs, which)
        missed, gate = errors(job, module, inputs, which)
        function()  # the gate may have been passed on a smaller input
    except Skipped as error:
        return None, {"status": "skipped", "reason": _line(error)}
    except (Exception, SystemExit) as error:  # whatever a plugin raises is a row with its reason
        reason = "out of memory" if ran_out(error) else f"{type(error).__name__}: {_line(error)}"
        return None, {"status": "failed", "reason": reason}
    told = {"error": "" if missed is None else f"{missed:.2g}", "gate": gate}
    return function, {"status": "ok", "reason": "", **told, **_work(job, which)}


def _work(job: Job, which: Pass) -> dict[str, Any]:
    """Operations and bytes of a pass, as far as they can be counted."""
    known = dataclasses.replace(job, native=True)
    flops = pass_flops(lambda: build(known, torch.device("meta")), which != "forward")
    found = {"flops": "" if flops is None else flops}
    return {**found, "bytes": least_bytes(job, which)} if job.kind == "operator" else found


def _yardsticks(job: Job, device: torch.device) -> dict[str, tuple[Callable[[], object], dict[str, Any]]]:
    """What the machine can do at most, at the size of an operator's output."""
    found = {COPY: ("bytes", copying(job, device)), PRODUCT: ("flops", multiplying(device))}
    return {name: (f, {"status": "ok", "reason": "", what: n}) for name, (what, (f, n)) in found.items()}


def extra_peak(
    job: Job, function: Callable[[], object], which: Pass, device: torch.device, threads: int, precision: Precision
) -> int | str:
    """Bytes of memory at the peak of one pass above those before it; empty where it died."""
    if device.type == "cuda":
        return cuda_extra_peak(function, device)
    found = in_own_process(memory_of, job, which, threads, precision)
    return "" if found is None else int(found)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())
