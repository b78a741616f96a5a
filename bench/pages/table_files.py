"""A table as the three texts that it is kept in."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from bench.config import layout
from bench.config.plan import Plan
from bench.foundation import atomic
from bench.pages import formats
from bench.pages.table_view import table_view
from bench.results.reading import csv_text
from bench.results.record_frame import records_frame
from bench.results.throughput_ratios import throughput_frame
from bench.results.throughput_table import throughput_views
from bench.results.tidy import Results


def table_texts(plan: Plan, results: Results, name: str, *, complete: bool) -> Mapping[str, str]:
    """Markdown, LaTeX and tidy CSV by suffix.

    Args:
        plan: whose table.
        results: what is known of it.
        name: a table of the plan, or `bench.config.layout.THROUGHPUT`.
        complete: whether nothing is missing; otherwise the table says so above its rows.

    Raises:
        BenchError: a table that mixes protocols.
    """
    if name == layout.THROUGHPUT:
        views, frame = throughput_views(results), throughput_frame(results.throughput)
    else:
        view, frame = table_view(plan, results, name), records_frame(plan, results, name)
        if not complete:
            view = dataclasses.replace(view, warning=f"{view.warning} Incomplete: results are missing.".strip())
        views = [view]
    return {
        ".md": "\n".join(formats.markdown(v) for v in views) or "Not timed yet.\n",
        ".tex": "\n".join(formats.latex(v) for v in views),
        ".csv": csv_text(frame),
    }


def write_texts(stem: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write them beside each other."""
    paths = [stem.with_suffix(suffix) for suffix in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        atomic.write_bytes(path, text.encode())
    return paths
