"""Tensors with metadata in one file that is either whole or ignored (safetensors plus a checksum).

A file is written beside its place and renamed, so a reader sees the old one or the new one. The
checksum over names, shapes and bytes catches what renaming cannot: a disk that lost the tail of a
file after a power cut, or a copy that was cut short. Resume states keep their predecessor too.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes

from bench.foundation import atomic
from bench.foundation.errors import BenchError
from converse.assembly import weights

_KEY = "bench"
"""One metadata entry only: safetensors does not order several, and equal content must give equal bytes."""


class DamagedFile(BenchError):
    """A checkpoint that is cut short, altered, or not a checkpoint."""


def digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """sha256 over the names, dtypes, shapes and bytes of tensors, in the order of their names."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        total.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def save(path: Path, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> None:
    """Writes tensors and JSON metadata atomically; equal content gives equal bytes.

    Args:
        path: the file.
        tensors: by name, on any device.
        meta: what JSON can hold.

    Raises:
        BenchError: the file system refuses.
    """
    plain = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    header = json.dumps({"sha256": digest(plain), "meta": meta}, sort_keys=True)
    blob = to_bytes(plain, metadata={_KEY: header})
    atomic.write_bytes(path, blob)


def load(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors (on the CPU) and metadata of a file written by `save`.

    Raises:
        DamagedFile: missing, cut short, altered, or written by something else.
    """
    try:
        blob = path.read_bytes()  # once: safe_open opens the path twice, and a trainer may replace it in between
        tensors = from_bytes(blob)
        header = json.loads(json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])["__metadata__"][_KEY])
        expected, meta = header["sha256"], header["meta"]
    except OSError as error:
        raise DamagedFile(f"{path}: cannot be read ({error.strerror or error})") from error
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise DamagedFile(f"{path}: not a whole checkpoint of this benchmark ({error})") from error
    if digest(tensors) != expected:
        raise DamagedFile(f"{path}: its checksum does not fit its content")
    return tensors, meta


def previous(path: Path) -> Path:
    """Where the predecessor of a resume state is kept."""
    return path.with_name(f"previous-{path.name}")


def save_state(path: Path, tensors: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> None:
    """As `save`, keeping the state that was there: should the new one be damaged, that one counts."""
    staged = path.with_name(f"next-{path.name}")
    save(staged, tensors, meta)  # killed from here on, one of the two older names is whole
    if path.exists():
        os.replace(path, previous(path))
    os.replace(staged, path)


def load_state(path: Path, say: Callable[[str], None]) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """The newest whole resume state, or None; ``say`` is told of every damaged one."""
    for candidate in (path, previous(path)):
        if candidate.exists():
            try:
                return load(candidate)
            except DamagedFile as error:
                say(f"ignoring a damaged resume state: {error}")
    return None


def delete_state(path: Path) -> None:
    """Removes a resume state, its predecessor, and what a killed process left half written beside them."""
    for file in (
        path,
        previous(path),
        path.with_name(f"next-{path.name}"),
        *path.parent.glob(f".next-{path.name}.*"),
    ):
        file.unlink(missing_ok=True)


def read_weights(path: Path) -> Any:
    """What a file of weights holds: ``.safetensors``, or pickled (``.pth``, ``.pt``) with nothing run.

    Raises:
        BenchError: missing, damaged, or not plain weights.
    """
    try:
        return from_bytes(path.read_bytes()) if path.suffix.lower() == ".safetensors" else weights.read(path)
    except OSError as error:
        raise BenchError(f"{path}: cannot be read ({error.strerror or error})") from error
    except safetensors.SafetensorError as error:
        raise BenchError(f"{path}: truncated or not a checkpoint ({' '.join(str(error).split())})") from error
    except weights.CheckpointError as error:
        raise BenchError(str(error)) from error
