"""How a network is applied to an image, as data: as it is, padded, with a tapered edge, by tiles. Torch-free."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bench.foundation.strict_model import Strict

PadMode = Literal["reflect", "replicate", "wrap"]


class Pad(Strict):
    """Pixels added on each side before and cropped after (`bench.models.boundary.pad`)."""

    pixels: Annotated[int, Field(ge=1)]
    mode: PadMode = "reflect"


class Taper(Strict):
    """Edge taper (`bench.models.boundary.taper`) by the blur kernel itself, or by an isotropic Gaussian.

    A blind network is not given the kernel, so its taper names a Gaussian.
    """

    psf: Literal["kernel", "gaussian"]
    sigma: Annotated[float, Field(gt=0)] | None = None
    """Standard deviation of the Gaussian in pixels; it is cut off at three of them."""

    @model_validator(mode="after")
    def _sigma_of_a_gaussian(self) -> Taper:
        if (self.psf == "gaussian") != (self.sigma is not None):
            raise ValueError("taper: psf gaussian needs sigma, psf kernel takes none")
        return self


class Tiles(Strict):
    """Overlapping square tiles (`bench.models.tiling`): side and margin on each inner side, in pixels of the input."""

    size: Annotated[int, Field(ge=8)]
    margin: Annotated[int, Field(ge=1)] = 16

    @model_validator(mode="after")
    def _more_than_margins(self) -> Tiles:
        if self.size <= 2 * self.margin:
            raise ValueError(f"tiles: size {self.size} is all margin (more than {2 * self.margin} is needed)")
        return self


class Inference(Strict):
    """One way to apply a network. What is given is combined: tiles are cut first, each is padded, then tapered."""

    tiles: Tiles | None = None
    pad: Pad | None = None
    taper: Taper | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Inference:
        if self.tiles is None and self.pad is None and self.taper is None:
            raise ValueError("inference: at least one of tiles, pad, taper is needed")
        return self

    @property
    def slug(self) -> str:
        """Short name for directories, e.g. ``tiles128`` or ``pad16reflect``."""
        parts = []
        if self.tiles:
            parts.append(f"tiles{self.tiles.size}")
        if self.pad:
            parts.append(f"pad{self.pad.pixels}{self.pad.mode}")
        if self.taper:
            parts.append("taper")
        return "-".join(parts)

    def refuses(self, inputs: tuple[str, ...], task: str) -> str:
        """Why a network that takes ``inputs`` cannot be applied so; empty if it can."""
        if self.taper is None:
            return ""
        if task != "deblurring":
            return f"an edge taper blurs the border as deblurring expects it; it makes no sense for {task}"
        if self.taper.psf == "kernel" and "kernel" not in inputs:
            return "a blind network is not given the kernel; its taper needs psf: gaussian and a sigma"
        return ""


class PlannedInference(Inference):
    """An `Inference` of a run, with the version of the code that carries it out (part of the identity)."""

    version: int
