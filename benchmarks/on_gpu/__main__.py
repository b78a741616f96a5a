"""What a GPU is asked, in order: is it right, how fast is it, then trainings side by side.

Answers are written as they come, one JSON line each; started again, the command goes on with what has none. On a
machine without a GPU it says so and exits with 0; ``--device cpu --tiny`` tries every part on the CPU.

    python -m benchmarks.on_gpu --out results/gpu
    python -m benchmarks.on_gpu --out results/gpu --parts train --preset medium --side-by-side 6 --seconds 400
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import torch

from bench.models.arithmetic import settings
from benchmarks.on_gpu import correct, fast
from benchmarks.on_gpu.journal import Journal

PARTS = ("correct", "fast", "train")


def main() -> int:
    """0: everything that was asked is right; 1: a case is not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.on_gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/gpu"), help="folder of the answers")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS[:2])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=150, help="limit of each part")
    parser.add_argument("--tiny", action="store_true", help="a few small cases")
    parser.add_argument("--preset", default="medium", help="whose runs part train trains")
    parser.add_argument("--tables", default="table4_denoising", help="and of which tables")
    parser.add_argument("--side-by-side", type=int, default=4, help="trainings at once")
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("no CUDA device here: nothing was run (--device cpu --tiny tries the parts)")
        return 0
    if options.tiny:
        torch.set_num_threads(1)
    machine = f"{torch.cuda.get_device_name(device) if device.type == 'cuda' else 'cpu'}, torch {torch.__version__}"
    wrong: list[str] = []
    for part in options.parts:
        if part == "train":
            wrong += _train(options.preset, options.tables, options.device, options.side_by_side, options.seconds)
            continue
        first = Journal(options.out, "correct", machine, options.seconds)
        if part == "fast" and not first.is_right(correct.cases(device, options.tiny)):
            wrong.append("fast: not run, part correct is not complete and right on this machine and code")
            continue
        made = (correct if part == "correct" else fast).cases(device, options.tiny)
        with settings(torch.get_num_threads()):  # no TF32: products of float32 are float32's
            answers = Journal(options.out, part, machine, options.seconds).carry_out(made)
        failed = [name for name, answer in answers.items() if not answer["ok"]]
        print(f"{part}: {len(answers) - len(failed)} of {len(answers)} cases are right on {machine}")
        wrong += [f"{part}: {name}" for name in failed]
    for line in wrong:
        print(f"wrong: {line}")
    return 1 if wrong else 0


def _train(preset: str, tables: str, device: str, most: int, seconds: float) -> list[str]:
    """Trains what is left of a preset's tables, ``most`` at once, by seed; what is cut short goes on the next time."""
    from bench.config.loading import load_plan
    from bench.foundation.errors import BenchError
    from bench.results.done import Done

    try:
        plan = load_plan(preset, tables=tables.split(","))
    except BenchError as error:
        sys.exit(f"error: {error}")
    done = Done(plan)
    left = [run for run in plan.runs.values() if done.to_make(run)]
    left.sort(key=lambda run: run.train.seed if run.train else 0)
    begun, running, failed = time.monotonic(), {}, []
    while (left or running) and time.monotonic() - begun < seconds:
        while left and len(running) < most:
            run = left.pop(0)
            command = [sys.executable, "-m", "bench", "train", run.id, "--preset", preset, "--tables", tables]
            command += ["--device", device]
            running[run.id] = subprocess.Popen([*command, "--quiet"])
        time.sleep(0.2)
        for name, process in list(running.items()):
            if process.poll() is not None:
                del running[name]
                failed += [] if process.returncode == 0 else [f"train: {name} ended with {process.returncode}"]
    for process in running.values():
        process.terminate()  # saves its state
    for name, process in running.items():
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            failed.append(f"train: {name} did not end when asked to, and was killed")
    print(json.dumps({"part": "train", "left": len(left) + len(running), "failed": len(failed)}))
    return failed


if __name__ == "__main__":
    sys.exit(main())
