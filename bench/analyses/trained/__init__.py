"""What is measured of a trained network right after its training: one file per property.

Each opens with the literal ``PROPERTY`` (`bench.config.property_info`) and has
``measure(network, device, protocol, samples)``: the network in eval mode on the device, the protocol, and pairs of an
image's name and its `bench.scoring.prepare.Sample`. It yields `Number`s.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import NamedTuple


class Number(NamedTuple):
    """One measured number."""

    part: str
    """Region of the image, or layer of the network; empty where it is of the whole."""
    image: str
    metric: str
    value: float


def module(name: str) -> ModuleType:
    """The file of a property."""
    return importlib.import_module(f"bench.analyses.trained.{name}")
