"""Frequency and impulse response of every Converse layer of the released networks, by size of the map.

At stride 1, with X0 = Y, a layer multiplies the spectrum of its (padded) map by Eq. (7) over F_Y,

    G = (conj(F) + λ) / (|F|² + λ),      F the OTF of the layer's kernel on the padded map's grid.

Written out here in float64, independently of the operator's own code. Upsamplers with k = s = 2 have no such G:
they are one transposed convolution, whose reach is a pixel, and only their taps and λ are listed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd
import torch
from torch import Tensor, nn

from bench.analyses import Case
from bench.analyses.laboratory import Laboratory
from converse import Converse2D
from converse.models.usrnet import FeatureUSRNet

ANALYSIS = {
    "title": "Frequency and impulse response of the layers",
    "version": 1,
    "sets": ["kernels"],
    "settings": {
        "networks": ["converse_dncnn", "converse_srresnet", "conversenet", "converse_usrnet"],
        "kernels": "blur_kernels",
        "use": ["kernel_1", "kernel_3"],
        "sizes": [64, 128, 256, 512],
        "profile": 256,
        "bins": 32,
        "outside": 0.01,
    },
    "columns": {
        "network": "released network",
        "layer": "module of the network; d.N.kernel: data step N of the non-blind network for a blur kernel",
        "order": "position of the layer in the network",
        "quantity": "kernel_size, padding, scale, channels; lam; negative_taps (share); bound = (1 + √(1 + 1/λ))/2, the"
        " largest |G| that any F gives; gain (|G|, mean over the frequencies of a ring); max_gain; min_otf (smallest"
        " |F|); tail (share of the impulse response's energy outside a square of radius `at`); reach (smallest radius"
        " with at most the share `outside` of the energy outside)",
        "size": "side of the square map before padding; empty where the quantity does not depend on it",
        "at": "ring's frequency in cycles per pixel, or radius in pixels",
        "statistic": "over the channels: min, q10, median, mean, q90, max",
        "value": "the number",
    },
    "words": ["quantity", "statistic"],
    "may_be_empty": ["size", "at"],
}
Row = tuple[str, int | None, float | None, str, float]
RADII = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
CHUNK = 16
"""Channels at a time: bounds the memory on large grids."""


def cases(lab: Laboratory) -> list[Case]:
    """(network, layer): modules of the network by name, and its data steps."""
    return [(network, layer) for network in lab.settings["networks"] for layer in layers(lab, network)]


def measure(lab: Laboratory, case: Case) -> pd.DataFrame:
    """All quantities of one layer."""
    network, name = case
    kernel, lam, padding, scale = _layer(lab, lab.network(network), name)
    order = layers(lab, network).index(name)
    rows = list(_taps(kernel, lam, padding, scale))
    if scale == 1:
        for size in lab.settings["sizes"]:
            rows += _on_grid(lab, kernel, lam, padding, int(size))
    frame = pd.DataFrame(rows, columns=["quantity", "size", "at", "statistic", "value"])
    frame["size"] = frame["size"].astype("Int64")
    frame = frame.assign(network=network, layer=name, order=order)
    return frame[list(ANALYSIS["columns"])]  # type: ignore[call-overload]


def layers(lab: Laboratory, network: str) -> list[str]:
    """Layers of one network in its order, then its data steps for each blur kernel in use."""
    model = lab.network(network)
    found = [name for name, module in model.named_modules() if isinstance(module, Converse2D)]
    if isinstance(model, FeatureUSRNet):
        found += [f"d.{i}.{kernel}" for kernel in lab.settings["use"] for i in range(len(model.convs))]
    return found


def transfer(kernel: Tensor, lam: Tensor, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """F and G of Eq. (7) for kernels (C, kh, kw) and lam (C,) on a grid (H, W): half spectra (C, H, W // 2 + 1)."""
    phases = []
    for taps, length, bins in zip(kernel.shape[-2:], grid, (grid[0], grid[1] // 2 + 1), strict=True):
        shift = torch.arange(taps, device=kernel.device) - taps // 2
        turn = torch.outer(torch.arange(bins, device=kernel.device), shift) % length
        phases.append(torch.polar(torch.ones_like(turn, dtype=torch.float64), turn.double() * (-2 * math.pi / length)))
    otf = phases[0] @ kernel.to(torch.complex128) @ phases[1].T
    lam = lam.double()[:, None, None]
    return otf, (otf.conj() + lam) / (otf.abs() ** 2 + lam)


def _layer(lab: Laboratory, model: nn.Module, name: str) -> tuple[Tensor, Tensor, tuple[int, int], int]:
    """Kernel (C, kh, kw), λ (C,), padding and scale of a layer or of a data step for a blur kernel."""
    with torch.inference_mode():
        if name.startswith("d.") and isinstance(model, FeatureUSRNet):
            _, step, blur = name.split(".")
            taps = torch.from_numpy(lab.kernel(blur)).float().to(lab.device)[None, None]
            kernel = model.convs[int(step)](model.kernelnet(taps))[0]
            return kernel, (torch.sigmoid(model.d.alpha - 9) + model.d.eps).reshape(-1), (0, 0), 1
        layer = model.get_submodule(name)
        assert isinstance(layer, Converse2D)
        lam = torch.as_tensor(layer.lam, device=layer.weight.device).expand(1, layer.channels, 1, 1)
        return layer.kernel[0].clone(), lam.reshape(-1).clone(), layer.padding, layer.scale


def _statistics(values: Tensor) -> Iterator[tuple[str, float]]:
    """Over the channels, values (C,)."""
    values = values.double().cpu()
    yield from (("min", values.min().item()), ("max", values.max().item()), ("mean", values.mean().item()))
    for name, q in (("q10", 0.1), ("median", 0.5), ("q90", 0.9)):
        yield name, values.quantile(q).item()


def _taps(kernel: Tensor, lam: Tensor, padding: tuple[int, int], scale: int) -> Iterator[Row]:
    sizes = {"kernel_size": kernel.shape[-1], "padding": padding[0], "scale": scale, "channels": len(kernel)}
    for quantity, number in sizes.items():
        yield quantity, None, None, "mean", float(number)
    yield "negative_taps", None, None, "mean", (kernel < 0).double().mean().item()
    for quantity, values in (("lam", lam), ("bound", (1 + (1 + 1 / lam.double()).sqrt()) / 2)):
        for statistic, value in _statistics(values):
            yield quantity, None, None, statistic, value


def _on_grid(lab: Laboratory, kernel: Tensor, lam: Tensor, padding: tuple[int, int], size: int) -> list[Row]:
    grid = (size + 2 * padding[0], size + 2 * padding[1])
    profile = size == lab.settings["profile"]
    ring, count = _rings(grid, int(lab.settings["bins"]), kernel.device)
    radius = _radii(grid, kernel.device)
    parts: dict[str, list[Tensor]] = {"max_gain": [], "min_otf": [], "tail": [], "gain": []}
    for start in range(0, len(kernel), CHUNK):
        chunk = slice(start, start + CHUNK)
        otf, g = transfer(kernel[chunk], lam[chunk], grid)
        parts["min_otf"].append(otf.abs().flatten(1).amin(1))
        gain = g.abs()
        parts["max_gain"].append(gain.flatten(1).amax(1))
        if profile:
            parts["gain"].append(_sums(gain, ring, len(count)) / count)
        energy = torch.fft.irfft2(g.to(torch.complex64), s=grid) ** 2
        by_radius = _sums(energy, radius, max(grid) // 2 + 1)
        # Summed from the far end: a difference to the whole would lose the small tails.
        outside = by_radius.flip(1).cumsum(1).flip(1).roll(-1, 1)
        outside[:, -1] = 0
        parts["tail"].append(outside / by_radius.sum(1, keepdim=True))
    tail = torch.cat(parts["tail"])
    reach = (tail > float(lab.settings["outside"])).sum(1)
    rows: list[Row] = []
    for quantity, values in (
        ("max_gain", torch.cat(parts["max_gain"])),
        ("min_otf", torch.cat(parts["min_otf"])),
        ("reach", reach),
    ):
        rows += [(quantity, size, None, statistic, value) for statistic, value in _statistics(values)]
    for r in (r for r in RADII if r < tail.shape[1]):
        rows += [("tail", size, float(r), s, v) for s, v in _statistics(tail[:, r]) if s in ("median", "q90", "max")]
    if profile:
        rings = torch.cat(parts["gain"])
        for i in range(len(count)):
            at = (i + 0.5) / (2 * len(count))
            rows += [("gain", size, at, s, v) for s, v in _statistics(rings[:, i])]
    return rows


def _sums(values: Tensor, label: Tensor, count: int) -> Tensor:
    """Sums of maps (C, H, W) over the pixels of each label: (C, count)."""
    return torch.stack([torch.bincount(label, weights=v.flatten(), minlength=count) for v in values])


def _rings(grid: tuple[int, int], bins: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Ring of every bin of a half spectrum, flattened, up to 0.5 cycles per pixel (the corners count with the last)."""
    u = torch.fft.fftfreq(grid[0], device=device, dtype=torch.float64)[:, None]
    v = torch.fft.rfftfreq(grid[1], device=device, dtype=torch.float64)[None]
    ring = ((u**2 + v**2).sqrt() * 2 * bins).long().clamp_max(bins - 1).flatten()
    return ring, torch.bincount(ring, minlength=bins).double()


def _radii(grid: tuple[int, int], device: torch.device) -> Tensor:
    """Distance max(|dy|, |dx|) from the origin of every pixel of a circular grid, flattened."""
    rows, columns = (torch.arange(n, device=device) for n in grid)
    rows, columns = torch.minimum(rows, grid[0] - rows), torch.minimum(columns, grid[1] - columns)
    return torch.maximum(rows[:, None], columns[None]).flatten()
