"""What an operator declares about itself, read without importing it (this file imports no torch).

The literal at the top of an operator's file:

``OPERATOR = {"label": "Conv", "class": "Conv", "roles": ["spatial"], "scales": [1],
"trains": True, "options": [], "summary": "depthwise convolution"}``

Optional keys: ``own_conv`` (an upsampler that contains its convolution, so that the network adds
none before it), ``upsampler_label`` (its name in a table of upsamplers, where it differs),
``up_kernel_size`` (its kernel as an upsampler where none is given, for one that 2 does not suit),
``tables`` ("all", the default: a row in every table of its role; "named": only where a table names it),
``source`` (what to cite) and ``cost`` (parameters and work, in words), which stand under its rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from .literals import LiteralError, check_keys, read_literal, unknown
from .local_sources import sources_sha256

ROLES = ("spatial", "upsampler")
TABLES = ("all", "named")
_REQUIRED: dict[str, type] = {
    "label": str,
    "class": str,
    "roles": list,
    "scales": object,
    "trains": bool,
    "options": list,
    "summary": str,
}
_OPTIONAL: dict[str, type] = {
    "own_conv": bool,
    "upsampler_label": str,
    "tables": str,
    "source": str,
    "cost": str,
    "up_kernel_size": int,
}
# Arguments that every operator takes; an operator's own options may not reuse their names.
_COMMON = ("channels", "kernel_size", "scale", "padding_mode")


class OperatorError(ValueError):
    """An operator cannot be used: unknown, badly declared, name taken, or failing at import."""


class SkippedConfiguration(ValueError):
    """An operator declines a configuration; the message is its reason (a dash in a table)."""


ADDED = "added"
"""Origin of a file that somebody put into ``converse/operators``."""


@dataclass(frozen=True)
class OperatorInfo:
    """One registered operator.

    Attributes:
        name: what a configuration calls it; the file's stem or the entry point's name.
        label: how tables print it ("Conv" in "Conv-DnCNN").
        cls: the class in the file.
        roles: "spatial" (the slot in a block, scale 1) and/or "upsampler".
        scales: "any" or the integers that it serves.
        trains: whether tables of trained networks take it.
        options: its own keyword arguments besides kernel_size, scale and padding_mode.
        summary: one line.
        own_conv: an upsampler that brings its own convolution.
        upsampler_label: its name in a table of upsamplers.
        up_kernel_size: its kernel as an upsampler where none is given; None: the network's choice.
        tables: "all" (a row in every table of its role) or "named" (only where a table names it).
        source: what to cite.
        cost: parameters and work, in words.
        origin: "built-in", `ADDED`, "entry point DISTRIBUTION" or "file PATH".
        path: the file that was read, if it was found.
        sha256: of that file, of one from outside this package with every local file that it imports
            (`local_sources`): part of a run's identity where the operator is external.
        module: the importable module, or None for a loose file.
        error: why it cannot be used, or None.
    """

    name: str
    origin: str
    path: Path | None
    module: str | None = None
    label: str = ""
    cls: str = ""
    roles: tuple[str, ...] = ()
    scales: str | tuple[int, ...] = ()
    trains: bool = False
    options: tuple[str, ...] = ()
    summary: str = ""
    own_conv: bool = False
    upsampler_label: str = ""
    up_kernel_size: int | None = None
    tables: str = "all"
    source: str = ""
    cost: str = ""
    sha256: str = ""
    error: str | None = None

    def supports(self, role: str, scale: int = 1) -> bool:
        """Whether the declaration covers this role at this scale."""
        return role in self.roles and (self.scales == "any" or scale in self.scales)

    @property
    def external(self) -> bool:
        """Whether it is none of the operators that this package ships."""
        return self.origin != "built-in"


def describe(name: str, path: Path | None, origin: str, module: str | None) -> OperatorInfo:
    """Reads the declaration; whatever is wrong with it lands in ``error``, nothing is raised."""
    base = {"name": name, "origin": origin, "path": path, "module": module}
    where = str(path) if path else origin
    try:
        if not name.isidentifier():
            raise LiteralError("its name must be a Python identifier")
        if path is None:
            raise LiteralError(f"the module {module!r} of the entry point was not found")
        fields = _fields(read_literal(path, "OPERATOR"))
    except LiteralError as exc:
        return OperatorInfo(**base, label=name, error=f"operator {name!r} ({where}): {exc}")  # type: ignore[arg-type]
    # What is built in has the package's version; a file beside it is known by its bytes, what comes from outside also
    # by those of the files that it imports.
    inside = origin in ("built-in", ADDED)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if inside else sources_sha256(path)
    except Exception as exc:  # a local file that it imports cannot be read
        reason = f"{type(exc).__name__}: {' '.join(str(exc).split())}"
        return OperatorInfo(**base, label=name, error=f"operator {name!r} ({where}): {reason}")  # type: ignore[arg-type]
    return OperatorInfo(**base, **fields, sha256=digest)  # type: ignore[arg-type]


def _fields(literal: object) -> dict[str, Any]:
    """The validated literal as keyword arguments of :class:`OperatorInfo`."""
    given = cast(dict[str, Any], check_keys(literal, "OPERATOR", _REQUIRED, _OPTIONAL))
    for key in ("label", "class", "summary"):
        if not given[key].strip():
            raise LiteralError(f"OPERATOR: {key!r} is empty")
    for role in given["roles"]:
        if role not in ROLES:
            raise LiteralError(f"OPERATOR: {unknown('role', role, ROLES)}")
    if not given["roles"]:
        raise LiteralError(f"OPERATOR: 'roles' is empty, valid: {', '.join(ROLES)}")
    scales = given["scales"]
    whole = isinstance(scales, list) and all(type(s) is int and s >= 1 for s in scales)
    if scales != "any" and not (whole and scales):
        raise LiteralError(f"OPERATOR: 'scales' must be 'any' or a list of integers, got {scales!r}")
    if (tables := given.get("tables", "all")) not in TABLES:
        raise LiteralError(f"OPERATOR: {unknown('tables', tables, TABLES)}")
    for option in given["options"]:
        if not (isinstance(option, str) and option.isidentifier()) or option in _COMMON:
            raise LiteralError(f"OPERATOR: {option!r} cannot be the name of an option")
    return {
        "label": given["label"],
        "cls": given["class"],
        "roles": tuple(given["roles"]),
        "scales": scales if scales == "any" else tuple(scales),
        "trains": given["trains"],
        "options": tuple(given["options"]),
        "summary": given["summary"],
        "own_conv": given.get("own_conv", False),
        "upsampler_label": given.get("upsampler_label", given["label"]),
        "up_kernel_size": given.get("up_kernel_size"),
        "tables": tables,
        "source": given.get("source", ""),
        "cost": given.get("cost", ""),
    }
