"""Stage evaluate: one run on its test sets; tidy metrics per image, and one restored image to show.

One image is in memory at a time, and its scores are kept as soon as it is done. A damaged image does
not stop the others: it is named at the end, the scores of the others stay, and no file that looks
complete is written.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.config import layout
from bench.config.evaluation import PlannedTest
from bench.config.plan import Plan
from bench.config.run_record import weights_sha256
from bench.config.run_spec import RunSpec
from bench.data import protocols
from bench.data.images import read_image, write_png
from bench.data.kernel_files import load_kernel
from bench.data.kernels import Kernel
from bench.data.leak_pairs import refuse_leak
from bench.foundation import atomic, provenance, versions
from bench.foundation.errors import BenchError, nearest
from bench.foundation.lifeline import Interrupted, Stop, only_worker, stopping
from bench.foundation.memory import within_memory
from bench.foundation.progress import Progress
from bench.models import networks
from bench.models.arithmetic import arithmetic
from bench.models.restorer import Restorer, restorer_of
from bench.scoring import extra_metrics
from bench.scoring.earlier_scores import earlier, take_showcase
from bench.scoring.metrics import crop_border, to_uint8
from bench.scoring.prepare import prepare
from bench.scoring.score import score
from bench.scoring.score_log import Case, ScoreLog, Values, distinct
from bench.scoring.score_record import sign

COLUMNS = ("run", "dataset", "image", "kernel", "protocol", "metric", "value", "reason")
SAME_DB = 0.01
"""A metric that is added to earlier scores must be of the same restored image, which PSNR tells."""


def evaluate(
    plan: Plan,
    run_id: str,
    *,
    keys: Sequence[str] | None = None,
    device: str | None = None,
    progress: bool = True,
) -> None:
    """Scores one run on its tests.

    Writes a metrics CSV and a PNG of the restored first image per test; scores that exist are kept, and what they
    lack (images, metrics) is added. A run that diverged or
    was skipped gets empty values and a flat gray image. Metrics are ``psnr``, ``ssim``, those of ``plan.metrics``,
    and ``seconds`` (of the network alone, and the only ones that differ between two runs).

    Args:
        plan: the plan that holds the run.
        run_id: `bench.config.run_spec.RunSpec.id`.
        keys: some of the run's tests (`bench.config.evaluation.Evaluation.key`); None: all.
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
    with arithmetic(run.threads, run.products), stopping() as stop:
        where = "cpu" if run.method else str(networks.choose_device(device or plan.preset.device))
        restorer = restorer_of(plan.plugins, run, where)
        for test in tests:
            target = layout.metrics_csv(run.id, test.stem)
            with only_worker(target.with_suffix(".lock"), f"evaluate {run.id} {test.key}"):
                failures += _Test(plan, run, test, restorer, where, stop, progress).carry_out()
    if failures:
        more = f" (and {len(failures) - 1} more: {'; '.join(failures[1:])})" if failures[1:] else ""
        raise BenchError(f"{run.id}: {failures[0]}{more}; all other images are scored and kept")


def _chosen(plan: Plan, run: RunSpec, keys: Sequence[str] | None) -> list[PlannedTest]:
    tests = {test.key: test for test in plan.evaluations(run)}
    for key in keys or ():
        if key not in tests:
            hint = nearest(key, tests)
            raise BenchError(f"run {run.id} has no test {key!r}{hint} (allowed: {', '.join(tests)})")
    return [tests[key] for key in (dict.fromkeys(keys) if keys is not None else tests)]


