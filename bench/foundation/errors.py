"""The one exception that a user is meant to read."""

from __future__ import annotations

from converse.declarations.literals import nearest as nearest


class BenchError(Exception):
    """Bad input or environment, told in one line: what is wrong, where, what is allowed.

    ``python -m bench`` prints ``error: <message>`` and exits with 2; no traceback.
    """


def one_line(text: str) -> str:
    """A message as it is shown: control characters, which a file's name may hold, are escaped."""
    return "".join(c if c.isprintable() or "\ud800" <= c <= "\udfff" else repr(c)[1:-1] for c in text)
