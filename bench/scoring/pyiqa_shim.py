"""The one door to pyiqa, with the work-around that it needs beside a CPU-only torch.

pyiqa imports torchvision, and torchvision registers shape functions for ``torchvision::nms`` and
others. A torchvision build whose compiled extension does not fit the installed torch (a wheel from
another index) has no such operators, and the import dies with "operator torchvision::nms does not
exist". No metric here uses them, so declaring their schema is enough. It is done only after exactly
that failure.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.foundation.errors import BenchError

if TYPE_CHECKING:
    from bench.data.images import Pixels

Metric = Callable[["Pixels", "Pixels"], float]
"""Of (restored, target), uint8 (H, W, C)."""
_SCHEMAS = tuple(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor" for name in ("nms", "qnms"))
_library: list[Any] = []  # torch forgets the schema when the library object dies


def load() -> Any:
    """The ``pyiqa`` module.

    Raises:
        BenchError: not installed, or broken in a way that this file does not know.
    """
    try:
        return _import()
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise BenchError(f"pyiqa cannot be imported ({error})") from error
    declare_operators()
    try:
        return _import()
    except RuntimeError as error:
        raise BenchError(f"pyiqa cannot be imported ({error})") from error


def _import() -> Any:
    try:
        return importlib.import_module("pyiqa")
    except ImportError as error:
        raise BenchError(
            f"further metrics need pyiqa ({error}); install it (pip install pyiqa) or take the names out of 'metrics'"
        ) from error


def declare_operators() -> None:
    """Declare the schema of the missing operators and forget the half-imported torchvision and pyiqa."""
    import torch

    if not _library:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in _SCHEMAS:
            library.define(schema)
        _library.append(library)
    for name in [n for n in sys.modules if n.split(".")[0] in ("torchvision", "pyiqa")]:
        del sys.modules[name]


def metric(name: str, *, downloads: bool = False) -> Metric:
    """One pyiqa metric as a function of two uint8 images (H, W, C)."""
    import torch

    pyiqa = load()
    try:
        network = pyiqa.create_metric(name, device="cpu")
    except Exception as error:  # pyiqa lets through whatever its download raises
        what = "its weights must be downloaded at first use; is there a network?" if downloads else "see pyiqa"
        raise BenchError(f"metric {name!r} cannot be made ({what}): {' '.join(str(error).split())}") from error

    def tensor(image: Pixels) -> torch.Tensor:
        rgb = np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
        return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None].float() / 255.0

    def score(restored: Pixels, target: Pixels) -> float:
        with torch.inference_mode():
            value = network(tensor(restored), tensor(target))
        return float(value.reshape(-1)[0])

    return score
