"""Results as they come, one line each: a run that is cut short goes on where it was."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Answer = dict[str, Any]
Case = tuple[str, Callable[[], Answer]]


class Journal:
    """One part's answers in ``folder/<part>.jsonl``.

    Args:
        folder: made if it is not there.
        part: the file's name.
        machine: stands in every line; answers of another machine do not count as done.
        limit_s: no case is started after so many seconds.
    """

    def __init__(self, folder: Path, part: str, machine: str, limit_s: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.machine, self.limit_s = folder / f"{part}.jsonl", machine, limit_s

    def answers(self) -> dict[str, Answer]:
        """Case to its last answer on this machine."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else []
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return {a["case"]: a for a in found if a["machine"] == self.machine}

    def carry_out(self, cases: Iterable[Case]) -> dict[str, Answer]:
        """Every case that has no answer yet; one that raises is an answer, with what it raised."""
        begun, known = time.monotonic(), self.answers()
        for name, function in cases:
            if name in known:
                continue
            if time.monotonic() - begun > self.limit_s:
                print(f"{self.path.stem}: out of time before {name}; the same command goes on there", flush=True)
                break
            start = time.monotonic()
            try:
                answer = function()
            except Exception as error:  # a case must not take the others with it
                answer = {"ok": False, "error": f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"}
            seconds = round(time.monotonic() - start, 3)
            line = json.dumps({"case": name, **answer, "seconds": seconds, "machine": self.machine})
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            print(f"{self.path.stem}: {line}", flush=True)
        return self.answers()
