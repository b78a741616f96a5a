"""The report's last section: what a reader needs to repeat its numbers, and whose photographs they are of."""

from __future__ import annotations

import json
from typing import Any

from bench.config.plan import Plan
from bench.results import captions
from bench.results.tidy import Results


def provenance_rows(plan: Plan, results: Results) -> list[tuple[str, str]]:
    """What a reader needs to repeat the numbers, as (what, value); only what the results recorded."""
    runs = results.runs
    trained = [r for r in plan.runs.values() if r.train]
    versions = [json.loads(v or "{}") for v in runs["versions"]]
    names = list(dict.fromkeys(key for v in versions for key in v if key != "commit"))
    statuses = {str(k): int(n) for k, n in runs["status"].value_counts(sort=False).items()}
    seconds = sum(float(s) for s in runs["seconds"] if s not in ("", None))
    resumed = [str(r) for r, steps in zip(runs["run"], runs["resumed_from"], strict=True) if steps not in ("", "[]")]
    dates = sorted(str(d) for d in runs["date"] if d)
    rows = [
        ("runs", ", ".join(f"{n} {s}" for s, n in statuses.items())),
        ("machine", "; ".join(_distinct(captions.machine_name(m) for m in runs["machine"] if m))),
        ("device", "; ".join(_distinct(runs["device"]))),
        (
            "system",
            "; ".join(_distinct(json.loads(m).get("system", "") for m in runs["machine"] if m)),
        ),
        (
            "versions",
            "; ".join(f"{n} {', '.join(_distinct(str(v.get(n, '')) for v in versions))}" for n in names),
        ),
        ("git commit", ", ".join(_distinct(str(v.get("commit") or "") for v in versions))),
        ("trained", " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else ""),
        ("seeds", captions.seeds_text(trained)),
        (
            "training time",
            f"{seconds / 60:.1f} minutes of one process, {plan.preset.threads} threads each",
        ),
        ("resumed runs", ", ".join(resumed)),
        (
            "published evidence",
            ", ".join(_distinct([*results.metrics["source"], *results.throughput["source"]])),
        ),
        ("scored on", "; ".join(_distinct(captions.machine_name(m) for m in results.scores["machine"] if m))),
        ("content of the test images", captions.images_text(results)),
    ]
    return [(what, value) for what, value in rows if value]


def _distinct(values: Any) -> list[str]:
    return [v for v in dict.fromkeys(str(v) for v in values) if v]


def dataset_rows(plan: Plan) -> list[tuple[str, str, str, str]]:
    """(name, use, citation, licence) of every data set that the preset touches."""
    uses: dict[str, set[str]] = {}
    for task in plan.preset.tasks.values():
        for name in task.train:
            uses.setdefault(name, set()).add("training")
    for table in plan.tables:
        for test in plan.table_tests(table):
            uses.setdefault(test.data, set()).add("test")
            if test.kernels:
                uses.setdefault(test.kernels, set()).add("blur kernels")
    found = []
    for name, use in uses.items():
        data = plan.datasets[name]
        photos = data.package.files.values() if data.package else []
        licence = "; ".join(dict.fromkeys(photo.licence for photo in photos)) or data.licence or ""
        found.append((name, ", ".join(sorted(use)), data.citation or "", licence))
    return found
