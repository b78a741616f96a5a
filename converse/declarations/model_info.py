"""What a network declares about itself, read without importing it (this file imports no torch).

A model file opens with ``MODELS = {name: {...}}``. Keys of an entry:

    label        how tables print it; label_with, with "{operator}" in it, for another operator
    task         "denoising" | "super_resolution" | "deblurring" | "blind_deblurring"
    class        the class in the file
    inputs       what ``forward`` takes: ["image"] or ["image", "kernel"]
    image_channels, scale   channels of the image, upscaling factor
    defaults     the network's own options with their default values
    choices      for an option that is neither a size nor a count: the values that it may have
    slot         the option that names an operator ("operator", "upsampler"), with its default in
                 ``defaults``; no slot: a plain network
    operator_defaults   values for the operator's options where this network departs from the
                 operator's own (dropped for an operator that does not declare them)
    upsamples    the operator serves as upsampler too: its options are accepted with the prefix
                 ``up_`` for the upsamplers alone
    parameters   how many learnable numbers the defaults give, where a source states it
    like         take what is not given from that entry of the same file, in ``defaults`` too;
                 ``parameters`` is not taken over
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .literals import LiteralError, check_keys, read_literal, unknown

TASKS = ("denoising", "super_resolution", "deblurring", "blind_deblurring")
_FOLDER = Path(__file__).parents[1] / "models"
_REQUIRED: dict[str, type] = {
    "label": str,
    "task": str,
    "class": str,
    "inputs": list,
    "image_channels": int,
    "scale": int,
    "defaults": dict,
    "summary": str,
}
_OPTIONAL: dict[str, type] = {
    "label_with": str,
    "choices": dict,
    "slot": str,
    "operator_defaults": dict,
    "upsamples": bool,
    "parameters": int,
}


@dataclass(frozen=True)
class ModelInfo:
    """One network by name; the fields are those of the module's docstring."""

    name: str
    label: str
    task: str
    cls: str
    inputs: tuple[str, ...]
    image_channels: int
    scale: int
    defaults: dict[str, Any]
    summary: str
    module: str
    path: Path
    sha256: str
    label_with: str = ""
    choices: dict[str, list[Any]] | None = None
    slot: str | None = None
    operator_defaults: dict[str, Any] | None = None
    upsamples: bool = False
    parameters: int | None = None

    @property
    def operator(self) -> str | None:
        """The default operator's name, None for a plain network."""
        return str(self.defaults[self.slot]) if self.slot else None

    @property
    def role(self) -> str:
        """The role that the slot's operator plays."""
        return "upsampler" if self.slot == "upsampler" else "spatial"


def models() -> dict[str, ModelInfo]:
    """Every network by name, read from the files of ``converse/models/``.

    Raises:
        LiteralError: a declaration of this package is broken (its own tests catch that).
    """
    paths = [path for path in sorted(_FOLDER.glob("*.py")) if not path.stem.startswith("_")]
    return dict(_declared(tuple((path, path.read_bytes()) for path in paths)))


@functools.lru_cache(maxsize=4)  # keyed on the texts themselves: a plan asks a thousand times
def _declared(files: tuple[tuple[Path, bytes], ...]) -> dict[str, ModelInfo]:
    found: dict[str, ModelInfo] = {}
    for path, source in files:
        entries = read_literal(path, "MODELS")
        if not isinstance(entries, dict):
            raise LiteralError(f"{path.name}: MODELS must be a dict")
        digest = hashlib.sha256(source).hexdigest()
        for name, entry in entries.items():
            if name in found:
                raise LiteralError(f"{path.name}: the model {name!r} is declared twice")
            parent = dict(entries[entry["like"]]) if "like" in entry else {}
            parent.pop("parameters", None)
            merged = {**parent, **entry}
            merged["defaults"] = {**parent.get("defaults", {}), **entry.get("defaults", {})}
            merged.pop("like", None)
            given: Any = check_keys(merged, f"{path.name}: {name}", _REQUIRED, _OPTIONAL)
            if given["task"] not in TASKS:
                raise LiteralError(f"{path.name}: {name}: {unknown('task', given['task'], TASKS)}")
            given["inputs"] = tuple(given["inputs"])
            found[name] = ModelInfo(
                name=name,
                cls=given.pop("class"),
                module=f"converse.models.{path.stem}",
                path=path,
                sha256=digest,
                **given,
            )
    return found


def list_models() -> list[str]:
    """Names that :func:`converse.build_model` knows, sorted."""
    return sorted(models())


def find_model(name: str) -> ModelInfo:
    """The network of that name.

    Raises:
        ValueError: there is none; the message lists the names and the nearest.
    """
    known = models()
    if name not in known:
        raise ValueError(unknown("model", name, known))
    return known[name]
