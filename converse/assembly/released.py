"""The four released checkpoints: which network and which settings each one is."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..declarations.literals import unknown
from .build import build_model

RELEASED: dict[str, dict[str, Any]] = {
    # Where the released weights depart from the network's defaults (measured on the weights).
    "converse_dncnn": {"kernel_size": 7},
    "converse_srresnet": {},
    "conversenet": {},
    "converse_usrnet": {},
}
"""Options of :func:`converse.build_model` that match each released file."""


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message names the file and the reason on one line."""


def load_released(name: str, path: str | Path, *, map_location: str | torch.device = "cpu") -> nn.Module:
    """The released network in eval mode: strict, nothing in the file is executed.

    Args:
        name: "converse_dncnn", "converse_srresnet", "conversenet" or "converse_usrnet".
        path: the checkpoint, a plain state dict.
        map_location: device of the result.

    Raises:
        CheckpointError: the file is missing, truncated, not a plain state dict (code in it is
            refused, not run), belongs to another network, or holds NaN or infinity.
        ValueError: unknown name.
    """
    if name not in RELEASED:
        raise ValueError(unknown("released model", name, RELEASED))
    state = _read(Path(path))
    with torch.device("cpu"):
        model = build_model(name, seed=0, **RELEASED[name])
    if reason := _mismatch(model.state_dict(), state):
        raise CheckpointError(f"{path}: does not fit {name}: {reason}{_belongs_to(name, state)}")
    for key, value in state.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise CheckpointError(f"{path}: {key} holds NaN or infinity")
    model.load_state_dict(state, strict=True)
    return model.to(map_location).eval()


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as exc:
        raise CheckpointError(f"{path}: refused, it is not a plain file of weights: {_one_line(exc)}") from exc
    except Exception as exc:  # torch raises many types for a damaged file
        raise CheckpointError(
            f"{path}: truncated or not a checkpoint ({type(exc).__name__}: {_one_line(exc)})"
        ) from exc
    if not isinstance(state, Mapping):
        raise CheckpointError(f"{path}: holds a {type(state).__name__}, expected a state dict")
    for key, value in state.items():
        if not (isinstance(key, str) and isinstance(value, Tensor)):
            raise CheckpointError(f"{path}: entry {key!r} is a {type(value).__name__}, expected names and tensors")
    return dict(state)


def _one_line(exc: Exception, width: int = 160) -> str:
    text = " ".join(str(exc).split())
    return text if len(text) <= width else text[:width] + "…"


def _mismatch(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    """First difference of names, shapes or kind of numbers; empty if there is none."""
    missing = [key for key in wanted if key not in state]
    extra = [key for key in state if key not in wanted]
    if missing or extra:
        parts = []
        for what, keys in (("missing", missing), ("unexpected", extra)):
            if keys:
                parts.append(f"{len(keys)} {what} ({keys[0]}{', …' if len(keys) > 1 else ''})")
        return ", ".join(parts)
    for key, value in wanted.items():
        got = state[key]
        if got.shape != value.shape:
            return f"{key} has shape {tuple(got.shape)}, expected {tuple(value.shape)}"
        if got.is_floating_point() != value.is_floating_point():
            return f"{key} has dtype {got.dtype}, expected {value.dtype}"
    return ""


def _belongs_to(name: str, state: Mapping[str, Tensor]) -> str:
    """Names the released network that the file would fit, if there is one."""
    for other, options in RELEASED.items():
        if other != name:
            with torch.device("meta"):
                model = build_model(other, **options)
            if not _mismatch(model.state_dict(), state):
                return f"; it fits {other}"
    total = sum(math.prod(value.shape) for value in state.values())
    return f" ({total:,} numbers in {len(state)} tensors)"
