"""The same pixels inside smaller and larger maps: a photograph's central crops, degraded and restored by size.

Every crop is degraded by itself under its network's published protocol, so only what surrounds the scored core
changes (and the draw of the noise, which the protocol makes anew for every shape).
"""

from __future__ import annotations

import pandas as pd

from bench.analyses import Case
from bench.analyses.laboratory import Laboratory, centre, core_psnr, degraded, protocol_of
from bench.scoring.prepare import prepare

ANALYSIS = {
    "title": "Quality against the size of the map",
    "version": 1,
    "sets": ["deblurring", "denoising", "sr", "kernels"],
    "settings": {
        "networks": ["conversenet", "converse_usrnet", "converse_dncnn", "converse_srresnet"],
        "deblurring": "urban100",
        "deblurring_images": ["img_001_SRF_4_HR.png"],
        "denoising": "set12",
        "denoising_images": ["08.png", "09.png", "10.png"],
        "sr": "urban100",
        "sr_images": ["img_001_SRF_4_HR.png"],
        "kernels": "blur_kernels",
        "use": ["kernel_1", "kernel_3"],
        "sizes": [[128, 128], [256, 256], [384, 384], [512, 512], [640, 768]],
        "core": 112,
    },
    "columns": {
        "network": "released network",
        "dataset": "data set of the photograph",
        "image": "file",
        "kernel": "blur kernel; empty where there is none",
        "protocol": "how each crop was degraded (bench.data.protocols)",
        "height": "rows of the crop, in pixels of the restored image",
        "width": "its columns",
        "core": "side of the central square that is scored",
        "psnr_input": "dB, of the core before restoration (super-resolution: bicubic)",
        "psnr": "dB, of the restored core",
    },
}


def cases(lab: Laboratory) -> list[Case]:
    """(network, image, kernel, size), for the sizes that the photograph has; small and quick ones first."""
    found: list[Case] = []
    order = [f"{h}x{w}" for h, w in lab.settings["sizes"]]
    for network in lab.settings["networks"]:
        task = protocol_of(network).task
        kernels = lab.settings["use"] if protocol_of(network).needs_kernel else [""]
        for image in lab.settings[f"{task}_images"]:
            height, width = lab.photograph(task, image).shape[:2]
            sizes = [f"{h}x{w}" for h, w in lab.settings["sizes"] if h <= height and w <= width]
            found += [(network, image, kernel, size) for kernel in kernels for size in sizes]
    return sorted(found, key=lambda case: order.index(case[-1]))


def measure(lab: Laboratory, case: Case) -> pd.DataFrame:
    """One row: the core's PSNR before and after."""
    network, image, kernel, size = case
    height, width = map(int, size.split("x"))
    protocol = protocol_of(network)
    core = int(lab.settings["core"])
    crop = centre(lab.photograph(protocol.task, image, protocol.color), height, width)
    sample = prepare(protocol, crop, lab.kernel(kernel) if kernel else None)
    before = core_psnr(protocol, degraded(sample, protocol), sample.target, core)
    after = core_psnr(protocol, lab.restore(network, sample, protocol), sample.target, core)
    dataset = lab.settings[protocol.task]
    row = [network, dataset, image, kernel, protocol.name, *sample.target.shape[:2], core, before, after]
    return pd.DataFrame([row], columns=list(ANALYSIS["columns"]))  # type: ignore[call-overload]
