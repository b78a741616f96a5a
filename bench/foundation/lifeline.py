"""How a long stage stops: signals asked for politely, a dead workflow noticed, one worker per folder.

Snakemake that is killed with ``kill -9`` cannot stop the jobs it started: their shells are handed
to init and go on. A stage started below a Snakemake process therefore watches the chain of
processes between the two and stops as if by SIGTERM once it breaks. A stage started by hand (or
below ``nohup``) has no such chain and is left alone. The chain is read from ``/proc`` (Linux);
elsewhere only the lock keeps two workers apart.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from bench.foundation.errors import BenchError

POLL_S = 0.5
"""How often the chain of parents is looked at."""
GRACE_S = 30.0
"""How long after its break the process may go on before it is ended hard."""
WAIT_S = 10.0
"""How long one worker waits for another to end."""


class Interrupted(BenchError):
    """Stopped on request; what was done is saved and the same command goes on from there."""


class Stop:
    """Whether, and why, the process was asked to stop."""

    def __init__(self) -> None:
        self.reason: str | None = None

    def __bool__(self) -> bool:
        return self.reason is not None


@contextmanager
def stopping() -> Iterator[Stop]:
    """Turns SIGTERM, SIGINT and the death of the Snakemake above us into a flag to look at between steps."""
    stop = Stop()

    def ask(number: int, _: FrameType | None) -> None:
        if stop.reason is not None and number == signal.SIGINT:
            raise KeyboardInterrupt  # a second Ctrl-C does not wait for the step to end
        stop.reason = stop.reason or signal.Signals(number).name

    restore: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            restore[number] = signal.signal(number, ask)
    done = threading.Event()
    chain = snakemake_chain()
    if chain:
        threading.Thread(target=_watch, args=(chain, stop, done), daemon=True, name="lifeline").start()
    try:
        yield stop
    finally:
        done.set()
        for number, handler in restore.items():
            signal.signal(number, handler)


def _watch(chain: list[tuple[int, int]], stop: Stop, done: threading.Event) -> None:
    while not done.wait(POLL_S):
        if all(parent_of(child) == parent for child, parent in chain):
            continue
        stop.reason = stop.reason or "the death of the workflow"
        if not done.wait(GRACE_S):
            os._exit(1)
        return


def snakemake_chain() -> list[tuple[int, int]]:
    """Links (process, its parent) from this process up to the topmost Snakemake; empty where there is none."""
    links: list[tuple[int, int]] = []
    top = 0
    child = os.getpid()
    while (parent := parent_of(child)) not in (None, 0, 1):
        assert parent is not None
        links.append((child, parent))
        if _is_snakemake(parent):
            top = len(links)
        child = parent
    return links[:top]


def parent_of(pid: int) -> int | None:
    """Process id of the parent, or None where it cannot be read."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rsplit(")", 1)[1].split()[1])


def _is_snakemake(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    # ``python …/bin/snakemake …``, ``python -m snakemake …``, ``snakemake …``
    return any(Path(word).name == "snakemake" for word in words[:4])


@contextmanager
def only_worker(
    lock: Path, what: str, wait_s: float | None = None, say: Callable[[str], None] = print
) -> Iterator[None]:
    """Holds an exclusive lock on a file for the length of the block; the kernel frees it if we die.

    Args:
        lock: the lock file, made if need be and left there (removing it would race).
        what: what is being done, for the messages.
        wait_s: how long to wait for another process to end; None: `WAIT_S`.
        say: prints one line while waiting.

    Raises:
        BenchError: another process still holds it after ``wait_s``, or the lock file cannot be written.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        opened = lock.open("a+")
    except OSError as error:
        raise BenchError(f"{what}: {lock} cannot be written ({error.strerror or error})") from error
    with opened as file:
        deadline, told = time.monotonic() + (WAIT_S if wait_s is None else wait_s), False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                if time.monotonic() >= deadline:
                    raise BenchError(
                        f"{what}: process {holder} is at it already (lock {lock}); "
                        "wait for it, or end it and start again"
                    ) from None
                if not told:
                    say(f"{what}: waiting for process {holder}, which is at it")
                    told = True
                time.sleep(0.2)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
