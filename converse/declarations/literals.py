"""Declarations read from source files without importing them (this file imports no torch).

An operator file opens with ``OPERATOR = {...}``, a model file with ``MODELS = {...}``. Both are
plain literals, so that a workflow can know every row before PyTorch is loaded.
"""

from __future__ import annotations

import ast
import copy
import difflib
import functools
from collections.abc import Iterable
from pathlib import Path


class LiteralError(ValueError):
    """A declaration is missing, is not a literal, or has a wrong key or type; says which."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the nearest of ``allowed``, or an empty string."""
    hits = difflib.get_close_matches(str(word), [str(a) for a in allowed], n=1, cutoff=0.6)
    return f"; did you mean {hits[0]!r}?" if hits else ""


def unknown(kind: str, word: object, allowed: Iterable[str]) -> str:
    """``unknown KIND 'word'; did you mean 'x'? Valid: a, b``, on one line."""
    names = sorted(str(a) for a in allowed)
    hint = nearest(str(word), names) or ";"
    return f"unknown {kind} {str(word)!r}{hint} valid: {', '.join(names) or 'none'}"


def read_literal(path: Path, name: str) -> object:
    """Value of the top-level assignment ``name = <literal>`` in a Python file, not executed.

    Raises:
        LiteralError: unreadable file, syntax error, no such assignment or more than one, or not a literal.
    """
    try:
        source = path.read_bytes()
    except OSError as exc:
        raise LiteralError(f"cannot be read: {exc.strerror or exc}") from exc
    return copy.deepcopy(_parse(source, str(path), name))


@functools.lru_cache(maxsize=256)  # keyed on the text itself: a plan asks for each file many times
def _parse(source: bytes, path: str, name: str) -> object:
    if b"\0" in source:
        raise LiteralError("is not Python source: it holds zero bytes (a binary file, or text that is not UTF-8)")
    try:
        tree = ast.parse(source, filename=path)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        line = f"line {exc.lineno}: " if isinstance(exc, SyntaxError) and exc.lineno else ""
        raise LiteralError(f"{line}is not valid Python: {getattr(exc, 'msg', exc)}") from exc
    found = [node for node in tree.body if _assigns(node, name)]
    if not found:
        raise LiteralError(f"has no top-level {name} = {{...}} literal")
    if len(found) > 1:
        raise LiteralError(f"line {found[1].lineno}: a second {name} (the first is on line {found[0].lineno})")
    (node,) = found
    assert isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value
    try:
        return ast.literal_eval(node.value)
    except (ValueError, TypeError) as exc:
        raise LiteralError(f"line {node.lineno}: {name} must be a plain literal (no names, no calls)") from exc


def _assigns(node: ast.stmt, name: str) -> bool:
    """Whether a statement gives that name a value."""
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign) and node.value:
        targets = [node.target]
    else:
        return False
    return any(isinstance(t, ast.Name) and t.id == name for t in targets)


def check_keys(literal: object, what: str, required: dict[str, type], optional: dict[str, type]) -> dict[str, object]:
    """The literal as a dict whose keys and value types are those allowed.

    Raises:
        LiteralError: not a dict, unknown key (with the nearest valid one), missing key, wrong type.
    """
    if not isinstance(literal, dict):
        raise LiteralError(f"{what} must be a dict, got {type(literal).__name__}")
    kinds = required | optional
    for key, value in literal.items():
        if key not in kinds:
            raise LiteralError(f"{what}: {unknown('key', key, kinds)}")
        if not isinstance(value, kinds[key]):
            raise LiteralError(f"{what}: {key!r} must be {kinds[key].__name__}, got {type(value).__name__}")
    missing = [key for key in required if key not in literal]
    if missing:
        raise LiteralError(f"{what}: missing key{'s' * (len(missing) > 1)} {', '.join(missing)}")
    return dict(literal)
