"""The block of Fig. 2, with the spatial operator injected."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import strips

MakeOperator = Callable[[int], nn.Module]
"""Builds a spatial operator for that many channels: (B, C, H, W) → (B, C, H, W)."""


class ChannelNorm(nn.Module):
    """Layer norm over the channels of (B, C, H, W), one mean and variance a pixel; eps 1e-5.

    Written out in the map's own memory format: ``layer_norm`` on a channels-last view hands that
    format on to operators that work on rows, and bringing it back costs twice as much as this.
    Half precision is computed in float32.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = 1e-5

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        centred = wide - wide.mean(1, keepdim=True)
        scale = torch.rsqrt((centred * centred).mean(1, keepdim=True) + self.eps)
        weight, bias = self.weight.view(-1, 1, 1), self.bias.view(-1, 1, 1)
        if torch.is_grad_enabled():
            return (centred * scale * weight + bias).to(x.dtype)
        # The same numbers in the one buffer that is ours: fresh memory costs a third of the time.
        return centred.mul_(scale).mul_(weight).add_(bias).to(x.dtype)

    def extra_repr(self) -> str:
        """Shown by ``print(module)``."""
        return f"{self.weight.numel()}"


class ConverseBlock(nn.Module):
    """Two residual branches: a spatial one and a pointwise one (Fig. 2).

    ``x + [LN, 1×1, GELU, spatial, GELU, 1×1](x)``, then ``x + [LN, 1×1, GELU, 1×1](x)``. The
    released weights fix the names of the parameters: ``conv1.{0,1,3,5}``, ``conv2.{0,1,3}``.

    Args:
        channels: C, channels of input and output.
        spatial: called once with the hidden width, returns the spatial operator.
        expansion: hidden width over C.
        alpha: scale each branch by a learnable factor per channel that starts at zero (the
            variant of Converse-USRNet).
    """

    def __init__(self, channels: int, spatial: MakeOperator, *, expansion: int = 2, alpha: bool = False) -> None:
        super().__init__()
        hidden = channels * expansion
        if alpha:
            self.alpha1 = nn.Parameter(torch.zeros(1, channels, 1, 1))
            self.alpha2 = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.alpha = alpha
        self.conv1 = nn.Sequential(
            ChannelNorm(channels),
            nn.Conv2d(channels, hidden, 1),
            nn.GELU(),
            spatial(hidden),
            nn.GELU(),
            nn.Conv2d(hidden, channels, 1),
        )
        self.conv2 = nn.Sequential(
            ChannelNorm(channels),
            nn.Conv2d(channels, hidden, 1),
            nn.GELU(),
            nn.Conv2d(hidden, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        streamed = self.by_strips(x)
        if streamed is not None:
            return streamed
        if not self.alpha:
            x = x + self.conv1(x)
            return x + self.conv2(x)
        x = x + self.alpha1 * self.conv1(x)
        return x + self.alpha2 * self.conv2(x)

    def by_strips(self, x: Tensor, scratch: strips.Scratch | None = None, out: Tensor | None = None) -> Tensor | None:
        """``forward`` with its pointwise layers strip by strip; None where that might not be the same.

        Args:
            x: (B, C, H, W).
            scratch: where the hidden maps may be put.
            out: contiguous, of the shape of ``x``, written; may be ``x`` itself.
        """
        if not (
            strips.applies(x)
            and strips.is_branch(self.conv1, ChannelNorm, spatial=True)
            and strips.is_branch(self.conv2, ChannelNorm, spatial=False)
        ):
            return None
        norm1, enter1, _, spatial, _, leave1 = self.conv1.children()
        norm2, enter2, _, leave2 = self.conv2.children()
        assert isinstance(enter1, nn.Conv2d)
        b, c, h, w = x.shape
        source, width = x.flatten(2), enter1.out_channels
        operator = spatial.overwrite if strips.overwrites(spatial) else spatial
        if scratch is None or operator is spatial:
            scratch = strips.Scratch()  # what the operator does with its input is its own affair: not shared
        hidden = scratch.take(x, b, width, h * w)
        spans = list(strips.strips(h * w, width, x.itemsize))
        for image, target in zip(source, hidden, strict=True):
            for span in spans:
                normed = norm1(image[None, :, None, span])[0, :, 0]
                strips.gelu_(strips.pointwise(normed, enter1, out=target[:, span]))
        filtered = operator(hidden.view(b, width, h, w)).flatten(2)
        del hidden, scratch
        out = x.new_empty(b, c, h, w) if out is None else out
        for image, middle, target in zip(source, filtered, out.flatten(2), strict=True):
            for span in spans:
                branch = strips.pointwise(F.gelu(middle[:, span]), leave1)
                first = image[:, span] + (branch.mul_(self.alpha1[0, :, 0]) if self.alpha else branch)
                branch = strips.gelu_(strips.pointwise(norm2(first[None, :, None])[0, :, 0], enter2))
                branch = strips.pointwise(branch, leave2)
                torch.add(first, branch.mul_(self.alpha2[0, :, 0]) if self.alpha else branch, out=target[:, span])
        return out


class BlockStack(nn.Sequential):
    """Converse blocks one after the other, (B, C, H, W) → (B, C, H, W).

    Without gradients on a CPU the blocks share one buffer for their hidden maps, and all but the first write over
    their input: the page faults of fresh memory would cost them an eighth of their time. Nothing is kept from one call
    to the next.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        if not strips.applies(x):
            return super().forward(x)
        scratch, ours = strips.Scratch(), False
        for block in self:
            done = None
            if type(block) is ConverseBlock and strips.as_built(block):
                done = block.by_strips(x, scratch, x if ours else None)
            # What a hook or a layer of another type has seen is not ours to overwrite.
            x, ours = block(x) if done is None else done, done is not None
        return x
