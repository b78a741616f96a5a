"""Trainings in threads of one process, each with a stream of its own: small networks fill a GPU together.

Processes take turns on a GPU, one at a time; kernels of one process run side by side. What each training computes is
what ``python -m bench train`` computes: initial weights are drawn before the threads start, batches are functions of
seed and step, and no built-in operator draws numbers.

    python -m benchmarks.on_gpu.together --preset medium --device cuda --threads 8 RUN RUN ...
"""

from __future__ import annotations

import argparse
import copy
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

from bench.config.loading import load_plan
from bench.foundation.errors import BenchError
from bench.foundation.lifeline import Interrupted, Stop
from bench.models import networks
from bench.models.arithmetic import arithmetic
from bench.stages import train as stage


def _warm(model: torch.nn.Module, device: torch.device) -> None:
    """Kernels of a denoiser's training and validation are compiled before the threads start."""
    if device.type != "cuda" or networks.info(model).inputs != ("image",):
        return
    copied = copy.deepcopy(model).to(device)
    for side in (40, 56):
        copied(torch.zeros(2, networks.info(model).image_channels, side, side, device=device)).sum().backward()


def main() -> int:
    """0, or 1 where a training failed; SIGTERM saves all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.on_gpu.together", description=__doc__.splitlines()[0])
    parser.add_argument("--preset", required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--threads", type=int, default=8, help="trainings at once")
    parser.add_argument("runs", nargs="+")
    options = parser.parse_args()
    plan, device, stop = load_plan(options.preset), torch.device(options.device), Stop()

    def ask(number: int, _: object) -> None:
        stop.reason = signal.Signals(number).name

    @contextmanager
    def shared() -> Iterator[Stop]:
        yield stop

    signal.signal(signal.SIGTERM, ask)
    waiting, failed = list(options.runs), []
    with arithmetic(1):
        built = {name: networks.build(plan.run(name), plan.plugins) for name in waiting}
        for name in waiting:
            _warm(built[name], device)
        stage.networks.build = lambda run, _: copy.deepcopy(built[run.id])  # type: ignore[assignment]
        stage.stopping = shared  # type: ignore[assignment]

        def work() -> None:
            while waiting and not stop:
                name, begun = waiting.pop(0), time.monotonic()
                own = torch.cuda.stream(torch.cuda.Stream(device)) if device.type == "cuda" else nullcontext()
                try:
                    with own:
                        stage.train(plan, name, device=options.device, progress=False)
                    print(f"{name}: {time.monotonic() - begun:.0f} s", flush=True)
                except Interrupted as saved:
                    print(saved, flush=True)
                except BenchError as error:
                    failed.append(name)
                    print(f"error: {error}", flush=True)
                except Exception:
                    failed.append(name)
                    traceback.print_exc()

        workers = [threading.Thread(target=work) for _ in range(min(options.threads, len(waiting)))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
