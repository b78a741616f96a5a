"""One test, as the files name it and as it is planned: with the content of what is scored. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from bench.data.datasets import Dataset
from bench.data.planned_files import PlannedFiles, planned_files
from bench.data.subsets import read_subset
from bench.foundation import versions
from bench.foundation.errors import BenchError
from bench.foundation.strict_model import Strict


def _subset(word: str) -> str:
    try:
        read_subset(word)
    except BenchError as error:
        raise ValueError(str(error)) from error
    return word


class Evaluation(Strict):
    """One test: a data set under a protocol (``bench.data.protocols``), for deblurring with a set of kernels."""

    data: str
    protocol: str
    kernels: str | None = None
    subset: Annotated[str, AfterValidator(_subset)] | None = None
    """None, ``first5`` (the first five images) or ``every10`` (every tenth image)."""
    only: Annotated[list[str], Field(min_length=1)] | None = None
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
        return f"{versions.of_scores()}-{self.content}{extra}"

    def files(self, datasets: Mapping[str, Dataset]) -> PlannedFiles:
        """The images and kernels on the disk.

        Raises:
            BenchError: one is missing, or they are not those of `content` any more.
        """
        return planned_files(
            datasets, self.data, self.kernels, subset=self.subset, only=self.only, content=self.content
        )

    @property
    def stem(self) -> str:
        """File-name stem of its scores."""
        return f"{self.key}.{self.seal}"
