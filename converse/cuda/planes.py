"""The kernels of one padded size on one device: compiled at the first call that needs them, then kept."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from . import plan
from .driver import Argument, Kernel, load

_RESERVED = 1024
"""Bytes of shared memory that the driver takes of each block."""


_WORK = 1 << 28
"""Bytes of work buffers."""
_MOST_RESIDENT = 16
"""Blocks of a multiprocessor, whatever their size, that are reckoned with."""


class Planes:
    """Kernels for padded maps of one size.

    Args:
        size: (H, W), padded.
        device: with an index.

    Raises:
        OSError, RuntimeError: as :func:`converse.cuda.driver.load`.
    """

    def __init__(self, size: tuple[int, int], device: torch.device) -> None:
        properties = torch.cuda.get_device_properties(device)
        shared = plan.shared_bytes(*size)
        self.size = size
        every = int(getattr(properties, "shared_memory_per_multiprocessor", shared + _RESERVED))  # torch 2.7 has it
        self.resident = min(_MOST_RESIDENT, max(1, every // (shared + _RESERVED)))
        self.threads = plan.threads(size, self.resident)
        self.slots = properties.multi_processor_count * self.resident
        kernels = {"converse_filter": shared, "converse_gradient": shared}
        self._kernels: dict[str, Kernel] = load(
            plan.source(*size, self.threads), {**kernels, "converse_transfer": 0, "converse_parameters": 0}, device
        )

    def shares(self, channels: int, pairs: int) -> int:
        """Into how many parts a batch is cut, so that one block a channel and part fills the device once."""
        return min(pairs, max(1, self.slots // channels))

    def channels(self, channels: int, spectra: int) -> Iterator[slice]:
        """So many channels at a time that the work space of ``spectra`` for each stays below :data:`_WORK`."""
        each = 8 * self.size[0] * self.size[1] * spectra
        step = max(1, _WORK // each)
        return (slice(start, min(start + step, channels)) for start in range(0, channels, step))

    def launch(self, name: str, blocks: int, *arguments: Argument) -> None:
        """Launches one kernel on the current stream."""
        self._kernels[name](blocks, self.threads, *arguments)


def shared_limit(device: torch.device) -> int:
    """Bytes of shared memory that one block can have."""
    return int(getattr(torch.cuda.get_device_properties(device), "shared_memory_per_block_optin", 48 << 10))
