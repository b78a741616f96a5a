"""Share of the energy that each upsampler puts at the stride's frequency, seed by seed."""

from __future__ import annotations

from typing import Any

from bench.pages.drawings.half_page import panels
from bench.results.findings import Findings, columns, line, network_label
from bench.results.view import Section, View

NOTHING = -250.0
"""dB below which the share is rounding."""


def draw(found: Findings) -> Any:
    """A panel per kind of image, a line per upsampler, a mark per seed."""
    images = list(dict.fromkeys(found.frame["image"]))
    names = list(dict.fromkeys(found.frame["upsampler"]))
    figure, axes = panels(len(images), [network_label(n) for n in names])
    for axis, image in zip(axes, images, strict=True):
        part = found.frame[found.frame["image"] == image]
        for y, name in enumerate(names):
            values = part.loc[part["upsampler"] == name, "share_db"]
            axis.plot(values, [y] * len(values), "|", color="black", markersize=8, mew=1.0)
        axis.set_title(image, loc="left")
    figure.supxlabel("energy at the stride's frequency (dB of all energy)", fontsize=8)
    return figure


def caption(found: Findings) -> str:
    """What a mark is."""
    seeds = found.frame["seed"].nunique()
    return (
        "Upsamplers ×2 as Table 6 builds them, at initialisation: share of the output's energy at half a cycle per "
        f"pixel, where the phases of a stride of 2 differ; each mark is one of {seeds} initial seeds. Scales differ."
    )


def explanation(found: Findings) -> list[str]:
    """Who leaves what on a constant image."""
    flat = found.frame[found.frame["image"] == "constant"].groupby("upsampler", sort=False)["share_db"].mean()
    words = [f"{name} {'none' if value < NOTHING else f'{value:.0f} dB'}" for name, value in flat.items()]
    return [
        f"On a constant image, mean over seeds: {', '.join(words)}. A constant has no energy there, so all of it is "
        "the upsampler's own checkerboard; training may remove it or not, which only trained networks tell. "
        "Pairs of equal pixels, as nearest-neighbour interpolation makes them, have nothing at this frequency; the "
        "reverse convolution starts as just that: with a 2×2 kernel of sum 1 and X0 = nearest its residual is zero."
    ]


def view(found: Findings) -> View:
    """Mean over seeds by upsampler and kind of image."""
    images = list(dict.fromkeys(found.frame["image"]))
    heads = columns(("upsampler", "label", ""), *((image, "count", "share (dB)") for image in images))
    table = found.frame.groupby(["upsampler", "image"], sort=False)["share_db"].mean().unstack()[images]
    lines = [line(str(name), *(f"{value:.1f}" for value in row)) for name, row in table.iterrows()]
    return found.view(heads, [Section(tuple(lines))], ["Mean over seeds, at initialisation."])
