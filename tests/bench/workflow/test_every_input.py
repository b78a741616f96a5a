"""Every input of a small pipeline is changed in turn: exactly what depends on it gets another identity.

What has another identity is another file: it is made anew, and the old one is neither shown nor lost. That an
evaluation then computes only what is missing is tested in ``test_earlier_scores.py``, that a page renders again in
``test_rendered.py``. This is the view of the planner, which Snakemake and every verb share.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fabricated_sets import photograph
from toy_plan import PUBLISHED, working_in

from bench.config import layout
from bench.config.loading import load_plan
from bench.data import datasets
from bench.data.images import write_png
from bench.foundation import versions
from bench.results import rendered
from bench.results.model_cases import what_is_timed

PRESET = """
title: "small"
statement: "Shows what hangs on what."
tasks:
  denoising:
    train: [ours]
    degradation: {kind: awgn, sigma: 25}
    options: {channels: 4, blocks: 1}
    budget: {steps: 8, batch: 1, patch: 16}
    evaluate: [{data: mine, protocol: denoise-gray-s25}]
  deblurring:
    evaluate: [{data: other, protocol: deblur-circular-s2.55, kernels: taps}]
throughput:
  operators: []
  models: [{task: denoising, size: [16, 16]}]
"""
TABLES = """
plugins: [plugin.py]
tables:
  denoising:
    title: "Denoising"
    task: denoising
    base: {model: converse_dncnn}
    references: [noisy]
    rows:
      plain: {model: dncnn}
      plugin: {options: {operator: plugin.py}}
      loaded: {model: dncnn, checkpoint: {path: weights.pth}}
  deblurring:
    title: "Deblurring"
    task: deblurring
    base: {model: conversenet}
    references: [blurred]
"""
PLUGIN = """
from helper import GAIN

