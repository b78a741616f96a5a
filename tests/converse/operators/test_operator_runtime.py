"""Dtypes, layouts, devices, compilers, exporters and other surroundings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.testing import CompileCounterWithBackend
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from converse.mathematics.functional import converse2d
from converse.operators.converse2d import Converse2D

pytestmark = pytest.mark.usefixtures("backend")

# (kernel, scale): the FFT at s = 1 and above, the shifted blocks, the single pattern.
FORMS = ((3, 1), (3, 2), (3, 3), (2, 2))


def _y(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)).to(dtype)


@pytest.fixture(autouse=True)
def _fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("x0", ["nearest", "bilinear"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(form: tuple[int, int], x0: str, dtype: torch.dtype) -> None:
    k, s = form
    layer = Converse2D(3, k, scale=s, x0=x0)
    y = _y(2, 3, 8, 9, dtype=dtype).requires_grad_()
    out = layer(y)
    assert out.dtype == dtype
    torch.testing.assert_close(out, layer(y.float()).to(dtype), rtol=0, atol=0)
    out.float().square().sum().backward()
    assert y.grad is not None and y.grad.dtype == dtype
    assert layer.weight.grad is not None and layer.weight.grad.dtype == torch.float32


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("x0", ["nearest", "bilinear"])
def test_autocast_changes_nothing(form: tuple[int, int], x0: str) -> None:
    k, s = form
    layer = Converse2D(3, k, scale=s, x0=x0)
    for dtype in (torch.float32, torch.bfloat16):
        y = _y(2, 3, 8, 9, dtype=dtype)
        layer.zero_grad()
        truth = layer(y)
        truth.float().square().sum().backward()
        gradient = layer.weight.grad
        layer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = layer(y)
            out.float().square().sum().backward()
        assert out.dtype == dtype
        assert torch.equal(out, truth)
        torch.testing.assert_close(layer.weight.grad, gradient)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("x0", ["nearest", "bilinear"])
def test_autocast_around_the_backward_pass_changes_nothing(form: tuple[int, int], x0: str) -> None:
    """Up to the rounding of another order of operations: bfloat16 would be 1e-3 off."""
    k, s = form
    layer = Converse2D(3, k, scale=s, x0=x0, generator=torch.Generator().manual_seed(0))
    y = _y(2, 3, 8, 9).requires_grad_()
    asked = [y, *layer.parameters()]
    out = layer(y).square().sum()
    truth = torch.autograd.grad(out, asked, retain_graph=True)
    for higher in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = torch.autograd.grad(out, asked, retain_graph=True, create_graph=higher)
        for one, expected in zip(found, truth, strict=True):
            assert (one - expected).norm() <= 5e-5 * expected.norm()


@pytest.mark.parametrize("x0", ["nearest", "bilinear"])
def test_a_compiled_graph_sums_the_kernels_gradient_as_exactly(x0: str) -> None:
    """A depthwise convolution would add it up one sample after the other."""
    y = _y(4, 1, 128, 128) + 0.5
    kernel = torch.full((1, 1, 2, 2), 0.25)

    def gradient(kernel: Tensor, y: Tensor, *, compiled: bool = False) -> Tensor:
        kernel = kernel.clone().requires_grad_()
        call = torch.compile(converse2d, backend="aot_eager", fullgraph=True) if compiled else converse2d
        call(y, kernel, 0.05, scale=2, x0=x0).square().sum().backward()
        assert kernel.grad is not None
        return kernel.grad.double()

    truth = gradient(kernel.double(), y.double())
    assert (gradient(kernel, y, compiled=True) - truth).norm() <= 2e-6 * truth.norm()


def test_what_is_saved_for_backward() -> None:
    """Little more than the input, in the input's own dtype."""
    for dtype in (torch.float32, torch.bfloat16):
        y = _y(4, 8, 32, 32, dtype=dtype).requires_grad_()
        layer = Converse2D(8, 5)
        saved: dict[int, int] = {}

        def pack(t: Tensor, saved: dict[int, int] = saved) -> Tensor:
            saved[t.data_ptr()] = t.numel() * t.element_size()
            return t

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            layer(y)
        assert sum(saved.values()) < y.numel() * y.element_size() + 8 * 1024


@pytest.mark.parametrize("form", FORMS)
def test_layouts(form: tuple[int, int]) -> None:
    k, s = form
    layer = Converse2D(3, k, scale=s)
    y = _y(2, 3, 8, 9)
    truth = layer(y)
    views = {
        "channels_last": y.to(memory_format=torch.channels_last),
        "transposed": y.transpose(2, 3).contiguous().transpose(2, 3),
        "strided": y.repeat_interleave(2, 3)[..., ::2],
        "expanded": y[:1].expand(2, -1, -1, -1),
    }
    for name, view in views.items():
        view = view.detach().requires_grad_()
        out = layer(view)
        expected = layer(y[:1].expand(2, -1, -1, -1).contiguous()) if name == "expanded" else truth
        torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-6)
        out.backward(torch.ones_like(out).to(memory_format=torch.channels_last))
        assert view.grad is not None and view.grad.isfinite().all()


@pytest.mark.parametrize("form", FORMS)
def test_empty_batch(form: tuple[int, int]) -> None:
    k, s = form
    layer = Converse2D(3, k, scale=s)
    y = torch.zeros(0, 3, 8, 9, requires_grad=True)
    out = layer(y)
    assert out.shape == (0, 3, 8 * s, 9 * s)
    out.sum().backward()
    assert layer.weight.grad is not None and not layer.weight.grad.any()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("x0", ["nearest", "bicubic"])
