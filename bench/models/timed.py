"""What is timed: one operator or one network, built from plain data so that another process can build it too."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

import converse
from bench.config.timed_variants import Pass
from bench.models import networks
from bench.models.arithmetic import Precision, settings
from bench.models.timing import resident_extra_peak
from converse.assembly.contract import build_operator
from converse.cuda.trust import unavailable
from converse.declarations.operator_info import SkippedConfiguration
from converse.declarations.registry import find_operator
from converse.native.loading import load
from converse.native.serving import on_torch

DENSE_KERNEL = 3
"""Kernel of upsamplers that bring their own dense convolution, as in Table 6."""


@dataclass(frozen=True)
class Job:
    """An operator (``shape`` is that of its input) or a model (``shape`` is batch, height, width)."""

    kind: Literal["operator", "model"]
    name: str
    shape: tuple[int, ...]
    kernel: int = 0
    padding: int = 0
    scale: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    plugins: tuple[str, ...] = ()
    timed: str = ""
    """Identity of what is timed, whatever it is called: the network's architecture, or the operator's file."""
    padding_mode: str = "circular"
    channels_last: bool = False
    native: bool = True
    """False: compiled code, for a CPU or a GPU, is switched off."""

    def backend(self) -> AbstractContextManager[None]:
        """What its passes run in."""
        return nullcontext() if self.native else on_torch()


class Skipped(Exception):
    """The operator declines the case; the message is its reason."""


def build(job: Job, device: torch.device) -> tuple[nn.Module, list[Tensor]]:
    """The module and its inputs, float32.

    Raises:
        Skipped: the operator does not take the case, or has no compiled part to switch off.
        ValueError: it cannot be built.
    """
    if not job.native and not _compiled(job, device):
        raise Skipped(f"nothing but torch computes {job.name} here: the same as its own row")
    module, inputs = _operator(job) if job.kind == "operator" else _model(job)
    layout = torch.channels_last if job.channels_last else torch.preserve_format
    module = module.to(device)
    if job.channels_last:
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module, [t.detach().to(device, memory_format=layout).requires_grad_(t.requires_grad) for t in inputs]


def _compiled(job: Job, device: torch.device) -> bool:
    """Whether anything but torch may compute the operator there."""
    if device.type == "cpu":
        return not isinstance(load(), str)
    return device.type == "cuda" and job.scale == 1 and unavailable() is None


def _operator(job: Job) -> tuple[nn.Module, list[Tensor]]:
    info = find_operator(job.name, job.plugins)
    role = "spatial" if job.scale == 1 else "upsampler"
    if not info.supports(role, job.scale):
        raise Skipped(f"serves no {role} at scale {job.scale}")
    channels = job.shape[1]
    kernel = DENSE_KERNEL if info.own_conv else job.kernel
    if role == "upsampler" and info.up_kernel_size is not None:
        kernel = info.up_kernel_size
    settings: dict[str, Any] = {"scale": job.scale, "padding_mode": job.padding_mode}
    if "padding" in info.options:
        settings["padding"] = job.padding
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            if job.name == "conv" and job.padding_mode == "zeros":
                # What a user writes: torch pads while it reads. The class pads in a pass of its own.
                module: nn.Module = nn.Conv2d(channels, channels, kernel, padding="same", groups=channels)
            else:
                module = build_operator(info, channels, kernel, **settings)
    except SkippedConfiguration as error:
        raise Skipped(str(error).removeprefix(f"operator {info.name!r}: ")) from error
    image = torch.randn(job.shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    return module, [image]


def _model(job: Job) -> tuple[nn.Module, list[Tensor]]:
    try:
        model = converse.build_model(job.name, seed=0, plugins=job.plugins, **job.options)
    except SkippedConfiguration as error:
        raise Skipped(str(error)) from error
    info = networks.info(model)
    batch, height, width = job.shape
    generator = torch.Generator().manual_seed(0)
    tensors = {
        "image": torch.rand((batch, info.image_channels, height, width), generator=generator),
        "kernel": torch.full((batch, 1, 7, 7), 1 / 49),
    }
    return model, [tensors[name] for name in info.inputs]


def one_pass(job: Job, module: nn.Module, inputs: list[Tensor], which: Pass) -> Callable[[], object]:
    """A function that does one pass: without gradients, or with those of all parameters and inputs that want one.

    Args:
        job: what is timed. The gradient of its output, in the layout of the input, is made here, so that it counts
            neither as time nor as memory.
        module: maps (B, C, H, W) to (B, C, s H, s W).
        inputs: its arguments, the image first.
        which: the pass.
    """
    scale = scale_of(job, module)
    if which == "forward":
        module.eval()
        plain = [t.detach() for t in inputs]

        def forward() -> object:
            with torch.no_grad(), job.backend():
                return module(*plain)

        return forward
    module.train()
    wanted = [*module.parameters(), *(t for t in inputs if t.requires_grad)]
    batch, channels, height, width = inputs[0].shape
    gradient = torch.ones((batch, channels, height * scale, width * scale), device=inputs[0].device)
    if job.channels_last:
        gradient = gradient.contiguous(memory_format=torch.channels_last)

    def both() -> None:
        for tensor in wanted:
            tensor.grad = None
        with job.backend():
            module(*inputs).backward(gradient)

    return both


def memory_of(job: Job, which: Pass, threads: int, precision: Precision) -> int | None:
    """Extra peak resident bytes of one pass on the CPU; to be called in a process of its own."""
    with settings(threads, precision):
        module, inputs = build(job, torch.device("cpu"))
        small = [t if t.shape[-1] <= 16 else corner(t, max(16, 2 * job.kernel, job.padding + 1)) for t in inputs]
        one_pass(job, module, small, which)()
        return resident_extra_peak(one_pass(job, module, inputs, which))


def scale_of(job: Job, module: nn.Module) -> int:
    """How many times larger than its input a module's output is."""
    return job.scale if job.kind == "operator" else networks.info(module).scale


def corner(tensor: Tensor, side: int) -> Tensor:
    """The first sample's upper left square, a leaf in the same layout that wants a gradient where ``tensor`` does."""
    cut = tensor.detach()[:1, :, :side, :side].clone()
    return cut.requires_grad_(tensor.requires_grad)
