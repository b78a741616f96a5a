"""Restorations to look at on the page: two at a time in one frame, pixel by pixel (``templates/page.js``)."""

from __future__ import annotations

from dataclasses import dataclass

from bench.config.plan import Plan
from bench.pages.attached import Attached, png
from bench.pages.drawings.visual import comparison, window
from bench.results.tidy import Results

SIDE = 192
"""Largest side in pixels of what is embedded: a page of ten tables stays a few megabytes."""


@dataclass(frozen=True)
class Shown:
    """One image that can be chosen."""

    words: str
    image: Attached


@dataclass(frozen=True)
class Viewer:
    """The clean image first, then the rows in the table's order; ``start`` is the one first seen on the right."""

    id: str
    name: str
    width: int
    images: tuple[Shown, ...]
    start: int


def viewer(plan: Plan, results: Results, table: str) -> Viewer:
    """The busiest window of the image that the figure ``visual`` of the table shows.

    Raises:
        BenchError: no row has a restored image, or one does not fit the clean image.
    """
    found = comparison(plan, results, table)
    top, left, height, width = window(found.clean, SIDE)
    part = (slice(top, top + height), slice(left, left + width))
    shown = [Shown("clean", png("clean", found.clean[part]))]
    shown += [Shown(f"{t.label}, {t.psnr:.2f} dB", png(t.label, t.image[part])) for t in found.tiles]
    default = [row.label for row in plan.rows[table] if row.id == plan.tables[table].default]
    labels = [t.label for t in found.tiles]
    start = 1 + labels.index(default[0]) if default and default[0] in labels else len(labels)
    return Viewer(f"{table}-viewer", found.name, width, tuple(shown), start)
