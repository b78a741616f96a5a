"""Results as they come, one line each: a run that is cut short goes on where it was."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Answer = dict[str, Any]
Case = tuple[str, Callable[[], Answer]]


@functools.cache
def code() -> str:
    """Of all source of converse, the training loop and the questions: answers of other code are not this one's."""
    digest, root = hashlib.sha256(), Path(__file__).parents[2]
    folders = (root / "converse", root / "bench" / "training", Path(__file__).parent)
    for path in sorted(p for f in folders for p in f.rglob("*") if p.suffix in {".py", ".cpp", ".h", ".cu"}):
        digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]


class Journal:
    """One part's answers in ``folder/<part>.jsonl``.

    Args:
        folder: made if it is not there.
        part: the file's name.
        machine: stands in every line, beside :func:`code`; answers of others do not count as done.
        limit_s: no case is started after so many seconds.
    """

    def __init__(self, folder: Path, part: str, machine: str, limit_s: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.machine, self.limit_s = folder / f"{part}.jsonl", machine, limit_s

    def answers(self) -> dict[str, Answer]:
        """Case to its last answer on this machine and of this code; lines that were cut short are no answers."""
        found: dict[str, Answer] = {}
        for line in self._text().splitlines():
            try:
                answer = json.loads(line)
            except ValueError:
                continue
            if isinstance(answer, dict) and (answer.get("machine"), answer.get("code")) == (self.machine, code()):
                found[answer["case"]] = answer
        return found

    def is_right(self, cases: Iterable[Case]) -> bool:
        """Whether every case has an answer, and a right one."""
        known = self.answers()
        return all(name in known and known[name]["ok"] for name, _ in cases)

    def _text(self) -> str:
        return self.path.read_text(encoding="utf-8", errors="replace") if self.path.is_file() else ""

    def carry_out(self, cases: Iterable[Case]) -> dict[str, Answer]:
        """Every case that has no right answer yet; one that raises is an answer, with what it raised."""
        begun, known = time.monotonic(), self.answers()
        for name, function in cases:
            if name in known and known[name]["ok"]:
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
            line = json.dumps({"case": name, **answer, "seconds": seconds, "machine": self.machine, "code": code()})
            start_of_line = "" if self._text()[-1:] in ("", "\n") else "\n"
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{start_of_line}{line}\n")
            print(f"{self.path.stem}: {line}", flush=True)
        return self.answers()
