"""Converse2D put into an existing network in the place of its own layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..declarations.literals import unknown
from ..operators.converse2d import Converse2D
from .probe import Calls, Inputs, agree, given_widths, inputs_of, widths_of
from .replacements import Replacement, Unsuitable, for_conv, for_transpose, for_upsample
from .suitability import tied_parameters, why_it_stays

_OPTIONS = ("kernel_size", "padding", "padding_mode", "init", "lam", "x0", "eps")
_BUILDERS = {nn.Upsample: for_upsample, nn.ConvTranspose2d: for_transpose, nn.Conv2d: for_conv}


@dataclass(frozen=True)
class SwapReport:
    """What :func:`swap` did.

    Attributes:
        swapped: names of the replaced layers.
        unchanged: those of them whose output is what it was, to rounding, until training moves it: measured where an
            example was given and reached the layer, on its maps and on noise of their sizes; otherwise as the table of
            :func:`swap` promises.
        skipped: name of every layer of that kind that stayed, with the reason.
    """

    swapped: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.swapped)

    def __str__(self) -> str:
        lines = [f"{n}: swapped{', output unchanged' * (n in self.unchanged)}" for n in self.swapped]
        return "\n".join(lines + [f"{n}: stays: {why}" for n, why in self.skipped.items()])


def swap(
    model: nn.Module,
    kind: type[nn.Module],
    *,
    example: Tensor | tuple[Any, ...] | None = None,
    channels: int | Mapping[str, int] | None = None,
    seed: int | None = None,
    **options: Any,
) -> SwapReport:
    """Replaces the layers of one kind in ``model`` by :class:`converse.Converse2D`, in place.

    =========================  =================================  ==================================
    kind                       becomes                            output at step 0
    =========================  =================================  ==================================
    nn.Upsample nearest ×s     Converse2D, k = 2                  unchanged, for every s >= 2
    nn.Upsample bilinear or    Converse2D, k = 2, x0 the same     new (X0 is the old output)
    bicubic ×s                 interpolation
    nn.ConvTranspose2d,        Converse2D, x0 = zero, its kernel  unchanged
    depthwise, k = s <= 2      solved for the layer's taps
    nn.ConvTranspose2d, other  1×1 convolution where it is dense  new
    that upsamples by s        and Converse2D, the same k
    nn.Conv2d, depthwise,      Converse2D, k and padding mode     new
    output of the input's size of the layer
    =========================  =================================  ==================================

    Unchanged nearest upsampling: at softmax initialisation the kernel sums to one, and with k = 2
    its taps reach samples of their own block only, so X0 already satisfies Y = (X0 ⊗ K)↓s
    (Eq. 4). For a larger ``kernel_size`` the taps that reach into a neighbouring block start at
    zero, which keeps this true. With s > 2, k = 2 moves four of the s² outputs of a block; a larger
    kernel moves more and costs an FFT. A dense nn.Conv2d is not touched.

    A layer stays, with its reason, where the swap would lose something in silence: a subclass with a forward of its
    own (parametrisations included), hooks, buffers or layers inside, parameters shared with another layer, or frozen
    ones where the new layer starts anew. Where the output is unchanged, frozen parameters stay frozen. The additive
    bias of a depthwise nn.ConvTranspose2d is kept; that of an nn.Conv2d goes, and λ comes: k² + 1 parameters a channel
    before and after.

    Args:
        model: changed in place; a layer that is the model itself cannot be replaced.
        kind: nn.Upsample, nn.ConvTranspose2d or nn.Conv2d.
        example: an input of ``model`` (a tuple for several), which runs once on it before and once after, in eval mode
            and without gradients: nn.Upsample does not know its channels, the outputs of every layer before and after
            are compared, and a layer stays that does not serve its maps (smaller than the padding, say), or that the
            network reaches by another way than its name.
        channels: for nn.Upsample instead of ``example``: channels of every layer, or of each by name.
        seed: fixes the new layers' weights without touching the global random state.
        **options: of Converse2D: kernel_size, padding, padding_mode, init, lam, x0, eps.

    Returns:
        Names of what was swapped and of what was not, with reasons.

    Raises:
        ValueError: nothing could be swapped; unknown option; channels neither given nor found, or given for a
            kind that knows its own.
        TypeError: ``kind`` is none of the three, or an option has a wrong type.
    """
    if kind not in _BUILDERS:
        names = ", ".join(f"nn.{k.__name__}" for k in _BUILDERS)
        raise TypeError(f"kind: expected one of {names}, got {kind!r}")
    for option in options:
        if option not in _OPTIONS:
            raise TypeError(f"swap: {unknown('option', option, _OPTIONS)}")
    _check_options(options)
    layers = dict(_matching(model, kind))
    if not layers:
        what = "depthwise nn.Conv2d" if kind is nn.Conv2d else f"nn.{kind.__name__}"
        raise ValueError(f"swap: {type(model).__name__} holds no {what}")
    _check_channels(kind, example, channels)
    seen: Inputs = {} if example is None else inputs_of(model, layers, example)
    widths = widths_of(seen) if channels is None else given_widths(layers, channels)
    tied = tied_parameters(model)
    made: dict[nn.Module, Replacement | str] = {}
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.default_generator.manual_seed(seed)
        for layer in layers.values():
            if layer not in made:
                made[layer] = _replacement(kind, layer, widths, dict(options), model, tied)
                if layer in seen:
                    made[layer] = _tried(layer, made[layer], seen[layer])
    for name, layer in layers.items():  # only now, so that an error leaves the model as it was
        if not isinstance(new := made[layer], str):
            _put(model, name, new.module)
    if example is not None:
        _put_back_what_is_not_called(model, layers, made, seen, example)
    report = SwapReport()
    for name, layer in layers.items():
        new = made[layer]
        if isinstance(new, str):
            report.skipped[name] = new
            continue
        report.swapped.append(name)
        if new.unchanged:
            report.unchanged.append(name)
    if not report.swapped:
        raise ValueError(f"swap: nothing was swapped; {report}".replace("\n", "; "))
    return report


def _check_channels(kind: type[nn.Module], example: object, channels: object) -> None:
    if kind is nn.Upsample and (example is None) == (channels is None):
        raise ValueError(
            "swap: nn.Upsample does not know its channels: pass either example= (an input of the "
            "model) or channels= (one number, or one by layer name)"
        )
    if kind is not nn.Upsample and channels is not None:
        raise ValueError(f"channels: nn.{kind.__name__} knows its own; only nn.Upsample needs them")


def _check_options(options: Mapping[str, Any]) -> None:
    """Lets Converse2D judge the values before anything is changed."""
    with torch.device("meta"):
        Converse2D(1, **{"kernel_size": 2, **options})


def _matching(model: nn.Module, kind: type[nn.Module]) -> Iterator[tuple[str, nn.Module]]:
    """Layers of that kind by name, a shared one under each of its names; Conv2d if depthwise."""
    for name, layer in model.named_modules(remove_duplicate=False):
        if not isinstance(layer, kind):
            continue
        if isinstance(layer, nn.Conv2d) and not 1 < layer.groups == layer.in_channels:
            continue
        if not name:
            raise ValueError(f"swap: the model itself is the {kind.__name__}; wrap it in nn.Sequential first")
        yield name, layer


def _replacement(
    kind: type[nn.Module],
    layer: nn.Module,
    widths: Mapping[nn.Module, int | str],
    options: dict[str, Any],
    model: nn.Module,
    tied: Mapping[nn.Parameter, tuple[str, ...]],
) -> Replacement | str:
    """The new layer on the old one's device, or the reason why there is none."""
    if reason := why_it_stays(layer, kind, tied):
        return reason
    like = next((p for m in (layer, model) for p in m.parameters() if p.is_floating_point()), None)
    if kind is nn.Upsample:
        width = widths[layer]
        if isinstance(width, str):
            return width
        options["channels"] = width
    if like is not None and like.dtype == torch.float64:
        options["dtype"] = like.dtype
    try:
        made = _BUILDERS[kind](layer, options)  # type: ignore[operator]
    except Unsuitable as exc:
        return str(exc)
    frozen = [name for name, p in layer.named_parameters() if not p.requires_grad]
    if frozen and not made.unchanged:
        return f"its {' and '.join(frozen)} is frozen (requires_grad=False), and the new layer would start anew"
    made.freeze(frozen)
    if like is not None:
        made.module.to(device=like.device, dtype=like.dtype)
        if made.unchanged and not like.is_meta and not all(p.isfinite().all() for p in made.module.parameters()):
            return f"its weights are so small that a kernel with the same output is beyond {like.dtype}"
    made.module.train(layer.training)
    return made


def _tried(layer: nn.Module, new: Replacement | str, calls: Calls) -> Replacement | str:
    """The new layer with what the example says of its output, or the reason why it does not serve the example."""
    if isinstance(new, str) or not calls.maps:
        return new
    if calls.named:
        return f"it is called with {calls.named}, which Converse2D does not take"
    try:
        return replace(new, unchanged=agree(layer, new.module, calls.maps))
    except (TypeError, ValueError) as error:
        return f"a map of the example cannot be served: {error}"


def _put_back_what_is_not_called(
    model: nn.Module,
    layers: Mapping[str, nn.Module],
    made: dict[nn.Module, Replacement | str],
    seen: Inputs,
    example: Any,
) -> None:
    """Undoes the swap of a layer that the network reaches by another way than its name, a list of its own say."""
    new = {name: m.module for name, layer in layers.items() if not isinstance(m := made[layer], str)}
    try:
        again = inputs_of(model, new, example)
    except Exception:
        for name in new:
            _put(model, name, layers[name])
        raise
    for name, module in new.items():
        if seen[layers[name]].maps and not again[module].maps:
            _put(model, name, layers[name])
            made[layers[name]] = "the network calls it by another reference than this name, and would go on to"


def _put(model: nn.Module, name: str, new: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, new)
