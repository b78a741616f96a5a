"""Experiments as data: what presets and ``config/tables.yaml`` may say. Torch-free.

A *row* of a table is its table's base plus what it changes. Resolved against a preset and a seed
(`bench.config.resolve`) it becomes a `bench.config.run_spec.RunSpec`, whose hash is its identity.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bench.config.budget import Budget, Degradation
from bench.config.evaluation import Evaluation
from bench.config.property_info import check_name
from bench.config.variants import Inference
from bench.data.protocols import Task
from bench.foundation.strict_model import Strict

Figure = Literal["axis", "curves", "visual", "latency", "paired", "seeds"]
"""Differences to the default row (forest plot); training curves; restorations side by side; PSNR against latency;
differences image by image; the mean of every seed."""
Measured = Annotated[str, AfterValidator(check_name)]
"""What is measured of a trained network beside its scores: a file of ``bench/analyses/trained``."""


def _finite(value: Any) -> Any:
    """Before all else: a union names each of its types in turn, and none says what is wrong."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


Option = Annotated[bool | int | float | str | list[int] | None, BeforeValidator(_finite)]
METHODS: dict[str, tuple[str, ...]] = {
    "noisy": ("denoising",),
    "tv": ("denoising",),
    "wavelet": ("denoising",),
    "bicubic": ("sr",),
    "blurred": ("deblurring",),
}
"""Rows without a network: the degraded input itself and classical restorers, with the tasks they serve."""
METHOD_LABELS = {
    "noisy": "noisy input",
    "tv": "TV (Chambolle)",
    "wavelet": "wavelet (BayesShrink)",
    "bicubic": "bicubic",
    "blurred": "blurred input",
}


class TaskPreset(Strict):
    """What a preset says about one task."""

    train: list[str] = []
    degradation: Degradation | None = None
    budget: Budget | None = None
    tuned: dict[str, dict[str, Any]] = {}
    """By model, the fields of the budget in which its own best, by the validation strip, differs."""
    options: dict[str, Option] = {}
    """Model options that every row of the task gets where its model has them (reduced width and depth)."""
    evaluate: list[Evaluation]


Side = Annotated[int, Field(ge=1)]


class Case(Strict):
    """One throughput case of operators: input (batch, channels, height, width), kernel, padding, scale."""

    name: str
    input: tuple[Side, Side, Side, Side]
    kernel: Side
    padding: Annotated[int, Field(ge=0)] = 0
    scale: Side = 1


class ModelCase(Strict):
    """One throughput case of whole models: the input size of the degraded image."""

    task: Task
    size: tuple[Side, Side]
    batch: Side = 1


class Throughput(Strict):
    """What the throughput stage times."""

    repeats: Annotated[int, Field(ge=1)] = 5
    operators: list[Case]
    models: list[ModelCase] = []


class AnalysisChoice(Strict):
    """An analysis (a file in ``bench/analyses``) with settings of its own."""

    name: str
    settings: dict[str, Any] = {}


class Preset(Strict):
    """``config/presets/<name>.yaml``."""

    title: str
    statement: str
    """Plain words on what numbers of this preset can and cannot show; printed in every report."""
    full_size: bool = False
    """True only where networks and budgets are the paper's: then a difference to a published number is shown."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    """CPU threads of one training or evaluation: part of the identity, since it changes rounding."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["float32", "tf32"] = "float32"
    """Of float32 products (`bench.models.arithmetic.settings`) in training, scoring, timing; part of the identity."""
    seeds: dict[str, Annotated[int, Field(ge=1)]] = {"default": 1}
    """Number of seeds, by table id; ``default`` elsewhere. Seeds are 0, 1, 2, …"""
    tables: list[str] | None = None
    """Table ids of this preset; None: all."""
    tasks: dict[Task, TaskPreset]
    throughput: Throughput
    analyses: list[str | AnalysisChoice] = []
    """Analyses of the released networks and figures of the paper, by name (``bench/analyses``)."""
    properties: list[Measured] | None = None
    """Which of the properties that tables ask for are measured here; None: all of them."""


class Checkpoint(Strict):
    """Weights that a row loads instead of training: a released name, or a path or URL with its sha256."""

    released: str | None = None
    path: str | None = None
    url: str | None = None
    sha256: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Checkpoint:
        if sum(x is not None for x in (self.released, self.path, self.url)) != 1:
            raise ValueError("a checkpoint names exactly one of released, path, url")
        if self.url is not None and self.sha256 is None:
            raise ValueError("a checkpoint from a url needs its sha256")
        return self


class Base(Strict):
    """What the rows of a table share, or what one of them changes."""

    model: str | None = None
    options: dict[str, Option] = {}
    checkpoint: Checkpoint | None = None
    inference: Inference | None = None
    """How the network is applied to an image; None: to the whole image as it is."""
    budget: dict[str, Any] = {}
    """Fields of the task's budget that are changed."""
    degradation: dict[str, Any] = {}
    """Fields of the task's degradation in training that are changed."""


class Row(Base):
    """One row: what it changes against its table's base."""

    label: str | None = None
    note: str | None = None
    published: str | None = None
    """Row of the published table that this one answers; default: the row's own id, if it is there."""
    presets: list[str] | None = None
    """Presets that show the row; None: all."""
    seeds: Annotated[int, Field(ge=1)] | None = None
    """Number of seeds of this row; None: those of its table in the preset."""


class OperatorAxis(Strict):
    """Rows made from the registry: one for every trainable operator of ``role`` that takes the configuration."""

    role: Literal["spatial", "upsampler"]
    option: str = "operator"
    """The model option that takes the operator's name."""
    row: str = "{label}"
    """Row id, from the operator's label, e.g. ``{label}-DnCNN``."""
    first: list[str] = []
    """Operator names in the order of the paper; the others follow by name."""


class Beside(Strict):
    """Rows under a rule of their own: what the paper does not have and a user could pick instead."""

    title: str = "Not in the paper"
    presets: list[str] | None = None
    """Presets that show these rows; None: all."""
    rows: dict[str, Row]


class Table(Strict):
    """One table of the paper, or one of ours."""

    title: str
    task: Task
    paper: str | None = None
    """Where it stands in the paper; None for ours."""
    axis: str | None = None
    default: str | None = None
    """The row that others are compared with, pairwise over images and seeds."""
    base: Base = Base()
    rows: dict[str, Row] = {}
    operators: OperatorAxis | None = None
    beside: Beside | None = None
    """Rows below the table's own and the operators'."""
    references: list[str] = []
    """Classical rows (`METHODS`)."""
    evaluate: list[Evaluation] | None = None
    """Tests of this table alone; None: those of its task in the preset."""
    parameters: bool = False
    figures: list[Figure] = []
    properties: list[Measured] = []
    """Measured of every trained run right after its training, on the first test; changes no run and no score."""
    published: str | None = None
    """Table of ``published.yaml`` that this one answers; default: the table's own id."""
    presets: list[str] | None = None
    """Presets that have the table; None: all."""
    note: str | None = None

    @model_validator(mode="after")
    def _differences_to_something(self) -> Table:
        if (asked := {"axis", "paired"} & set(self.figures)) and self.default is None:
            raise ValueError(f"figure {min(asked)} shows differences to a default row, and no default is named")
        return self


class Tables(Strict):
    """``config/tables.yaml``."""

    plugins: list[str] = []
    """Operator files outside the package (paths relative to the repository)."""
    metrics: list[str] = []
    """Further pyiqa metrics beside PSNR and SSIM, e.g. ``fsim``, ``gmsd``."""
    tables: dict[str, Table]
