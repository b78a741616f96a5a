"""Denoising networks (Table 4): one gray channel in, one out, values in [0, 1]."""

from __future__ import annotations

from torch import Tensor, nn

from ..assembly.blocks import ConverseBlock, MakeOperator

MODELS = {
    "dncnn": {
        "label": "DnCNN",
        "task": "denoising",
        "class": "DnCNN",
        "inputs": ["image"],
        "image_channels": 1,
        "scale": 1,
        "defaults": {"channels": 64, "blocks": 15},
        "parameters": 557057,
        "summary": "17 convolutions 3x3 with batch norm, predicts the noise (Zhang et al. 2017)",
    },
    "converse_dncnn": {
        "label": "Converse-DnCNN",
        "label_with": "{operator}-DnCNN",
        "task": "denoising",
        "class": "ConverseDnCNN",
        "inputs": ["image"],
        "image_channels": 1,
        "scale": 1,
        "slot": "operator",
        "defaults": {
            "operator": "converse2d",
            "channels": 64,
            "blocks": 20,
            "kernel_size": 5,
            "padding_mode": "circular",
        },
        "operator_defaults": {
            "padding": None,
            "init": "gaussian_softmax",
            "lam": "per_channel",
            "x0": "nearest",
            "eps": 1e-5,
        },
        "parameters": 734913,
        "summary": "20 converse blocks between two pointwise layers, predicts the clean image",
    },
    "conv_dncnn": {
        "like": "converse_dncnn",
        "label": "Conv-DnCNN",
        "defaults": {"operator": "conv"},
        "parameters": 734913,
    },
    "convt_dncnn": {
        "like": "converse_dncnn",
        "label": "ConvT-DnCNN",
        "defaults": {"operator": "convt"},
        "parameters": 734913,
    },
}


class DnCNN(nn.Module):
    """DnCNN: conv+ReLU, ``blocks`` × (conv+BN+ReLU, conv with bias), conv; all 3×3, zero padding.

    Args:
        channels: width.
        blocks: layers between the first and the last (15 of the published 17).
    """

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, channels, 3, padding=1), nn.ReLU()]
        for _ in range(blocks):
            layers += [
                nn.Conv2d(channels, channels, 3, padding=1),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
        layers.append(nn.Conv2d(channels, 1, 3, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """Noisy image (B, 1, H, W) → restored image of the same shape: input minus noise."""
        return image - self.model(image)


class ConverseDnCNN(nn.Module):
    """{Conv, ConvT, Converse}-DnCNN: 1×1 head, ``blocks`` blocks, 1×1 tail.

    Args:
        channels: width; the spatial operators work on twice as many.
        blocks: depth.
        spatial: builds the spatial operator of a block.
    """

    def __init__(self, channels: int, blocks: int, spatial: MakeOperator) -> None:
        super().__init__()
        self.m_head = nn.Sequential(nn.Conv2d(1, channels, 1))
        self.m_body = nn.Sequential(*(ConverseBlock(channels, spatial) for _ in range(blocks)))
        self.m_tail = nn.Sequential(nn.Conv2d(channels, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Noisy image (B, 1, H, W) → restored image of the same shape."""
        return self.m_tail(self.m_body(self.m_head(image)))
