"""Weights as this field ships them, fitted to a network: wrappers and nesting are taken off, never a name guessed.

Training frameworks save a state dict under a key (``params`` and ``params_ema`` in BasicSR, ``state_dict``, ``model``)
and with the names of their wrappers in it (``module.`` of DataParallel, ``_orig_mod.`` of ``torch.compile``).
Nothing in a file is executed.
"""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

AVERAGED = ("params_ema", "ema", "model_ema", "ema_state_dict", "state_dict_ema")
"""Keys of exponential moving averages: read first, as their trainers do."""
KEYS = (*AVERAGED, "params", "state_dict", "model_state_dict", "model", "net", "module")
"""Keys that a state dict is looked for under, in this order, in each other too."""
WRAPPERS = frozenset({"module", "_orig_mod"})
"""Parts of a name that a wrapper put in."""
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message names the file and the reason on one line."""


class _Candidate(NamedTuple):
    """A state dict in a file: the keys that lead to it, and the file's own names by the network's."""

    keys: tuple[str, ...]
    own: dict[str, str]
    tensors: Mapping[str, Any]

    @property
    def place(self) -> str:
        return f"under {'.'.join(self.keys)!r}: " if self.keys else ""


def read(path: Path) -> Any:
    """What a pickled file (``.pth``, ``.pt``) holds, if that is plain weights.

    Raises:
        CheckpointError: missing, damaged, or with objects in it, which are not run.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old formats; what matters is an error
            return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as exc:  # torch raises many types for a damaged file
        text = " ".join(str(exc).split())
        if isinstance(exc, pickle.UnpicklingError) or "weights_only" in text or "TorchScript" in text:
            # torch's own text advises to run what is in the file; it is not passed on.
            raise CheckpointError(f"{path}: refused, {_not_plain(text)}") from None
        raise CheckpointError(f"{path}: truncated or not a checkpoint ({type(exc).__name__}: {text[:160]})") from exc


def _not_plain(text: str) -> str:
    found = re.search(r"GLOBAL (\S+)", text) or re.search(r"(TorchScript archive)", text)
    what = f"it holds {found[1]}" if found else "it is no pickle of tensors and names"
    return f"not plain weights ({what}; nothing in it was run): save model.state_dict() alone"


def fill(model: nn.Module, content: Any) -> str:
    """Strictly loads what a file holds into a network.

    Args:
        model: the network.
        content: a state dict, or mappings that hold one under `KEYS`.

    Returns:
        What was taken off or converted, for the user to read; empty where the file is a plain state dict.

    Raises:
        CheckpointError: it does not fit (in the file's own names, and what would fit), a number that is not
            finite, or another kind of number; the caller names the file.
    """
    wanted = model.state_dict()
    candidates = list(_candidates(content, wanted))
    if not candidates:
        raise CheckpointError(f"holds {_content(content)}, expected a state dict{_would_fit(content, wanted)}")
    chosen = next((c for c in candidates if set(c.own) == set(wanted)), None)
    if chosen is None:
        best = max(candidates, key=lambda c: len(set(c.own) & set(wanted)))
        raise CheckpointError(f"{best.place}{_difference(wanted, best)}{_would_fit(content, wanted)}")
    state = {name: chosen.tensors[own] for name, own in chosen.own.items()}
    for name, value in wanted.items():
        if reason := _unfit(state[name], value):
            raise CheckpointError(f"{chosen.place}{chosen.own[name]} {reason}")
    model.load_state_dict(state, strict=True)
    return _remark(chosen, state)


def _content(content: Any) -> str:
    if not isinstance(content, Mapping):
        return f"a {type(content).__name__}"
    names = [repr(key) for key in content]
    return f"no tensors under {', '.join(names[:6])}{', …' if len(names) > 6 else ''}" if names else "nothing"


