"""What a rendered table consists of, whatever the format: columns, sections of lines, footnotes, remarks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["label", "count", "measured", "paper", "difference", "word", "text"]
"""``word``: a word or two, ``text``: a sentence; both stand to the left."""
LEFT = ("label", "word", "text")
DASH = "–"


@dataclass(frozen=True)
class Column:
    """One column; columns of one ``group`` stand under a common heading."""

    name: str
    kind: Kind
    group: str = ""
    note: str = ""
    """What the reader must know about the whole group, e.g. ``other data, other budget``."""


@dataclass(frozen=True)
class Cell:
    """One cell: text, whether it is the best of its column, letters of its footnotes, a link."""

    text: str = ""
    best: bool = False
    marks: tuple[str, ...] = ()
    link: str = ""
    """Where the text leads: an anchor of the same page."""


@dataclass(frozen=True)
class Line:
    """One row; reference rows (no network) are set apart; others are compared with the ``default`` one."""

    cells: tuple[Cell, ...]
    reference: bool = False
    default: bool = False


@dataclass(frozen=True)
class Section:
    """Rows under a common heading, e.g. a data set."""

    lines: tuple[Line, ...]
    title: str = ""


@dataclass(frozen=True)
class View:
    """A table ready for any format. ``remarks`` stand under it, before the lettered ``notes``."""

    id: str
    title: str
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    notes: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    warning: str = ""
    """Stands above the table, e.g. that only a subset of the images was used."""
    relative: Literal["difference", "ratio"] = "difference"
    """How a row compares with another one: dB are subtracted, times divided."""


@dataclass
class Footnotes:
    """Hands out letters; the same text gets the same letter."""

    letters: dict[str, str] = field(default_factory=dict)

    def mark(self, text: str) -> str:
        """The letter of a footnote."""
        return self.letters.setdefault(text, _letter(len(self.letters)))

    def marks(self, *texts: str | None) -> tuple[str, ...]:
        """Letters of those texts that say something."""
        return tuple(dict.fromkeys(self.mark(t) for t in texts if t))

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        """(letter, text) in the order of appearance."""
        return tuple((letter, text) for text, letter in self.letters.items())


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign, a zero without one."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def _letter(index: int) -> str:
    """a … z, aa, ab, …"""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(ord("a") + rest) + text
    return text
