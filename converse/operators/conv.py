"""Depthwise convolution, the "Conv-" rows of Tables 4, 5 and 7."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ..calls.setting import PADDING_MODES
from ..mathematics import correlation
from ..mathematics.boundary import pad_margins
from ..mathematics.checks import choice, integer, pair

OPERATOR = {
    "label": "Conv",
    "class": "Conv",
    "roles": ["spatial"],
    "scales": [1],
    "trains": True,
    "options": [],
    "summary": "depthwise convolution with bias, output of the input's size",
}


class PaddedConv(nn.Conv2d):
    """torch.nn.Conv2d with stride 1 and "same" padding for every kernel size and padding mode.

    Even kernels look one pixel further down and right, as ``padding="same"`` has it.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        padding_mode: str,
        groups: int = 1,
    ) -> None:
        choice("padding_mode", padding_mode, PADDING_MODES)
        size = pair("kernel_size", kernel_size, 1)
        integer("channels", in_channels, 1)
        super().__init__(in_channels, out_channels, size, groups=groups)
        # torch's own padding stays 0: it cannot say what is wrong with a map that is too small.
        self.boundary = padding_mode
        before, after = [(k - 1) // 2 for k in size], [k // 2 for k in size]
        self.margins = (before[1], after[1], before[0], after[0])

    def forward(self, input: Tensor) -> Tensor:
        """(B, C_in, H, W) → (B, C_out, H, W)."""
        return super().forward(pad_margins(input, self.margins, self.boundary))

    def extra_repr(self) -> str:
        """Shown by ``print(module)``."""
        return f"{super().extra_repr()}, same padding, {self.boundary}"


class Conv(PaddedConv):
    """Depthwise convolution with "same" padding: k² + 1 parameters a channel, as Converse2D has.

    A large kernel is trained by FFT on a CPU (:mod:`converse.mathematics.correlation`): the same but for rounding.

    Args:
        channels: C, channels of input and output.
        kernel_size: k, or (k_h, k_w).
        scale: 1, the only one it serves.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Raises:
        ValueError: a scale other than 1; in ``forward``, a map too small for the padding mode.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int | Sequence[int],
        *,
        scale: int = 1,
        padding_mode: str = "circular",
    ) -> None:
        if scale != 1:
            raise ValueError(f"scale: conv serves 1 only, got {scale!r}")
        super().__init__(channels, channels, kernel_size, padding_mode, groups=channels)

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        if not (isinstance(input, Tensor) and correlation.pays(input, self.kernel_size)):
            return super().forward(input)
        filtered = correlation.depthwise(pad_margins(input, self.margins, self.boundary), self.weight)
        return filtered if self.bias is None else filtered + self.bias.view(-1, 1, 1)
