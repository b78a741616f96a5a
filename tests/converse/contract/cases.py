"""Which operators and configurations the contract is tried on, as data.

The registry's own operators (installed plugins included), the loose files in ``plugins/``, and
those that CONTRACT_PLUGINS names (paths joined by the system's path separator).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from converse.calls.setting import PADDING_MODES
from converse.declarations.operator_info import OperatorInfo
from converse.declarations.registry import load_operator, operators

CHANNELS = 4
"""Even, and a multiple of the groups that some operators make of them."""

PLUGINS = [
    *sorted((Path(__file__).parent / "plugins").glob("*.py")),
    *(Path(p) for p in os.environ.get("CONTRACT_PLUGINS", "").split(os.pathsep) if p),
]
OPERATORS = operators(PLUGINS)


@dataclass(frozen=True)
class Case:
    """One operator in one configuration."""

    info: OperatorInfo
    kernel_size: int | tuple[int, int]
    scale: int
    padding_mode: str

    def __str__(self) -> str:
        size = self.kernel_size
        k = size if isinstance(size, int) else "x".join(map(str, size))
        return f"{self.info.name}-k{k}-s{self.scale}-{self.padding_mode}"


def _cases(info: OperatorInfo) -> list[Case]:
    found: list[Case] = []
    if info.supports("spatial", 1):
        found += [Case(info, 3, 1, mode) for mode in reversed(PADDING_MODES)]  # circular first
        found += [Case(info, size, 1, "circular") for size in (1, 2, 5)]
        if not info.external:  # no table needs a rectangular kernel of a plugin
            found.append(Case(info, (3, 2), 1, "circular"))
    for scale in (2, 3, 4):
        if info.supports("upsampler", scale):
            sizes = {2, 3, scale} if info.external else {2, 3, scale, 5}
            found += [Case(info, k, scale, "replicate") for k in sorted(sizes)]
    return found


def _default(cases: list[Case]) -> Case:
    """The first configuration that the operator does not decline; the first of all if it declines each."""
    for case in cases:
        skip = getattr(load_operator(case.info), "skip", None)
        if skip is None or not skip(CHANNELS, case.kernel_size, scale=case.scale, padding_mode=case.padding_mode):
            return case
    return cases[0]


USABLE = [info for info in OPERATORS.values() if info.error is None]
CASES = [case for info in USABLE for case in _cases(info)]
DEFAULT = [_default(_cases(info)) for info in USABLE if _cases(info)]
