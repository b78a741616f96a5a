"""What is claimed, as data: ``config/claims.yaml``, one entry per claim, validated by its kind. Torch-free.

A claim about rows of a table needs nothing but its entry, a plugin's too. A *property* has a test of its own,
which stands in ``bench/results/verdicts/properties`` under the claim's id; a *picture* is shown.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bench.foundation import strict_yaml
from bench.foundation.errors import nearest
from bench.foundation.strict_model import Strict

Margin = Annotated[float, Field(gt=0)]
Pair = tuple[str, str]


class _Words(Strict):
    """What every entry may say."""

    kind: str
    words: str | None = None
    """The paper's words, or where they stand."""
    published: dict[str, float | list[float]] | str | None = None
    """The paper's own difference (dB) by data set."""
    own_table: str | None = None
    """Whether the paper's own table bears the claim out."""
    note: str | None = None
    figure: int | None = None
    """Figure of the paper."""


class _AboutRows(_Words):
    """A claim that rows of one table decide."""

    table: str

    @property
    @abstractmethod
    def pairs(self) -> tuple[Pair, ...]:
        """Every comparison that must pass: its first row minus its second one."""

    @property
    @abstractmethod
    def sentence(self) -> str:
        """The claim in one sentence of rows."""

    @property
    def row_ids(self) -> tuple[str, ...]:
        """The rows that take part."""
        return tuple(dict.fromkeys(row for pair in self.pairs for row in pair))


class Order(_AboutRows):
    """Every row of ``better`` is better than every row of ``worse``."""

    better: str | list[str]
    worse: list[str]

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All of ``better`` × ``worse``."""
        return tuple(product([self.better] if isinstance(self.better, str) else self.better, self.worse))

    @property
    def sentence(self) -> str:
        """A is better than B and C."""
        better = [self.better] if isinstance(self.better, str) else self.better
        return f"{_and(better)} {'is' if len(better) == 1 else 'are'} better than {_and(self.worse)}"


class Equivalence(_AboutRows):
    """All rows lie within the margin of each other: two one-sided tests for every pair."""

    within: Margin
    rows: Annotated[list[str], Field(min_length=2)]

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All pairs of rows."""
        return tuple(combinations(self.rows, 2))

    @property
    def sentence(self) -> str:
        """A and B are the same within the margin."""
        return f"{_and(self.rows)} are the same within {self.within:g} dB"


class NonInferiority(_AboutRows):
    """``candidate`` is worse than none of ``against`` by the margin or more: one one-sided test each."""

    within: Margin
    candidate: str
    against: list[str]

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """``candidate`` and each of ``against``."""
        return tuple((self.candidate, other) for other in self.against)

    @property
    def sentence(self) -> str:
        """A is not worse than B and C by the margin."""
        return f"{self.candidate} is not worse than {_and(self.against)} by {self.within:g} dB"


class Property(_Words):
    """A property with a test and a number of its own."""

    words: str
    test: str | None = None

    @property
    def sentence(self) -> str:
        """The words themselves."""
        return self.words


class Picture(_Words):
    """Something to be looked at."""

    figure: int

    @property
    def sentence(self) -> str:
        """Which figure."""
        return self.words or f"figure {self.figure} of the paper"


RowClaim = Order | Equivalence | NonInferiority
Claim = RowClaim | Property | Picture
KINDS: dict[str, type[Order | Equivalence | NonInferiority | Property | Picture]] = {
    "order": Order,
    "equivalence": Equivalence,
    "non_inferiority": NonInferiority,
    "property": Property,
    "picture": Picture,
}


class _File(Strict):
    claims: dict[str, dict[str, object]]


@dataclass(frozen=True)
class Claims:
    """The claims by id, in the order of the file, and the file itself for messages."""

    by_id: Mapping[str, Claim] = field(default_factory=dict)
    document: strict_yaml.Document | None = None

    def check_rows(self, rows: Mapping[str, tuple[str, ...]]) -> None:
        """Every table and row that a claim names exists.

        Args:
            rows: row ids by table.

        Raises:
            BenchError: an unknown table or row, with file, line and nearest name.
        """
        for name, claim in self.by_id.items():
            if not isinstance(claim, RowClaim):
                continue
            assert self.document is not None
            if claim.table not in rows:
                hint = nearest(claim.table, rows)
                raise self.document.error(("claims", name, "table"), f"unknown table {claim.table!r}{hint}")
            for row in claim.row_ids:
                if row not in rows[claim.table]:
                    hint = nearest(row, rows[claim.table])
                    raise self.document.error(("claims", name), f"{name}: table {claim.table} has no row {row!r}{hint}")


def load(folder: Path) -> Claims:
    """The claims of a configuration folder; none where it has no such file.

    Raises:
        BenchError: an unknown kind, a key that the kind does not have, or a value that is not valid, with file
            and line.
    """
    path = folder / "claims.yaml"
    if not path.is_file():
        return Claims()
    document = strict_yaml.load(path)
    found: dict[str, Claim] = {}
    for name, entry in strict_yaml.validate(document, _File).claims.items():
        at = ("claims", name)
        kind = str(entry.get("kind"))
        if kind not in KINDS:
            allowed = ", ".join(KINDS)
            raise document.error(at, f"{name}: unknown kind {kind!r}{nearest(kind, KINDS)} (allowed: {allowed})")
        found[name] = strict_yaml.validate(document, KINDS[kind], entry, at)
    return Claims(found, document)


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