OPERATOR = {
    "label": "Mine", "class": "Mine", "roles": ["spatial"], "scales": [1],
    "trains": True, "options": [], "summary": "a plugin with a helper",
}
"""
KERNELS = "taps:\n  split: kernels\n  count: 1\n  licence: none\n  citation: none\n  generated: {k.npy: %s}\n"
FILES = {
    "config/presets/small.yaml": PRESET,
    "config/tables.yaml": TABLES,
    "config/published.yaml": PUBLISHED,
    "plugin.py": PLUGIN,
    "helper.py": "GAIN = 1\n",
    "weights.pth": "weights",
    "results/evidence/2026-01-01-x/runs.csv": "run,status\n",
    "datasets.yaml": "".join(
        f"{n}:\n  folder: {n}\n  split: {'train' if n == 'ours' else 'test'}\n" for n in ("ours", "mine", "other")
    )
    + KERNELS % (64 * "a"),
}
DENOISING, DEBLURRING, TRAINED = ("noisy", "plain", "plugin", "loaded"), ("blurred",), ("plain", "plugin")
PAGE, PAGES = {"page denoising"}, {"page denoising", "page deblurring"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for i, name in enumerate(("ours/a", "ours/b", "mine/a", "mine/b", "other/a", "other/b")):
        write_png(tmp_path / f"{name}.png", photograph(16, 16, seed=i))
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(datasets, "CATALOGUE", tmp_path / "datasets.yaml")
    with working_in(tmp_path):
        monkeypatch.syspath_prepend(str(tmp_path))
        yield tmp_path


def identities(root: Path, **request: Any) -> dict[str, str]:
    """What names each number: runs, files of scores, pages, timings."""
    plan = load_plan("small", config=root / "config", **request)
    found = {"timings": what_is_timed(plan)}
    for table, rows in plan.rows.items():
        found[f"page {table}"] = rendered.fingerprint(plan, "tables", table)
        for row in rows:
            if row.id in (*DENOISING, *DEBLURRING):
                (run,) = row.runs
                tests = plan.table_tests(table, run.task)
                found[f"run {row.id}"] = run.id
                found[f"scores {row.id}"] = " ".join(str(layout.metrics_csv(run.id, test.stem)) for test in tests)
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def edit(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        text = (root / file).read_text()
        assert old in text
        (root / file).write_text(text.replace(old, new, 1))

    return change


def photo(name: str) -> Callable[[Path], None]:
    return lambda root: write_png(root / name, photograph(16, 16, seed=99))


def runs(*rows: str) -> set[str]:
    """Other runs, hence other scores of them."""
    return {f"{what} {row}" for row in rows for what in ("run", "scores")}


def scores(*rows: str) -> set[str]:
    return {f"scores {row}" for row in rows}


SMALL = "config/presets/small.yaml"
CHANGES: dict[str, tuple[Callable[[Path], Any], set[str]]] = {
    "training image": (photo("ours/a.png"), runs(*TRAINED) | PAGE),
    "test image": (photo("mine/b.png"), scores(*DENOISING) | PAGE),
    "test image added": (photo("other/c.png"), scores(*DEBLURRING) | {"page deblurring"}),
    "test image removed": (lambda root: (root / "mine/a.png").unlink(), scores(*DENOISING) | PAGE),
    "test image renamed": (
        lambda root: shutil.move(root / "mine/a.png", root / "mine/z.png"),
        scores(*DENOISING) | PAGE,
    ),
    "image left out": (
        edit("datasets.yaml", "folder: mine\n", "folder: mine\n  leave_out: {a.png: why}\n"),
        scores(*DENOISING) | PAGE,
    ),
    "kernel": (edit("datasets.yaml", 64 * "a", 64 * "b"), scores(*DEBLURRING) | {"page deblurring"}),
    "checkpoint": (edit("weights.pth", "weights", "WEIGHTS"), runs("loaded") | PAGE),
    "plugin": (edit("plugin.py", "a plugin", "A plugin"), runs("plugin") | {"timings"} | PAGES),
    "helper": (edit("helper.py", "1", "7"), runs("plugin") | {"timings"} | PAGES),
    "budget": (edit(SMALL, "steps: 8", "steps: 9"), runs(*TRAINED) | PAGES),
    "size": (edit(SMALL, "channels: 4", "channels: 5"), runs(*TRAINED) | {"timings"} | PAGES),
    "threads": (edit(SMALL, "throughput:", "threads: 2\nthroughput:"), runs(*DENOISING, *DEBLURRING) | PAGES),
    "precision": (
        edit(SMALL, "throughput:", "precision: tf32\nthroughput:"),
        runs("plain", "plugin", "loaded") | {"timings"} | PAGES,
    ),
    "title": (edit("config/tables.yaml", '"Denoising"', '"Noise"'), PAGE),
    "evidence": (edit("results/evidence/2026-01-01-x/runs.csv", "status", "status,reason"), PAGES),
    "a file beside the images": (lambda root: (root / "mine" / "notes.txt").write_text("x"), set()),
    "a file beside the plugin": (lambda root: (root / "unrelated.py").write_text("x = 1"), set()),
    "the time of a file": (lambda root: (root / "mine" / "a.png").touch(), set()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_moves_what_depends_on_it_and_nothing_else(root: Path, change: str) -> None:
    before = identities(root)
    assert before == identities(root)
    perturb, expected = CHANGES[change]
    perturb(root)
    assert changed(before, identities(root)) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("EVAL_VERSION", scores(*DENOISING, *DEBLURRING) | PAGES),
        ("DEGRADE_VERSION", scores(*DENOISING, *DEBLURRING) | PAGES),
        ("TRAIN_VERSION", runs(*TRAINED) | PAGE),
    ],
)
def test_a_version_of_behaviour(root: Path, version: str, expected: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    before = identities(root)
    monkeypatch.setattr(versions, version, 99)
    assert changed(before, identities(root)) == expected


@pytest.mark.parametrize("asked", [{"metrics": ["fsim"]}, {"images": 1}])
def test_a_request_moves_scores_and_pages_and_no_run(root: Path, asked: dict[str, Any]) -> None:
    before = identities(root)
    assert changed(before, identities(root, **asked)) == scores(*DENOISING, *DEBLURRING) | PAGES
    assert identities(root) == before, "and back again to the files that were there"
