"""The four released checkpoints: which network and which settings each one is."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..declarations.literals import unknown
from ..declarations.released_options import RELEASED
from .build import build_model
from .weights import CheckpointError, fill, read

__all__ = ["RELEASED", "CheckpointError", "check_name", "fit_released", "load_released"]


def load_released(name: str, path: str | Path, *, map_location: str | torch.device = "cpu") -> nn.Module:
    """The released network in eval mode: strict, nothing in the file is executed.

    Args:
        name: "converse_dncnn", "converse_srresnet", "conversenet" or "converse_usrnet".
        path: the checkpoint: a state dict, also as `converse.assembly.weights` finds one; a warning says where.
        map_location: device of the result.

    Raises:
        CheckpointError: the file is missing, truncated, not plain weights (code in it is
            refused, not run), belongs to another network, or holds NaN or infinity.
        ValueError: unknown name.
    """
    check_name(name)
    model, remark = fit_released(name, read(Path(path)), str(path))
    if remark:
        warnings.warn(f"{path}: {remark}", stacklevel=2)
    return model.to(map_location)


def check_name(name: str) -> None:
    """Refuses what is no released network.

    Raises:
        ValueError: with the valid names and the nearest.
    """
    if name not in RELEASED:
        raise ValueError(unknown("released model", name, RELEASED))


def fit_released(name: str, content: Any, source: str) -> tuple[nn.Module, str]:
    """The released network in eval mode filled with what a file holds, and a remark on how that was read.

    Args:
        name: a key of `RELEASED`.
        content: what the file holds.
        source: what messages call it.

    Raises:
        CheckpointError: it does not fit; says which network it fits, if there is one.
    """
    with torch.device("cpu"):
        model = build_model(name, seed=0, **RELEASED[name])
    try:
        remark = fill(model, content)
    except CheckpointError as error:
        raise CheckpointError(f"{source}: does not fit {name}: {error}{_belongs_to(name, content)}") from error
    return model.eval(), remark


def _belongs_to(name: str, content: Any) -> str:
    """Names the released network that the file would fit, if there is one."""
    for other, options in RELEASED.items():
        if other != name:
            try:
                fill(build_model(other, seed=0, **options), content)
            except CheckpointError:
                continue
            return f"; it fits {other}"
    return ""
