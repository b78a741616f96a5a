"""Experiments as data: what the files in ``config/`` may say, and what a resolved run is.

Torch-free. A *row* of a table is data: its table's base plus what it changes. Resolved against a preset
and a seed it becomes a `RunSpec`, whose hash is its identity (`bench.config.plan` builds paths from it).
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bench.config.variants import Inference, PlannedInference
from bench.foundation import versions

Task = Literal["denoising", "sr", "deblurring"]
Figure = Literal["axis", "curves", "visual", "latency", "paired", "seeds"]
"""Differences to the default row (forest plot); training curves; restorations side by side; PSNR against latency;
differences image by image; the mean of every seed."""
Option = bool | int | float | str | list[int] | None
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


class Strict(BaseModel):
    """Unknown keys are errors; instances do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Budget(Strict):
    """How long and on what a row is trained.

    ``patch`` is the side in pixels of the clean (high-resolution) crop; the learning rate is halved every
    ``halve_every`` steps (Zhang et al., plug-and-play DRUNet, whose training the paper follows), or follows
    ``schedule``. What is None is not used, and no part of a run's identity.
    """

    steps: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)]
    patch: Annotated[int, Field(ge=8)]
    lr: Annotated[float, Field(gt=0)] = 1e-4
    halve_every: Annotated[int, Field(ge=1)] | None = None
    loss: Literal["l1", "l2"] = "l1"
    optimizer: Literal["adam"] = "adam"
    schedule: Literal["cosine"] | None = None
    """cosine: to zero at the last step; None: halved every ``halve_every`` steps (100,000 if that is not given)."""
    warmup: Annotated[int, Field(ge=1)] | None = None
    """Steps in which the learning rate grows linearly."""
    clip: Annotated[float, Field(gt=0)] | None = None
    """Largest 2-norm of the gradient over all parameters; a larger one is scaled down."""
    average: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Decay of an exponential average of the weights, which is then what is validated, kept and scored."""
    validations: Annotated[int, Field(ge=1)] | None = None
    """Validations in a training; None: 10."""
    crops: Annotated[int, Field(ge=4, multiple_of=4)] | None = None
    """Validation crops; None: 8."""
    patches: list[Annotated[int, Field(ge=8)]] | None = None
    """Further sides of the clean crop: every step draws one of them and ``patch``."""

    @model_validator(mode="before")
    @classmethod
    def _one_schedule(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if data.get("schedule") is not None:
            if data.get("halve_every") is not None:
                raise ValueError("halve_every does not go with schedule: give one of them")
            return data
        return {**data, "halve_every": data.get("halve_every") or 100_000}

    @model_validator(mode="after")
    def _warm_before_the_end(self) -> Budget:
        if self.warmup is not None and self.warmup >= self.steps:
            raise ValueError(f"warmup: fewer than the {self.steps} steps of the training")
        return self


class Degradation(Strict):
    """What training feeds to the network; evaluation is ruled by the protocol instead."""

    kind: Literal["awgn", "bicubic", "blur"]
    sigma: float = 0.0
    scale: int = 1
    boundary: Literal["circular", "natural"] | None = None


class Evaluation(Strict):
    """One test: a data set under a protocol (``bench.data.protocols``), for deblurring with a set of kernels."""

    data: str
    protocol: str
    kernels: str | None = None
    subset: str | None = None
    """None, ``first5`` (the first five images) or ``every10`` (every tenth image)."""
    only: list[str] | None = None
    """Some of the kernels, by name (``kernel_1``); None: all of them."""

    @property
    def key(self) -> str:
        """File-name stem, e.g. ``urban100@deblur-circular-s2.55@blur_kernels@every10``."""
        some = "+".join(self.only or ())
        return "@".join(p for p in (self.data, self.protocol, self.kernels, some, self.subset) if p)


class PlannedTest(Evaluation):
    """An `Evaluation` of a plan, with all that decides its scores beside the run. It names the file of its scores.

    So other images, kernels, versions or metrics are another file: what was scored before is neither taken for the
    new nor lost.
    """

    content: str
    """Identity of the images and kernels (`bench.data.scored_content.Scored.identity`)."""
    metrics: tuple[str, ...] = ()
    """Metrics beside PSNR and SSIM."""

    @property
    def seal(self) -> str:
        """Versions, content and further metrics, e.g. ``e1d1-0123456789+fsim``."""
        extra = "".join(f"+{name}" for name in sorted(self.metrics))
        return f"e{versions.EVAL_VERSION}d{versions.DEGRADE_VERSION}-{self.content}{extra}"

    @property
    def stem(self) -> str:
        """File-name stem of its scores."""
        return f"{self.key}.{self.seal}"


class TaskPreset(Strict):
    """What a preset says about one task."""

    train: list[str] = []
    degradation: Degradation | None = None
    budget: Budget | None = None
    options: dict[str, Option] = {}
    """Model options that every row of the task gets where its model has them (reduced width and depth)."""
    evaluate: list[Evaluation]


class Case(Strict):
    """One throughput case of operators: input (batch, channels, height, width), kernel, padding, scale."""

    name: str
    input: tuple[int, int, int, int]
    kernel: int
    padding: int = 0
    scale: int = 1


class ModelCase(Strict):
    """One throughput case of whole models: the input size of the degraded image."""

    task: Task
    size: tuple[int, int]
    batch: int = 1


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
    threads: Annotated[int, Field(ge=1)] = 1
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


class Row(Strict):
    """One row: what it changes against its table's base."""

    label: str | None = None
    model: str | None = None
    method: str | None = None
    options: dict[str, Option] = {}
    checkpoint: Checkpoint | None = None
    inference: Inference | None = None
    """How the network is applied to an image; None: to the whole image as it is."""
    budget: dict[str, Any] = {}
    """Fields of the task's budget that this row changes."""
    degradation: dict[str, Any] = {}
    """Fields of the task's degradation in training that this row changes."""
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
    base: Row = Row()
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
    published: str | None = None
    """Table of ``published.yaml`` that this one answers; default: the table's own id."""
    presets: list[str] | None = None
    """Presets that have the table; None: all."""
    note: str | None = None


class Tables(Strict):
    """``config/tables.yaml``."""

    plugins: list[str] = []
    """Operator files outside the package (paths relative to the repository)."""
    metrics: list[str] = []
    """Further pyiqa metrics beside PSNR and SSIM, e.g. ``fsim``, ``gmsd``."""
    tables: dict[str, Table]


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

    @property
    def id(self) -> str:
        """Name of the run's directory under ``results/runs``."""
        return f"{self.slug}-{self.hash}"
