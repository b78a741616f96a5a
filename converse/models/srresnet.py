"""Super-resolution networks ×4 (Tables 3 and 5): RGB in [0, 1]; output = network + bilinear ×4."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ..assembly.blocks import ConverseBlock, MakeOperator

MODELS = {
    "converse_srresnet": {
        "label": "Converse-SRResNet",
        "label_with": "{operator}-SRResNet",
        "task": "super_resolution",
        "class": "ConverseSRResNet",
        "inputs": ["image"],
        "image_channels": 3,
        "scale": 4,
        "slot": "operator",
        "upsamples": True,
        "defaults": {
            "operator": "converse2d",
            "channels": 64,
            "blocks": 16,
            "kernel_size": 5,
            "padding_mode": "replicate",
            "up_kernel_size": None,
        },
        "operator_defaults": {
            "padding": None,
            "init": "gaussian_softmax",
            "lam": "per_channel",
            "x0": "nearest",
            "eps": 1e-5,
            "up_padding": 2,
            "up_eps": 1e-3,
        },
        "parameters": 699072,
        "summary": "16 converse blocks, two x2 stages with the same operator as upsampler",
    },
    "conv_srresnet": {
        "like": "converse_srresnet",
        "label": "Conv-SRResNet",
        "defaults": {"operator": "conv"},
        "summary": "16 blocks with depthwise conv; stages: nearest x2, then the depthwise conv",
    },
    "convt_srresnet": {
        "like": "converse_srresnet",
        "label": "ConvT-SRResNet",
        "defaults": {"operator": "convt"},
        "summary": "16 blocks with depthwise transposed conv, which upsamples too",
    },
}


class ConverseSRResNet(nn.Module):
    """{Conv, ConvT, Converse}-SRResNet: 1×1 head, blocks, two ×2 stages, one block, 1×1 tail.

    Args:
        channels: width.
        blocks: depth of the body.
        spatial: builds the spatial operator of a block.
        upsampler: builds the ×2 upsampler of a stage.
    """

    def __init__(self, channels: int, blocks: int, spatial: MakeOperator, upsampler: MakeOperator) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(3, channels, 1)
        self.conv_body = nn.Sequential(*(ConverseBlock(channels, spatial) for _ in range(blocks)))
        self.upconv1 = ConverseBlock(channels, spatial)
        self.up1 = upsampler(channels)
        self.upconv2 = ConverseBlock(channels, spatial)
        self.up2 = upsampler(channels)
        self.conv_hres = ConverseBlock(channels, spatial)
        self.conv_last = nn.Conv2d(channels, 3, 1, bias=False)
        self.act = nn.GELU()

    def forward(self, image: Tensor) -> Tensor:
        """Low-resolution image (B, 3, H, W) → (B, 3, 4H, 4W)."""
        x = self.conv_body(self.act(self.conv_first(image)))
        x = self.act(self.up1(self.upconv1(x)))
        x = self.act(self.up2(self.upconv2(x)))
        x = self.conv_last(self.act(self.conv_hres(x)))
        return x + F.interpolate(image, scale_factor=4, mode="bilinear", align_corners=False)
