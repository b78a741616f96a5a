"""Stage evaluate: one run on its test sets; tidy metrics per image, and one restored image to show.

One image is in memory at a time, and its scores are kept as soon as it is done. A damaged image does
not stop the others: it is named at the end, the scores of the others stay, and no file that looks
complete is written.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.config import layout
from bench.config.plan import Plan
from bench.config.spec import Evaluation, RunSpec
from bench.data import protocols
from bench.data.images import read_image, write_png
from bench.data.kernels import Kernel, load_kernel
from bench.data.protocols import Protocol
from bench.foundation import atomic
from bench.foundation.errors import BenchError, nearest
from bench.foundation.lifeline import Interrupted, Stop, only_worker, stopping
from bench.foundation.progress import Progress
from bench.models import inference, networks
from bench.models.checkpoint import file_sha256
from bench.scoring import classical, extra_metrics
from bench.scoring.earlier_scores import earlier, sign, take_showcase
from bench.scoring.metrics import crop_border, to_uint8
from bench.scoring.prepare import Sample, prepare
from bench.scoring.score import score
from bench.scoring.score_log import ScoreLog, Values
from bench.training.loop import arithmetic

COLUMNS = ("run", "dataset", "image", "kernel", "protocol", "metric", "value")
LOCK_WAIT_S = 10.0
Restorer = Callable[[Sample, Protocol], tuple[NDArray[np.floating], float]]
"""A degraded image to the restored one (H, W, C) and the seconds it took."""


def evaluate(
    plan: Plan,
    run_id: str,
    *,
    keys: Sequence[str] | None = None,
    device: str | None = None,
    progress: bool = True,
) -> None:
    """Scores one run on its tests.

    Writes a metrics CSV and a PNG of the restored first image per test. A run that diverged or
    was skipped gets empty values and a flat gray image. Metrics are ``psnr``, ``ssim``, those of ``plan.metrics``,
    and ``seconds`` (of the network alone, and the only ones that differ between two runs).

    Args:
        plan: the plan that holds the run.
        run_id: `bench.config.spec.RunSpec.id`.
        keys: some of the run's tests (`bench.config.spec.Evaluation.key`); None: all.
        device: overrides the preset's (auto, cpu, cuda, cuda:N).
        progress: show progress.

    Raises:
        BenchError: unknown run or key, not trained yet, missing data; or, after all other images
            are done, damaged images by name.
        Interrupted: stopped by a signal or by the death of Snakemake; the scores so far are kept.
    """
    run = plan.run(run_id)
    tests = _chosen(plan, run, keys)
    failures: list[str] = []
    with arithmetic(run.threads), stopping() as stop:
        restorer = _restorer(plan, run, device)
        for test in tests:
            target = layout.metrics_csv(run.id, test.key)
            with only_worker(target.with_suffix(".lock"), f"evaluate {run.id} {test.key}", LOCK_WAIT_S):
                failures += _Test(plan, run, test, restorer, stop, progress).carry_out()
    if failures:
        more = f" (and {len(failures) - 1} more: {'; '.join(failures[1:])})" if failures[1:] else ""
        raise BenchError(f"{run.id}: {failures[0]}{more}; all other images are scored and kept")


def chosen_files(paths: Sequence[Path], subset: str | None) -> list[Path]:
    """``first5``: the first five; ``every10``: the 1st, 11th, 21st, …; None: all."""
    if subset is None:
        return list(paths)
    for prefix in ("first", "every"):
        number = subset.removeprefix(prefix)
        if subset.startswith(prefix) and number.isdigit() and int(number) > 0:
            return list(paths[: int(number)] if prefix == "first" else paths[:: int(number)])
    raise BenchError(f"subset {subset!r}: allowed are firstN and everyN")


def _chosen(plan: Plan, run: RunSpec, keys: Sequence[str] | None) -> list[Evaluation]:
    tests = {test.key: test for test in plan.evaluations(run)}
    for key in keys or ():
        if key not in tests:
            hint = nearest(key, tests)
            raise BenchError(f"run {run.id} has no test {key!r}{hint} (allowed: {', '.join(tests)})")
    return [tests[key] for key in (dict.fromkeys(keys) if keys is not None else tests)]


def _restorer(plan: Plan, run: RunSpec, device: str | None) -> Restorer | None:
    """What restores a sample; None for a run that diverged or was skipped."""
    if run.method:
        method = run.method

        def by_method(sample: Sample, protocol: Protocol) -> tuple[NDArray[np.floating], float]:
            start = time.perf_counter()
            restored = classical.restore(method, sample, protocol)
            return restored, time.perf_counter() - start

        return by_method
    path = layout.run_json(run.id)
    try:
        status = json.loads(path.read_text(encoding="utf-8"))["status"]
    except (OSError, ValueError, KeyError) as error:
        raise BenchError(f"{path}: missing or damaged; run: python -m bench train {run.id}") from error
    if status in ("diverged", "skipped"):
        return None
    where = networks.choose_device(device or plan.preset.device)
    model = networks.load_run(run, plan.plugins).to(where)
    return lambda sample, _: inference.apply(model, sample.input, where, sample.kernel, run.inference)


@dataclass
class _Test:
    """One run under one evaluation."""

    plan: Plan
    run: RunSpec
    test: Evaluation
    restorer: Restorer | None
    stop: Stop
    progress: bool

    def carry_out(self) -> list[str]:
        """Scores every image that is not scored yet; returns one line per image that cannot be."""
        self.protocol = protocols.get(self.test.protocol)
        self.target = layout.metrics_csv(self.run.id, self.test.key)
        self.showcase = layout.showcase_png(self.run.id, self.test.key)
        self.extra = extra_metrics.extra(self.plan.metrics)
        paths = chosen_files(self.plan.datasets[self.test.data].files(), self.test.subset)
        names = _names(paths)
        failures: list[str] = []
        kernels = self._kernels(failures)
        identity = self._identity()
        log = ScoreLog(self.target.with_suffix(".partial"), identity)
        # All images under the first kernel, then the next: an interrupted run leaves whole columns of the table.
        cases = [(path, kernel) for kernel in kernels for path in paths]
        wanted = {(names[path], kernel) for path, kernel in cases}
        known = earlier(self.target, self.test, identity)
        log.take({case: values for case, values in known.items() if case in wanted})
        if cases and not self.showcase.is_file():
            shown = (names[cases[0][0]], cases[0][1])
            if not take_showcase(self.target, self.test, identity, shown):
                log.done.pop(shown, None)
        left = [(p, k) for p, k in cases if (names[p], k) not in log.done]
        what = f"{self.run.id} {self.test.key}"
        if len(left) < len(cases):
            print(f"{what}: {len(cases) - len(left)} images are done", flush=True)
        with Progress(what, len(cases), done=len(cases) - len(left), unit="image", show=self.progress) as bar:
            for path, kernel in left:
                try:
                    values = self._score(path, kernels[kernel], first=(path, kernel) == cases[0])
                except BenchError as error:
                    text = str(error)
                    failures.append(text if str(path) in text else f"{path}: {text}")
                    continue
                finally:
                    bar.step()
                log.add(names[path], kernel, values)
                if self.stop and (path, kernel) != left[-1]:
                    raise Interrupted(
                        f"{what}: stopped by {self.stop.reason} after {len(log.done)} of "
                        f"{len(cases)} images; the same command goes on from there"
                    )
        if not failures:
            self._write([(names[p], k, log.done[names[p], k]) for p in paths for k in kernels])
            sign(self.target, identity)
            log.discard()
        return failures

    def _kernels(self, failures: list[str]) -> dict[str, Kernel | None]:
        """Kernels by name; ``""`` where the protocol has none. A bad file does not stop the others."""
        if self.protocol.needs_kernel != (self.test.kernels is not None):
            verb = "needs" if self.protocol.needs_kernel else "takes no"
            raise BenchError(f"evaluation {self.test.key}: protocol {self.protocol.name} {verb} kernels")
        if self.test.kernels is None:
            return {"": None}
        found: dict[str, Kernel | None] = {}
        for path in self.plan.datasets[self.test.kernels].files():
            if self.test.only is not None and path.stem not in self.test.only:
                continue
            try:
                found[path.stem] = load_kernel(path)
            except BenchError as error:
                failures.append(str(error))
        return found

    def _score(self, path: Path, kernel: Kernel | None, first: bool) -> Values:
        sample = prepare(self.protocol, read_image(path), kernel)
        names = ["psnr", "ssim", *self.extra]
        if self.restorer is None:
            if first:
                write_png(self.showcase, np.full_like(sample.target, 128))
            return dict.fromkeys(names)
        restored, seconds = self.restorer(sample, self.protocol)
        values: Values = {**score(self.protocol, restored, sample.target)}
        shown = to_uint8(restored)
        if self.extra:
            border = self.protocol.border
            pair = [crop_border(image, border) for image in (shown, sample.target)]
            values |= {name: metric(pair[0], pair[1]) for name, metric in self.extra.items()}
        if first:
            write_png(self.showcase, shown)
        return {**values, "seconds": round(seconds, 4)}

    def _identity(self) -> dict[str, object]:
        data = [self.test.data, *([self.test.kernels] if self.test.kernels else [])]
        return {
            "run": self.run.id,
            "weights": None if self.run.method else file_sha256(layout.weights(self.run.id)),
            "data": [self.plan.datasets[name].content_hash() for name in data],
            "metrics": list(self.plan.metrics),
        }

    def _write(self, scores: Sequence[tuple[str, str, Values]]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for image, kernel, values in scores:
            for metric, value in values.items():
                shown = "" if value is None else repr(value)
                row = (
                    self.run.id,
                    self.test.data,
                    image,
                    kernel,
                    self.test.protocol,
                    metric,
                    shown,
                )
                writer.writerow(row)
        atomic.write_bytes(self.target, text.getvalue().encode())


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Stems, or whole file names where two stems are equal."""
    stems = [path.stem for path in paths]
    return {p: p.stem if stems.count(p.stem) == 1 else p.name for p in paths}
