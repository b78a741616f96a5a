"""Every network at a small size, as data."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from converse import build_model
from converse.declarations.model_info import models

NAMES = sorted(models())
SMALL = {"channels": 4, "blocks": 2}


def small(name: str, seed: int | None = 0, **options: object) -> nn.Module:
    """The named network with four channels and two blocks."""
    return build_model(name, seed=seed, **{**SMALL, **options})


def inputs(name: str, batch: int = 2, size: tuple[int, int] = (9, 12)) -> tuple[Tensor, ...]:
    """Images in [0, 1] (and a normalised 7×7 kernel a sample, where the network takes one)."""
    info = models()[name]
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(batch, info.image_channels, *size, generator=generator)
    if info.inputs == ("image",):
        return (image,)
    kernel = torch.rand(batch, 1, 7, 7, generator=generator)
    return image, kernel / kernel.sum((2, 3), keepdim=True)
