"""Re-convolution error along each released network, a mark per photograph."""

from __future__ import annotations

from typing import Any

from bench.pages.drawings.half_page import SIZES, WIDTH
from bench.results.captions import dataset_name, protocol_text
from bench.results.findings import Findings, columns, line, network_label
from bench.results.view import Section, View


def draw(found: Findings) -> Any:
    """A panel per network: error against the layer's place, logarithmic; a mark per photograph."""
    from matplotlib import pyplot as plt

    networks = list(dict.fromkeys(found.frame["network"]))
    rows = -(-len(networks) // 2)
    with plt.rc_context(SIZES):
        figure, axes = plt.subplots(
            rows, 2, figsize=(WIDTH, 1.35 * rows + 0.3), sharey=True, squeeze=False, layout="constrained"
        )
        for axis in list(axes.flat)[len(networks) :]:
            axis.set_visible(False)
        for axis, network in zip(axes.flat, networks, strict=False):
            part = found.frame[found.frame["network"] == network]
            places = {layer: i + 1 for i, layer in enumerate(dict.fromkeys(part["layer"]))}
            axis.plot(part["layer"].map(places), part["error"], "_", color="black", markersize=5, mew=0.9)
            axis.set_yscale("log")
            axis.set_title(network_label(network), loc="left", fontsize=7)
            axis.locator_params(axis="x", nbins=5, integer=True)
            axis.margins(x=0.08)
    figure.supxlabel("reverse convolution, in the order of the network", fontsize=7.5)
    figure.supylabel("‖Y − X* ⊗ K‖ / ‖Y‖", fontsize=7.5)
    return figure


def caption(found: Findings) -> str:
    """What a mark is."""
    sets = " and ".join(dataset_name(d) for d in dict.fromkeys(found.frame["dataset"]))
    return (
        "Every reverse convolution of the released networks on photographs: how much of its input Y is lost when its "
        f"result X* is convolved (and sampled) again. Each mark is one photograph of {sets}. "
        f"{protocol_text(list(found.frame['protocol']))}"
    )


def explanation(found: Findings) -> list[str]:
    """How well X* explains Y, and what that does not say."""
    by_layer = found.frame.groupby(["network", "layer"], sort=False)["error"].mean()
    network, layer = by_layer.idxmax()
    return [
        f"Median over all layers {by_layer.median():.1e}; the largest, {by_layer.max():.1e}, is {layer} of "
        f"{network_label(str(network))}. A small error says that X* is a solution of the layer's own equation, and a "
        "large one that λ, or a kernel that removes frequencies, keeps X* near its start X0. It does not say that X* "
        "has more detail than a trained convolution's output: that is a matter of the scores."
    ]


def view(found: Findings) -> View:
    """Smallest, median and largest error of each network's layers, means over photographs."""
    heads = columns(
        ("network", "label", ""), ("layers", "count", ""), ("photographs", "count", ""),
        ("median λ", "measured", ""), ("smallest", "measured", "error"), ("median", "measured", "error"),
        ("largest", "measured", "error"),
    )  # fmt: skip
    lines = []
    for network, part in found.frame.groupby("network", sort=False):
        error = part.groupby("layer", sort=False)["error"].mean()
        numbers = (part["lam"].median(), error.min(), error.median(), error.max())
        counts = (str(len(error)), str(part["image"].nunique()))
        lines.append(line(network_label(str(network)), *counts, *(f"{x:.1e}" for x in numbers)))
    return found.view(heads, [Section(tuple(lines))], ["Mean over photographs, layer by layer."])
