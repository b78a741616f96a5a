"""A 1×1 convolution that a GPU computes as the matrix product that it is."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Conv1x1(nn.Conv2d):
    """``nn.Conv2d(inputs, outputs, 1)``: the same parameters and initial weights, the same numbers but for rounding.

    On a CUDA device cuDNN's gradient of the weight in IEEE float32 takes several times as long as a matrix product's.
    Where convolutions may round to TF32 (torch's default) or autocast chooses, cuDNN stays.

    Args:
        inputs: channels of the map.
        outputs: channels of the result.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 1)

    def forward(self, input: Tensor) -> Tensor:
        """(B, C_in, H, W) → (B, C_out, H, W)."""
        if input.device.type != "cuda" or self.bias is None or not _as_given(input):
            return super().forward(input)
        return as_product(input, self.weight, self.bias)


def _as_given(input: Tensor) -> bool:
    """Whether nothing but IEEE float32 on whole maps is meant; a compiler makes its own choice."""
    if torch.compiler.is_compiling() or input.dim() != 4 or not input.is_contiguous():
        return False
    if torch.is_autocast_enabled("cuda"):
        return False
    try:
        return not (torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32)
    except RuntimeError:  # torch refuses to say it where the newer names of these settings were used
        return False


def as_product(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The 1×1 convolution of (B, C_in, H, W) by (C_out, C_in, 1, 1), a product a sample: (B, C_out, H, W)."""
    # matmul with the weight as it is would copy the maps, forward and back.
    product = torch.bmm(weight.flatten(1).expand(x.shape[0], -1, -1), x.flatten(2))
    return (product + bias[:, None]).unflatten(2, x.shape[2:])
