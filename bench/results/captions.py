"""Sentences that say how numbers were made: protocol, seeds, budget, machine. Torch-free; nothing typed by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from bench.config.budget import Budget
from bench.config.evaluation import Evaluation
from bench.config.plan import Plan
from bench.config.run_spec import RunSpec
from bench.data import protocols
from bench.data.subsets import read_subset
from bench.results.tidy import Results

NAMES = {
    "set5": "Set5",
    "set12": "Set12",
    "set14": "Set14",
    "bsd68": "BSD68",
    "bsd100": "BSD100",
    "urban100": "Urban100",
}


def dataset_name(name: str) -> str:
    """A data set as people write it."""
    return NAMES.get(name, name.replace("_", " "))


def subset_text(subset: str | None) -> str:
    """``first5`` and ``every10`` in words; empty for all images."""
    if not subset:
        return ""
    kind, number = read_subset(subset)
    return f"the first {number} images" if kind == "first" else f"every {number}th image"


def subset_warning(tests: Sequence[Evaluation]) -> str:
    """Says that a table is a subset, and of what; of two subsets of one data set, under which protocol."""
    chosen = dict.fromkeys((t.data, t.subset or "", t.protocol) for t in tests if t.subset)
    subsets = {(data, subset) for data, subset, _ in chosen}
    parts = []
    for data, subset, protocol in chosen:
        several = sum(name == data for name, _ in subsets) > 1
        parts.append(f"{subset_text(subset)} of {dataset_name(data)}{f' ({protocol})' if several else ''}")
    return f"Subset: {'; '.join(dict.fromkeys(parts))}." if parts else ""


def protocol_text(names: Iterable[str]) -> str:
    """Each protocol's name and one sentence."""
    return " ".join(f"Protocol {name}: {protocols.get(name).description}." for name in dict.fromkeys(names))


def data_text(results: Results, tests: Sequence[Evaluation]) -> str:
    """How many images, and kernels, each mean is taken over."""
    groups: dict[tuple[str, str], list[str]] = {}
    for test in tests:  # one for each kernel, or one for all of them
        groups.setdefault((test.data, test.subset or ""), []).append(test.key)
    parts = []
    for (data, _), keys in groups.items():
        part = results.metrics[results.metrics["evaluation"].isin(keys)]
        images, kernels = part["image"].nunique(), part.loc[part["kernel"] != "", "kernel"].nunique()
        if images:
            text = f"{images} images of {dataset_name(data)}"
            each = f", each of {kernels} kernels by itself" if kernels > 1 else ", one kernel" if kernels else ""
            parts.append(text + each)
    return f"Means over {'; '.join(parts)}." if parts else ""


def images_text(results: Results) -> str:
    """For how many evaluations the content of the images is on record, and which evidence lacks it."""
    known = results.scores["content"] != ""
    lacking = [source for source in dict.fromkeys(results.scores.loc[~known, "source"]) if source]
    text = f"its checksum is recorded for {int(known.sum())} of {len(known)} evaluations" if len(known) else ""
    return text + (f"; published before it was: {', '.join(lacking)}" if lacking else "")


def budget_text(rows: Sequence[tuple[str, Sequence[RunSpec]]]) -> str:
    """On what and how long the rows (label, runs) are trained here; of several budgets, which rows have which."""
    lines: dict[str, dict[str, None]] = {}
    for label, runs in rows:
        for run in runs:
            if run.train is not None:
                budget = run.train.budget
                text = (
                    f"{budget.steps:,} steps of {budget.batch} crops of {budget.patch}×{budget.patch} pixels, "
                    f"{budget.loss.upper()} loss, Adam at {budget.lr:g} {schedule_text(budget)}, "
                    f"on {' and '.join(dataset_name(d) for d in run.train.data)}"
                )
                lines.setdefault(text, {})[label] = None
    named = [f"{text} ({' | '.join(labels)})" for text, labels in lines.items()] if len(lines) > 1 else list(lines)
    return f"Trained here: {'; '.join(named)}." if lines else ""


