"""Fig. 4 of the paper: the noise ramp on the butterfly, and the border band against the interior."""

from __future__ import annotations

from typing import Any

from bench.pages.drawings.crops import frame, show
from bench.results.captions import protocol_text
from bench.results.findings import Findings, columns, image_text, line, network_label
from bench.results.view import Section, View

SIDE = 64
"""Side of the crops: at the middle of the height, in the left, middle and right third."""


def draw(found: Findings) -> Any:
    """Noisy, restored and clean image, three crops of each, and PSNR by region."""
    from matplotlib import pyplot as plt

    network = str(found.frame["network"].iloc[0])
    images = {name: found.picture((network,), name) for name in ("input", "restored", "clean")}
    height, width = images["clean"].shape[:2]
    side = min(SIDE, height, width)
    top = (height - side) // 2
    boxes = [(top, int(left), side, side) for left in (0, (width - side) // 2, width - side)]
    whole = found.frame[found.frame["region"] == "whole image"].iloc[0]
    names = {"input": f"noisy, {whole.psnr_input:.2f} dB", "restored": f"restored, {whole.psnr:.2f} dB"}
    figure = plt.figure(figsize=(10.6, 5.4), layout="constrained")
    halves: Any = figure.subfigures(1, 2, width_ratios=[2.6, 1])
    axes = halves[0].subplots(3, 4)
    plot, bars = halves[1].subplots(2, 1)
    for cells, (name, image) in zip(axes, images.items(), strict=True):
        show(cells[0], image, names.get(name, name))
        for cell, box in zip(cells[1:], boxes, strict=True):
            frame(cells[0], box)
            show(cell, image, box=box)
    for cell, word in zip(axes[0, 1:], ("left", "middle", "right"), strict=True):
        cell.set_title(f"{word} crop", fontsize=8.5)
    strips = found.frame[found.frame["region"].str.startswith("strip")]
    plot.plot(strips["sigma"], strips["psnr_input"], "--s", color="#7F7F7F", label="noisy", markersize=4)
    plot.plot(strips["sigma"], strips["psnr"], "-o", color="black", label="restored", markersize=4)
    plot.axvline(25, color="#7F7F7F", linewidth=0.8, linestyle=":")
    plot.set_xlabel("noise level σ of the strip (trained: 25)", fontsize=8)
    plot.set_ylabel("PSNR (dB)", fontsize=8)
    plot.tick_params(labelsize=8)
    plot.legend(fontsize=8)
    regions = found.frame[~found.frame["region"].str.startswith("strip")]
    places = range(len(regions))
    bars.barh([p + 0.2 for p in places], regions["psnr_input"], 0.38, color="white", edgecolor="black", hatch="//")
    bars.barh([p - 0.2 for p in places], regions["psnr"], 0.38, color="#7F7F7F", edgecolor="black")
    for p, row in zip(places, regions.itertuples(), strict=True):
        bars.text(row.psnr - 0.3, p - 0.2, f"{row.psnr:.2f}", va="center", ha="right", fontsize=8, color="white")
        bars.text(row.psnr_input - 0.3, p + 0.2, f"{row.psnr_input:.2f}", va="center", ha="right", fontsize=8,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})  # fmt: skip
    bars.set_yticks(list(places), [r.replace(" of ", "\nof ").replace(" and ", "\nand ") for r in regions["region"]])
    bars.tick_params(labelsize=8)
    bars.invert_yaxis()
    bars.set_xlabel("PSNR (dB): hatched noisy, gray restored", fontsize=8)
    bars.grid(visible=False, axis="y")
    return figure


def caption(found: Findings) -> str:
    """Image, network, protocol."""
    row = found.frame.iloc[0]
    return (
        f"After the paper's Fig. 4: {image_text(row.dataset, row.image)} under noise that grows from left to right, "
        f"restored by the released {network_label(row.network)}. PSNR of the whole image unless a region is named. "
        f"{protocol_text([row.protocol])}"
    )


def explanation(found: Findings) -> list[str]:
    """What the regions say."""
    rows = found.frame.set_index("region")
    strips = found.frame[found.frame["region"].str.startswith("strip")]
    worse = strips[strips["psnr"] < strips["psnr_input"]]
    band = next(r for r in rows.index if str(r).startswith("border band"))
    text = (
        f"The network was trained at σ = 25 alone and is blind to the level: it gains "
        f"{(strips['psnr'] - strips['psnr_input']).max():.1f} dB in the best strip"
    )
    if len(worse):
        low = worse.iloc[0]
        text += f", loses {low.psnr_input - low.psnr:.1f} dB at a mean σ of {low.sigma:.1f}"
    last = strips.iloc[-1]
    text += f" and leaves the strongest noise (mean σ {last.sigma:.1f}) at {last.psnr:.1f} dB."
    return [
        text,
        f"The border band of the restored image lies {rows.loc['interior', 'psnr'] - rows.loc[band, 'psnr']:.2f} dB "
        "below the interior, but its left and right ends hold the extremes of the ramp. Its top and bottom see the "
        "same "
        "noise as the interior, and there the difference is "
        f"{rows.loc['interior', 'psnr'] - rows.loc['its top and bottom', 'psnr']:.2f} dB (noisy: "
        f"{rows.loc['interior', 'psnr_input'] - rows.loc['its top and bottom', 'psnr_input']:.2f} dB): circular "
        "padding "
        "leaves no visible band in this denoiser.",
    ]


def view(found: Findings) -> View:
    """PSNR by region."""
    heads = columns(("region", "label", ""), ("pixels", "count", ""), ("mean σ", "count", ""),
                    ("noisy", "measured", "PSNR (dB)"), ("restored", "measured", "PSNR (dB)"))  # fmt: skip
    lines = [
        line(str(r.region), f"{r.pixels:,}", f"{r.sigma:.1f}", f"{r.psnr_input:.2f}", f"{r.psnr:.2f}")
        for r in found.frame.itertuples()
    ]
    return found.view(heads, [Section(tuple(lines))], [protocol_text([str(found.frame["protocol"].iloc[0])])])
