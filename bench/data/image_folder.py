"""Which files of a folder are its images, or its blur kernels: one rule for data sets, training and ``restore``."""

from __future__ import annotations

from pathlib import Path

from bench.foundation.errors import BenchError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
TEXT_SUFFIXES = (".txt", ".csv")
KERNEL_SUFFIXES = (".npy", ".mat", *TEXT_SUFFIXES, *IMAGE_SUFFIXES)


def images_in(folder: Path) -> list[Path]:
    """Images directly inside a folder, sorted by name.

    A file counts by its suffix, in either case. Hidden files (``._a.png``, which macOS leaves on shared drives) and
    folders are no images. A link to nothing is one: it is named as missing where it is read, since a set that
    lost images is another set.

    Raises:
        BenchError: no such folder, it cannot be listed, no image in it, or a name that is not text.
    """
    return _files_in(folder, "image", IMAGE_SUFFIXES)


def kernels_in(folder: Path) -> list[Path]:
    """Blur kernels (`bench.data.kernel_files`) directly inside a folder, as `images_in`."""
    return _files_in(folder, "blur kernel", KERNEL_SUFFIXES)


def _files_in(folder: Path, what: str, suffixes: tuple[str, ...]) -> list[Path]:
    if not folder.is_dir():
        raise BenchError(f"{folder}: no such folder")
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise BenchError(f"{folder}: cannot be listed ({error.strerror})") from error
    found = [p for p in inside if p.suffix.lower() in suffixes and not p.name.startswith(".") and not p.is_dir()]
    if not found:
        raise BenchError(f"{folder}: no {what} in this folder ({', '.join(suffixes)})")
    for path in found:
        try:
            path.name.encode()
        except UnicodeEncodeError as error:
            shown = path.name.encode(errors="surrogateescape").decode(errors="backslashreplace")
            raise BenchError(f"{folder}: the file name {shown} is not UTF-8; rename it") from error
    return found