def schedule_text(budget: Budget) -> str:
    """What the recipe adds to Adam, e.g. ``to zero along a cosine, 100 steps of warm-up``."""
    parts = ["to zero along a cosine" if budget.schedule else f"halved every {budget.halve_every:,} steps"]
    if budget.warmup:
        parts.append(f"{budget.warmup:,} steps of warm-up")
    if budget.clip:
        parts.append(f"gradient norm clipped at {budget.clip:g}")
    if budget.average:
        parts.append(f"weights averaged with decay {budget.average:g}")
    return ", ".join(parts)


def options_text(plan: Plan, table: str, runs: Sequence[RunSpec]) -> str:
    """The options by which this preset departs from the full networks, as the runs have them.

    Weights that are loaded have the size that they have: a table of nothing else says nothing.
    """
    parts = []
    for option in plan.preset.tasks[plan.tables[table].task].options:
        values = dict.fromkeys(str((run.network or {}).get("settings", {}).get(option)) for run in runs if run.train)
        parts += [f"{option} {' or '.join(v for v in values if v != 'None')}"] if set(values) - {"None"} else []
    return f"Size of the networks trained here: {', '.join(parts)}." if parts else ""


def seeds_text(runs: Sequence[RunSpec]) -> str:
    """Seeds of the trained runs, e.g. ``seeds 0, 1``."""
    seeds = {run.train.seed for run in runs if run.train}
    return seed_names(sorted(seeds)) if seeds else "nothing trained"


def seed_names(seeds: Sequence[int]) -> str:
    """``seed 3``, ``seeds 3, 4``, or ``seeds 0, 3 to 7`` where three or more follow each other."""
    parts: list[str] = []
    for _, run in groupby(enumerate(sorted(seeds)), lambda pair: pair[1] - pair[0]):
        row = [seed for _, seed in run]
        parts += [f"{row[0]} to {row[-1]}"] if len(row) > 2 else map(str, row)
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(parts)}"


def lost_seeds(lost: Sequence[tuple[int, str]]) -> str:
    """Seeds and why they have no number, those of one reason together; empty if none."""
    by_reason: dict[str, list[int]] = {}
    for seed, reason in lost:
        by_reason.setdefault(reason, []).append(seed)
    return "; ".join(f"{seed_names(seeds)}: {reason}" for reason, seeds in by_reason.items())


def machine_name(machine: Any) -> str:
    """A machine record (mapping or JSON) in a few words."""
    if isinstance(machine, str):
        try:
            machine = json.loads(machine or "{}")
        except ValueError:
            return str(machine)
    if not isinstance(machine, Mapping):
        return str(machine)
    parts = [str(machine[k]) for k in ("gpu", "cpu") if machine.get(k)]
    if machine.get("cores"):
        parts.append(f"{machine['cores']} cores")
    if machine.get("memory_gib"):
        parts.append(f"{float(machine['memory_gib']):g} GiB")
    return ", ".join(parts)


def mixed_text(results: Results, runs: Sequence[RunSpec]) -> str:
    """What differs in how the seeds of a row were computed, beside their specification; empty where nothing does."""
    ids = [run.id for run in runs]
    texts = [t for f in (results.runs, results.scores) if "computed" in f for t in f[f["run"].isin(ids)]["computed"]]
    found: dict[str, dict[str, None]] = {}
    for text in texts:
        known = json.loads(text or "[]")  # of a run all computations that took part, of scores the one
        for computed in known if isinstance(known, list) else [known]:
            for key, value in computed.items():
                found.setdefault(key, {})[str(value)] = None
    parts = [f"{key} {' and '.join(values)}" for key, values in found.items() if len(values) > 1]
    return f"not all of this row was computed alike (last digits may differ): {'; '.join(parts)}" if parts else ""


def source_text(results: Results, source: str) -> str:
    """Where a row came from that was not measured on this machine."""
    if not source:
        return ""
    rows = results.runs[results.runs["source"].isin(source.split(", "))]
    machines = [m for m in dict.fromkeys(machine_name(m) for m in rows["machine"] if m) if m]
    where = f" on {'; '.join(machines)}" if machines else ""
    return f"not measured on this machine: published evidence {source}{where}"
