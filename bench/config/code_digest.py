"""What makes renderings stale when their code changes. Torch-free: source is read, nothing is imported."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("bench", "converse")


@functools.cache
def code_digest(stage: str) -> str:
    """Hash of the code of a stage: its file, all of `PACKAGES` that this imports, directly or not, and templates.

    Rendering is cheap, so this may be too careful; for training see `bench.foundation.versions`.
    """
    files = sorted(reached(ROOT / "bench" / "stages" / f"{stage}.py"))
    if stage == "report":
        files += sorted(p for p in (ROOT / "bench" / "pages" / "templates").rglob("*") if p.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def reached(file: Path) -> set[Path]:
    """The file and every file of `PACKAGES` that running it may import, packages' ``__init__`` included."""
    seen: set[Path] = set()
    waiting = list(_files(".".join(file.relative_to(ROOT).with_suffix("").parts)))
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            waiting += [path for name in imported(file) for path in _files(name)]
    return seen


def imported(file: Path) -> Iterator[str]:
    """Dotted names that a file of the checkout imports, wherever in it; a name taken from a module counts as one."""
    package = file.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += [node.module] if node.module else []
            yield ".".join(base)
            yield from (".".join([*base, alias.name]) for alias in node.names)


def _files(name: str) -> Iterator[Path]:
    """The module's file, if the name is one, and the ``__init__`` of every package above it, which run first."""
    parts = name.split(".")
    if parts[0] not in PACKAGES:
        return
    for depth in range(1, len(parts) + 1):
        path = ROOT.joinpath(*parts[:depth])
        yield from (f for f in (path / "__init__.py", path.with_suffix(".py")) if f.is_file())
