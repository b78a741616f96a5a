"""Fig. 6 of the paper: one building under five kernels."""

from __future__ import annotations

from typing import Any

from bench.pages.drawings.crops import frame, inset_kernel, show
from bench.pages.drawings.visual import window
from bench.results.captions import protocol_text
from bench.results.findings import Findings, columns, image_text, line, network_label
from bench.results.view import Section, View

SIDE = 112
RULE = f"the {SIDE}×{SIDE} window of the clean image with the largest gradient energy"


def draw(found: Findings) -> Any:
    """A row per kernel: blurred with the kernel inset, each network, ground truth."""
    from matplotlib import pyplot as plt

    kernels, networks = (list(dict.fromkeys(found.frame[c])) for c in ("kernel", "network"))
    clean = found.picture((networks[0], kernels[0]), "clean")
    box = window(clean, SIDE)
    count = 2 + len(networks)
    figure = plt.figure(figsize=(2.3 * count + 2.6, 2.62 * len(kernels)), layout="constrained")
    grid = figure.add_gridspec(len(kernels), count + 1, width_ratios=[*[1] * count, 1.25])
    overview = figure.add_subplot(grid[:, -1])
    show(overview, clean, "clean, whole", size=9)
    frame(overview, box)
    for i, kernel in enumerate(kernels):
        rows = found.frame[found.frame["kernel"] == kernel].set_index("network")
        cells = [figure.add_subplot(grid[i, j]) for j in range(count)]
        case = (networks[0], kernel)
        show(cells[0], found.picture(case, "input"), f"blurred, {rows['psnr_input'].iloc[0]:.2f} dB", box=box)
        inset_kernel(cells[0], found.picture(case, "kernel"))
        for cell, network in zip(cells[1:], networks, strict=False):
            title = f"{network_label(network)}, {rows.loc[network, 'psnr']:.2f} dB"
            show(cell, found.picture((network, kernel), "restored"), title, box=box)
        show(cells[-1], clean, "ground truth", box=box)
    return figure


def caption(found: Findings) -> str:
    """Image, crop rule, protocol."""
    row = found.frame.iloc[0]
    return (
        f"After the paper's Fig. 6: {image_text(row.dataset, row.image)} blurred by each released kernel (inset); "
        f"{RULE}. PSNR of the whole image. {protocol_text([row.protocol])}"
    )


def explanation(found: Findings) -> list[str]:
    """Where the blind network ends below its input."""
    below = found.frame[found.frame["psnr"] < found.frame["psnr_input"]]
    if not len(below):
        return ["Every restored image is better than its blurred input."]
    cells = ", ".join(
        f"{network_label(r.network)} with {r.kernel} ({r.psnr - r.psnr_input:+.2f} dB)" for r in below.itertuples()
    )
    return [
        f"Below the blurred input itself: {cells}. The whole image is far larger than a training patch; see the size "
        "of the map."
    ]


def view(found: Findings) -> View:
    """PSNR by kernel."""
    networks = list(dict.fromkeys(found.frame["network"]))
    heads = columns(("kernel", "label", ""), ("blurred input", "measured", "PSNR (dB)"),
                    *((network_label(n), "measured", "PSNR (dB)") for n in networks))  # fmt: skip
    lines = []
    for kernel, rows in found.frame.groupby("kernel", sort=False):
        scores = rows.set_index("network")["psnr"]
        lines.append(line(str(kernel), f"{rows['psnr_input'].iloc[0]:.2f}", *(f"{scores[n]:.2f}" for n in networks)))
    return found.view(heads, [Section(tuple(lines))], [protocol_text([str(found.frame["protocol"].iloc[0])])])
