"""The registry of operators: the folder, entry points, loose files (this file imports no torch).

``converse/operators/`` is the registry of built-in operators: a file's name is the operator's name,
one class each. Another package registers through the entry-point group ``converse.operators``; its
file is found and read, but not imported before :func:`load_operator` asks for the class. A loose
file is named by its path. Models are read likewise (:mod:`converse.declarations.model_info`).
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from .literals import unknown
from .local_sources import local_sources
from .operator_info import ADDED, OperatorError, OperatorInfo, describe

if TYPE_CHECKING:
    from torch import nn

GROUP = "converse.operators"
_FOLDER = Path(__file__).parents[1] / "operators"
SHIPPED = (
    *("algorithm1", "bilinear", "carafe", "conv", "converse2d", "convt", "dysample", "ffc", "global_filter"),
    *("nearest", "nonneg_deconv", "pixelshuffle"),
)
"""Operators whose numbers golden tests and `bench.foundation.versions` watch. Another file in the folder is known by
its bytes, as a plugin is by its files: an edit is another run."""


def operators(plugins: Sequence[str | Path] = ()) -> dict[str, OperatorInfo]:
    """Every registered operator by name: built-in ones, entry points, then ``plugins``.

    A bad declaration breaks nobody else: it is listed with its reason in ``error``. One that takes
    an existing name is listed as ``"NAME (ORIGIN)"``, with the reason; the name stays the first
    owner's.

    Args:
        plugins: paths of loose operator files.
    """
    found: dict[str, OperatorInfo] = {}
    for info in _all(plugins):
        if info.name not in found:
            found[info.name] = info
            continue
        owner = found[info.name]
        if owner.path and info.path and owner.path.resolve() == info.path.resolve():
            continue
        found[f"{info.name} ({info.origin})"] = _taken(info, owner)
    return found


def list_operators(plugins: Sequence[str | Path] = ()) -> list[str]:
    """Names of the operators that can be used, sorted."""
    return sorted(name for name, info in operators(plugins).items() if info.error is None)


def find_operator(name: str | Path, plugins: Sequence[str | Path] = ()) -> OperatorInfo:
    """The operator of that name, or the one in the file of that path.

    Raises:
        OperatorError: unknown (with the valid names and the nearest), badly declared, name taken.
    """
    if _is_path(name):
        info = _loose(name)
        info = _taken(info, owner) if (owner := _owner(info)) else info
    else:
        known = operators(plugins)
        if name not in known:
            valid = [key for key, value in known.items() if value.error is None]
            raise OperatorError(unknown("operator", name, valid))
        info = known[str(name)]
    if info.error is not None:
        raise OperatorError(info.error)
    return info


def load_operator(name_or_path: str | Path | OperatorInfo, plugins: Sequence[str | Path] = ()) -> type[nn.Module]:
    """The operator's class (imports its file, and with it torch).

    Raises:
        OperatorError: as :func:`find_operator`; or the file raises at import, has no such class,
            or its constructor does not take what every operator takes and what it declares.
    """
    if isinstance(name_or_path, OperatorInfo):
        info = name_or_path
        if info.error is not None:
            raise OperatorError(info.error)
    else:
        info = find_operator(name_or_path, plugins)
    where = f"operator {info.name!r} ({info.path})"
    try:
        module = importlib.import_module(info.module) if info.module else _import_file(info)
    except (Exception, SystemExit) as exc:  # whatever a plugin raises is told in one line, with its cause chained
        reason = " ".join(str(exc).split())
        raise OperatorError(f"{where}: fails at import: {type(exc).__name__}: {reason}") from exc
    cls = getattr(module, info.cls, None)
    from torch import nn

    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        raise OperatorError(f"{where}: has no torch.nn.Module named {info.cls!r}")
    _check_signature(cls, info, where)
    return cls


def _all(plugins: Iterable[str | Path]) -> Iterator[OperatorInfo]:
    for path in sorted(_FOLDER.glob("*.py")):
        if not path.stem.startswith("_"):
            module = f"converse.operators.{path.stem}"
            yield describe(path.stem, path, "built-in" if path.stem in SHIPPED else ADDED, module)
    for point in _points(tuple(sys.path)):
        source = point.dist.name if point.dist else point.value
        yield describe(point.name, _locate(point), f"entry point {source}", point.module)
    for plugin in plugins:
        yield _loose(plugin)


@functools.lru_cache(maxsize=4)  # reading the metadata of every installed package takes 15 ms
def _points(_: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    return tuple(sorted(entry_points(group=GROUP), key=lambda p: (p.name, p.value)))


def _loose(path: str | Path) -> OperatorInfo:
    file = Path(path).expanduser()
    return describe(file.stem, file, f"file {file}", None)


def _owner(info: OperatorInfo) -> OperatorInfo | None:
    """Who holds the name of this loose file already, if it is somebody else."""
    owner = operators().get(info.name)
    if owner is None or (owner.path and info.path and owner.path.resolve() == info.path.resolve()):
        return None
    return owner


def _taken(info: OperatorInfo, owner: OperatorInfo) -> OperatorInfo:
    reason = f"the name is taken ({owner.origin}, {owner.path}); rename the file or entry point"
    return replace(info, error=f"operator {info.name!r} ({info.path}): {reason}")


def _is_path(name: str | Path) -> bool:
    return isinstance(name, Path) or name.endswith(".py") or os.sep in name


def _locate(point: EntryPoint) -> Path | None:
    """The entry point's file, found without importing its package.

    ``find_spec("a.b")`` would import ``a``; here only the finders run, level by level.
    """
    parts = point.module.split(".")
    try:
        spec = importlib.util.find_spec(parts[0])  # top level: no import
        for depth in range(2, len(parts) + 1):
            if spec is None:
                return None
            places = spec.submodule_search_locations
            spec = PathFinder.find_spec(".".join(parts[:depth]), places) if places else None
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin and spec.has_location else None


def _import_file(info: OperatorInfo) -> ModuleType:
    """Imports a loose file once per content, under a name that its classes can be pickled by.

    Meanwhile its folder leads the import path: what lies beside it can be imported, as by a script.
    """
    assert info.path is not None
    folder = info.path.resolve().parent
    for beside in local_sources(info.path) - {info.path.resolve()}:
        other = getattr(sys.modules.get(beside.stem), "__file__", None)
        if beside.parent == folder and other is not None and Path(other).resolve() != beside:
            raise ImportError(f"{beside.name} beside it has the name of {other}, which is imported already: rename it")
    name = f"converse_plugin_{info.name}_{info.sha256[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, info.path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(str(folder))
    return module


def _check_signature(cls: type, info: OperatorInfo, where: str) -> None:
    """Refuses a class that could not be built as the registry promises."""
    parameters = inspect.signature(cls).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        raise OperatorError(f"{where}: {info.cls} must name its options, not take **kwargs")
    wanted = ("channels", "kernel_size", "scale", "padding_mode", *info.options)
    names = {p.name for p in parameters}
    if missing := [name for name in wanted if name not in names]:
        raise OperatorError(f"{where}: {info.cls}() does not take {', '.join(missing)}")
    needed = [p.name for p in parameters if p.default is p.empty and p.name not in wanted]
    if needed:
        raise OperatorError(f"{where}: {info.cls}() needs {', '.join(needed)}, which OPERATOR does not declare")
