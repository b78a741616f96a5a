"""Fig. 5 of the paper: ×4 of one photograph, with zoomed crops."""

from __future__ import annotations

from typing import Any

from bench.pages.drawings.crops import frame, show
from bench.pages.drawings.visual import window
from bench.results.captions import protocol_text
from bench.results.findings import Findings, columns, image_text, line, network_label
from bench.results.view import Section, View

SIDE = 72
RULE = f"the {SIDE}×{SIDE} window with the largest gradient energy"


def _methods(found: Findings) -> list[str]:
    return [*found.frame["method"], "clean"]


def draw(found: Findings) -> Any:
    """Whole images above with the frame, crops below."""
    from matplotlib import pyplot as plt

    methods = _methods(found)
    case = (methods[-2],)
    images = {m: found.picture(case, m) for m in methods}
    box = window(images["clean"], SIDE)
    titles = {r.method: f"{network_label(r.method)}\n{r.psnr:.2f} dB / {r.ssim:.4f}" for r in found.frame.itertuples()}
    figure, axes = plt.subplots(2, len(methods), figsize=(2.9 * len(methods), 6.1), layout="constrained", squeeze=False)
    for i, method in enumerate(methods):
        show(axes[0, i], images[method], titles.get(method, "ground truth\n"), size=9.5)
        frame(axes[0, i], box)
        show(axes[1, i], images[method], box=box)
    return figure


def caption(found: Findings) -> str:
    """Image, crop rule, protocol."""
    row = found.frame.iloc[0]
    return (
        f"After the paper's Fig. 5: {image_text(row.dataset, row.image)} at ×4 by bicubic interpolation and by the "
        f"released network; below, {RULE}. PSNR / SSIM of the whole image. {protocol_text([row.protocol])}"
    )


def explanation(found: Findings) -> list[str]:
    """The gain over bicubic."""
    first, last = found.frame.iloc[0], found.frame.iloc[-1]
    return [f"{network_label(last.method)} gains {last.psnr - first.psnr:.2f} dB over bicubic on this photograph."]


def view(found: Findings) -> View:
    """Both methods' scores."""
    heads = columns(("method", "label", ""), ("PSNR (dB)", "measured", ""), ("SSIM", "measured", ""))
    lines = [line(network_label(r.method), f"{r.psnr:.2f}", f"{r.ssim:.4f}") for r in found.frame.itertuples()]
    return found.view(heads, [Section(tuple(lines))], [protocol_text([str(found.frame["protocol"].iloc[0])])])
