"""The paper's Algorithm 1 as a layer: Converse2D's parameters, the published arithmetic."""

from __future__ import annotations

import torch
from torch import Tensor

from ..algorithm1 import algorithm1
from ..mathematics import checks
from ..mathematics.precision import full_precision
from .converse2d import Converse2D

OPERATOR = {
    "label": "Algorithm 1",
    "class": "Algorithm1",
    "roles": ["spatial", "upsampler"],
    "scales": "any",
    "trains": False,
    "options": ["padding", "init", "lam", "lam_start", "x0", "eps"],
    "summary": "Eq. (6) and (7) as published, full complex FFTs: the baseline of speed and error",
}


class Algorithm1(Converse2D):
    """:class:`Converse2D` with Eq. (6) and (7) computed as published; loads the same weights.

    For comparisons only: in float32 it is up to 1 % wrong and more than ten times slower.
    """

    def forward(self, y: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, s·H, s·W), in float32 at least, returned in the input's dtype.

        Raises:
            TypeError: not a real floating tensor.
            ValueError: a shape that cannot be served.
        """
        checks.feature_map("y", y)
        checks.kernel_for(y, self.weight)
        if not torch.compiler.is_compiling():
            checks.sizes(y.shape[-2:], self.kernel_size, self.setting)
        if y.shape[0] == 0:  # complex FFTs refuse an empty batch
            return y.repeat_interleave(self.scale, 2).repeat_interleave(self.scale, 3)
        dtype = torch.promote_types(y.dtype, torch.float32)
        lam = self.lam
        with full_precision(y.device):
            x = algorithm1(
                y.to(dtype),
                self.kernel.to(dtype),
                lam.to(dtype) if isinstance(lam, Tensor) else lam,
                scale=self.scale,
                padding=self.padding,
                padding_mode=self.padding_mode,
                x0=self.x0,
            )
        return x.to(y.dtype)

    def freeze(self, size: tuple[int, int]) -> Algorithm1:
        """Not for this layer.

        Raises:
            ValueError: always; the published algorithm has no precomputed part.
        """
        raise ValueError("freeze: algorithm1 is the published arithmetic, freeze converse2d instead")
