"""The one exception that a user is meant to read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BenchError(Exception):
    """Bad input or environment, told in one line: what is wrong, where, what is allowed.

    ``python -m bench`` prints ``error: <message>`` and exits with 2; no traceback.
    """


def one_line(text: str) -> str:
    """A message as it is shown: control characters, which a file's name may hold, are escaped."""
    return "".join(c if c.isprintable() or "\ud800" <= c <= "\udfff" else repr(c)[1:-1] for c in text)


def nearest(word: str, allowed: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the nearest of ``allowed``, or an empty string."""
    hits = difflib.get_close_matches(str(word), [str(a) for a in allowed], n=1, cutoff=0.6)
    return f"; did you mean {hits[0]!r}?" if hits else ""
