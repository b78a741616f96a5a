"""Fig. 5 of the paper: one photograph at ×4, by bicubic interpolation and by the released network."""

from __future__ import annotations

import pandas as pd

from bench.analyses import Case
from bench.analyses.laboratory import Laboratory, degraded, protocol_of
from bench.scoring.prepare import prepare
from bench.scoring.score import score

ANALYSIS = {
    "title": "Super-resolution ×4 of one photograph (the paper's Fig. 5)",
    "version": 1,
    "sets": ["photographs"],
    "settings": {
        "networks": ["converse_srresnet"],
        "photographs": "set5",
        "image": "img_002_SRF_4_HR.png",
    },
    "columns": {
        "method": "bicubic or released network",
        "dataset": "data set of the photograph",
        "image": "file",
        "protocol": "how it was degraded and scored (bench.data.protocols)",
        "psnr": "dB, of the whole image",
        "ssim": "of the whole image",
    },
}


def cases(lab: Laboratory) -> list[Case]:
    """(network,)."""
    return [(network,) for network in lab.settings["networks"]]


def measure(lab: Laboratory, case: Case) -> pd.DataFrame:
    """Two rows, bicubic and the network; keeps the three images."""
    protocol = protocol_of(case[0])
    sample = prepare(protocol, lab.photograph("photographs", lab.settings["image"], protocol.color))
    shown = {"bicubic": degraded(sample, protocol), case[0]: lab.restore(case[0], sample, protocol)}
    rows = []
    for method, image in shown.items():
        scores = score(protocol, image / 255.0, sample.target)
        where = [lab.settings["photographs"], lab.settings["image"], protocol.name]
        rows.append([method, *where, scores["psnr"], scores["ssim"]])
    for name, image in {"clean": sample.target, **shown}.items():
        lab.keep(name, image)
    return pd.DataFrame(rows, columns=list(ANALYSIS["columns"]))  # type: ignore[call-overload]
