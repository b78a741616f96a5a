"""Fig. 2 of the paper on a photograph: Y, K, X*, X* ⊗ K and what is left of Y."""

from __future__ import annotations

from typing import Any

from bench.pages.drawings.crops import inset_kernel, show
from bench.results.findings import Findings, columns, image_text, line
from bench.results.view import Section, View

GROUND = 1e-5
"""Black of the residual's logarithmic scale."""
NAMES = {"softmax": "softmax kernel"}


def draw(found: Findings) -> Any:
    """A row per kernel and scale: X with K, Y, X*, (X* ⊗ K)↓s, |Y − (X* ⊗ K)↓s|."""
    import numpy as np
    from matplotlib import pyplot as plt
    from matplotlib.colors import LogNorm

    rows = list(found.frame.itertuples())
    figure, axes = plt.subplots(len(rows), 5, figsize=(11.0, 2.28 * len(rows)), squeeze=False, layout="constrained")
    for cells, row in zip(axes, rows, strict=True):
        case = (str(row.kernel), str(row.scale))
        x, k, y, star, again, residual = (
            found.picture(case, name) for name in ("x", "k", "y", "star", "again", "residual")
        )
        down = f"↓{row.scale}" if row.scale > 1 else ""
        show(cells[0], x, f"X, and K ({NAMES.get(row.kernel, row.kernel)})")
        inset_kernel(cells[0], k)
        show(cells[1], y, f"Y = (X ⊗ K){down}" + (f", {row.psnr_input:.1f} dB" if row.scale == 1 else ""))
        show(cells[2], star, f"X*, {row.psnr:.1f} dB")
        show(cells[3], again, f"(X* ⊗ K){down}")
        norm = LogNorm(GROUND, 1e-2)
        shown = cells[4].imshow(np.maximum(residual, GROUND), cmap="gray", norm=norm, interpolation="nearest")
        cells[4].set_title(f"|Y − (X* ⊗ K){down}|: rms {row.residual_rms:.1e}, max {row.residual_max:.1e}", fontsize=8)
        cells[4].set_axis_off()
        figure.colorbar(shown, ax=cells[4], fraction=0.045, pad=0.02).ax.tick_params(labelsize=7)
    return figure


def caption(found: Findings) -> str:
    """What the numbers are of."""
    row = found.frame.iloc[0]
    return (
        f"After the paper's Fig. 2: {image_text(row.dataset, row.image)}, degraded by Eq. (1) without noise and "
        f"reversed by Eq. (4) with λ = {row.lam:.2e} and X0 = nearest-neighbour Y. Values in [0, 1], floating point; "
        "PSNR of the whole image against X. The residual's scale is logarithmic."
    )


def explanation(found: Findings) -> list[str]:
    """Why the residual is small and X* not X."""
    single, other = (found.frame[found.frame["scale"] == s] for s in (1, found.frame["scale"].max()))
    return [
        "Re-convolving X* gives Y back: at s = 1 the residual is λ(1 − F)/(|F|² + λ) of Y at every frequency, so it "
        f"is at most about λ/|F|² where the kernel passes anything (relative norm "
        f"{found.frame['residual_relative'].max():.1e} at the worst here), and at s > 1 it is the same with |F|² "
        "averaged "
        "over the aliased frequencies. This says that the operator solves its own problem; it does not say that X* is "
        "X: "
        f"without noise X* reaches {single['psnr'].min():.1f} to {single['psnr'].max():.1f} dB at s = 1, and only "
        f"{other['psnr'].min():.1f} to {other['psnr'].max():.1f} dB at s = {other['scale'].iloc[0]:.0f}, where three "
        "quarters of the samples are gone and X0 fills them."
    ]


def view(found: Findings) -> View:
    """The numbers of the figure."""
    heads = columns(
        ("kernel", "label", ""), ("s", "count", ""), ("Y (dB)", "measured", ""), ("X* (dB)", "measured", ""),
        ("rms", "measured", "Y − (X* ⊗ K)↓s"), ("max", "measured", "Y − (X* ⊗ K)↓s"),
        ("relative", "measured", "Y − (X* ⊗ K)↓s"),
    )  # fmt: skip
    lines = [
        line(
            str(r.kernel), str(r.scale), f"{r.psnr_input:.2f}" if r.scale == 1 else "–", f"{r.psnr:.2f}",
            f"{r.residual_rms:.2e}", f"{r.residual_max:.2e}", f"{r.residual_relative:.2e}",
        )
        for r in found.frame.itertuples()
    ]  # fmt: skip
    return found.view(
        heads, [Section(tuple(lines))], ["PSNR in floating point, peak 1; Y and X have one size at s = 1 only."]
    )
