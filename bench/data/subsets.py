"""Some of the images of a test, by word: ``first5`` (the first five) or ``every10`` (every tenth). Torch-free."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from bench.foundation.errors import BenchError

Item = TypeVar("Item")
_FORM = re.compile(r"(first|every)([1-9][0-9]{0,8})")  # one spelling per subset, since the word is part of a name


def read_subset(word: str) -> tuple[str, int]:
    """``first5`` as ("first", 5), ``every10`` as ("every", 10).

    Raises:
        BenchError: another word.
    """
    match = _FORM.fullmatch(word)
    if match is None:
        raise BenchError(f"subset {word!r}: allowed are firstN and everyN")
    return match[1], int(match[2])


def chosen(items: Sequence[Item], subset: str | None) -> list[Item]:
    """``first5``: the first five; ``every10``: the 1st, 11th, 21st, …; None: all.

    Raises:
        BenchError: another word.
    """
    if subset is None:
        return list(items)
    kind, number = read_subset(subset)
    return list(items[:number] if kind == "first" else items[::number])
