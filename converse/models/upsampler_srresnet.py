"""The modified SRResNet of Table 5 and its four upsamplers of Table 6 (×4, RGB in [0, 1]).

The body of Table 6 is unstated in the paper; ours is the modified SRResNet's, so that the row
"PixelShuffle" and Table 5's SRResNet are one network. Each ×2 stage is a 3×3 convolution and the
upsampler; one that brings its own convolution ("own_conv": PixelShuffle, Nearest) gets none before.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ..assembly.blocks import MakeOperator
from ..operators.conv import PaddedConv

MODELS = {
    "upsampler_srresnet": {
        "label": "Converse2D",
        "label_with": "{operator}",
        "task": "super_resolution",
        "class": "UpsamplerSRResNet",
        "inputs": ["image"],
        "image_channels": 3,
        "scale": 4,
        "slot": "upsampler",
        "defaults": {
            "upsampler": "converse2d",
            "channels": 64,
            "blocks": 16,
            "padding_mode": "zeros",
            "up_kernel_size": None,
        },
        "operator_defaults": {
            "padding": 0,
            "init": "gaussian_softmax",
            "lam": "per_channel",
            "x0": "nearest",
            "eps": 1e-3,
        },
        "summary": "modified SRResNet without BN; its two x2 stages use the named upsampler",
    },
    "srresnet": {
        "like": "upsampler_srresnet",
        "label": "SRResNet",
        "label_with": "SRResNet with {operator}",
        "defaults": {"upsampler": "pixelshuffle"},
        "summary": "modified SRResNet without BN, PixelShuffle upsampling",
    },
}


class ResidualBlock(nn.Module):
    """x + conv3×3 - ReLU - conv3×3, without batch norm."""

    def __init__(self, channels: int, padding_mode: str) -> None:
        super().__init__()
        self.conv1 = PaddedConv(channels, channels, 3, padding_mode)
        self.conv2 = PaddedConv(channels, channels, 3, padding_mode)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        return x + self.conv2(F.relu(self.conv1(x)))


class UpsamplerSRResNet(nn.Module):
    """conv3×3, residual blocks, two ×2 stages with LeakyReLU(0.1), two conv3×3; no batch norm.

    Args:
        channels: width.
        blocks: residual blocks.
        padding_mode: of every convolution and of the upsamplers.
        upsampler: builds the ×2 upsampler of a stage.
        own_conv: the upsampler contains its convolution.
    """

    def __init__(
        self,
        channels: int,
        blocks: int,
        padding_mode: str,
        upsampler: MakeOperator,
        own_conv: bool,
    ) -> None:
        super().__init__()

        def conv3x3(c_in: int, c_out: int) -> nn.Module:
            return PaddedConv(c_in, c_out, 3, padding_mode)

        def stage() -> nn.Module:
            before = nn.Identity() if own_conv else conv3x3(channels, channels)
            return nn.Sequential(before, upsampler(channels), nn.LeakyReLU(0.1))

        self.conv_first = conv3x3(3, channels)
        self.body = nn.Sequential(*(ResidualBlock(channels, padding_mode) for _ in range(blocks)))
        self.stages = nn.Sequential(stage(), stage())
        self.conv_hres = nn.Sequential(conv3x3(channels, channels), nn.LeakyReLU(0.1))
        self.conv_last = conv3x3(channels, 3)

    def forward(self, image: Tensor) -> Tensor:
        """Low-resolution image (B, 3, H, W) → (B, 3, 4H, 4W)."""
        x = self.stages(self.body(self.conv_first(image)))
        x = self.conv_last(self.conv_hres(x))
        return x + F.interpolate(image, scale_factor=4, mode="bilinear", align_corners=False)
