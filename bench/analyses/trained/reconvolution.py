"""How far X* ⊗ K is from Y in every reverse convolution of a network (`bench.models.reconvolution`), image by image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn

from bench.analyses.trained import Number
from bench.data.protocols import Protocol
from bench.models import inference
from bench.models.reconvolution import reconvolution
from bench.scoring.prepare import Sample

PROPERTY = {
    "metrics": {"error": []},
    "tolerance": {"error": [1e-5, 1e-2]},
}


def measure(
    network: nn.Module, device: torch.device, protocol: Protocol, samples: Iterable[tuple[str, Sample]]
) -> Iterator[Number]:
    """``error``, relative, of every layer; none of a network without reverse convolutions."""
    for image, sample in samples:
        with reconvolution(network) as errors:
            inference.apply(network, sample.input, device, sample.kernel)
        for layer, error in errors.items():
            yield Number(layer, image, "error", error)