def test_meta_device(form: tuple[int, int], x0: str) -> None:
    k, s = form
    layer = Converse2D(3, k, scale=s, x0=x0, device="meta")
    out = layer(torch.empty(2, 3, 8, 9, device="meta"))
    assert out.shape == (2, 3, 8 * s, 9 * s) and out.device.type == "meta"


def test_never_changes_the_callers_tensors() -> None:
    for k, s in FORMS:
        y, kernel, lam = _y(2, 3, 8, 9), _y(1, 3, k, k), torch.full((1, 3, 1, 1), 0.1)
        leaves = [t.clone().requires_grad_() for t in (y, kernel, lam)]
        out = converse2d(*leaves, scale=s, padding=2)
        cotangent = torch.ones_like(out)
        torch.autograd.grad(out, leaves, cotangent)
        assert (cotangent == 1).all()
        for leaf, original in zip(leaves, (y, kernel, lam), strict=True):
            assert torch.equal(leaf.detach(), original)
        x0 = _y(2, 3, 8 * s, 9 * s)
        kept = x0.clone()
        converse2d(y, kernel, lam, scale=s, padding=2, x0=x0)
        assert torch.equal(x0, kept)


def test_deterministic_mode() -> None:
    torch.use_deterministic_algorithms(True)
    try:
        for k, s in FORMS:
            for x0 in ("nearest", "bicubic"):
                results = []
                for _ in range(2):
                    y = _y(2, 3, 8, 9).requires_grad_()
                    g = torch.Generator().manual_seed(0)
                    layer = Converse2D(3, k, scale=s, x0=x0, padding_mode="replicate", generator=g)
                    out = layer(y)
                    out.square().sum().backward()
                    results.append((out, y.grad, layer.weight.grad))
                for a, b in zip(*results, strict=True):
                    assert torch.equal(a, b) and a.isfinite().all()
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("form", FORMS)
def test_compile_without_a_break_and_at_most_twice(form: tuple[int, int]) -> None:
    k, s = form
    layer = Converse2D(3, k, scale=s)
    optimiser = torch.optim.SGD(layer.parameters(), lr=1e-3)
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(layer, fullgraph=True, backend=counter)
    for n in (8, 11, 12, 17, 24):
        y = _y(2, 3, n, n + 1).requires_grad_()
        optimiser.zero_grad()
        layer(y).square().mean().backward()
        eager = [y.grad, *(p.grad for p in layer.parameters())]
        y.grad = None
        optimiser.zero_grad()
        compiled(y).square().mean().backward()
        for a, b in zip([y.grad, *(p.grad for p in layer.parameters())], eager, strict=True):
            torch.testing.assert_close(a, b)
        optimiser.step()
        torch.testing.assert_close(compiled(y), layer(y))
    assert counter.frame_count <= 2


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("x0", ["nearest", "bilinear"])
def test_export_with_dynamic_sizes(form: tuple[int, int], x0: str) -> None:
    k, s = form
    layer = Converse2D(3, k, scale=s, x0=x0).eval()
    auto = torch.export.Dim.AUTO
    program = torch.export.export(layer, (_y(2, 3, 9, 10),), dynamic_shapes=({0: auto, 2: auto, 3: auto},))
    for shape in ((1, 3, 12, 7), (4, 3, 17, 16)):
        torch.testing.assert_close(program.module()(_y(*shape)), layer(_y(*shape)))


@pytest.mark.parametrize("form", [*FORMS, (4, 3), (3, 4)])
@pytest.mark.parametrize("x0", ["zero", "nearest", "bilinear", "bicubic"])
def test_export_with_sizes_in_a_range(form: tuple[int, int], x0: str) -> None:
    """Inside a network, where sizes of the maps that reach the layer are sums: none of them is tied to another."""
    k, s = form
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3, padding=1), Converse2D(3, k, scale=s, x0=x0)).eval()
    sizes = {axis: torch.export.Dim(f"n{axis}", min=8, max=200) for axis in (2, 3)}
    program = torch.export.export(network, (_y(1, 3, 10, 12),), dynamic_shapes=(sizes,))
    torch.testing.assert_close(program.module()(_y(1, 3, 17, 9)), network(_y(1, 3, 17, 9)), rtol=0, atol=2e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("x0", ["nearest", "bicubic"])
def test_cuda_agrees_with_the_cpu(form: tuple[int, int], x0: str) -> None:
    k, s = form
    layer = Converse2D(3, k, scale=s, x0=x0)
    truth = layer(_y(2, 3, 16, 15))
    torch.testing.assert_close(layer.cuda()(_y(2, 3, 16, 15).cuda()).cpu(), truth, rtol=0, atol=5e-6)


class _Elsewhere(TorchDispatchMode):
    """Notes every tensor with elements that an operation makes on another device than ``meta``."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.device.type != "meta":
                self.made.append(f"{function} {tuple(tensor.shape)}")
        return result


@pytest.mark.parametrize(("kernel", "scale"), FORMS)
def test_every_table_is_made_on_the_device_of_the_map(kernel: int, scale: int) -> None:
    """What is made on the CPU and copied stalls a GPU; the device without memory stands for one here."""
    layer = Converse2D(4, kernel, scale=scale, padding=2, padding_mode="reflect").to("meta")
    y = torch.empty(2, 4, 12, 10, device="meta", requires_grad=True)
    with _Elsewhere() as elsewhere:
        layer(y).sum().backward()
        (first,) = torch.autograd.grad(layer(y).square().sum(), y, create_graph=True)
        first.square().sum().backward()
    assert elsewhere.made == []
