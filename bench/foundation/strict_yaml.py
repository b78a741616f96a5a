"""YAML as data with line numbers: duplicate keys refused, YAML 1.2 scalars, errors that name the line.

PyYAML alone accepts duplicate keys, reads ``0x0`` as 0, ``1e-4`` as a string and ``no`` as False. This file
is the only place that parses YAML in the project; it imports no torch.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from bench.foundation.errors import BenchError, nearest

Model = TypeVar("Model", bound=BaseModel)
Keys = tuple[Any, ...]


@dataclass(frozen=True)
class Document:
    """A parsed file: its plain ``data`` and where each key stands (1-based lines)."""

    path: Path
    data: Any
    lines: dict[Keys, int] = field(default_factory=dict)

    def line(self, keys: Keys) -> int:
        """Line of the entry at ``keys`` (a path of mapping keys and list indices), or of its nearest parent."""
        for n in range(len(keys), -1, -1):
            if keys[:n] in self.lines:
                return self.lines[keys[:n]]
        return 1

    def error(self, keys: Keys, message: str) -> BenchError:
        """A `BenchError` that opens with ``file:line:``."""
        return BenchError(f"{self.path}:{self.line(keys)}: {message}")


class _Loader(yaml.SafeLoader):
    """SafeLoader with the YAML 1.2 core schema for booleans and numbers."""


class _FastLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same in C, seven times as fast, where PyYAML has it; its messages say less."""


for _loader in (_Loader, _FastLoader):
    _loader.yaml_implicit_resolvers = {
        first: [(tag, rx) for tag, rx in rules if tag.endswith((":null", ":merge"))]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
    _loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))
    _loader.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.inf|\.nan)$"),
        list("-+0123456789."),
    )
    _loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))


def _walk(loader: yaml.SafeLoader, node: yaml.Node, keys: Keys, path: Path, lines: dict[Keys, int]) -> None:
    lines.setdefault(keys, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: dict[Any, int] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if key in seen:
                raise BenchError(f"{path}:{line}: duplicate key {key!r} (first on line {seen[key]})")
            seen[key] = line
            lines[(*keys, key)] = line
            _walk(loader, value_node, (*keys, key), path, lines)
    elif isinstance(node, yaml.SequenceNode):
        for i, child in enumerate(node.value):
            _walk(loader, child, (*keys, i), path, lines)


def load(path: str | Path) -> Document:
    """Parse one YAML file.

    Raises:
        BenchError: missing file, bad syntax or a duplicate key, with file and line.
    """
    path = Path(path)
    return parse(read_text(path), path)


def read_text(path: Path) -> str:
    """A text file as editors save it: UTF-8, with or without a mark at its beginning, or UTF-16 with one.

    Raises:
        BenchError: it cannot be read, or is in another encoding, which nothing in a file tells.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BenchError(f"{path}: cannot be read ({error.strerror or error})") from error
    wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return raw.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        byte = f"byte 0x{raw[error.start]:02x}" if error.start < len(raw) else "its end"
        raise BenchError(f"{path}:{line}: {byte} is not UTF-8; save the file as UTF-8") from error


def parse(text: str, path: str | Path = "<text>") -> Document:
    """Parse YAML text; ``path`` is what error messages call it."""
    path = Path(path)
    try:
        try:
            return _document(text, path, _FastLoader)
        except yaml.YAMLError:
            return _document(text, path, _Loader)  # for its message
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not valid YAML"
        raise BenchError(f"{path}{where}: {problem}") from error
    except (ValueError, TypeError) as error:  # a number out of reach, a key that is a list
        raise BenchError(f"{path}: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise BenchError(f"{path}: nested too deeply, or an anchor that holds itself") from error


def _document(text: str, path: Path, kind: type[yaml.SafeLoader]) -> Document:
    lines: dict[Keys, int] = {}
    loader = kind(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Document(path, {}, {(): 1})
        _walk(loader, node, (), path, lines)
        return Document(path, loader.construct_document(node), lines)
    finally:
        loader.dispose()


def _allowed_keys(model: type[BaseModel], loc: Keys) -> list[str]:
    """Field names allowed where a validation error sits, found by walking the model along ``loc``."""
    import typing

    current: Any = model
    for step in loc:
        if isinstance(current, type) and issubclass(current, BaseModel):
            info = current.model_fields.get(str(step))
            current = info.annotation if info else None
        else:
            args = typing.get_args(current)
            current = args[-1] if args else None
        while not (isinstance(current, type) and issubclass(current, BaseModel)):
            options = [a for a in typing.get_args(current) if a is not type(None)]
            models = [a for a in options if isinstance(a, type) and issubclass(a, BaseModel)]
            if typing.get_origin(current) in (dict, list, tuple) or not models:
                break
            current = models[0]
    if isinstance(current, type) and issubclass(current, BaseModel):
        return sorted(current.model_fields)
    return []


def validate(document: Document, model: type[Model], data: Any = None, at: Keys = ()) -> Model:
    """``model`` from the document (or from ``data``, found at ``at`` in it).

    Raises:
        BenchError: the first problem, as ``file:line: what is wrong; nearest valid name (allowed: …)``.
    """
    try:
        return model.model_validate(document.data if data is None else data)
    except ValidationError as error:
        problems = error.errors()
        # A mistyped key is also a missing one: the former says more.
        first = next((e for e in problems if e["type"] == "extra_forbidden"), problems[0])
        loc = tuple(part for part in first["loc"] if part != "[key]")
        name = loc[-1] if loc else ""
        where = ".".join(str(part) for part in (*at, *loc[:-1]))
        inside = f" in {where}" if where else ""
        if first["type"] == "extra_forbidden":
            allowed = _allowed_keys(model, loc[:-1])
            message = f"unknown key {name!r}{inside}{nearest(str(name), allowed)} (allowed: {', '.join(allowed)})"
        elif first["type"] == "missing":
            message = f"key {name!r} is missing{inside}"
        else:
            text = first["msg"].removeprefix("Value error, ")
            message = f"{name}{inside}: {text} (got {first['input']!r})"
        raise document.error((*at, *loc), message) from error
