"""Responses of the layers: gain by frequency, energy of the impulse response by radius, largest gain by size."""

from __future__ import annotations

from typing import Any

from bench.results.findings import Findings, columns, line, network_label
from bench.results.view import Section, View

SHADES = ("#bbbbbb", "#888888", "#444444", "#000000")


def values(found: Findings, network: str, quantity: str, statistic: str) -> Any:
    """(order, layer, size, at, value) of one quantity of one network."""
    frame = found.frame
    chosen = (frame["network"] == network) & (frame["quantity"] == quantity) & (frame["statistic"] == statistic)
    return frame.loc[chosen, ["order", "layer", "size", "at", "value"]]


def draw(found: Findings) -> Any:
    """A column per network, three rows."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt
    from matplotlib.ticker import NullLocator

    networks = list(dict.fromkeys(found.frame["network"]))
    figure, axes = plt.subplots(3, len(networks), figsize=(2.75 * len(networks), 7.6), sharey="row", squeeze=False,
                                layout="constrained")  # fmt: skip
    for (gain, tail, largest), network in zip(axes.T, networks, strict=True):
        gain.set_title(network_label(network))
        layers = values(found, network, "gain", "median")
        depth = mpl.colormaps["viridis"].resampled(max(layers["order"].max() + 1, 2))
        for order, part in layers.groupby("order"):
            gain.plot(part["at"], part["value"], color=depth(int(order)), linewidth=0.9)
        top = values(found, network, "gain", "max").groupby("at")["value"].max()
        gain.plot(top.index, top, "--", color="black", linewidth=1.1)
        gain.set_yscale("log")
        gain.set_xlabel("frequency (cycles / pixel)")
        tails = values(found, network, "tail", "q90")
        for (size, part), shade in zip(
            tails[(tails["at"] > 0) & (tails["at"] < 0.45 * tails["size"])].groupby("size"), SHADES, strict=False
        ):
            middle = part.groupby("at")["value"].quantile(0.9)
            tail.plot(
                middle.index,
                middle.clip(lower=1e-12),
                "-o",
                color=shade,
                markersize=2.5,
                linewidth=1.2,
                label=f"{size:.0f}",
            )
        tail.set_xscale("log", base=2)
        tail.set_yscale("log")
        tail.set_ylim(1e-8, 1.5)
        tail.set_xlabel("radius (pixels)")
        gains = values(found, network, "max_gain", "max")
        for order, part in gains.groupby("order"):
            largest.plot(part["size"], part["value"], color=depth(int(order)), marker="o", markersize=2, linewidth=0.9)
        bound = values(found, network, "bound", "max")["value"].max()
        largest.axhline(bound, color="black", linestyle="--", linewidth=1.1)
        largest.set_xscale("log", base=2)
        largest.set_yscale("log")
        sizes = sorted(gains["size"].unique())
        largest.set_xticks(sizes, [f"{s:.0f}" for s in sizes])
        largest.xaxis.set_minor_locator(NullLocator())
        largest.set_xlabel("side of the map (pixels)")
    axes[0, 0].set_ylabel("|G|")
    axes[1, 0].set_ylabel("energy outside the radius")
    axes[1, 0].legend(title="side of the map", fontsize=7.5, title_fontsize=7.5)
    axes[2, 0].set_ylabel("largest |G| of a layer")
    return figure


def caption(found: Findings) -> str:
    """What each row of panels shows."""
    size = found.spec.settings["profile"]
    return (
        "Every Converse layer of the released networks at stride 1 (for the non-blind network its data steps too). "
        "Above: |G| "
        f"on maps of {size}×{size}, mean over rings of equal frequency; a line per layer (median over its channels, "
        "first layer dark, last one bright), dashed the largest channel of any layer. Middle: share of the impulse "
        "response's energy outside a square of the given radius, for maps of growing size (upper decile of channels, "
        "then of layers). Below: the largest |G| over frequencies and channels of each layer, by the size of the map; "
        "dashed the bound (1 + √(1 + 1/λ))/2 for the smallest λ. Maps are padded as the layer pads them."
    )


def _summary(found: Findings, network: str) -> dict[str, Any]:
    def of(quantity: str, statistic: str) -> Any:
        return values(found, network, quantity, statistic)

    gains = of("max_gain", "max").groupby("size")["value"]
    typical = of("max_gain", "median").groupby("size")["value"].median()
    return {
        "layers": len(of("channels", "mean")),
        "kernels": "/".join(f"{k:.0f}" for k in sorted(of("kernel_size", "mean")["value"].unique(), reverse=True)),
        "negative": of("negative_taps", "mean")["value"].mean(),
        "lam": (
            of("lam", "min")["value"].min(),
            of("lam", "median")["value"].median(),
            of("lam", "max")["value"].max(),
        ),
        "bound": of("bound", "max")["value"].max(),
        "gain": gains.max(),
        "typical": typical,
        "otf": of("min_otf", "min").groupby("size")["value"].min(),
        "reach": of("reach", "median").groupby("size")["value"].median(),
        "far": of("reach", "max").groupby("size")["value"].max(),
    }


def explanation(found: Findings) -> list[str]:
    """The formula's extremes, and how near each network comes to them."""
    share = found.spec.settings["outside"]
    texts = [
        "G = (conj(F) + λ)/(|F|² + λ). Where the kernel passes a frequency, |F|² ≫ λ, the layer inverts it: G ≈ 1/F. "
        "At a null, F = 0, it leaves the frequency as it is: G = 1. Between the two, at F ≈ √λ, |G| has its largest "
        "value, about 1/(2√λ): some tens for λ near 10⁻⁴. That happens in patches of frequencies about √λ/|∇F| wide, "
        "so how much of them a map meets depends on its grid: the smallest |F| falls with the size, and the largest "
        "|G| rises until some channel reaches the bound. A patch narrow in frequency is a tail long in space: where "
        "small maps are shorter than the tail, it wraps around, and the layer is another filter there than on a large "
        "map."
    ]
    for network in dict.fromkeys(found.frame["network"]):
        s = _summary(found, network)
        sizes = list(s["gain"].index)
        first, last = sizes[0], sizes[-1]
        texts.append(
            f"{network_label(network)}: largest gain {s['gain'][first]:.1f} on maps of {first:.0f} and "
            f"{s['gain'][last]:.1f} on "
            f"{last:.0f} (bound {s['bound']:.0f}); smallest |F| {s['otf'][first]:.1e} and {s['otf'][last]:.1e}; "
            f"{1 - share:.0%} of the median channel's impulse response lies within {s['reach'][last]:.0f} pixels, of "
            "the worst "
            f"channel's within {s['far'][last]:.0f}; {s['negative']:.0%} of the taps are negative."
        )
    return texts


