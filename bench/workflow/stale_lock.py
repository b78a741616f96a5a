"""A Snakemake that was killed with kill -9 leaves its lock behind; the next one in the folder takes it away.

Snakemake's own lock names files and no process, so it cannot tell a dead owner from a living one. Here every
Snakemake shares a file lock for as long as it lives, which the kernel takes back however it ends. Who gets that
lock alone knows that nobody else is at work.
"""

from __future__ import annotations

import fcntl
import sys
from pathlib import Path
from typing import IO

FOLDER = Path(".snakemake")


def alive(folder: Path = FOLDER) -> IO[str] | None:
    """Says that this process is at work in a folder, after it removed the locks of dead ones.

    Args:
        folder: Snakemake's own, in the working directory.

    Returns:
        What must be kept open until the process ends; None where nothing can be written (a dry run in a folder of
        somebody else's), and then nothing is removed.
    """
    try:
        folder.mkdir(exist_ok=True)
        mark = (folder / "alive.lock").open("w")
    except OSError:
        return None
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another one is at work: its locks are none of our business
        pass
    else:
        stale = sorted((folder / "locks").glob("*.lock"))
        for lock in stale:
            lock.unlink(missing_ok=True)
        if stale:
            print("taking away the lock that a killed Snakemake left behind", file=sys.stderr, flush=True)
    try:
        fcntl.flock(mark, fcntl.LOCK_SH)
    except OSError:  # a file system without locks
        return None
    return mark
