"""Stage ``verdicts``: claims judged on evidence, from whatever machine it came; one CSV, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.config import layout
from bench.foundation import atomic
from bench.foundation.errors import BenchError
from bench.pages import formats
from bench.pages.verdict_short import short
from bench.results.verdicts.judge import Judgement, judge_study, to_csv

FILES = ("runs.csv", "metrics.csv")
MARKS = ("<!-- verdicts: begin -->\n", "<!-- verdicts: end -->\n")


def verdicts(
    evidence: Sequence[Path] = (), out: Path = Path("verdicts.csv"), *, plugins: Sequence[str] = ()
) -> tuple[Path, Judgement]:
    """Judge every claim and write ``verdicts.csv``.

    Args:
        evidence: folders in the published format that alone count, the first first; none: what was measured on this
            machine and committed evidence.
        out: the file to write.
        plugins: operator files, whose rows take part.

    Returns:
        The file, and what it holds.

    Raises:
        BenchError: a folder without `FILES`, a file that is not what it should be, or no claims.
    """
    for folder in evidence:
        for name in FILES:
            if not (folder / name).is_file():
                raise BenchError(f"{folder / name} is missing: evidence is a folder with {' and '.join(FILES)}")
    found = judge_study(layout.CONFIG, list(evidence) or None, plugins)
    if found is None:
        raise BenchError(f"{layout.CONFIG}: no claims.yaml, nothing to judge")
    atomic.write_bytes(out, to_csv(found.verdicts))
    return out, found


def short_table(found: Judgement, out: Path) -> Path:
    """Write the answer as a Markdown table without a heading, between the marks of a file that has them.

    Args:
        found: the study, judged.
        out: the file to write; one with the lines `MARKS`, the README say, keeps what is around them.
    """
    text = formats.markdown(short(found)).partition("\n\n")[2]
    old = out.read_text(encoding="utf-8") if out.is_file() else ""
    if all(old.count(mark) == 1 for mark in MARKS):
        before, _, rest = old.partition(MARKS[0])
        text = before + MARKS[0] + text + MARKS[1] + rest.partition(MARKS[1])[2]
    atomic.write_bytes(out, text.encode())
    return out
