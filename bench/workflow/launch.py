"""``python -m bench run``: Snakemake on a preset, with little noise, and one at a time in a folder."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.foundation.errors import BenchError

FLAGS = ("--config", "-C")
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
        BenchError: another run is at work in this folder, or a ``--config`` entry that is none or comes twice.
    """
    keys = ["preset", *(entry.partition("=")[0] for entry in extra)]
    for entry in extra:
        if "=" not in entry:
            raise BenchError(f"--config {entry}: expected key=value")
    if twice := next((key for key in keys if keys.count(key) > 1), ""):
        how = "use --preset" if twice == "preset" else "give it one value (several: separated by commas)"
        raise BenchError(f"--config {twice}=… twice: Snakemake would take the last and say nothing; {how}")
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


def refuse_repeated(command: Sequence[str]) -> None:
    """Refuses a Snakemake command line with two ``--config``: Snakemake would forget the first and say nothing.

    Raises:
        BenchError: there are two.
    """
    given = [word for word in command if word in FLAGS or word.startswith(tuple(f"{flag}=" for flag in FLAGS))]
    if len(given) > 1:
        raise BenchError("two --config: Snakemake forgets the first; put all entries behind one (--config a=1 b=2)")
