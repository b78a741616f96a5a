"""A batch of crops, on its way from the sampler to the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Batch:
    """Degraded (B, C, h, w) and clean (B, C, H, W) crops in [0, 1] before noise, and blur kernels (B, 1, 7, 7)."""

    degraded: torch.Tensor
    clean: torch.Tensor
    kernel: torch.Tensor | None = None

    def to(self, device: torch.device, non_blocking: bool = False) -> Batch:
        """The same on a device."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pinned(self) -> Batch:
        """The same in memory that a GPU reads by itself."""
        return self._each(torch.Tensor.pin_memory)

    def clone(self) -> Batch:
        """The same in memory of its own."""
        return self._each(torch.Tensor.clone)

    def copy_(self, other: Batch) -> None:
        """Takes over the numbers of a batch of the same shapes."""
        self.degraded.copy_(other.degraded)
        self.clean.copy_(other.clean)
        if self.kernel is not None and other.kernel is not None:
            self.kernel.copy_(other.kernel)

    def _each(self, function: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
        kernel = None if self.kernel is None else function(self.kernel)
        return Batch(function(self.degraded), function(self.clean), kernel)
