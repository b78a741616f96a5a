"""docs/drop_in.md: its code runs, and the networks of its kinds train, compile, copy and export after a swap."""

from __future__ import annotations

import copy
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, Dataset

import converse
from converse.native.build import BuildError, compiler
from examples.drop_in.generator import generator
from examples.drop_in.neck import Detector
from examples.drop_in.published import Segmentation, toy_batch
from examples.drop_in.unet import UNet

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "drop_in.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.M | re.S)


def small_unet(upsampler: str) -> Callable[[], nn.Module]:
    return lambda: UNet(upsampler, width=4, depth=2)


CASES: dict[str, tuple[Callable[[], nn.Module], type[nn.Module], bool]] = {
    "unet-nearest": (small_unet("nearest"), nn.Upsample, True),
    "unet-dense": (small_unet("dense 2×2"), nn.ConvTranspose2d, False),
    "unet-depthwise-2": (small_unet("depthwise 2×2"), nn.ConvTranspose2d, True),
    "unet-depthwise-4": (small_unet("depthwise 4×4"), nn.ConvTranspose2d, False),
    "detector-neck": (lambda: Detector(8, 8), nn.Upsample, True),
    "detector-backbone": (lambda: Detector(8, 8), nn.Conv2d, False),
    "generator": (lambda: generator(4, 1), nn.ConvTranspose2d, False),
}
"""Network, what is swapped, whether its output is promised to stay."""
EVERY = pytest.mark.parametrize("case", CASES)
EXPORTED = ["unet-nearest", "unet-depthwise-2", "detector-neck"]


def images(height: int = 32, width: int = 32, batch: int = 2) -> Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(0))


def build(case: str, *, swapped: bool = True) -> nn.Module:
    torch.manual_seed(0)
    make, kind, _ = CASES[case]
    model = make()
    if swapped:
        converse.swap(model, kind, example=images(), seed=0)
    return model


def outputs(model: nn.Module, x: Tensor) -> Tensor:
    out = model(x)
    return torch.cat([o.flatten() for o in out]) if isinstance(out, list) else out.flatten()


def step(model: nn.Module, x: Tensor) -> list[Tensor]:
    model.zero_grad()
    outputs(model, x).square().mean().backward()
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


@pytest.mark.parametrize("code", BLOCKS, ids=lambda c: c.strip().splitlines()[0][:40])
def test_the_code_of_the_page_runs(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=240)


def test_the_networks_are_short() -> None:
    for name in ("unet", "neck", "generator", "published"):
        assert len((ROOT / "examples" / "drop_in" / f"{name}.py").read_text().splitlines()) <= 45


@EVERY
def test_step_0_is_what_the_report_says(case: str) -> None:
    before, model = build(case, swapped=False).eval(), build(case, swapped=False).eval()
    report = converse.swap(model, CASES[case][1], example=images(), seed=0)
    assert report.swapped and (report.unchanged == report.swapped) == CASES[case][2]
    same = torch.allclose(outputs(model, images()), outputs(before, images()), rtol=1e-4, atol=1e-5)
    assert same == CASES[case][2]


@EVERY
@pytest.mark.parametrize("size", [(33, 47), (25, 30)])
def test_odd_sizes(case: str, size: tuple[int, int]) -> None:
    size = (36, 44) if case == "generator" else size  # it needs multiples of 4, with or without a swap
    assert outputs(build(case), images(*size)).shape == outputs(build(case, swapped=False), images(*size)).shape


@EVERY
def test_autocast(case: str) -> None:
    model = build(case)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = outputs(model, images()).float().square().mean()
    loss.backward()
    assert all(p.dtype == torch.float32 and torch.isfinite(p.grad).all() for p in model.parameters())


@EVERY
def test_gradient_checkpointing(case: str) -> None:
    model = build(case).double()
    x = images().double().requires_grad_()
    plain = torch.autograd.grad(outputs(model, x).square().mean(), [x, *model.parameters()])
    again = build(case).double()  # batch statistics anew
    kept = checkpoint(lambda t: outputs(again, t), x, use_reentrant=False).square().mean()
    for got, want in zip(torch.autograd.grad(kept, [x, *again.parameters()]), plain, strict=True):
        torch.testing.assert_close(got, want)


@EVERY
def test_averaged_copies(case: str) -> None:
    model = build(case)
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.5), use_buffers=True
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1)
    average.update_parameters(model)
    assert outputs(average.eval(), images()).isfinite().all()
    assert torch.equal(outputs(copy.deepcopy(model).eval(), images()), outputs(model.eval(), images()))