def _candidates(content: Any, wanted: Mapping[str, Tensor], keys: tuple[str, ...] = ()) -> Iterator[_Candidate]:
    """State dicts in a file, averages first; each with the wrappers' names on, then off."""
    if not isinstance(content, Mapping):
        return
    for key in KEYS:
        if isinstance(content.get(key), Mapping):
            yield from _candidates(content[key], wanted, (*keys, key))
    if not any(isinstance(value, Tensor) for value in content.values()):
        return
    flat = {str(k): v for k, v in content.items() if not isinstance(v, Mapping)}
    yield _Candidate(keys, {name: name for name in flat}, flat)
    bare = {_unwrapped(name): name for name in flat}
    if len(bare) == len(flat):
        yield _Candidate(keys, bare, flat)


def _unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def _difference(wanted: Mapping[str, Tensor], found: _Candidate) -> str:
    """Names that are missing and left over, as the file would spell them."""
    missing = [name for name in wanted if name not in found.own]
    wraps = (own.removesuffix(name) for name, own in found.own.items() if name in wanted and own.endswith(name))
    wrap = next(wraps, "")
    extra = [own for name, own in found.own.items() if name not in wanted]
    parts = [
        f"{len(names)} {what} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for what, names in (("missing", [wrap + name for name in missing]), ("unexpected", extra))
        if names
    ]
    return ", ".join(parts)


def _would_fit(content: Any, wanted: Mapping[str, Tensor], keys: tuple[str, ...] = ()) -> str:
    """The key or the prefix under which the wanted names stand, if there is one."""
    if not isinstance(content, Mapping):
        return ""
    first = next(iter(wanted))
    names = {str(k) for k, v in content.items() if isinstance(v, Tensor)}
    where = f" of {'.'.join(keys)!r}" if keys else ""
    for name in sorted(names):
        prefix = name.removesuffix(first)
        if prefix != name and prefix and all(prefix + w in names for w in wanted):
            return f"; its entries{where} under the prefix {prefix!r} would fit"
    for key, value in content.items():
        if isinstance(value, Mapping):
            if set(wanted) <= {_unwrapped(str(k)) for k in value}:
                return f"; its entries under the key {'.'.join((*keys, str(key)))!r} would fit"
            if found := _would_fit(value, wanted, (*keys, str(key))):
                return found
    return ""


def _unfit(value: Any, wanted: Tensor) -> str:
    """Why a value of the file cannot stand for one of the network; empty if it can."""
    if not isinstance(value, Tensor):
        return f"is a {type(value).__name__}, expected a tensor"
    if value.shape != wanted.shape:
        return f"has shape {tuple(value.shape)}, expected {tuple(wanted.shape)}"
    allowed = FLOATS if wanted.is_floating_point() else (wanted.dtype,)
    if value.dtype not in allowed:
        names = ", ".join(str(dtype).removeprefix("torch.") for dtype in allowed)
        return f"has dtype {value.dtype}, expected {wanted.dtype} (allowed: {names})"
    if value.is_meta or value.layout is not torch.strided:
        return "holds no plain values (it is a meta or a sparse tensor)"
    return "" if bool(torch.isfinite(value).all()) else "holds NaN or infinity"


def _remark(chosen: _Candidate, state: Mapping[str, Tensor]) -> str:
    parts = []
    if chosen.keys:
        average = ", the moving average" if any(key in AVERAGED for key in chosen.keys) else ""
        parts.append(f"read from its key {'.'.join(chosen.keys)!r}{average}")
    off = sorted({p for name, own in chosen.own.items() if name != own for p in own.split(".") if p in WRAPPERS})
    if off:
        parts.append(f"without {' and '.join(repr(f'{part}.') for part in off)} in its names")
    kinds = sorted({str(v.dtype).removeprefix("torch.") for v in state.values() if v.is_floating_point()} - {"float32"})
    if kinds:
        parts.append(f"stored as {' and '.join(kinds)}")
    return ", ".join(parts)
