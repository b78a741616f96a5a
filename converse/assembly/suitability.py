"""What a swap would lose in silence: then the layer stays, with the reason."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
_PARAMETER_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")


def tied_parameters(model: nn.Module) -> dict[nn.Parameter, tuple[str, ...]]:
    """Parameters that more than one layer holds, with the names of those layers."""
    owners: dict[nn.Parameter, list[str]] = {}
    for name, module in model.named_modules():  # each module once, under its first name
        for parameter in module.parameters(recurse=False):
            owners.setdefault(parameter, []).append(name)
    return {parameter: tuple(names) for parameter, names in owners.items() if len(names) > 1}


def why_it_stays(layer: nn.Module, kind: type[nn.Module], tied: Mapping[nn.Parameter, tuple[str, ...]]) -> str | None:
    """The reason why this layer is more than a plain ``kind``, or None."""
    if type(layer) is not kind:
        return f"it is a {type(layer).__name__}, not exactly an nn.{kind.__name__}: what it does is not known"
    if "forward" in vars(layer):
        return "its forward was replaced"
    if any(getattr(layer, hooks) for hooks in _HOOKS):
        return "it has hooks, which would be lost"
    more = {*layer._buffers, *layer._modules, *layer._parameters} - {"weight", "bias"}
    if more:
        return f"it holds {', '.join(sorted(more))}, which would be lost"
    for name, parameter in layer.named_parameters():
        if any(getattr(parameter, hooks, None) for hooks in _PARAMETER_HOOKS):
            return f"its {name} has hooks, which would be lost"
        if parameter in tied:
            return f"its {name} is shared by the layers {', '.join(tied[parameter])}"
    return None
