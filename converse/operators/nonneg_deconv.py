"""Non-negative deconvolution by multiplicative updates (Deconver, Ashtari et al., arXiv 2504.00302)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..calls.setting import PADDING_MODES
from ..mathematics.boundary import pad_margins
from ..mathematics.checks import choice, feature_map, integer, pair
from ..mathematics.precision import full_precision

OPERATOR = {
    "label": "Deconver",
    "class": "NonnegDeconv",
    "roles": ["spatial"],
    "scales": [1],
    "trains": True,
    "options": ["steps"],
    "summary": "X >= 0 that explains softplus of the input through a non-negative kernel, a few multiplicative steps",
    "tables": "named",
    "source": "Ashtari et al., Deconver, arXiv 2504.00302; updates of Lee and Seung, NIPS 2000",
    "cost": "k² parameters a channel; 2·T + 1 depthwise convolutions for T steps",
}
EPS = 1e-6
MOST_STEPS = 10


class NonnegDeconv(nn.Module):
    """T steps X ← X ⊙ (Kᵀ Y) / (Kᵀ K X + ε) from X = Y, with Y = softplus(input), K = softplus(weight).

    They lower ‖Y − K X‖² over X >= 0, channel by channel, without a step size. Kᵀ is the convolution with the
    flipped kernel under the same boundary. The kernel starts as a softmax of normal numbers, as Converse2D's does
    (choice).

    Args:
        channels: C, channels of input and output.
        kernel_size: k, or (k_h, k_w).
        scale: 1, the only one it serves.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        steps: T, 1 to 10.

    Raises:
        ValueError: another scale or number of steps; in ``forward``, a map too small for the padding mode.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int | Sequence[int],
        *,
        scale: int = 1,
        padding_mode: str = "circular",
        steps: int = 3,
    ) -> None:
        super().__init__()
        integer("channels", channels, 1)
        if scale != 1:
            raise ValueError(f"scale: nonneg_deconv serves 1 only, got {scale!r}")
        self.kernel_size = pair("kernel_size", kernel_size, 1)
        self.padding_mode = choice("padding_mode", padding_mode, PADDING_MODES)
        self.steps = integer("steps", steps, 1)
        if steps > MOST_STEPS:
            raise ValueError(f"steps: expected 1 to {MOST_STEPS}, got {steps}")
        kernel = torch.randn(channels, 1, *self.kernel_size).flatten(1).softmax(1)
        # softplus⁻¹, written for small arguments.
        self.weight = nn.Parameter(torch.log(torch.expm1(kernel)).view(channels, 1, *self.kernel_size))

    def forward(self, y: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape, in float32 at least, returned in the input's dtype."""
        feature_map("y", y)
        dtype = torch.promote_types(y.dtype, torch.float32)
        with full_precision(y.device):
            kernel = F.softplus(self.weight.to(dtype))
            target = F.softplus(y.to(dtype))
            adjoint = self._adjoint(target, kernel)
            x = target
            for _ in range(self.steps):
                x = x * adjoint / (self._adjoint(self._blur(x, kernel), kernel) + EPS)
            return x.to(y.dtype)

    def _blur(self, x: Tensor, kernel: Tensor) -> Tensor:
        before, after = [(k - 1) // 2 for k in self.kernel_size], [k // 2 for k in self.kernel_size]
        return self._conv(x, kernel, before, after)

    def _adjoint(self, x: Tensor, kernel: Tensor) -> Tensor:
        before, after = [k // 2 for k in self.kernel_size], [(k - 1) // 2 for k in self.kernel_size]
        return self._conv(x, kernel.flip((2, 3)), before, after)

    def _conv(self, x: Tensor, kernel: Tensor, before: list[int], after: list[int]) -> Tensor:
        padded = pad_margins(x, (before[1], after[1], before[0], after[0]), self.padding_mode)
        return F.conv2d(padded, kernel, groups=kernel.shape[0])

    def extra_repr(self) -> str:
        """Shown by ``print(module)``."""
        return f"{self.weight.shape[0]}, kernel_size={self.kernel_size}, steps={self.steps}, {self.padding_mode}"
