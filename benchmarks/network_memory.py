"""Peak memory of restoring one image with each released network, in a fresh process each, as a Markdown table.

Peak memory is the largest resident set of the whole process, interpreter and torch included: VmHWM on Linux, since
getrusage starts there with the peak of the process that started this one. It does not depend on the weights, so they
are random here and nothing is fetched. The size is that of the restored image.

    python benchmarks/network_memory.py
    python benchmarks/network_memory.py --network conversenet --size 384 512 --threads 1
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

LIMIT_GIB = 4.0
"""What a 1024×768 image may take."""
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import converse  # noqa: E402
from bench.data.kernels import gaussian_kernel  # noqa: E402
from bench.foundation.memory import keep_freed_memory  # noqa: E402
from bench.models import inference, networks  # noqa: E402
from converse.assembly.released import RELEASED  # noqa: E402
from converse.declarations import model_info  # noqa: E402


def restore(name: str, height: int, width: int, depth: int | None) -> tuple[float, float]:
    """Restores noise of the given size in this process: peak in GiB and seconds.

    Args:
        name: a released network.
        height: of the restored image.
        width: of the restored image.
        depth: blocks of a stack, for a quicker look (the peak is that of one block, and where a stack is
            repeated of two layers' transfer functions, more of which do not fit at 1024×768); None: all of them.
    """
    keep_freed_memory()  # as bench restore and bench evaluate do
    options = dict(RELEASED[name])
    if depth is not None:
        options |= {"blocks": depth} | ({"iterations": 2} if "iterations" in model_info.models()[name].defaults else {})
    model = converse.build_model(name, seed=0, **options).eval()
    info = networks.info(model)
    shape = (height // info.scale, width // info.scale, info.image_channels)
    image = np.random.default_rng(0).random(shape, np.float32)
    start = time.perf_counter()
    inference.apply(model, image, torch.device("cpu"), gaussian_kernel(1.2) if "kernel" in info.inputs else None)
    seconds = time.perf_counter() - start
    return peak_gib(), seconds


def peak_gib() -> float:
    """Largest resident set of this process so far."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status.read_text())[0]) / 2**20
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, others KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def main() -> None:
    """Print the table, or one network's peak in GiB and seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=sorted(RELEASED), action="append", help="repeatable; all")
    parser.add_argument("--size", type=int, nargs=2, default=(768, 1024), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--depth", type=int, help="blocks of a stack instead of all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--here", action="store_true", help="one network, in this process, numbers only")
    options = parser.parse_args()
    names = options.network or list(RELEASED)
    if options.here:
        torch.set_num_threads(options.threads)
        print(*restore(names[0], *options.size, options.depth))
        return
    height, width = options.size
    deep = f", {options.depth} blocks" if options.depth else ""
    print(f"{width}×{height}{deep}, float32, {options.threads} threads, torch {torch.__version__}\n")
    print(f"| network | peak GiB (limit {LIMIT_GIB:g} at 1024×768) | seconds |\n|---|---|---|")
    for name in names:
        command = [sys.executable, __file__, "--here", "--network", name, "--size", str(height), str(width)]
        command += ["--threads", str(options.threads)]
        command += ["--depth", str(options.depth)] if options.depth else []
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        print(f"| {name} | {float(found[0]):.2f} | {float(found[1]):.0f} |", flush=True)


if __name__ == "__main__":
    main()
