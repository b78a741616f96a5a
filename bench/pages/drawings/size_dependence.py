"""Gain over the input against the size of the map, for the same scored pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.pages.style import looks
from bench.results.captions import dataset_name, protocol_text
from bench.results.findings import Findings, columns, image_text, line, network_label
from bench.results.view import Section, View, signed


def series(found: Findings, network: str) -> Iterator[tuple[str, Any]]:
    """One network's rows by what they have in common: image and kernel, smallest map first."""
    rows = found.frame[found.frame["network"] == network].fillna({"kernel": ""})
    for (image, kernel), part in rows.groupby(["image", "kernel"], sort=False):
        name = image_text(str(part["dataset"].iloc[0]), str(image))
        yield f"{name}, {kernel}" if kernel else name, part.sort_values(["height", "width"])


def largest_loss(found: Findings, network: str) -> tuple[float, str, Any, Any]:
    """How far a series falls from its smallest to its largest map at most (dB), its name, and both rows."""
    ends = [(name, part.iloc[0], part.iloc[-1]) for name, part in series(found, network)]
    name, first, last = max(ends, key=lambda e: float(e[1]["psnr"] - e[2]["psnr"]))
    return float(first["psnr"] - last["psnr"]), name, first, last


def draw(found: Findings) -> Any:
    """A panel per network: restored minus input of the core, by the side of the map."""
    from matplotlib import pyplot as plt

    networks = list(dict.fromkeys(found.frame["network"]))
    figure, axes = plt.subplots(
        1, len(networks), figsize=(2.9 * len(networks), 3.3), squeeze=False, layout="constrained"
    )
    for cell, network in zip(axes[0], networks, strict=True):
        lines = dict(series(found, network))
        for (name, part), look in zip(lines.items(), looks(list(lines)).values(), strict=True):
            side = (part["height"] * part["width"]) ** 0.5
            gain = part["psnr"] - part["psnr_input"]
            cell.plot(side, gain, color=look.color, marker=look.marker, linestyle=look.line, label=name, markersize=4.5)
        cell.axhline(0, color="#7F7F7F", linewidth=0.9)
        low, high = cell.get_ylim()
        middle, half = (low + high) / 2, max(1.0, (high - low) / 2)  # a flat line must look flat
        cell.set_ylim(middle - half, middle + half)
        cell.set_xscale("log", base=2)
        ticks = sorted(
            {round(float(s)) for _, part in series(found, network) for s in (part["height"] * part["width"]) ** 0.5}
        )
        cell.set_xticks(ticks, [str(t) for t in ticks], fontsize=7.5)
        cell.minorticks_off()
        cell.set_title(network_label(network))
        cell.set_xlabel("side of the map (pixels)")
        cell.legend(fontsize=7.5, loc="best")
    axes[0, 0].set_ylabel("restored minus input (dB)")
    return figure


def caption(found: Findings) -> str:
    """What is scored and where it lies."""
    core = int(found.frame["core"].iloc[0])
    sets = " and ".join(dataset_name(d) for d in dict.fromkeys(found.frame["dataset"]))
    return (
        f"The same central {core}×{core} pixels of photographs of {sets}, restored inside central crops of growing "
        "size: PSNR of the core after restoration minus before (super-resolution: bicubic). Every crop is degraded by "
        "itself under its network's published protocol; below the gray line the input is better. The vertical scales "
        "differ. " + protocol_text(list(found.frame["protocol"]))
    )


def explanation(found: Findings) -> list[str]:
    """Who loses how much, and why."""
    networks = list(dict.fromkeys(found.frame["network"]))
    words = []
    for network in networks:
        loss, name, first, last = largest_loss(found, network)
        sizes = f"{first['height']}×{first['width']} to {last['height']}×{last['width']}"
        words.append(f"{network_label(network)} {signed(loss)} dB ({name}, {sizes})")
    return [
        f"Largest loss from the smallest to the largest map (negative: a gain): {'; '.join(words)}.",
        "Reasons. A layer multiplies spectra by G = (conj(F) + λ)/(|F|² + λ). Around a null of its kernel, where F "
        "falls to about √λ, |G| rises to about 1/(2√λ), in a patch of frequencies about √λ/|∇F| wide. If that is "
        "narrower than the step 1/N of a map's frequency grid, the map may miss it, and a larger map with a finer grid "
        "comes closer to the null. The same in pixels: a narrow patch of frequencies is a long impulse response; on a "
        "training patch it wraps around onto itself, and on a larger map it reaches pixels that the network never saw "
        "together. One layer does little harm; the deblurring networks apply one stack of layers five times, and the "
        "error grows with every pass. The section on the layers' responses gives gain and reach by size; it describes "
        "single layers, the loss above is measured on the whole network.",
    ]


def view(found: Findings) -> View:
    """Input and restored PSNR by size, a section per network."""
    heads = columns(("photograph, kernel", "label", ""), ("map", "label", ""), ("input", "measured", "core PSNR (dB)"),
                    ("restored", "measured", "core PSNR (dB)"), ("gain", "measured", "core PSNR (dB)"))  # fmt: skip
    sections = []
    for network in dict.fromkeys(found.frame["network"]):
        lines = [
            line(name if i == 0 else "", f"{r.height}×{r.width}", f"{r.psnr_input:.2f}", f"{r.psnr:.2f}",
                 signed(r.psnr - r.psnr_input))
            for name, part in series(found, network)
            for i, r in enumerate(part.itertuples())
        ]  # fmt: skip
        sections.append(Section(tuple(lines), network_label(network)))
    return found.view(heads, sections, [protocol_text(list(found.frame["protocol"]))])
