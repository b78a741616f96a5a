"""Finding, testing and loading the compiled operator: once in a process, at the first call that could use it.

``CONVERSE_NATIVE`` in the environment: ``0`` switches it off; ``baseline``, ``avx2`` or ``avx512`` chooses the
instruction set; a path names another library.
"""

from __future__ import annotations

import functools
import os
import warnings
from pathlib import Path

from .build import built
from .library import Library, open_library
from .selftest import disagreement

SWITCH = "CONVERSE_NATIVE"


@functools.cache
def load() -> Library | str:
    """The library that serves this process, or in one line why there is none.

    It is looked for once. What does not agree with the reference is not used, with one warning.
    """
    wanted = os.environ.get(SWITCH, "")
    if wanted == "0":
        return f"{SWITCH}=0 switches it off"
    try:
        path = Path(wanted) if os.sep in wanted else built()
    except OSError as error:
        return f"its source cannot be read: {error}"
    if path is None:
        return "it is not built: python -m converse.native does it"
    found = open_library(path, "" if os.sep in wanted or wanted == "1" else wanted)
    if isinstance(found, Library):
        try:
            trouble = disagreement(found)
        except Exception as error:  # the first call of a program must not fail for what it did not ask
            trouble = f"{type(error).__name__}: {' '.join(str(error).split())}"
        if trouble is None:
            return found
        found = f"its self-test failed: {trouble}"
    warnings.warn(f"converse: the compiled operator is not used, {found}", RuntimeWarning, stacklevel=2)
    return found


def backend() -> str:
    """What computes eager float32 calls on a CPU: the library in one line, or torch and why."""
    loaded = load()
    return loaded.description if isinstance(loaded, Library) else f"torch ({loaded})"
