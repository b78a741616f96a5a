"""``python -m bench run``: Snakemake on a preset, with little noise, and one at a time in a folder."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

from bench.foundation.errors import BenchError

LOCK = Path(".snakemake") / "bench-run.lock"


def run(preset: str, *, cores: str = "all", targets: tuple[str, ...] = (), extra: tuple[str, ...] = ()) -> int:
    """Run Snakemake on a preset.

    Args:
        preset: a file in ``config/presets``.
        cores: a number or ``all``.
        targets: Snakemake targets; none: everything.
        extra: further ``--config`` entries, ``key=value``.

    Returns:
        Snakemake's exit code.

    Raises:
        BenchError: another run is at work in this folder.
    """
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError(f"another run is at work in {Path.cwd()}; wait for it or stop it first") from None
        snakemake = [sys.executable, "-m", "snakemake"]
        quiet = ["--quiet", "rules", "reason", "host"]  # "n of m steps done" stays
        command = [*snakemake, *targets, "--cores", cores, *quiet, "--config", f"preset={preset}", *extra]
        child = subprocess.Popen(command)
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue  # Ctrl-C reached Snakemake too: it stops its jobs, we wait for it
