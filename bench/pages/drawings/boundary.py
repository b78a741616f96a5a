"""Circular against natural blur: what the middle of the image gains, and how it looks."""

from __future__ import annotations

from typing import Any

from bench.pages.drawings.crops import show
from bench.results.captions import dataset_name, protocol_text
from bench.results.findings import Findings, columns, image_text, line, network_label
from bench.results.view import Section, View, signed

CIRCULAR, NATURAL = "deblur-circular", "deblur-natural"


def means(found: Findings) -> Any:
    """Mean PSNR over the photographs by (network, kernel): columns input, circular, natural (dB)."""
    frame = found.frame.assign(kind=found.frame["protocol"].str.extract(f"({CIRCULAR}|{NATURAL})")[0])
    by_kind = frame.pivot_table(index=["network", "kernel"], columns="kind", values=["psnr_input", "psnr"], sort=False)
    return by_kind.set_axis([f"{value} {kind}" for value, kind in by_kind.columns], axis=1).assign(
        input=lambda t: t[f"psnr_input {CIRCULAR}"],
        circular=lambda t: t[f"psnr {CIRCULAR}"],
        natural=lambda t: t[f"psnr {NATURAL}"],
    )[["input", "circular", "natural"]]


def worst(found: Findings) -> tuple[str, str]:
    """(image, kernel) of the largest fall from circular to natural of any network."""
    keys = ["network", "image", "kernel"]
    pairs = found.frame.assign(natural=found.frame["protocol"].str.startswith(NATURAL)).pivot(
        index=keys, columns="natural", values="psnr"
    )
    _, image, kernel = (pairs[False] - pairs[True]).idxmax()
    return str(image), str(kernel)


def draw(found: Findings) -> Any:
    """Above: a panel per network, mean gain by kernel; below: the worst case's middle."""
    from matplotlib import pyplot as plt

    table = means(found)
    networks = list(dict.fromkeys(found.frame["network"]))
    figure = plt.figure(figsize=(10.2, 5.6), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=[1.15, 1])
    top, bottom = halves
    cells = top.subplots(1, len(networks), sharey=True, squeeze=False)[0]
    for cell, network in zip(cells, networks, strict=True):
        rows = table.loc[network]
        places = range(len(rows))
        for shift, name, style in (
            (-0.2, "circular", {"color": "white", "hatch": "//"}),
            (0.2, "natural", {"color": "#7F7F7F"}),
        ):
            gain = rows[name] - rows["input"]
            drawn = cell.bar([p + shift for p in places], gain, 0.38, edgecolor="black", label=f"{name} blur", **style)
            cell.bar_label(drawn, fmt="%+.1f", fontsize=8, padding=2)
        cell.axhline(0, color="black", linewidth=0.9)
        cell.set_xticks(list(places), list(rows.index))
        cell.set_title(network_label(network))
        cell.margins(y=0.14)
        cell.grid(visible=False, axis="x")
    cells[0].set_ylabel("restored minus input, core (dB)")
    cells[0].legend(fontsize=8.5)
    image, kernel = worst(found)
    part = found.frame[(found.frame["image"] == image) & (found.frame["kernel"] == kernel)]
    names = {p.rpartition("-")[0]: p for p in part["protocol"]}
    side = int(part["core"].iloc[0])
    first = (networks[0], image, kernel)
    clean = found.picture(first, "clean")
    box = ((clean.shape[0] - side) // 2, (clean.shape[1] - side) // 2, side, side)
    tiles = bottom.subplots(1, 2 + 2 * len(networks), squeeze=False)[0]
    show(tiles[0], clean, "clean\n", box=box)
    row = part[part["protocol"] == names[NATURAL]].iloc[0]
    show(tiles[1], found.picture(first, f"{names[NATURAL]} input"), f"natural blur\n{row.psnr_input:.1f} dB", box=box)
    for i, network in enumerate(networks):
        for j, kind in enumerate((CIRCULAR, NATURAL)):
            score = part[(part["network"] == network) & (part["protocol"] == names[kind])]["psnr"].iloc[0]
            title = f"{network_label(network)},\n{kind.removeprefix('deblur-')}: {score:.1f} dB"
            show(
                tiles[2 + 2 * i + j], found.picture((network, image, kernel), f"{names[kind]} restored"), title, box=box
            )
    return figure


def caption(found: Findings) -> str:
    """What is scored, which images, which rule."""
    row = found.frame.iloc[0]
    count = found.frame["image"].nunique()
    image, kernel = worst(found)
    return (
        f"The first {count} photographs of {dataset_name(row.dataset)}, {row.side}×{row.side} central crops, blurred "
        f"circularly or as a photograph is; PSNR of the central {row.core}×{row.core} pixels, restored minus input, "
        "mean over "
        f"the photographs. Below, that core in the case with the largest fall: {image_text(row.dataset, image)}, "
        f"{kernel}. {protocol_text(list(found.frame['protocol']))} (Here the core alone is scored.)"
    )


def explanation(found: Findings) -> list[str]:
    """How much comes through the boundary, and why it reaches the middle."""
    table = means(found)
    parts = []
    for network in dict.fromkeys(found.frame["network"]):
        fall = (table.loc[network, "circular"] - table.loc[network, "natural"]).sort_values()
        below = table.loc[network][table.loc[network, "natural"] < table.loc[network, "input"]]
        text = f"{network_label(network)}: from {signed(-fall.iloc[0])} dB ({fall.index[0]})"
        text += f" to {signed(-fall.iloc[-1])} dB ({fall.index[-1]}) when the blur is natural instead of circular"
        text += f"; below its own input with {', '.join(below.index)}" if len(below) else ""
        parts.append(text)
    return [
        f"{'. '.join(parts)}.",
        "Reasons. Every inverse here is circular: it takes the left border for the neighbour of the right one. Blurred "
        "circularly, that is true, and the seam can be undone. In a photograph the two sides do not fit: the seam is "
        "an edge that no blur of a periodic image can have produced, it holds energy at all frequencies, and at those "
        "that the kernel suppresses G multiplies it by up to 1/(2√λ). Since such a G is narrow in frequency its "
        "impulse response is long, and the error rings into the middle of the image. So part of the published "
        "deblurring gain rests on a blur that is circular exactly like the operator.",
    ]


def view(found: Findings) -> View:
    """Means by network and kernel."""
    heads = columns(("kernel", "label", ""), ("blurred input", "measured", "core PSNR (dB)"),
                    ("circular", "measured", "core PSNR (dB)"), ("natural", "measured", "core PSNR (dB)"),
                    ("natural − circular", "measured", "core PSNR (dB)"))  # fmt: skip
    table = means(found)
    sections = []
    for network in dict.fromkeys(found.frame["network"]):
        lines = [
            line(
                str(r.Index),
                f"{r.input:.2f}",
                f"{r.circular:.2f}",
                f"{r.natural:.2f}",
                signed(r.natural - r.circular),
            )
            for r in table.loc[network].itertuples()
        ]
        sections.append(Section(tuple(lines), network_label(network)))
    count = found.frame["image"].nunique()
    remarks = [f"Means over {count} photographs.", protocol_text(list(found.frame["protocol"]))]
    return found.view(heads, sections, remarks)
