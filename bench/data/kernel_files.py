"""A blur kernel as its owner keeps it: ``.npy``, ``.mat`` (the field's format), text, or a gray image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.decoding import decode
from bench.data.image_folder import IMAGE_SUFFIXES, TEXT_SUFFIXES
from bench.data.kernels import SUM_TOLERANCE, Kernel, check_kernel
from bench.foundation.errors import BenchError

ALLOWED = (
    f"one array of odd sides in .npy, .mat or {' or '.join(TEXT_SUFFIXES)}, "
    f"or a gray image ({', '.join(IMAGE_SUFFIXES)})"
)


def load_kernel(path: Path) -> Kernel:
    """`read_kernel` without its remark: a kernel of a data set, normalised to the sum one."""
    return read_kernel(path)[0]


def read_kernel(path: Path) -> tuple[Kernel, str]:
    """A kernel in any of the formats, normalised to the sum one.

    Returns:
        (kh, kw) float64, odd sides, non-negative, summing to one; and a remark where its sum was another.

    Raises:
        BenchError: no such file, another format, or not a blur kernel; the message names the file.
    """
    if not path.is_file():
        raise BenchError(f"{path}: no such kernel file (allowed: {ALLOWED})")
    array = _array(path)
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise BenchError(f"{path}: holds {array.dtype} of shape {array.shape} (allowed: {ALLOWED})")
    taps = array.astype(np.float64)
    if not np.isfinite(taps).all():
        raise BenchError(f"{path}: a blur kernel has finite taps, here {int((~np.isfinite(taps)).sum())} are not")
    total = float(taps.sum())
    if total <= 0 or not np.isfinite(total):
        raise BenchError(f"{path}: a blur kernel sums to one, this one to {total:.6g}, which cannot be normalised")
    normalised = abs(total - 1.0) > SUM_TOLERANCE
    kernel = check_kernel(taps / total if normalised else taps, str(path))
    return kernel, f"its sum was {total:.6g}: normalised to one" if normalised else ""


def _array(path: Path) -> NDArray[np.generic]:
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        pixels = decode(path).pixels
        if pixels.shape[2] == 3 and (pixels != pixels[..., :1]).any():
            raise BenchError(f"{path}: a colour image (allowed: {ALLOWED})")
        return pixels[..., 0]
    try:
        if suffix == ".npy":
            return np.asarray(np.load(path, allow_pickle=False))
        if suffix == ".mat":
            return _matlab(path)
        if suffix in TEXT_SUFFIXES:
            text = path.read_text(encoding="utf-8-sig").replace(",", " ").replace(";", " ")
            return np.loadtxt(text.splitlines(), ndmin=2)
    except BenchError:
        raise
    except Exception as error:  # numpy and scipy raise nearly anything on damaged files
        text = " ".join(str(error).split())[:160]
        reason = "no plain numbers" if "pickle" in text else text  # nobody is told to run what is in a file
        raise BenchError(f"{path}: cannot be read as a kernel ({reason}) (allowed: {ALLOWED})") from error
    raise BenchError(f"{path}: {suffix or 'no suffix'} is not a kernel's (allowed: {ALLOWED})")


def _matlab(path: Path) -> NDArray[np.generic]:
    from scipy.io import loadmat

    try:
        content = loadmat(path)
    except NotImplementedError as error:
        raise BenchError(f"{path}: a MATLAB 7.3 file; save it with  save(..., '-v7')") from error
    arrays = {name: value for name, value in content.items() if not name.startswith("__")}
    if len(arrays) == 1:
        return np.asarray(next(iter(arrays.values())))
    kept = {name: v for name, v in arrays.items() if isinstance(v, np.ndarray) and v.ndim == 2 and v.size > 1}
    kernels = {name: v for name, v in kept.items() if v.dtype.kind in "biuf"}
    if len(kernels) != 1:
        names = ", ".join(f"{name} {getattr(v, 'shape', '')}" for name, v in arrays.items()) or "nothing"
        raise BenchError(f"{path}: holds {names}; save the one kernel that is meant alone")
    return np.asarray(next(iter(kernels.values())))
