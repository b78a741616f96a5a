"""A network applied to one image: shapes, kernel, device, time, variant. No gradient, one image at a time."""

from __future__ import annotations

import math
import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.config.variants import Inference, Taper
from bench.data.kernels import Kernel, gaussian_kernel
from bench.foundation.errors import BenchError
from bench.foundation.memory import within_memory
from bench.models import boundary, networks, tiling
from bench.models.arithmetic import drawing

Float = NDArray[np.floating]


def apply(
    model: nn.Module,
    image: Float,
    device: torch.device,
    kernel: Kernel | None = None,
    variant: Inference | None = None,
) -> tuple[NDArray[np.float32], float]:
    """Restores one image.

    Args:
        model: in eval mode, on ``device``.
        image: (h, w, C), nominally in [0, 1], neither clipped nor rounded here.
        device: where the model lies.
        kernel: (kh, kw), used by networks that take one and ignored by blind ones.
        variant: tiles, padding, edge taper; None: the whole image as it is.

    Returns:
        (H, W, C) float32, not clipped, and the seconds that it took (transfers and the variant included).

    Raises:
        BenchError: the image has other channels than the network takes, a kernel is missing, the
            image is too small for the network's boundary or the variant, the variant does not suit the
            network, or memory ran out.
    """
    declared = networks.info(model)
    if image.shape[-1] != declared.image_channels:
        raise BenchError(f"{declared.name} takes {declared.image_channels} channels, the image has {image.shape[-1]}")
    extra: list[Tensor] = []
    if "kernel" in declared.inputs:
        if kernel is None:
            raise BenchError(f"{declared.name} is non-blind: it needs the blur kernel")
        extra.append(torch.from_numpy(kernel.astype(np.float32))[None, None].to(device))
    if variant is not None:
        # A network's own word for its task is finer ("blind_deblurring") than a variant's.
        task = "deblurring" if declared.task.endswith("deblurring") else declared.task
        if reason := variant.refuses(declared.inputs, task):
            raise BenchError(f"{declared.name}: {reason}")

    def network(part: Float) -> Float:
        tensor = torch.from_numpy(np.ascontiguousarray(part.transpose(2, 0, 1), np.float32))[None]
        height, width = part.shape[:2]
        try:
            with within_memory(f"{declared.name} on {device} at {height}x{width}"):
                restored = model(tensor.to(device), *extra)[0].cpu()
        except ValueError as error:  # converse says in one line what does not fit
            raise BenchError(f"{declared.name}: {' '.join(str(error).split())}") from error
        except BenchError:
            raise
        except (Exception, SystemExit) as error:
            if not (name := networks.outside(model)):
                raise
            told = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise BenchError(f"{declared.name}: operator {name!r} raises {told}") from error
        return restored.numpy().transpose(1, 2, 0)

    def bordered(part: Float) -> Float:
        if variant is None:
            return network(part)
        if variant.pad is not None:
            part = boundary.pad(part, variant.pad.pixels, variant.pad.mode)
        if variant.taper is not None:
            part = boundary.taper(part, _psf(variant.taper, kernel))
        restored = network(part)
        return restored if variant.pad is None else boundary.crop(restored, variant.pad.pixels * declared.scale)

    start = time.perf_counter()
    # An operator that draws in eval mode too: the same image is restored the same, whichever came before it.
    with torch.inference_mode(), drawing(0, 0, device):
        if variant is not None and variant.tiles is not None:
            tiles = variant.tiles
            restored = tiling.by_tiles(image, bordered, tiles.size, tiles.margin, declared.scale)
        else:
            restored = bordered(image)
    seconds = time.perf_counter() - start
    return np.ascontiguousarray(restored, np.float32), seconds


def _psf(taper: Taper, kernel: Kernel | None) -> Kernel:
    if taper.sigma is not None:
        return gaussian_kernel(taper.sigma, 2 * math.ceil(3 * taper.sigma) + 1)
    assert kernel is not None
    return kernel
