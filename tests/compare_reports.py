"""Whether two reports of one preset say the same, timings aside: ``compare_reports.py REPORT REPORT``."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

TIMED = ("throughput.md", "throughput.tex", "throughput.csv")


def differences(a: Path, b: Path) -> list[str]:
    """Files and rows that differ between two folders ``reports/<preset>``; empty if they agree.

    Compared are the tidy metrics without ``seconds`` and every table but the one of timings, byte for byte.
    """
    found = []
    if _metrics(a) != _metrics(b):
        lost = set(_metrics(a)) ^ set(_metrics(b))
        found.append(f"data/metrics.csv: {len(lost)} rows differ, e.g. {min(lost, default='their order')}")
    names = [sorted(p.name for p in (r / "tables").glob("*") if p.name not in TIMED) for r in (a, b)]
    if names[0] != names[1]:
        found.append(f"tables: {sorted(set(names[0]) ^ set(names[1]))} only in one of them")
    common = [n for n in names[0] if n in names[1]]
    found += [f"tables/{n}" for n in common if (a / "tables" / n).read_bytes() != (b / "tables" / n).read_bytes()]
    return found


def _metrics(report: Path) -> list[tuple[str, ...]]:
    with (report / "data" / "metrics.csv").open(newline="") as file:
        return [tuple(row.values()) for row in csv.DictReader(file) if row["metric"] != "seconds"]


if __name__ == "__main__":
    lines = differences(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(lines) or "equal, timings aside")
    sys.exit(bool(lines))
