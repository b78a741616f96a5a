"""Reverse convolution (Converse2D) in PyTorch: operator, plugins, networks and released weights.

Importing this package imports nothing else, PyTorch included: every public name is loaded when it
is first asked for (PEP 562), so that tools may read the registry in milliseconds. The mathematics
follow Huang et al., "Reverse Convolution and Its Applications to Image Restoration", ICCV 2025.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import algorithm1 as algorithm1
    from . import reference as reference
    from .assembly.blocks import ConverseBlock as ConverseBlock
    from .assembly.build import build_model as build_model
    from .assembly.released import load_released as load_released
    from .assembly.swapping import swap as swap
    from .declarations.model_info import list_models as list_models
    from .declarations.registry import list_operators as list_operators
    from .declarations.registry import load_operator as load_operator
    from .mathematics.functional import converse2d as converse2d
    from .operators.converse2d import Converse2D as Converse2D

# Public name -> the module that defines it. ``converse.reference`` and ``converse.algorithm1`` are
# the modules themselves: a function of the same name would win or lose by the order of imports.
_HOME = {
    "converse2d": "mathematics.functional",
    "Converse2D": "operators.converse2d",
    "build_model": "assembly.build",
    "list_models": "declarations.model_info",
    "list_operators": "declarations.registry",
    "load_operator": "declarations.registry",
    "load_released": "assembly.released",
    "swap": "assembly.swapping",
    "ConverseBlock": "assembly.blocks",
}
_MODULES = ("algorithm1", "reference")

__all__ = ["__version__", *_MODULES, *_HOME]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
