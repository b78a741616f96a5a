"""What the machine, or the Slurm that it submits to, has: asked once, answered without torch."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path


@cache
def has_gpus() -> bool:
    """Whether a job may ask for a GPU: one is in this machine, or Slurm's nodes have some."""
    return Path("/dev/nvidia0").exists() or "gpu:" in _said("sinfo", "--noheader", "--format=%G")


def slurm() -> str | None:
    """The cluster in a line: nodes, GPUs, how finished jobs are known; None on a machine without Slurm."""
    if shutil.which("sinfo") is None:
        return None
    states = _said("sinfo", "--noheader", "--Node", "--format=%T").split()
    if not states:
        return "installed, but slurmctld does not answer"
    settings = dict(re.findall(r"^(\w+)\s*= (\S+)", _said("scontrol", "show", "config"), flags=re.M))
    counted = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states))
    accounting = settings.get("AccountingStorageType", "").removeprefix("accounting_storage/")
    known = f"squeue for {settings.get('MinJobAge', '?')} s" if accounting in ("none", "(null)", "") else "sacct"
    return f"nodes: {counted}; {'with' if has_gpus() else 'no'} GPUs; finished jobs known by {known}"


def _said(*command: str) -> str:
    """What a command of Slurm prints; nothing where it is missing, fails or hangs."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
