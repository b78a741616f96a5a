"""The files that an operator is made of: its own and every local one that it imports (read, not imported).

Local is what travels with the operator: files in its folder, in its package, or on the import path outside the
installed packages; compiled modules (``.so``, ``.pyd``) too. The standard library, installed packages and this one have
versions of their own. What a file loads by a name that is computed (``importlib.import_module(x)``), or reads as data,
is not seen.
"""

from __future__ import annotations

import ast
import hashlib
import site
import sys
import sysconfig
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

_OWN = Path(__file__).parents[1].name
_COMPILED = (".so", ".pyd")
_SUFFIXES = (".py", *EXTENSION_SUFFIXES)


def sources_sha256(path: Path) -> str:
    """sha256 of a file, or of it and its local imports; without any it is that of the file alone."""
    own = hashlib.sha256(path.read_bytes()).hexdigest()
    others = sorted(local_sources(path) - {path.resolve()})
    if not others:
        return own
    lines = [own, *(f"{p.name} {hashlib.sha256(p.read_bytes()).hexdigest()}" for p in others)]
    return hashlib.sha256("\n".join([lines[0], *sorted(lines[1:])]).encode()).hexdigest()


def local_sources(path: Path) -> set[Path]:
    """The file and every local file that running it may import, packages' ``__init__`` included."""
    seen: set[Path] = set()
    waiting = [path.resolve(), *_own_packages(path.resolve())]
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            waiting += [found for roots, parts in _imports(file) for found in _found(roots, parts)]
    return seen


def _own_packages(file: Path) -> Iterator[Path]:
    """The ``__init__`` of every package that the file lies in: they run before it does."""
    folder = file.parent
    while (folder / "__init__.py").is_file():
        yield folder / "__init__.py"
        folder = folder.parent


def _imports(file: Path) -> Iterator[tuple[list[Path], tuple[str, ...]]]:
    """Where an imported name is looked for, and its parts; one taken from a module counts as a module of its own."""
    if file.suffix in _COMPILED:
        return
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # whoever imports it says so
        return
    # Its own folder; where the outermost package that holds it lies; then the import path.
    outermost = file.parents[sum(1 for _ in _own_packages(file))]
    anywhere = [file.parent, outermost, *_path()]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((anywhere, tuple(alias.name.split("."))) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = tuple((node.module or "").split(".")) if node.module else ()
            roots = [file.parents[node.level - 1]] if node.level else anywhere
            yield roots, base
            yield from ((roots, (*base, alias.name)) for alias in node.names)


def _found(roots: list[Path], parts: tuple[str, ...]) -> Iterator[Path]:
    """The module's file in the first root that has its first part, and the ``__init__`` of packages on the way."""
    if not parts or parts[0] == _OWN or parts[0] in sys.stdlib_module_names:
        return
    for root in roots:
        if (root / parts[0]).is_dir() or any((root / f"{parts[0]}{suffix}").is_file() for suffix in _SUFFIXES):
            for depth in range(1, len(parts) + 1):
                place = root.joinpath(*parts[:depth])
                files = (place / "__init__.py", *(place.with_name(f"{place.name}{suffix}") for suffix in _SUFFIXES))
                yield from (file.resolve() for file in files if file.is_file())
            return


def _path() -> list[Path]:
    """The import path without the standard library and the installed packages."""
    paths = sysconfig.get_paths()
    installed = {Path(p).resolve() for p in (*paths.values(), *site.getsitepackages(), site.getusersitepackages())}
    found = [Path(entry or ".").resolve() for entry in sys.path]
    return [p for p in found if p.is_dir() and p not in installed]
