"""Depthwise correlation with a large kernel by FFT, at a cost that does not grow with the kernel.

oneDNN's backward of a depthwise convolution costs k² a pixel. A training step (direct, by FFT; Xeon, one thread):

==============  ==========  ===========  ===========  ===========
maps            7×7         13×13        21×21        31×31
4×32×40×40      9, 11 ms    28, 9 ms     75, 11 ms    170, 14 ms
1×32×321×481    210, 470    755, 671     1,990, 510   4,300, 490
==============  ==========  ===========  ===========  ===========

Its forward alone is faster than the FFT up to 31×31.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

SMALLEST = 13
"""Kernel size from which a training step is faster by FFT."""


def pays(x: Tensor, kernel_size: Sequence[int]) -> bool:
    """Whether a depthwise correlation of ``x`` should be done here: large kernel, gradients wanted, eager on a CPU."""
    return (
        min(kernel_size) >= SMALLEST
        and torch.is_grad_enabled()
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and x.numel() > 0
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
    )


def depthwise(x: Tensor, kernel: Tensor) -> Tensor:
    """``F.conv2d(x, kernel, groups=C)``.

    Args:
        x: (B, C, H, W), padded.
        kernel: (C, 1, kh, kw), no larger than the map.

    Returns:
        (B, C, H − kh + 1, W − kw + 1).
    """
    (h, w), (kh, kw) = x.shape[-2:], kernel.shape[-2:]
    spectrum = torch.fft.rfft2(x) * torch.fft.rfft2(kernel[:, 0], s=(h, w)).conj()
    return torch.fft.irfft2(spectrum, s=(h, w))[..., : h - kh + 1, : w - kw + 1]