def view(found: Findings) -> View:
    """A line per network and size."""
    heads = columns(
        ("network", "label", ""),
        *((name, "count", "") for name in ("layers", "k")),
        *((name, "measured", "") for name in ("negative taps", "λ: min, median, max")),
        ("map", "label", ""),
        *((name, "measured", "largest |G|") for name in ("median channel", "worst channel")),
        ("bound", "count", "largest |G|"),
        ("smallest |F|", "measured", ""),
        *((name, "measured", "reach (pixels)") for name in ("median", "worst")),
    )
    lines = []
    for network in dict.fromkeys(found.frame["network"]):
        s = _summary(found, network)
        lams = ", ".join(f"{x:.1e}" for x in s["lam"])
        for i, size in enumerate(s["gain"].index):
            head = (
                [network_label(network), str(s["layers"]), s["kernels"], f"{s['negative']:.0%}", lams]
                if i == 0
                else [""] * 5
            )
            numbers = [
                f"{s['typical'][size]:.2f}",
                f"{s['gain'][size]:.1f}",
                f"{s['bound']:.0f}",
                f"{s['otf'][size]:.1e}",
            ]
            lines.append(line(*head, f"{size:.0f}²", *numbers, f"{s['reach'][size]:.0f}", f"{s['far'][size]:.0f}"))
    share = found.spec.settings["outside"]
    remarks = [
        f"Reach: smallest radius of a square with at most {share:.0%} of the impulse response's energy outside. Worst: "
        "over all channels and layers. Upsamplers are in the taps and λ only. Every layer by itself stands in the tidy "
        "table."
    ]
    return found.view(heads, [Section(tuple(lines))], remarks)
