"""Compiling the source: for each instruction set once, into one shared library that chooses at run time.

Nothing is compiled at import. ``python -m converse.native`` does it, and ``make`` where a C++ compiler is found. The
name of the library holds a digest of the source and the flags, so that a home folder may be shared between machines
and versions: what does not fit is not seen.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCE = Path(__file__).parent / "source"
COMMON = ("-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi")
AVX2 = ("-mavx2", "-mfma")
AVX512 = (*AVX2, "-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mprefer-vector-width=512")
BASELINE = ("baseline", 4, ())
LEVELS = {
    "x86_64": (BASELINE, ("avx2", 8, AVX2), ("avx512", 16, AVX512)),
    "AMD64": (BASELINE, ("avx2", 8, AVX2), ("avx512", 16, AVX512)),
}
"""Machine: (instruction set, floats in a vector, flags). Others have their baseline, NEON on ARM, alone."""


KEPT = 4
"""Libraries of one kind of machine in a folder, the new one among them."""


class BuildError(RuntimeError):
    """Why there is no library, in one line."""


def levels() -> tuple[tuple[str, int, tuple[str, ...]], ...]:
    """The instruction sets to compile for on this machine."""
    return LEVELS.get(platform.machine(), (BASELINE,))


def digest() -> str:
    """Of everything but the compiler that decides what is built."""
    state = hashlib.sha256(repr((COMMON, levels())).encode())
    for path in sorted(path for path in SOURCE.iterdir() if path.is_file()):
        state.update(path.name.encode() + path.read_bytes())
    return state.hexdigest()[:16]


def library_name() -> str:
    """File name of the library of this source on this kind of machine."""
    return f"converse-{sys.platform}-{platform.machine()}-{digest()}.so"


def folders() -> Iterator[Path]:
    """Where a library is looked for: beside the package, and in the user's cache."""
    yield Path(__file__).parent / "built"
    try:
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "converse"
    except RuntimeError:  # a user without a home
        return


def built() -> Path | None:
    """The library of this source, or None where it has not been built.

    Raises:
        OSError: there is no source.
    """
    name = library_name()
    return next((folder / name for folder in folders() if os.access(folder / name, os.R_OK)), None)


def compiler() -> list[str]:
    """The C++ compiler: CXX, or the first of c++, g++ and clang++.

    Raises:
        BuildError: there is none.
    """
    named = os.environ.get("CXX")
    if named:
        return shlex.split(named)
    for name in ("c++", "g++", "clang++"):
        if shutil.which(name):
            return [name]
    raise BuildError("no C++ compiler: none of c++, g++ and clang++ is installed, and CXX is not set")


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise BuildError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.strip()[:200] or f"exit status {done.returncode}"
        first = next((line for line in done.stderr.splitlines() if "error" in line), said)
        raise BuildError(f"{shlex.join(command[:1])} failed: {first}")
    return done.stdout


def _writable() -> Path:
    for folder in folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise BuildError("no folder for the library: " + " and ".join(map(str, folders())) + " cannot be written")


def build(into: Path | None = None, extra: tuple[str, ...] = ()) -> Path:
    """Compile the library and move it to its place in one step.

    Args:
        into: folder to write it to; None: the first of :func:`folders` that can be written.
        extra: more flags for compiler and linker, ``-fsanitize=...`` say.

    Returns:
        The library.

    Raises:
        BuildError: no compiler, an error of the compiler, or no place to write to.
    """
    cxx, folder = compiler(), into or _writable()
    flags = [*COMMON, *extra]
    made_by = _run([*cxx, "--version"]).splitlines()[0]
    about = json.dumps({"compiler": made_by, "flags": " ".join(flags)})
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        units = [("plan", "plan.cpp", []), ("library", "library.cpp", [f"-DABOUT={json.dumps(about)}"])]
        units += [(n, "level.cpp", [f"-DLANES={w}", f"-DLEVEL={n}", *own]) for n, w, own in levels()]
        commands = [
            [*cxx, *flags, *own, "-c", str(SOURCE / source), "-o", f"{scratch}/{name}.o"] for name, source, own in units
        ]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(_run, commands))
        made = Path(scratch) / "library.so"
        _run([*cxx, *extra, "-shared", *(f"{scratch}/{name}.o" for name, _, _ in units), "-o", str(made)])
        target = folder / library_name()
        os.replace(made, target)
    prune(folder, target)
    return target


def prune(folder: Path, new: Path) -> None:
    """Remove all but the newest `KEPT` libraries of this kind of machine from a folder; ``new`` always stays.

    A home folder may be shared by checkouts of several versions and machines of several kinds: those of other kinds
    stay, and so do the last few of this one. A process that has opened a removed file keeps it.
    """
    mine = [path for path in folder.glob(f"converse-{sys.platform}-{platform.machine()}-*.so") if path.is_file()]
    for path in sorted(set(mine) - {new}, key=_changed, reverse=True)[KEPT - 1 :]:
        path.unlink(missing_ok=True)


def _changed(path: Path) -> float:
    """Time of the last change; 0 where another process has removed the file."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
