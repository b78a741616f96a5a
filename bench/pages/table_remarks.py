"""The lines under a table: protocol, images, training here, what bold means, the table's own note, the paper's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.config import study
from bench.config.plan import Plan
from bench.config.published import published_table
from bench.results import captions
from bench.results.ranking import Best
from bench.results.records import Record, tests_of
from bench.results.tidy import Results
from bench.results.view import View


def remarks(
    plan: Plan, results: Results, table: str, records: Sequence[Record], best: Mapping[Any, Best]
) -> tuple[str, ...]:
    """The remarks that apply, in their order.

    Args:
        plan: that has the table.
        results: that it is made of.
        table: its id.
        records: its tidy rows.
        best: by column, the rows that are marked.
    """
    tests, paper = tests_of(plan, table), published_table(plan, table)
    known = set(results.runs["run"])  # the caption names no row of which nothing is there yet
    rows = [(row.label, [r for r in row.runs if r.train and r.id in known]) for row in plan.rows[table]]
    trained = [run for _, runs in rows for run in runs]
    data = captions.data_text(results, tests)
    if any(r.sd is not None for r in records):
        data += " ± is the standard deviation over training seeds, not over images."
    training = (captions.budget_text(rows), captions.options_text(plan, table, trained))
    bold = ""
    if any(marked.rows for marked in best.values()):
        bold = "Bold: best mean of a column."
        if any(marked.unranked for marked in best.values()):
            bold += " Where the best or the next row has fewer than three seeds there is no verdict: no ranking."
        if any(marked.note for marked in best.values()):
            how = "in pairs" if study.of(plan).design(plan.tables[table]) == "paired" else "Welch"
            bold += f" After a lead: its 95% interval over training seeds ({how})."
    published = f"In italics: the paper's own numbers. {paper.note or ''}".strip()
    lines = (
        captions.protocol_text(t.protocol for t in tests),
        data,
        " ".join(text for text in training if text),
        bold,
        plan.tables[table].note,
        published if paper.columns else "The paper has no such table.",
    )
    return tuple(line for line in lines if line)


def said_once(view: View, said: dict[str, str]) -> View:
    """A table on a page of many: lines on protocol and training that stand under an earlier one refer to it.

    Args:
        view: the table.
        said: such a line to the title of the table under which it stands; this table's are added.
    """
    lines: dict[str, list[str]] = {}  # what is referred to, by the table that says it; a line of its own: by itself
    for line in view.remarks:
        shared = line.startswith(("Protocol ", "Trained here:"))
        where = said.setdefault(line, view.title) if shared else view.title
        heads = re.findall(r"Protocol [^:]+(?=:)", line) or [line.partition(":")[0]]
        lines.setdefault(line if where == view.title else where, []).extend(heads)
    texts = (key if key in view.remarks else f"{'; '.join(heads)}: as under “{key}”." for key, heads in lines.items())
    return replace(view, remarks=tuple(texts))