@dataclass
class _Test:
    """One run under one evaluation."""

    plan: Plan
    run: RunSpec
    test: PlannedTest
    restorer: Restorer | None
    device: str
    stop: Stop
    progress: bool

    def carry_out(self) -> list[str]:
        """Scores every image that is not scored yet; returns one line per image that cannot be."""
        self.protocol = protocols.get(self.test.protocol)
        self.target = layout.metrics_csv(self.run.id, self.test.stem)
        self.showcase = layout.showcase_png(self.run.id, self.test.stem)
        self.extra = extra_metrics.extra(self.test.metrics)
        self.metrics = ("psnr", "ssim", *self.extra)
        failures: list[str] = []
        cases = self._cases(failures)
        identity = self._identity()
        computed = provenance.computation(self.device, self.run.threads, self.run.products)
        known = earlier(self.target.parent, identity)
        log = ScoreLog(self.target.with_suffix(".partial"), identity, cases, known, computed)
        left = [c for c in cases if not set(self.metrics) <= log.values(c).keys()]
        if cases and not self.showcase.is_file() and not take_showcase(self.target, identity, cases[0].source):
            left = [cases[0], *(c for c in left if c != cases[0])]
        if left and self.run.train:
            for name in self.run.train.data:
                refuse_leak(self.plan.datasets[name], self.plan.datasets[self.test.data])
        what = f"{self.run.id} {self.test.key}"
        if len(left) < len(cases):
            print(f"{what}: {len(cases) - len(left)} images are done", flush=True)
        with Progress(what, len(cases), done=len(cases) - len(left), unit="image", show=self.progress) as bar:
            for case in left:
                try:
                    with within_memory(str(self.files[case].path)):
                        values = self._score(case, log.values(case), first=case == cases[0])
                except BenchError as error:
                    text, path = str(error), str(self.files[case].path)
                    failures.append(text if path in text else f"{path}: {text}")
                else:
                    log.add(case, values)
                finally:
                    bar.step()
                if self.stop and case != left[-1]:
                    raise Interrupted(
                        f"{what}: stopped by {self.stop.reason} after {len(log.done)} of "
                        f"{len(cases)} images; the same command goes on from there"
                    )
        if not failures:
            order = {name: i for i, name in enumerate(dict.fromkeys(case.image for case in cases))}
            rows = sorted(cases, key=lambda case: order[case.image])
            self._write([(case, log.values(case)) for case in rows])
            took_part = distinct(one for case in rows for one in log.done[case.source].computed)
            sign(self.target, self.test, identity, rows, self.device, took_part)
            log.discard()
        return failures

    def _cases(self, failures: list[str]) -> list[Case]:
        """All images under the first kernel, then the next: an interrupted run leaves whole columns of the table.

        A bad kernel does not stop the others.
        """
        files = self.test.files(self.plan.datasets)
        self.kernels: dict[str, Kernel | None] = {} if files.kernels else {"": None}
        for name, file in files.kernels.items():
            try:
                self.kernels[name] = file.read(load_kernel)
            except BenchError as error:
                failures.append(str(error))
        sources = {"": "", **{name: file.sha256 for name, file in files.kernels.items()}}
        self.files = {
            Case(name, kernel, (image.sha256, sources[kernel])): image
            for kernel in self.kernels
            for name, image in files.images.items()
        }
        return list(self.files)

    def _score(self, case: Case, known: Values, first: bool) -> Values:
        """The metrics that are not known yet; the first image also becomes the picture."""
        sample = prepare(self.protocol, self.files[case].read(read_image), self.kernels[case.kernel])
        if self.restorer is None:
            if first:
                write_png(self.showcase, np.full_like(sample.target, 128))
            return dict.fromkeys(self.metrics)
        restored, seconds = self.restorer(sample, self.protocol)
        values: Values = {**score(self.protocol, restored, sample.target)}
        before = known.get("psnr")
        now = values["psnr"]
        if isinstance(before, float) and isinstance(now, float) and abs(now - before) > SAME_DB:
            raise BenchError(
                f"{self.files[case].path}: restores to {now:.3f} dB here, was scored {before:.3f} dB with these "
                f"weights: another version of the code; remove {self.target.parent} to score everything again"
            )
        shown = to_uint8(restored)
        if lacking := [name for name in self.extra if name not in known]:
            border = self.protocol.border
            pair = [crop_border(image, border) for image in (shown, sample.target)]
            values |= {name: self.extra[name](pair[0], pair[1]) for name in lacking}
        if first:
            write_png(self.showcase, shown)
        return {**values, "seconds": round(seconds, 4), **known}

    def _identity(self) -> dict[str, object]:
        return {
            "run": self.run.id,
            "weights": None if self.run.method else weights_sha256(self.run.id),
            "protocol": self.test.protocol,
            "versions": [versions.EVAL_VERSION, versions.DEGRADE_VERSION],
        }

    def _write(self, scores: Sequence[tuple[Case, Values]]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for case, values in scores:
            shown = [m for m in (*self.metrics[:2], "seconds", *self.extra) if m in values]
            for metric in shown:
                value = values[metric]
                head = (self.run.id, self.test.data, case.image, case.kernel, self.test.protocol)
                number, reason = ("", value or "") if value is None or isinstance(value, str) else (repr(value), "")
                writer.writerow((*head, metric, number, reason))
        atomic.write_bytes(self.target, text.getvalue().encode())
