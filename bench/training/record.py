"""What a training leaves behind: weights, curve and ``run.json``, the record of where they come from."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

import torch
from torch import nn

from bench.config import layout
from bench.config.run_record import run_record
from bench.config.run_spec import RunSpec
from bench.data.file_hashes import sha256_file
from bench.foundation import atomic, provenance
from bench.models import checkpoint, networks
from bench.training.loop import COLUMNS

Computed = dict[str, Any]
"""`bench.foundation.provenance.computation`."""


def computation(run: RunSpec, device: torch.device) -> Computed:
    """How this machine computes the run: `bench.foundation.provenance.computation`."""
    return provenance.computation(str(device), run.threads, run.products)


def say_if_repeated(run: RunSpec, device: torch.device) -> None:
    """Says where a run that is made again is computed in another way than its record says."""
    recorded = run_record(run.id).get("computed") or []
    if recorded and (other := provenance.differences(recorded[-1], computation(run, device))):
        print(f"{run.id}: made again by another computation ({other}): the last digits may differ", flush=True)


def write(
    run: RunSpec,
    model: nn.Module | None,
    rows: list[dict[str, Any]],
    device: torch.device,
    *,
    status: str,
    seconds: float,
    reason: str | None = None,
    steps: int = 0,
    macs: int | None = None,
    resumed_from: list[int] | None = None,
    computed: list[Computed] | None = None,
    checkpoint_sha256: str | None = None,
) -> None:
    """Weights and curve, then ``run.json``, whose presence says that the run is complete."""
    # What two equal trainings share and no more, so that their weight files are equal byte for byte.
    tensors = model.state_dict() if model else {}
    checkpoint.save(layout.weights(run.id), tensors, {"run": run.id, "network": run.network})
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows([{k: "" if v is None else v for k, v in row.items()} for row in rows])
    atomic.write_bytes(layout.curve_csv(run.id), text.getvalue().encode())
    record = {
        "run": run.id,
        "status": status,
        "reason": reason,
        "spec": run.model_dump(mode="json"),
        "parameters": networks.count_parameters(model) if model else None,
        "steps": steps,
        "training_macs": macs,
        "seconds": round(seconds, 3),
        "resumed_from": resumed_from or [],
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "device": str(device),
        "computed": computed or [computation(run, device)],
        "machine": provenance.machine(),
        "versions": provenance.versions(),
        "checkpoint_sha256": checkpoint_sha256,
        "weights_sha256": sha256_file(layout.weights(run.id)),
    }
    atomic.write_json(layout.run_json(run.id), record)
