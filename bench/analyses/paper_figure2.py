"""Fig. 2 of the paper: one map degraded by Eq. (1) with a known kernel, reversed by Eq. (4), and convolved again.

No network: Y = (X ⊗ K)↓s of a photograph's gray values, X* by the operator, then the residual Y − (X* ⊗ K)↓s. By
Eq. (4) the residual is what λ costs: per frequency (s = 1) it is λ (1 − F) / (|F|² + λ) of Y's own, so it vanishes
with λ except where the kernel has removed the frequency.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import ndimage

import converse
from bench.analyses import Case
from bench.analyses.laboratory import Laboratory
from bench.data.kernels import Kernel

ANALYSIS = {
    "title": "The operator on a photograph (the paper's Fig. 2)",
    "version": 1,
    "sets": ["photographs", "kernels"],
    "settings": {
        "photographs": "set12",
        "image": "05.png",
        "kernels": "blur_kernels",
        "use": ["kernel_1", "softmax"],
        "scales": [1, 2],
        "b": 0.0,
        "eps": 1e-5,
        "softmax_size": 5,
        "seed": 0,
    },
    "columns": {
        "dataset": "data set of the photograph",
        "image": "file",
        "kernel": "blur kernel, or softmax: the layer's initialisation",
        "scale": "s",
        "lam": "sigmoid(b - 9) + eps",
        "psnr": "dB, X* against X (floating point, peak 1)",
        "psnr_input": "dB, Y against X where s = 1",
        "residual_rms": "root mean square of Y - (X* ⊗ K)↓s, values in [0, 1]",
        "residual_max": "its largest magnitude",
        "residual_relative": "its norm over the norm of Y",
    },
    "may_be_empty": ["psnr_input"],
}


def cases(lab: Laboratory) -> list[Case]:
    """(kernel, scale)."""
    return [(kernel, str(scale)) for kernel in lab.settings["use"] for scale in lab.settings["scales"]]


def degrade(image: NDArray[np.float64], kernel: Kernel, scale: int) -> NDArray[np.float64]:
    """Eq. (1), (X ⊗ K)↓s: true convolution with circular boundary, then the upper-left sample of each block."""
    blurred: NDArray[np.float64] = ndimage.convolve(image, kernel, mode="wrap")
    return blurred[::scale, ::scale]


def _kernel(lab: Laboratory, name: str) -> Kernel:
    if name != "softmax":
        return lab.kernel(name)
    side = int(lab.settings["softmax_size"])
    generator = torch.Generator().manual_seed(int(lab.settings["seed"]))
    taps = torch.randn(side * side, generator=generator, dtype=torch.float64)
    return taps.softmax(0).view(side, side).numpy()


def _psnr(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(-10.0 * np.log10(np.mean((a - b) ** 2)))


def measure(lab: Laboratory, case: Case) -> pd.DataFrame:
    """One row; keeps X, K, Y, X*, its re-convolution and the residual's magnitude."""
    name, scale = case[0], int(case[1])
    image = lab.photograph("photographs", lab.settings["image"], "gray")[..., 0] / 255.0
    image = image[: image.shape[0] // scale * scale, : image.shape[1] // scale * scale]
    kernel = _kernel(lab, name)
    lam = float(torch.sigmoid(torch.tensor(lab.settings["b"] - 9.0, dtype=torch.float64))) + lab.settings["eps"]
    y = degrade(image, kernel, scale)
    map_y, taps = (torch.from_numpy(np.ascontiguousarray(x)).to(lab.device)[None, None] for x in (y, kernel))
    with torch.inference_mode():
        star = converse.converse2d(map_y, taps, lam, scale=scale, x0="nearest")[0, 0].cpu().numpy()
    again = degrade(star, kernel, scale)
    residual = np.abs(y - again)
    pictures = {"x": image, "k": kernel, "y": y, "star": star, "again": again, "residual": residual}
    for what, picture in pictures.items():
        lab.keep(what, picture.astype(np.float32))
    rms, relative = float(np.sqrt(np.mean(residual**2))), float(np.linalg.norm(residual) / np.linalg.norm(y))
    before = _psnr(y, image) if scale == 1 else None
    where = [lab.settings["photographs"], lab.settings["image"], name, scale, lam]
    row = [*where, _psnr(star, image), before, rms, float(residual.max()), relative]
    return pd.DataFrame([row], columns=list(ANALYSIS["columns"]))  # type: ignore[call-overload]
