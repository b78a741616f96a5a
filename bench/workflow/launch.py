"""``python -m bench run``: Snakemake with the stale locks of a killed run cleared away first.

Snakemake keeps its lock after a ``kill -9`` and refuses to start. The lock is removed only when
nothing else can be working in this folder: no other ``bench run`` (an flock), no other Snakemake.
"""

from __future__ import annotations

import fcntl
import os
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
        if any(Path(".snakemake/locks").glob("*")):
            others = _other_snakemakes()
            if others:
                raise BenchError(
                    f"Snakemake (process {others[0]}) is at work in {Path.cwd()}; wait for it or stop it first"
                )
            print("clearing the lock that a killed run left behind")
            unlock = ["--unlock", "--cores", "1", "--quiet", "all", "--config", f"preset={preset}"]
            subprocess.run([*snakemake, *unlock], check=False)
        quiet = ["--quiet", "rules", "reason", "host"]  # "n of m steps done" stays
        command = [*snakemake, *targets, "--cores", cores, *quiet, "--config", f"preset={preset}", *extra]
        child = subprocess.Popen(command)
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue  # Ctrl-C reached Snakemake too: it stops its jobs, we wait for it


def _other_snakemakes() -> list[int]:
    """Processes of a Snakemake that works in this folder (Linux; empty elsewhere)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if "snakemake" in {Path(w).name for w in words[:3]} and (entry / "cwd").resolve() == Path.cwd():
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]
