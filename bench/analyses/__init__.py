"""One file per question about trained networks. What a file declares is read by `bench.config.analysis_info`.

A file defines ``cases(lab) -> list[Case]`` and ``measure(lab, case) -> pandas.DataFrame``: cases are measured one by
one and kept, so that an interrupted analysis loses one of them (`bench.analyses.laboratory`, which gives them
networks, photographs and kernels; `bench.stages.analyze`). It may load, apply and score networks; it never draws and
never words: its drawing and its words are the file of the same name in ``bench/pages/drawings``.
"""

from __future__ import annotations

import importlib
from types import ModuleType

Case = tuple[str, ...]
"""What is measured at a time, e.g. (network, image, kernel); its words make a file name."""


def module(name: str) -> ModuleType:
    """The code of an analysis; imports torch."""
    return importlib.import_module(f"{__name__}.{name}")