class Blurred(Dataset):
    """Images that the operator itself upsamples, in the worker's process."""

    def __init__(self) -> None:
        self.layer = converse.Converse2D(3, 3, scale=2).eval()

    def __len__(self) -> int:
        return 8

    @torch.no_grad()
    def __getitem__(self, index: int) -> Tensor:
        return self.layer(images(8 + index, 9, 1))[0, :, :16, :16]


def test_workers_of_a_data_loader_after_the_operator_ran_here() -> None:
    data = Blurred()
    want = torch.stack([data[i] for i in range(8)])
    got = torch.cat(list(DataLoader(data, batch_size=4, num_workers=2)))
    torch.testing.assert_close(got, want)


def _rank(rank: int, case: str, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    model = nn.parallel.DistributedDataParallel(build(case).double().eval())
    gradients = step(model, images(batch=4).double()[2 * rank : 2 * rank + 2])
    if rank == 0:
        torch.save(gradients, f"{folder}/gradients.pt")
    dist.destroy_process_group()


@pytest.mark.parametrize("case", ["unet-nearest", "detector-backbone"])
def test_two_processes_of_ddp_have_the_gradients_of_one(case: str, tmp_path: Path) -> None:
    mp.spawn(_rank, (case, str(tmp_path)), nprocs=2)
    want = step(build(case).double().eval(), images(batch=4).double())
    for got, expected in zip(torch.load(tmp_path / "gradients.pt"), want, strict=True):
        torch.testing.assert_close(got, expected)


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.slow
@EVERY
def test_compile_is_one_graph_with_the_same_gradients(case: str, fresh_compiler: None) -> None:
    model, x = build(case), images()
    want = step(build(case), x)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    for got, expected in zip(step(compiled, x), want, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_compile_to_machine_code_gives_the_same_output_and_gradients(fresh_compiler: None) -> None:
    """The default backend of `torch.compile` on one small network with both kinds of swap: it takes a C++ compiler."""
    try:
        cxx = compiler()[0]
    except BuildError as error:
        pytest.skip(str(error))
    torch.manual_seed(0)
    spread = nn.Conv2d(4, 4, 5, padding=2, groups=4)
    model, x = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Upsample(scale_factor=2), spread), images(16, 12)
    for kind in (nn.Upsample, nn.Conv2d):
        assert len(converse.swap(model, kind, example=x, seed=0)) == 1
    output, want = outputs(model, x).detach(), step(model, x)
    compiled = torch.compile(model, backend="inductor", fullgraph=True, options={"cpp.cxx": (cxx,)})
    torch.testing.assert_close(outputs(compiled, x).detach(), output, rtol=1e-4, atol=1e-5)
    for got, expected in zip(step(compiled, x), want, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-5)


@EVERY
def test_torch_export(case: str) -> None:
    model, x = build(case).eval(), images()
    program = torch.export.export(model, (x,))
    torch.testing.assert_close(outputs(program.module(), x), outputs(model, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", EXPORTED)
def test_upsamplers_become_plain_transposed_convolutions_for_onnx(case: str) -> None:
    model, x = build(case).eval(), images()
    want = outputs(model, x)
    for name, layer in list(model.named_modules()):
        if isinstance(layer, converse.Converse2D):
            model.set_submodule(name, layer.to_conv_transpose())
    torch.testing.assert_close(outputs(model, x), want, rtol=1e-4, atol=1e-5)
    graph = torch.export.export(model, (x,)).graph
    assert not [n for n in graph.nodes if "converse" in str(n.target) or "fft" in str(n.target)]


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="torchvision is not installed")
def test_the_published_network_learns_before_and_after() -> None:
    for swapped in (False, True):
        torch.manual_seed(0)
        model = Segmentation().train()
        if swapped:
            report = converse.swap(model, nn.Conv2d, example=images(64, 64), seed=0)
            assert len(report.swapped) >= 8 and all("stride" in why for why in report.skipped.values())
        optimiser, losses = torch.optim.Adam(model.parameters(), lr=1e-3), []
        for _ in range(12):
            image, target = toy_batch(64)
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(model(image), target)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        assert min(losses[-3:]) < 0.9 * losses[0], losses


@pytest.mark.slow
def test_the_measurement_prints_its_table() -> None:
    command = [sys.executable, "-m", "benchmarks.drop_in", "--repeats", "2", "--threads", "1", "--only", "generator"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert [line.split("|")[2].strip() for line in done.stdout.splitlines()[2:]] == ["torch", "compiled"]
