"""Kernels as their owners keep them: the same taps from every format, and one line where they are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy.io import savemat

from bench.data.kernel_files import read_kernel
from bench.foundation.errors import BenchError

TAPS = np.outer([1, 4, 6, 4, 1], [1, 2, 1]).astype(np.uint8)
WRITE: dict[str, Callable[[Path, np.ndarray], object]] = {
    "k.npy": np.save,
    "k.mat": lambda path, taps: savemat(path, {"k": taps}),
    "k.txt": np.savetxt,
    "k.csv": lambda path, taps: np.savetxt(path, taps, delimiter=","),
    "k.png": lambda path, taps: Image.fromarray(taps).save(path),
    "k.bmp": lambda path, taps: Image.fromarray(np.repeat(taps[..., None], 3, axis=2)).save(path),
}


@pytest.mark.parametrize("name", WRITE)
def test_every_format_gives_the_same_taps(tmp_path: Path, name: str) -> None:
    WRITE[name](tmp_path / name, TAPS)
    kernel, remark = read_kernel(tmp_path / name)
    np.testing.assert_allclose(kernel, TAPS / TAPS.sum(), rtol=1e-12)
    assert kernel.dtype == np.float64 and remark == "its sum was 64: normalised to one"


def test_a_kernel_that_sums_to_one_needs_no_remark(tmp_path: Path) -> None:
    savemat(tmp_path / "k.mat", {"kernel": TAPS / TAPS.sum(), "sigma": 1.2, "name": "blur"})
    kernel, remark = read_kernel(tmp_path / "k.mat")
    assert remark == "" and kernel.shape == (5, 3)


BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "even": ("k.npy", lambda p: np.save(p, np.ones((4, 4))), "sides of a blur kernel are odd, got 4x4"),
    "even image": ("k.png", lambda p: Image.fromarray(np.ones((4, 5), np.uint8)).save(p), "are odd, got 4x5"),
    "negative": ("k.mat", lambda p: savemat(p, {"k": np.array([[2.0, -1.0, 2.0]])}), "no negative taps"),
    "NaN": ("k.txt", lambda p: p.write_text("1 nan 1\n"), "finite taps, here 1 are not"),
    "zeros": ("k.npy", lambda p: np.save(p, np.zeros((3, 3))), "cannot be normalised"),
    "three axes": ("k.npy", lambda p: np.save(p, np.ones((3, 3, 3))), r"shape \(3, 3, 3\) .*allowed"),
    "complex": ("k.npy", lambda p: np.save(p, np.ones((3, 3), complex)), "complex128.*allowed"),
    "objects": ("k.npy", lambda p: np.save(p, np.array([[{}]]), allow_pickle=True), "cannot be read .*allowed"),
    "several": ("k.mat", lambda p: savemat(p, {"a": np.ones((3, 3)), "b": np.ones((3, 3))}), r"holds a .*, b .*alone"),
    "cells": ("k.mat", lambda p: savemat(p, {"k": np.array([np.ones((3, 3)), 1], object)}), "holds object.*allowed"),
    "no variable": ("k.mat", lambda p: savemat(p, {}), "holds nothing"),
    "no MATLAB file": ("k.mat", lambda p: p.write_bytes(b"hello" * 50), "cannot be read as a kernel.*allowed"),
    "empty npy": ("k.npy", lambda p: p.touch(), "cannot be read as a kernel"),
    "cut npy": ("k.npy", lambda p: p.write_bytes(b"\x93NUMPY\x01\x00"), "cannot be read as a kernel"),
    "empty": ("k.mat", lambda p: p.touch(), "cannot be read as a kernel"),
    "colour": ("k.png", lambda p: Image.fromarray(np.eye(3, dtype=np.uint8)[None] * 9).save(p), "a colour image"),
    "words": ("k.txt", lambda p: p.write_text("a b c\n"), "cannot be read as a kernel.*allowed"),
    "pickle": ("k.pkl", lambda p: p.write_bytes(b"x"), r"\.pkl is not a kernel's .*\.mat"),
    "missing": ("k.npy", lambda p: None, "no such kernel file .*allowed"),
}


@pytest.mark.parametrize(("name", "write", "message"), BAD.values(), ids=BAD.keys())
def test_what_is_no_kernel_is_one_line(
    tmp_path: Path, name: str, write: Callable[[Path], object], message: str
) -> None:
    write(tmp_path / name)
    with pytest.raises(BenchError, match=message) as caught:
        read_kernel(tmp_path / name)
    assert name in str(caught.value) and "\n" not in str(caught.value) and "pickle" not in str(caught.value)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(taps=arrays(np.uint8, st.tuples(st.sampled_from([1, 3, 7]), st.sampled_from([3, 5])), fill=st.nothing()))
def test_any_taps_sum_to_one(tmp_path: Path, taps: np.ndarray) -> None:
    Image.fromarray(taps).save(tmp_path / "k.png")
    if taps.sum() == 0:
        return
    kernel, _ = read_kernel(tmp_path / "k.png")
    assert kernel.sum() == pytest.approx(1) and (kernel >= 0).all()
    np.testing.assert_allclose(kernel * float(taps.sum()), taps, atol=1e-9)
