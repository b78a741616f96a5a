"""What each habit of scoring adds to or takes from the published protocol, image by image."""

from __future__ import annotations

from typing import Any

from bench.pages.drawings.half_page import panels
from bench.results.captions import dataset_name, protocol_text
from bench.results.findings import Findings, columns, line, network_label
from bench.results.view import Section, View, signed

USUAL = "protocol"


def differences(found: Findings) -> Any:
    """PSNR and SSIM of every image under a habit minus those of the protocol, by network, habit and image."""
    keys = ["network", "image"]
    usual = found.frame[found.frame["habit"] == USUAL].set_index(keys)[["psnr", "ssim"]]
    other = found.frame[found.frame["habit"] != USUAL].set_index([*keys, "habit"])[["psnr", "ssim"]]
    return (other - usual).reorder_levels(["network", "habit", "image"])


def draw(found: Findings) -> Any:
    """A panel per network, a line per habit, a mark per image."""
    gaps = differences(found)["psnr"]
    habits = list(dict.fromkeys(gaps.index.get_level_values("habit")))
    networks = list(dict.fromkeys(found.frame["network"]))
    figure, axes = panels(len(networks), habits)
    known = set(gaps.index.droplevel("image"))
    for axis, network in zip(axes, networks, strict=True):
        axis.axvline(0, color="#444444", linewidth=0.8, zorder=1)
        for y, habit in enumerate(habits):
            if (network, habit) not in known:
                axis.annotate("not this task", (0.02, y), xycoords=("axes fraction", "data"), va="center", fontsize=6)
            else:
                values = gaps[gaps.index.droplevel("image") == (network, habit)]
                axis.plot(values, [y] * len(values), "|", color="black", markersize=8, mew=1.0)
        axis.set_title(network_label(network), loc="left", fontsize=7)
    figure.supxlabel("PSNR minus that under the published protocol (dB)", fontsize=8)
    return figure


def caption(found: Findings) -> str:
    """What a mark is."""
    sets = " and ".join(dataset_name(d) for d in dict.fromkeys(found.frame["dataset"]))
    return (
        f"The same restored images of {sets} scored under other habits: each mark is one image, its PSNR under the "
        f"habit minus that under the published protocol. {protocol_text(list(found.frame['protocol']))}"
    )


def explanation(found: Findings) -> list[str]:
    """How much protocol alone is worth."""
    means = differences(found)["psnr"].groupby(level=["network", "habit"], sort=False).mean()
    network, habit = means.abs().idxmax()
    return [
        f"Protocol alone is worth up to {signed(float(means.loc[(network, habit)]), 3)} dB ({habit}, "
        f"{network_label(network)}), mean over images: differences smaller than that between papers of different "
        "habits say nothing about the networks. Effects between rows of one table are free of it: all are scored alike."
    ]


def view(found: Findings) -> View:
    """Mean over images under every habit, and the difference to the protocol."""
    heads = columns(
        ("habit", "label", ""),
        ("mean", "count", "PSNR (dB)"),
        ("Δ", "difference", "PSNR (dB)"),
        ("mean", "count", "SSIM"),
        ("Δ", "difference", "SSIM"),
    )
    sections = []
    for network, part in found.frame.groupby("network", sort=False):
        means = part.groupby("habit", sort=False)[["psnr", "ssim"]].mean()
        usual = means.loc[USUAL]
        lines = [
            line(
                str(habit),
                f"{row['psnr']:.3f}",
                signed(row["psnr"] - usual["psnr"], 3) if habit != USUAL else "",
                f"{row['ssim']:.4f}",
                signed(row["ssim"] - usual["ssim"], 4) if habit != USUAL else "",
            )
            for habit, row in means.iterrows()
        ]
        images = part["image"].nunique()
        title = f"{network_label(str(network))}, {images} images of {dataset_name(str(part['dataset'].iloc[0]))}"
        sections.append(Section(tuple(lines), title))
    return found.view(heads, sections, [protocol_text(list(found.frame["protocol"]))])
