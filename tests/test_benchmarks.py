"""The benchmarks run and print what they promise; memory grows with the image as it should. No timing is judged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from converse.assembly.released import RELEASED

ROOT = Path(__file__).parents[1]


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(ROOT / "benchmarks" / script), *arguments, "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT, env={**os.environ})
    assert done.returncode in (0, 1) and not done.stderr, done.stderr[-2000:]
    return done.stdout


def rows(printed: str) -> list[list[str]]:
    """Cells of a printed table, its head and the rule below left out; all lines are as long as the head."""
    lines = [[cell.strip() for cell in line[1:-1].split("|")] for line in printed.splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1, printed
    return lines[2:]


def test_the_operator_is_timed_where_it_is_right() -> None:
    found = rows(run("operator_speed.py", "--case", "small", "--repeats", "1", "--no-memory"))
    assert [line[:2] for line in found] == [["small", "fwd"], ["small", "fwd+bwd"]]
    assert all(float(cell) > 0 for line in found for cell in line[2:8])


def test_the_block_is_timed_where_its_gradients_are_right() -> None:
    found = rows(run("block_speed.py", "--case", "small", "--repeats", "1"))
    assert [line[0].split(",")[0] for line in found] == ["converse_dncnn", "conv_dncnn", "Converse- / Conv-DnCNN"]
    for line in found[:2]:
        assert all(float(cell) > 0 for cell in line[1:6]) and all(float(cell) < 1e-4 for cell in line[7:])


def test_inference_with_and_without_the_compiled_block_is_timed_and_its_memory_read() -> None:
    found = rows(run("block_speed.py", "--inference", "--repeats", "1", "--size", "48"))
    assert [line[1] for line in found] == ["compiled", "torch"] * 2
    assert all(float(line[2]) > 0 and 50 < float(line[3]) < 4096 for line in found)


def test_the_memory_of_a_network_is_read() -> None:
    found = rows(run("network_memory.py", "--network", "converse_dncnn", "--size", "48", "64", "--depth", "1"))
    assert [line[0] for line in found] == ["converse_dncnn"] and 0.05 < float(found[0][1]) < 4


@pytest.mark.slow
@pytest.mark.parametrize("network", sorted(RELEASED))
def test_a_large_image_stays_under_four_gib(network: str) -> None:
    """Peak memory is linear in the pixels; two small sizes tell the slope, and so the peak at 1024×768."""
    sizes = [(96, 128), (384, 512)]
    peaks = []
    for height, width in sizes:
        options = ["--network", network, "--size", str(height), str(width), "--depth", "2", "--here"]
        peaks.append(float(run("network_memory.py", *options).split()[0]))
    pixels = [height * width for height, width in sizes]
    slope = (peaks[1] - peaks[0]) / (pixels[1] - pixels[0])
    assert slope > 0
    assert peaks[0] + slope * (1024 * 768 - pixels[0]) < 4.0


@pytest.mark.slow
def test_both_operators_give_one_answer_in_a_whole_network() -> None:
    printed = run("network_speed.py", "--case", "image", "--repeats", "1", "--depth", "2")
    lines = [line for line in printed.splitlines() if "**" in line]
    assert len(lines) == 1
    cells = [cell.strip() for cell in lines[0].strip("|").split("|")]
    error, error_of_algorithm1 = map(float, cells[5:7])
    assert error <= 1e-4 and error < error_of_algorithm1 and float(cells[3]) > 1


def test_what_a_gpu_will_be_asked_is_right_on_the_cpu_and_goes_on(tmp_path: Path) -> None:
    """The same command as on a lent GPU, small: every case has an answer, all are right, a second call asks nothing."""
    command = [sys.executable, "-m", "benchmarks.on_gpu", "--out", str(tmp_path), "--device", "cpu", "--tiny"]
    done = subprocess.run([*command, "--seconds", "900"], capture_output=True, text=True, timeout=1200, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    before = {path.name: path.read_text() for path in tmp_path.glob("*.jsonl")}
    assert (
        set(before) == {"correct.jsonl", "fast.jsonl"}
        and '"network converse_usrnet", "ok": true' in before["correct.jsonl"]
    )
    again = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT)
    assert again.returncode == 0
    assert {path.name: path.read_text() for path in tmp_path.glob("*.jsonl")} == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.on_gpu", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert (
        done.returncode == 0 and "no CUDA device here: nothing was run" in done.stdout and not any(tmp_path.iterdir())
    )
