"""Where a number comes from: machine, versions, commit. Imports no torch (asks it where it is loaded).

No host name and no path: the records are meant to be published.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "numpy", "scipy", "scikit-image", "pyiqa", "safetensors", "snakemake")
"""Whose versions are recorded; those not installed are left out."""


def machine() -> dict[str, Any]:
    """Operating system, processor, cores, memory in GiB; where torch is loaded, the GPU."""
    found: dict[str, Any] = {
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "memory_gib": _memory_gib(),
    }
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name(0)
        found["cuda"] = torch.version.cuda
    return found


def backend(on_gpu: bool = False) -> str:
    """What computes the operator: the one place to ask, so that no record says something else.

    Kernels of a GPU serve sizes of training; others are torch's there, which the word does not say.
    """
    if "torch" not in sys.modules:
        return "torch"
    if on_gpu:
        from converse.cuda.serving import backend as on_cuda

        told = on_cuda()
        return "torch" if told.startswith("torch") else told
    from converse.native.library import Library
    from converse.native.loading import load

    loaded = load()
    return loaded.description if isinstance(loaded, Library) else "torch"


def computation(device: str, threads: int, precision: str) -> dict[str, Any]:
    """How something is computed, beside what its specification fixes: it moves last digits only.

    Args:
        device: as torch calls it, e.g. ``cpu`` or ``cuda:0``.
        threads: CPU threads.
        precision: of float32 products (`bench.models.arithmetic`).

    Returns:
        backend, threads, instruction set of torch's CPU kernels, model of the device, precision.
    """
    torch = sys.modules.get("torch")
    on_gpu = torch is not None and device.startswith("cuda")
    return {
        "backend": backend(on_gpu),
        "threads": threads,
        "instructions": torch.backends.cpu.get_cpu_capability() if torch is not None else "",
        "device": torch.cuda.get_device_name(device) if torch is not None and on_gpu else _cpu(),
        "precision": precision,
    }


def differences(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs between two `computation` records, in words, e.g. ``instructions AVX2, now AVX512``."""
    keys = [key for key in now if key in recorded and recorded[key] != now[key]]
    return "; ".join(f"{key} {recorded[key]}, now {now[key]}" for key in keys)


def versions() -> dict[str, str | None]:
    """Python's and the packages' versions, the versions of behaviour, and the git commit."""
    from bench.foundation import versions as behaviour

    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    found.update({k.lower(): str(v) for k, v in vars(behaviour).items() if k.endswith("_VERSION")})
    found["commit"] = commit()
    return found


@cache
def commit() -> str | None:
    """Commit of the checkout this file lies in, with ``+`` if tracked files differ from it; None without git."""
    here = Path(__file__).resolve().parent
    try:
        head = _git(here, "rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git(here, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    run = subprocess.run(command, check=True, capture_output=True, text=True, timeout=20)
    return run.stdout.strip()


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None
