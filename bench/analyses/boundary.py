"""Blurred circularly, as the published protocol has it, or as a photograph is: the middle of the image, restored.

The two inputs differ near the border only (the same sharp crop, the same noise), and the scored core lies far from
it: whatever the core gains or loses comes through the network's global inverses.
"""

from __future__ import annotations

import pandas as pd

from bench.analyses import Case
from bench.analyses.laboratory import Laboratory, centre, core_psnr, degraded
from bench.data import protocols
from bench.scoring.prepare import prepare

ANALYSIS = {
    "title": "Quality against the boundary of the blur",
    "version": 1,
    "sets": ["photographs", "kernels"],
    "settings": {
        "networks": ["conversenet", "converse_usrnet"],
        "photographs": "bsd100",
        "count": 5,
        "kernels": "blur_kernels",
        "use": ["kernel_1", "kernel_2", "kernel_3", "kernel_5"],
        "side": 256,
        "core": 96,
    },
    "columns": {
        "network": "released network",
        "dataset": "data set of the photograph",
        "image": "file",
        "kernel": "blur kernel",
        "protocol": "how the crop was blurred (bench.data.protocols)",
        "side": "side of the central crop in pixels",
        "core": "side of the central square that is scored",
        "psnr_input": "dB, of the core before restoration",
        "psnr": "dB, of the restored core",
    },
}
CIRCULAR, NATURAL = "deblur-circular-s2.55", "deblur-natural-s2.55"


def cases(lab: Laboratory) -> list[Case]:
    """(network, image, kernel): the first ``count`` photographs in the order of their names."""
    images = lab.photographs("photographs", lab.settings["count"])
    return [(n, i, k) for i in images for n in lab.settings["networks"] for k in lab.settings["use"]]


def measure(lab: Laboratory, case: Case) -> pd.DataFrame:
    """Two rows, one for each boundary; keeps the cores as pictures."""
    network, image, name = case
    side, core = int(lab.settings["side"]), int(lab.settings["core"])
    photograph, kernel = lab.photograph("photographs", image, "rgb"), lab.kernel(name)
    rows = []
    for protocol in (protocols.get(CIRCULAR), protocols.get(NATURAL)):
        # A camera sees beyond its frame: the crop is larger by the kernel's radius and shrinks in the blur.
        margin = [2 * (n // 2) if protocol.name == NATURAL else 0 for n in kernel.shape]
        sample = prepare(protocol, centre(photograph, side + margin[0], side + margin[1]), kernel)
        before, after = degraded(sample, protocol), lab.restore(network, sample, protocol)
        scores = [core_psnr(protocol, x, sample.target, core) for x in (before, after)]
        rows.append([network, lab.settings["photographs"], image, name, protocol.name, side, core, *scores])
        lab.keep(f"{protocol.name} input", before)
        lab.keep(f"{protocol.name} restored", after)
        lab.keep("clean", sample.target)
    return pd.DataFrame(rows, columns=list(ANALYSIS["columns"]))  # type: ignore[call-overload]
