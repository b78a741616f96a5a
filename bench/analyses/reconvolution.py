"""Does X* explain Y? ‖Y − (X* ⊗ K)↓s‖ / ‖Y‖ in every reverse convolution of the released networks.

The paper says that X* has enhanced structural detail (its Fig. 2). That X* convolved again gives Y back is the part
of it that a number can decide: by Eq. (4) the error is what λ costs. X* is taken before it is cropped, Y with the
layer's own padding, both in the arithmetic of the network.
"""

from __future__ import annotations

import pandas as pd

from bench.analyses import Case
from bench.analyses.laboratory import Laboratory, protocol_of
from bench.models import inference
from bench.models.reconvolution import reconvolution
from bench.scoring.prepare import prepare
from converse.operators.converse2d import Converse2D

ANALYSIS = {
    "title": "Re-convolution error of the released networks, layer by layer",
    "version": 1,
    "sets": ["denoising", "sr", "deblurring", "kernels"],
    "settings": {
        "networks": ["converse_dncnn", "converse_srresnet", "conversenet", "converse_usrnet"],
        "denoising": "set12",
        "sr": "set5",
        "deblurring": "set5",
        "kernels": "blur_kernels",
        "use": "kernel_1",
        "images": 3,
    },
    "columns": {
        "network": "released network",
        "dataset": "data set of the photograph",
        "image": "file",
        "protocol": "how it was degraded (bench.data.protocols)",
        "layer": "reverse convolution, by its name in the network",
        "scale": "s of the layer",
        "lam": "its lam, mean over channels",
        "error": "norm of Y - (X* ⊗ K)↓s over the norm of Y, all channels",
    },
}


def cases(lab: Laboratory) -> list[Case]:
    """(network, image)."""
    count = int(lab.settings["images"])
    return [(net, image) for net in lab.settings["networks"] for image in lab.photographs(protocol_of(net).task, count)]


def measure(lab: Laboratory, case: Case) -> pd.DataFrame:
    """One row per layer, in the order of the network."""
    name, image = case
    protocol = protocol_of(name)
    kernel = lab.kernel(lab.settings["use"]) if protocol.needs_kernel else None
    sample = prepare(protocol, lab.photograph(protocol.task, image, protocol.color), kernel)
    network = lab.network(name)
    with reconvolution(network) as errors:
        inference.apply(network, sample.input, lab.device, sample.kernel)
    head = (name, lab.settings[protocol.task], image, protocol.name)
    rows = []
    for layer, error in errors.items():
        module = network.get_submodule(layer)
        assert isinstance(module, Converse2D)
        lam = module.lam if isinstance(module.lam, float) else float(module.lam.detach().mean())
        rows.append((*head, layer, module.scale, lam, error))
    return pd.DataFrame(rows, columns=list(ANALYSIS["columns"]))  # type: ignore[call-overload]
