"""Progress with the time left: a bar on a terminal, a line every ten seconds in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from tqdm import tqdm


class Progress:
    """Counts steps of one long stage.

    Args:
        what: label.
        total: number of steps.
        done: steps that an earlier process did.
        unit: what a step is.
        show: False prints nothing but `say`.
        every_s: seconds between two lines where stderr is no terminal.
    """

    def __init__(
        self,
        what: str,
        total: int,
        *,
        done: int = 0,
        unit: str = "step",
        show: bool = True,
        every_s: float = 10.0,
    ) -> None:
        self._what, self._total, self._done, self._unit = what, total, done, unit
        self._first, self._start = done, time.monotonic()
        self._lines = show and not sys.stderr.isatty()
        self._every, self._next = every_s, self._start + every_s
        self._bar = (
            tqdm(total=total, initial=done, desc=what, unit=unit, dynamic_ncols=True, leave=False)
            if show and not self._lines
            else None
        )

    def step(self, note: str = "") -> None:
        """One step is done; ``note`` stands behind the bar."""
        self._done += 1
        if self._bar is not None:
            if note:
                self._bar.set_postfix_str(note, refresh=False)
            self._bar.update()
        elif self._lines and time.monotonic() >= self._next:
            self._next = time.monotonic() + self._every
            rate = (self._done - self._first) / max(time.monotonic() - self._start, 1e-9)
            left = _clock((self._total - self._done) / rate) if rate else "?"
            self.say(f"{self._unit} {self._done}/{self._total}, {left} left{f', {note}' if note else ''}")

    def say(self, line: str) -> None:
        """One line that stays, with the label before it."""
        text = f"{self._what}: {line}"
        if self._bar is not None:
            self._bar.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
