"""The words of the reproducibility page as validated data (``config/reproducibility.yaml``). Torch-free.

Ids refer to rows of the paper's tables, to ``published.yaml`` and ``claims.yaml``; numbers inside the words are
placeholders that are filled in from ``published.yaml`` and, for parameter counts, from results.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.config.plan import Plan
from bench.config.published import paper_table
from bench.config.spec import Tables
from bench.foundation import strict_yaml
from bench.foundation.errors import nearest
from bench.foundation.strict_model import Strict
from bench.foundation.strict_yaml import Document, Keys

FILES = ("reproducibility.yaml", "claims.yaml", "published.yaml", "tables.yaml", "study.yaml")
PARAMETERS = "parameters"
"""``{parameters/NAME}``: counted in the released weights NAME, known once a run has loaded them."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Choice(Strict):
    """A detail that the paper leaves open, what was chosen here, and the rows that hang on it."""

    paper: str
    here: str
    rows: tuple[str, ...] = ()


class ReleasedWeights(Strict):
    """The published rows that released weights can answer, each with a note or none."""

    rows: dict[str, str | None]


class TableWords(Strict):
    """What is to be said about one table of the paper."""

    open: tuple[Choice, ...] = ()
    contradictions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Entries of ``notes`` in ``published.yaml``."""
    claims: tuple[str, ...] = ()
    """Claims of ``claims.yaml`` that the paper's own tables do not settle."""


class Words(Strict):
    """``config/reproducibility.yaml``."""

    released: dict[str, ReleasedWeights]
    open: tuple[Choice, ...] = ()
    contradictions: tuple[str, ...] = ()
    tables: dict[str, TableWords]


@dataclass(frozen=True)
class Reproducibility:
    """The words, and the files that their ids refer to."""

    words: Words
    document: Document
    published: Mapping[str, Any]
    claims: Mapping[str, Any]
    tables: Tables

    @cached_property
    def numbers(self) -> dict[str, str]:
        """Every number that words may name, by placeholder, as it is printed."""
        found = {f"readme/{k}": f"{v:,}" for k, v in (self.published.get("readme_parameters") or {}).items()}
        for table in self.published.get("tables", {}):
            paper = paper_table(self.published["tables"], table)
            found |= {"/".join((table, *filter(None, keys))): f"{v:.2f}" for keys, v in paper.cells.items()}
            found |= {f"{table}/{row}/parameters": f"{count:,}" for row, count in paper.parameters.items()}
        return found

    def fill(self, text: str, counts: Mapping[str, int]) -> str:
        """The text with its numbers; a parameter count that no run has counted yet is a dash."""

        def number(match: re.Match[str]) -> str:
            kind, _, name = match[1].partition("/")
            if kind == PARAMETERS:
                return f"{counts[name]:,}" if name in counts else "– (not counted in this preset)"
            return self.numbers[match[1]]

        return _PLACEHOLDER.sub(number, text)

    def title(self, table: str) -> str:
        """A table of the paper by its number and title."""
        entry = self.tables.tables.get(table)
        return ": ".join(t for t in (entry.paper, entry.title) if t) if entry else table


def digest(plan: Plan) -> str:
    """Hash of the files behind the page; they are not parsed."""
    folder = plan.folder
    data = [p.read_bytes() for p in (folder / name for name in FILES) if p.is_file()] if folder else []
    return hashlib.sha256(b"\0".join(data)).hexdigest()[:12]


def load(plan: Plan) -> Reproducibility | None:
    """The words of a configuration folder, checked; None where it has no such file.

    Raises:
        BenchError: an unknown key or id, with file, line and the nearest valid one; a table of the paper without
            an entry.
    """
    folder = plan.folder
    if folder is None or not (folder / FILES[0]).is_file():
        return None
    document = strict_yaml.load(folder / FILES[0])
    claims = strict_yaml.load(folder / "claims.yaml").data.get("claims", {})
    found = Reproducibility(
        strict_yaml.validate(document, Words),
        document,
        strict_yaml.load(folder / "published.yaml").data,
        claims,
        strict_yaml.validate(strict_yaml.load(folder / "tables.yaml"), Tables),
    )
    _check(found)
    return found


def _check(found: Reproducibility) -> None:
    words, published = found.words, found.published["tables"]
    weights = {
        row.checkpoint.released
        for table in found.tables.tables.values()
        for row in table.rows.values()
        if row.checkpoint and row.checkpoint.released
    }
    cells = {f"{table}/{row}" for table in published for row in paper_table(published, table).rows}
    rows = cells | {f"{name}/{row}" for name, table in found.tables.tables.items() for row in table.rows}
    placeholders = {*found.numbers, *(f"{PARAMETERS}/{name}" for name in weights)}

    def known(name: str, allowed: set[str] | Mapping[str, Any], keys: Keys, what: str) -> None:
        if name not in allowed:
            raise found.document.error(keys, f"unknown {what} {name!r}{nearest(name, allowed)}")

    for name, entry in words.released.items():
        known(name, weights, ("released", name), "released weights")
        for row in entry.rows:
            known(row, cells, ("released", name, "rows", row), "published row")
    for table in words.tables:
        known(table, published, ("tables", table), "published table")
    for table in published:
        if table not in words.tables:
            raise found.document.error(("tables",), f"table {table!r} of published.yaml has no entry")
    parts: list[tuple[Keys, Words | TableWords]] = [((), words)]
    parts += [(("tables", table), entry) for table, entry in words.tables.items()]
    for keys, part in parts:
        for i, choice in enumerate(part.open):
            for j, row in enumerate(choice.rows):
                known(row, rows, (*keys, "open", i, "rows", j), "row")
        if isinstance(part, TableWords):
            for i, note in enumerate(part.notes):
                known(note, found.published.get("notes") or {}, (*keys, "notes", i), "note of published.yaml")
            for i, claim in enumerate(part.claims):
                known(claim, found.claims, (*keys, "claims", i), "claim")
        for where, text in _texts(part):
            for name in _PLACEHOLDER.findall(text):
                known(name, placeholders, (*keys, *where), "number")


def _texts(part: Words | TableWords) -> Iterator[tuple[Keys, str]]:
    for i, choice in enumerate(part.open):
        yield ("open", i, "paper"), choice.paper
        yield ("open", i, "here"), choice.here
    for i, text in enumerate(part.contradictions):
        yield ("contradictions", i), text
