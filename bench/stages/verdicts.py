"""Stage ``verdicts``: claims judged on evidence, from whatever machine it came; one CSV, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.config import layout
from bench.foundation import atomic
from bench.foundation.errors import BenchError
from bench.results.verdicts.files import as_csv, verdicts_frame
from bench.results.verdicts.judge import Judgement, judge_study

FILES = ("runs.csv", "metrics.csv")


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
    atomic.write_bytes(out, as_csv(verdicts_frame(found)))
    return out, found
