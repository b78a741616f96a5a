"""A generator as in CycleGAN (Zhu et al., ICCV 2017): two strided stages, residual blocks, two transposed stages."""

from __future__ import annotations

from torch import Tensor, nn


class Residual(nn.Module):
    """x + two 3×3 convolutions with instance norm."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def generator(width: int = 16, blocks: int = 3) -> nn.Sequential:
    """(B, 3, H, W) → (B, 3, H, W) in (−1, 1), for H and W that are multiples of 4."""

    def normed(layer: nn.Module, channels: int) -> list[nn.Module]:
        return [layer, nn.InstanceNorm2d(channels), nn.ReLU()]

    def transposed(c: int) -> nn.Module:
        return nn.ConvTranspose2d(c, c // 2, 3, stride=2, padding=1, output_padding=1)

    return nn.Sequential(
        *normed(nn.Conv2d(3, width, 7, padding=3, padding_mode="reflect"), width),
        *normed(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), 2 * width),
        *normed(nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1), 4 * width),
        *(Residual(4 * width) for _ in range(blocks)),
        *normed(transposed(4 * width), 2 * width),
        *normed(transposed(2 * width), width),
        nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect"),
        nn.Tanh(),
    )
