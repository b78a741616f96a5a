"""How a row is trained: how long, by which recipe, and what the network is to undo. Torch-free."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bench.foundation.strict_model import Strict

CURVE_ROWS, LONGEST, VALIDATIONS = 100, 100, 10
"""Rows of a training curve, the most steps between two, and validations where a budget does not say."""


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
    """Validations in a training; None: `VALIDATIONS`."""
    crops: Annotated[int, Field(ge=4, multiple_of=4)] | None = None
    """Validation crops; None: 8."""
    patches: list[Annotated[int, Field(ge=8)]] | None = None
    """Further sides of the clean crop: every step draws one of them and ``patch``."""

    @property
    def sides(self) -> tuple[int, ...]:
        """All sides of the clean crop."""
        return (self.patch, *(self.patches or ()))

    def curve_grid(self) -> dict[int, bool]:
        """Step to whether a validation is due there, for every row of the curve that a whole training writes.

        About `CURVE_ROWS` rows, at least one every `LONGEST` steps; the last validation after the last step.
        """
        every = max(1, min(LONGEST, self.steps // CURVE_ROWS))
        validated = max(1, self.steps // (self.validations or VALIDATIONS))
        due = {step: True for step in (*range(validated, self.steps + 1, validated), self.steps)}
        rows = {step: False for step in range(every, self.steps + 1, every)}
        return dict(sorted({**rows, **due}.items()))

    @model_validator(mode="before")
    @classmethod
    def _one_schedule(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if data.get("schedule") is not None:
            if data.get("halve_every") is not None:
                raise ValueError("halve_every does not go with schedule: give one of them")
            return data
        return {**data, "halve_every": 100_000 if data.get("halve_every") is None else data["halve_every"]}

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
