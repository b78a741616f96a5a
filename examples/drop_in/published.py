"""A published network: LR-ASPP with MobileNetV3-Large (Howard et al., ICCV 2019), as torchvision has it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Segmentation(nn.Module):
    """(B, 3, H, W) → (B, classes, H, W), untrained.

    torchvision's detectors need compiled operators, which do not load beside every build of torch; this network
    needs none, but importing torchvision asks for their schemas: where they are missing they are declared first.
    """

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        try:
            from torchvision.models.segmentation import lraspp_mobilenet_v3_large
        except RuntimeError as error:
            if "operator torchvision::" not in str(error):
                raise
            from bench.scoring.pyiqa_shim import declare_operators

            declare_operators()
            from torchvision.models.segmentation import lraspp_mobilenet_v3_large
        self.network = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)["out"]
        return logits


def toy_batch(size: int, batch: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images (B, 3, size, size) of smooth noise, and which of four quantiles of gray each pixel lies in."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, size // 8, size // 8, generator=generator)
    image = nn.functional.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)
    gray = image.mean(1)
    edges = torch.quantile(gray.flatten(), torch.tensor([0.25, 0.5, 0.75]))
    return image, torch.bucketize(gray, edges)
