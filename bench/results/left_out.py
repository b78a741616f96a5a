"""Images whose value is no number to average: counted, named, and left out of a mean. Torch-free."""

from __future__ import annotations

from bench.config.evaluation import Evaluation
from bench.config.planned_row import PlannedRow
from bench.results.tidy import Results


def left_out(
    results: Results, row: PlannedRow, test: Evaluation, metric: str, kernel: str
) -> dict[tuple[str, str], str]:
    """Images, as (image, kernel), without a finite value in some run of a row, each with its reason."""
    found: dict[tuple[str, str], str] = {}
    for run in row.runs:
        known = results.reasons(run.id, test.key, metric)
        found |= {case: reason for case, reason in known.items() if case[1] == kernel}
    return found


def left_out_text(results: Results, row: PlannedRow, test: Evaluation, metric: str, kernel: str) -> str:
    """The same for a reader: how many, which, why; empty where every image counts."""
    gone = left_out(results, row, test, metric, kernel)
    if not gone:
        return ""
    series = [v for run in row.runs if (v := results.values(run.id, test.key, metric)) is not None]
    images = max(int((v.index.get_level_values("kernel") == kernel).sum()) for v in series)
    by_reason: dict[str, list[str]] = {}
    for (image, _), reason in gone.items():
        by_reason.setdefault(reason, []).append(image)
    parts = [
        f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''} ({reason})"
        for reason, names in by_reason.items()
    ]
    rest = "no image has a finite value" if len(gone) == images else "the mean is over the others"
    return f"{metric} of {len(gone)} of {images} images is not a number to average: {'; '.join(parts)}; {rest}"
