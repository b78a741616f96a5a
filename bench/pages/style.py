"""How figures look: one theme, and marks that survive a grayscale print and colour blindness.

Colours are Okabe and Ito's, ordered so that neighbours differ in lightness; every series differs by marker and
line style as well, so that no figure depends on colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COLORS = ("#000000", "#E69F00", "#0072B2", "#CC79A7", "#009E73", "#D55E00", "#56B4E9", "#7F7F7F")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES: tuple[Any, ...] = (
    "-",
    "--",
    "-.",
    ":",
    (0, (5, 1, 1, 1, 1, 1)),
    (0, (7, 2)),
    (0, (3, 1)),
    (0, (1, 1)),
)
DPI = 160


@dataclass(frozen=True)
class Look:
    """Marks of one series."""

    color: str
    marker: str
    line: Any


def looks(labels: Sequence[str]) -> dict[str, Look]:
    """A look for every label, in order; the palette repeats after eight."""
    tables = (COLORS, MARKERS, LINES)
    return {label: Look(*(table[i % len(table)] for table in tables)) for i, label in enumerate(labels)}


@contextmanager
def theme() -> Iterator[None]:
    """Seaborn's white theme with our font sizes, and the backend that needs no display."""
    import matplotlib

    matplotlib.use("Agg")
    import seaborn as sns

    rc: dict[str, Any] = {
        "font.size": 10,
        "axes.titlesize": 10,
        "axes.labelsize": 10,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.fontsize": 9,
        "legend.frameon": False,
        "axes.linewidth": 0.8,
        "grid.linewidth": 0.5,
        "grid.color": "#dddddd",
        "font.family": "DejaVu Sans",
        "pdf.fonttype": 42,
        "svg.hashsalt": "bench",
    }
    settings: Any = {**sns.plotting_context("paper"), **rc}
    with sns.axes_style("whitegrid"), matplotlib.rc_context(settings):
        yield


def save(figure: Any, stem: Path) -> list[Path]:
    """PNG and PDF, whole or not at all, with the same bytes every time."""
    import io

    from matplotlib import pyplot as plt

    from bench.foundation import atomic

    paths = []
    try:
        for suffix, extra in ((".png", {}), (".pdf", {"metadata": {"CreationDate": None}})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=suffix[1:], dpi=DPI, bbox_inches="tight", pad_inches=0.08, **extra)
            path = stem.with_suffix(suffix)
            atomic.write_bytes(path, buffer.getvalue())
            paths.append(path)
    finally:
        plt.close(figure)
    return paths
