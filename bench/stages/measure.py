"""Stage measure: properties of a trained network, right after its training, as tidy rows (`bench.analyses.trained`).

They need the weights, which git does not keep: what is measured here is published and answers on a clone without
them. No score and no identity depends on it.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator, Sequence

import torch

from bench.analyses import trained
from bench.config import layout
from bench.config.plan import Plan
from bench.config.planned_properties import VERSION, PlannedProperty, properties_of
from bench.config.run_record import run_record, weights_sha256
from bench.config.run_spec import RunSpec
from bench.data import protocols
from bench.data.images import read_image
from bench.data.kernel_files import load_kernel
from bench.foundation import atomic, provenance
from bench.foundation.errors import BenchError, nearest
from bench.foundation.lifeline import only_worker
from bench.foundation.memory import within_memory
from bench.models import networks
from bench.models.arithmetic import arithmetic
from bench.results.properties import FIELDS
from bench.scoring.prepare import Sample, prepare


def measure(plan: Plan, run_id: str, *, keys: Sequence[str] | None = None, device: str | None = None) -> list[str]:
    """Measures what the plan asks of a trained run.

    Args:
        plan: the plan that holds the run.
        run_id: `bench.config.run_spec.RunSpec.id`.
        keys: some of its properties (`bench.config.planned_properties.PlannedProperty.key`); None: all.
        device: overrides the preset's (auto, cpu, cuda, cuda:N).

    Returns:
        The keys of what was measured.

    Raises:
        BenchError: unknown run or key, not trained yet or its weights not here, missing or changed data.
    """
    run = plan.run(run_id)
    asked = {one.key: one for one in properties_of(plan, run)}
    for key in keys or ():
        if key not in asked:
            allowed = ", ".join(asked) or "none"
            raise BenchError(f"run {run_id} has no property {key!r}{nearest(key, asked)} (allowed: {allowed})")
    chosen = list(dict.fromkeys(keys if keys is not None else asked))
    if chosen and "status" not in run_record(run_id):
        raise BenchError(f"{layout.run_json(run_id)}: missing or damaged; run: python -m bench train {run_id}")
    if chosen and not layout.weights(run_id).is_file():
        raise BenchError(
            f"{layout.weights(run_id)}: no such file, and nothing can be measured without weights: measure where it "
            "was trained and import the numbers, or import it with its weights"
        )
    where = networks.choose_device(device or plan.preset.device)
    with arithmetic(run.threads, run.products):
        for key in chosen:
            target = layout.property_csv(run_id, asked[key].stem)
            with only_worker(target.with_suffix(".lock"), f"measure {run_id} {key}"), within_memory(key):
                atomic.write_bytes(target, _table(plan, run, asked[key], where))
    return chosen


def _table(plan: Plan, run: RunSpec, one: PlannedProperty, device: torch.device) -> bytes:
    """The numbers of one property; none for a run that diverged or was skipped."""
    computed = provenance.computation(str(device), run.threads, run.products)
    same = {
        "run": run.id,
        "property": one.name,
        "evaluation": one.test.key,
        "version": VERSION,
        "content": one.test.content,
        "weights_sha256": weights_sha256(run.id),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "device": str(device),
        "computed": json.dumps(computed, sort_keys=True),
        "machine": json.dumps(provenance.machine(), sort_keys=True),
    }
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    if run_record(run.id)["status"] == "trained":
        network = networks.load_run(run, plan.plugins).to(device)
        protocol = protocols.get(one.test.protocol)
        for number in trained.module(one.name).measure(network, device, protocol, _samples(plan, one)):
            writer.writerow({**same, **number._asdict(), "value": repr(number.value)})
    return text.getvalue().encode()


def _samples(plan: Plan, one: PlannedProperty) -> Iterator[tuple[str, Sample]]:
    """The test's images under its first kernel, if it has any."""
    files = one.test.files(plan.datasets)
    kernel = next((file.read(load_kernel) for file in files.kernels.values()), None)
    for name, image in files.images.items():
        yield name, prepare(protocols.get(one.test.protocol), image.read(read_image), kernel)
