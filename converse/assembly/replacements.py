"""One Converse2D for one layer of another kind; used by :func:`converse.swap`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..mathematics import checks
from ..operators.converse2d import Converse2D


class Unsuitable(ValueError):
    """This layer cannot be replaced; the message is the reason."""


@dataclass(frozen=True)
class Replacement:
    """The new layer, and whether its output equals the old one's until training moves it."""

    module: nn.Module
    unchanged: bool

    def freeze(self, names: Collection[str]) -> None:
        """Freeze what the old layer's frozen parameters became: "weight" the operator, "bias" the additive one."""
        for part in self.module.modules():
            for parameter in part.parameters(recurse=False):
                old = "bias" if isinstance(part, ChannelBias) else "weight"
                parameter.requires_grad_(old not in names)


class ChannelBias(nn.Module):
    """Adds one learnable number per channel, (B, C, H, W) → the same shape."""

    def __init__(self, bias: Tensor) -> None:
        super().__init__()
        self.bias = nn.Parameter(bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        return x + self.bias.view(-1, 1, 1)


def for_upsample(layer: nn.Upsample, options: dict[str, Any]) -> Replacement:
    """nn.Upsample ×s with whole s >= 2: nearest keeps its output, bilinear and bicubic become X0.

    Raises:
        Unsuitable: fixed output size, fractional or unequal factors, corners aligned, other modes.
        ValueError: options with which the layer could never leave nearest upsampling.
    """
    scale = _upsample_scale(layer)
    modes = {"nearest": "nearest", "nearest-exact": "nearest", "bilinear": "bilinear"}
    modes["bicubic"] = "bicubic"
    if layer.mode not in modes:
        raise Unsuitable(f"mode {layer.mode!r} (served: {', '.join(modes)})")
    if layer.align_corners:
        raise Unsuitable("align_corners=True is not a shift-invariant interpolation")
    options.setdefault("kernel_size", 2)
    options.setdefault("x0", modes[layer.mode])
    new = Converse2D(**options, scale=scale)
    nearest = layer.mode.startswith("nearest") and new.x0 == "nearest"
    if nearest and new.init == "softmax_always" and max(new.kernel_size) <= 2:
        raise ValueError(
            "init: 'softmax_always' with kernel_size <= 2 is nearest upsampling for ever, nothing "
            "would learn; use 'gaussian_softmax' or a larger kernel_size"
        )
    exact = nearest and new.init == "gaussian_softmax"
    if exact:
        _keep_to_block(new)
    return Replacement(new, unchanged=exact)


def _upsample_scale(layer: nn.Upsample) -> int:
    factor = layer.scale_factor
    if layer.size is not None or factor is None:
        raise Unsuitable(f"a fixed output size {layer.size} is not a scale")
    factors = factor if isinstance(factor, tuple) else (factor, factor)
    if len(factors) != 2 or len(set(factors)) != 1 or factors[0] != int(factors[0]):
        raise Unsuitable(f"scale factor {factor} is not one whole number")
    if factors[0] < 2:
        raise Unsuitable(f"scale factor {factor} does not upsample")
    return int(factors[0])


@torch.no_grad()
def _keep_to_block(new: Converse2D) -> None:
    """Zeroes the taps that reach into a neighbouring block, the rest still sum to one.

    Tap t reads X[s·i + k//2 − t]; it stays in block i where 0 <= k//2 − t < s. Then
    Y = (X0 ⊗ K)↓s holds for nearest X0, so X0 itself is the minimiser of Eq. (4).
    """
    for axis, k in ((2, new.kernel_size[0]), (3, new.kernel_size[1])):
        reach = k // 2 - torch.arange(k, device=new.weight.device)
        inside = (reach >= 0) & (reach < new.scale)
        shape = [1, 1, 1, 1]
        shape[axis] = k
        new.weight.mul_(inside.view(shape))
    new.weight.div_(new.weight.sum((2, 3), keepdim=True))


def for_transpose(layer: nn.ConvTranspose2d, options: dict[str, Any]) -> Replacement:
    """nn.ConvTranspose2d whose output is exactly s times its input.

    A depthwise one with k = s <= 2 keeps its output: with X0 = 0 Converse2D is a transposed
    convolution with taps flip(K)/(ΣK² + λ), and K = c·flip(g) gives any taps g that fulfil
    4·λ·Σg² <= 1, with c the larger root of c²·Σg² − c + λ = 0.

    Raises:
        Unsuitable: another output size, unequal strides, or dilation.
    """
    scale, kernel = layer.stride[0], layer.kernel_size
    if len(set(layer.stride)) > 1 or set(layer.dilation) != {1}:
        raise Unsuitable(f"stride {layer.stride}, dilation {layer.dilation}: need equal strides, 1")
    grows = [k - 2 * p for k, p in zip(kernel, _numbers(layer.padding), strict=True)]
    for growth, extra in zip(grows, layer.output_padding, strict=True):
        if growth - scale + extra:
            raise Unsuitable("its output is not its input's size times the stride")
    depthwise = layer.groups == layer.in_channels == layer.out_channels
    plain = depthwise and kernel == (scale, scale) and scale <= 2 and options.get("x0") in (None, "zero")
    if plain and checks.pair("kernel_size", options.get("kernel_size", scale), 1) == kernel:
        new = _solved(layer, scale, options)
        if new is not None:
            return Replacement(_with_bias(new, layer), unchanged=True)
    options.setdefault("kernel_size", tuple(kernel))
    operator = Converse2D(layer.out_channels, **options, scale=scale)
    if depthwise:
        return Replacement(_with_bias(operator, layer), unchanged=False)
    mix = nn.Conv2d(layer.in_channels, layer.out_channels, 1, bias=layer.bias is not None)
    return Replacement(nn.Sequential(mix, operator), unchanged=False)


def _with_bias(operator: Converse2D, layer: nn.ConvTranspose2d) -> nn.Module:
    """The operator, followed by the layer's additive bias if it has one."""
    return operator if layer.bias is None else nn.Sequential(operator, ChannelBias(layer.bias))


@torch.no_grad()
def _solved(layer: nn.ConvTranspose2d, scale: int, options: dict[str, Any]) -> Converse2D | None:
    """Converse2D with the layer's output, or None where its taps are too large for λ, or not known (device meta)."""
    chosen = {**options, "kernel_size": scale, "x0": "zero"}
    if chosen.get("init", "gaussian_softmax") == "softmax_always" or layer.weight.is_meta:
        return None
    new = Converse2D(layer.in_channels, **chosen, scale=scale)
    taps = layer.weight.detach().double().cpu().transpose(0, 1)  # (1, C, s, s)
    lam = torch.as_tensor(new.lam, dtype=torch.float64)
    power = (taps**2).sum((2, 3), keepdim=True)
    root = 1 - 4 * lam * power
    if (root < 0).any():
        return None
    c = torch.where(power > 0, (1 + root.sqrt()) / (2 * power.clamp_min(1e-300)), 0.0)
    new.weight.copy_((c * taps).flip((2, 3)))
    return new


def _numbers(padding: str | tuple[int, ...]) -> tuple[int, ...]:
    """torch's padding as numbers; its other word besides "same" is "valid"."""
    return (0, 0) if isinstance(padding, str) else padding


def for_conv(layer: nn.Conv2d, options: dict[str, Any]) -> Replacement:
    """Depthwise nn.Conv2d whose output has its input's size: same kernel size, same boundary.

    k² + 1 parameters a channel before (with bias) and after; the additive bias goes, λ comes.

    Raises:
        Unsuitable: stride, dilation, a channel multiplier, or another output size.
    """
    if set(layer.stride) != {1} or set(layer.dilation) != {1}:
        raise Unsuitable(f"stride {layer.stride}, dilation {layer.dilation}: need 1 and 1")
    if layer.out_channels != layer.in_channels:
        raise Unsuitable(f"{layer.in_channels} channels become {layer.out_channels}")
    if layer.padding != "same" and [2 * p + 1 for p in _numbers(layer.padding)] != list(layer.kernel_size):
        raise Unsuitable(f"padding {layer.padding} with kernel {layer.kernel_size} changes the size")
    options.setdefault("kernel_size", tuple(layer.kernel_size))
    options.setdefault("padding_mode", layer.padding_mode)
    return Replacement(Converse2D(layer.in_channels, **options), unchanged=False)
