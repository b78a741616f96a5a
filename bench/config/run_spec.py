"""What a resolved run is: all that decides its numbers, and the identity made of it. Torch-free."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self

from bench.config.budget import Budget, Degradation
from bench.config.spec import Checkpoint, Option
from bench.config.variants import PlannedInference
from bench.data.protocols import Task
from bench.foundation.strict_model import Strict


class TrainSpec(Strict):
    """The training half of a run's identity."""

    data: list[str]
    data_hash: str
    degradation: Degradation
    budget: Budget
    seed: int
    version: int


class RunSpec(Strict):
    """A resolved row: all that decides its numbers. Its hash is its identity.

    ``model`` and ``options`` are what `converse.build_model` is called with; two spellings of one network
    give the same ``network`` (`converse.declarations.model_spec.ModelSpec.identity`), and only that is hashed.
    """

    task: Task
    method: str | None = None
    model: str | None = None
    options: dict[str, Option] = {}
    network: dict[str, Any] | None = None
    checkpoint: Checkpoint | None = None
    train: TrainSpec | None = None
    inference: PlannedInference | None = None
    threads: int = 1
    precision: Literal["tf32"] | None = None
    """None: float32 as IEEE has it."""

    @property
    def products(self) -> Literal["float32", "tf32"]:
        """The precision in which float32 tensors are multiplied (`bench.models.arithmetic`)."""
        return self.precision or "float32"

    @property
    def hash(self) -> str:
        """Ten hex digits of the sha256 of the canonical JSON."""
        data = self.model_dump(mode="json", exclude_none=True, exclude={"model", "options"})
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def slug(self) -> str:
        """Readable part of the directory's name; carries no meaning."""
        if self.method:
            return self.method
        network = self.network or {}
        parts = [str(network.get("network", self.model)).partition(".")[0]]
        if "operator" in network:
            parts.append(str(network["operator"]))
        if self.checkpoint:
            parts.append("released" if self.checkpoint.released else "loaded")
        if self.train:
            parts.append(f"s{self.train.seed}")
        if self.inference:
            parts.append(self.inference.slug)
        return "-".join(parts)

    @cached_property
    def id(self) -> str:
        """Name of the run's directory under ``results/runs``; kept, since a plan asks for it thousands of times."""
        return f"{self.slug}-{self.hash}"

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other fields, which has its own identity."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("id", None)
        return copied
