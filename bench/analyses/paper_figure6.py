"""Fig. 6 of the paper: one building, blurred by each released kernel, restored blind and with the kernel."""

from __future__ import annotations

import pandas as pd

from bench.analyses import Case
from bench.analyses.laboratory import Laboratory, degraded, protocol_of
from bench.scoring.prepare import prepare
from bench.scoring.score import score

ANALYSIS = {
    "title": "Deblurring of one photograph (the paper's Fig. 6)",
    "version": 1,
    "sets": ["photographs", "kernels"],
    "settings": {
        "networks": ["conversenet", "converse_usrnet"],
        "photographs": "urban100",
        "image": "img_001_SRF_4_HR.png",
        "kernels": "blur_kernels",
        "use": ["kernel_1", "kernel_2", "kernel_3", "kernel_4", "kernel_5"],
    },
    "columns": {
        "network": "released network",
        "dataset": "data set of the photograph",
        "image": "file",
        "kernel": "blur kernel",
        "protocol": "how it was degraded and scored (bench.data.protocols)",
        "psnr_input": "dB, of the whole blurred image",
        "psnr": "dB, of the whole restored image",
    },
}


def cases(lab: Laboratory) -> list[Case]:
    """(network, kernel)."""
    return [(network, kernel) for kernel in lab.settings["use"] for network in lab.settings["networks"]]


def measure(lab: Laboratory, case: Case) -> pd.DataFrame:
    """One row; keeps the three images and the kernel."""
    network, name = case
    protocol, kernel = protocol_of(network), lab.kernel(name)
    sample = prepare(protocol, lab.photograph("photographs", lab.settings["image"], protocol.color), kernel)
    blurred, restored = degraded(sample, protocol), lab.restore(network, sample, protocol)
    scores = [score(protocol, x / 255.0, sample.target)["psnr"] for x in (blurred, restored)]
    for what, image in (("clean", sample.target), ("input", blurred), ("restored", restored), ("kernel", kernel)):
        lab.keep(what, image)
    where = [lab.settings["photographs"], lab.settings["image"], name, protocol.name]
    return pd.DataFrame([[network, *where, *scores]], columns=list(ANALYSIS["columns"]))  # type: ignore[call-overload]
