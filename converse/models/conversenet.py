"""Blind deblurring networks (Table 7): RGB in [0, 1], the kernel is not given."""

from __future__ import annotations

from torch import Tensor, nn

from ..assembly.blocks import ConverseBlock, MakeOperator

MODELS = {
    "conversenet": {
        "label": "ConverseNet",
        "label_with": "{operator}Net",
        "task": "blind_deblurring",
        "class": "ConverseNet",
        "inputs": ["image"],
        "image_channels": 3,
        "scale": 1,
        "slot": "operator",
        "defaults": {
            "operator": "converse2d",
            "channels": 64,
            "blocks": 7,
            "iterations": 5,
            "kernel_size": 3,
            "padding_mode": "circular",
        },
        "operator_defaults": {
            "padding": None,
            "init": "gaussian_softmax",
            "lam": "per_channel",
            "x0": "nearest",
            "eps": 1e-5,
        },
        "parameters": 243267,
        "summary": "one stack of 7 converse blocks applied 5 times with shared weights",
    },
    "convnet": {
        "like": "conversenet",
        "label": "ConvNet",
        "defaults": {"operator": "conv"},
        "parameters": 243267,
        "summary": "one stack of 7 blocks with depthwise conv applied 5 times",
    },
}


class Prior(nn.Module):
    """A stack of blocks, (B, C, H, W) → (B, C, H, W).

    Args:
        channels: width.
        blocks: depth.
        spatial: builds the spatial operator of a block.
        alpha: blocks with learnable branch scales (:class:`converse.assembly.blocks.ConverseBlock`).
    """

    def __init__(self, channels: int, blocks: int, spatial: MakeOperator, *, alpha: bool = False) -> None:
        super().__init__()
        stack = (ConverseBlock(channels, spatial, alpha=alpha) for _ in range(blocks))
        self.m_body = nn.Sequential(*stack)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        return self.m_body(x)


class ConverseNet(nn.Module):
    """{Conv, Converse}Net: 1×1 head, the same stack ``iterations`` times, 1×1 tail.

    Args:
        channels: width.
        blocks: blocks of the stack.
        iterations: how often the stack is applied.
        spatial: builds the spatial operator of a block.
    """

    def __init__(self, channels: int, blocks: int, iterations: int, spatial: MakeOperator) -> None:
        super().__init__()
        self.iterations = iterations
        self.p = Prior(channels, blocks, spatial)
        self.conv1 = nn.Conv2d(3, channels, 1)
        self.conv2 = nn.Conv2d(channels, 3, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Blurred image (B, 3, H, W) → restored image of the same shape."""
        x = self.conv1(image)
        for _ in range(self.iterations):
            x = self.p(x)
        return self.conv2(x)
