"""A network applied to one image: shapes, kernel, device, time. No gradient, one image at a time."""

from __future__ import annotations

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bench import networks
from bench.errors import BenchError
from bench.kernels import Kernel


def apply(
    model: nn.Module,
    image: NDArray[np.floating],
    device: torch.device,
    kernel: Kernel | None = None,
) -> tuple[NDArray[np.float32], float]:
    """Restores one image.

    Args:
        model: in eval mode, on ``device``.
        image: (h, w, C), nominally in [0, 1], neither clipped nor rounded here.
        device: where the model lies.
        kernel: (kh, kw), used by networks that take one and ignored by blind ones.

    Returns:
        (H, W, C) float32, not clipped, and the seconds that the network took (transfers included).

    Raises:
        BenchError: the image has other channels than the network takes, a kernel is missing, the
            image is too small for the network's boundary, or memory ran out.
    """
    declared = networks.info(model)
    if image.shape[-1] != declared.image_channels:
        raise BenchError(f"{declared.name} takes {declared.image_channels} channels, the image has {image.shape[-1]}")
    tensors = [torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32))[None]]
    if "kernel" in declared.inputs:
        if kernel is None:
            raise BenchError(f"{declared.name} is non-blind: it needs the blur kernel")
        tensors.append(torch.from_numpy(kernel.astype(np.float32))[None, None])
    start = time.perf_counter()
    try:
        with torch.inference_mode():
            restored = model(*(t.to(device) for t in tensors))[0].cpu()
    except torch.cuda.OutOfMemoryError as error:
        height, width = image.shape[:2]
        raise BenchError(f"{declared.name}: out of memory on {device} at {height}x{width}") from error
    except ValueError as error:  # converse says in one line what does not fit
        raise BenchError(f"{declared.name}: {' '.join(str(error).split())}") from error
    seconds = time.perf_counter() - start
    return np.ascontiguousarray(restored.numpy().transpose(1, 2, 0)), seconds
