"""The operators of the field: one value that is known for each, what it declares, and its parameters."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from converse.operators.bilinear import Bilinear
from converse.operators.carafe import Carafe
from converse.operators.conv import Conv
from converse.operators.dysample import DySample
from converse.operators.ffc import FastFourierConv
from converse.operators.global_filter import GlobalFilter
from converse.operators.nonneg_deconv import NonnegDeconv


def maps(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def zero(module: nn.Module) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("size", [13, 31])
@pytest.mark.parametrize("mode", ["circular", "zeros"])
def test_a_large_kernel_is_torchs_convolution(size: int, mode: str) -> None:
    conv, y = Conv(2, size, padding_mode=mode).double(), maps(2, 2, 33, 32)
    margin = size // 2
    padded = F.pad(y, (margin,) * 4, mode="constant" if mode == "zeros" else mode)
    torch.testing.assert_close(conv(y), F.conv2d(padded, conv.weight, conv.bias, groups=2))
    with torch.no_grad():
        direct = conv(y)
    torch.testing.assert_close(conv(y), direct)  # with gradients it is computed by FFT
    assert parameters(conv) == 2 * (size**2 + 1)


@pytest.mark.parametrize("channels", [4, 5])
def test_ffc_without_l_and_with_s_the_identity_returns_the_global_half(channels: int) -> None:
    operator, y = FastFourierConv(channels, 3).double(), maps(2, channels, 6, 5)
    zero(operator)
    half = channels // 2
    for layer in (operator.spectral.enter, operator.spectral.leave):
        layer.weight.data.copy_(torch.eye(half)[:, :, None, None])
    x = operator(y)
    torch.testing.assert_close(x[:, -half:], y[:, -half:])
    assert not x[:, :-half].any()


def test_ffc_reaches_every_pixel_and_grows_with_the_square_of_the_channels() -> None:
    with torch.random.fork_rng():  # of some starts the global half is dead at this pixel: its ReLU passes nothing
        torch.manual_seed(0)
        operator = FastFourierConv(4, 3).double()
    y = maps(1, 4, 8, 7).requires_grad_()
    operator(y)[0, -1, 0, 0].backward()
    assert y.grad is not None and y.grad[0, -2:].abs().min() > 0
    c, k = 64, 3
    biases = c // 2 + c // 2 + (c // 2 + c // 2 + c)
    assert parameters(FastFourierConv(c, k)) == 0.75 * k * k * c * c + 1.5 * c * c + biases
    with pytest.raises(ValueError, match="one channel cannot be split"):
        FastFourierConv(1, 3)


@pytest.mark.parametrize("shape", [(6, 5), (8, 8), (7, 12)])
def test_global_filter_of_ones_is_the_identity_at_every_size(shape: tuple[int, int]) -> None:
    operator, y = GlobalFilter(3, (8, 8)).double(), maps(2, 3, *shape)
    with torch.no_grad():
        operator.weight[0].fill_(1)
        operator.weight[1].zero_()
    torch.testing.assert_close(operator(y), y)


def test_global_filter_keeps_its_response_in_cycles_per_pixel() -> None:
    """A low-pass filter made for 8 pixels keeps the same wave on 16 and removes the same one."""
    operator = GlobalFilter(1, 8).double()
    with torch.no_grad():
        operator.weight.zero_()
        operator.weight[0, :, [0, 1, 2, 6, 7], :3] = 1  # up to a quarter of a cycle a pixel
    for size in (8, 16):
        pixel = torch.arange(size, dtype=torch.float64)
        kept = torch.cos(2 * torch.pi * pixel / 8).expand(1, 1, size, size)
        gone = torch.cos(torch.pi * pixel).expand(1, 1, size, size)
        torch.testing.assert_close(operator(kept), kept)
        torch.testing.assert_close(operator(gone), torch.zeros_like(gone))


def test_global_filter_is_made_for_one_size_and_periodic() -> None:
    assert parameters(GlobalFilter(3, (40, 40))) == 3 * 2 * 40 * 21
    reason = "padding_mode must be 'circular', got 'zeros'"
    assert reason in (GlobalFilter.skip(3, 8, padding_mode="zeros") or "")
    with pytest.raises(ValueError, match=reason):
        GlobalFilter(3, 8, padding_mode="zeros")


@pytest.mark.parametrize("size", [3, 4, (5, 2)])
@pytest.mark.parametrize("steps", [1, 3, 10])
def test_nonneg_deconv_with_a_delta_returns_y(size: int | tuple[int, int], steps: int) -> None:
    operator, y = NonnegDeconv(2, size, steps=steps).double(), maps(1, 2, 6, 7)
    rows, columns = operator.kernel_size
    with torch.no_grad():
        operator.weight.fill_(-1e3)  # softplus: 0
        operator.weight[..., (rows - 1) // 2, (columns - 1) // 2] = torch.tensor(1.0).expm1().log()
    torch.testing.assert_close(operator(y), F.softplus(y), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", ["circular", "zeros"])
def test_nonneg_deconv_uses_the_adjoint_and_lowers_the_residual(mode: str) -> None:
    operator, y = NonnegDeconv(2, (4, 3), padding_mode=mode).double(), maps(1, 2, 6, 7)
    kernel, z = F.softplus(operator.weight), maps(1, 2, 6, 7).flip(3)
    inner = (operator._blur(y, kernel) * z).sum(), (y * operator._adjoint(z, kernel)).sum()
    torch.testing.assert_close(*inner)
    target, residuals = F.softplus(y), []
    for steps in (1, 3, 10):
        operator.steps = steps
        x = operator(y)
        assert x.min() >= 0
        residuals.append(float((operator._blur(x, kernel) - target).detach().norm()))
    assert residuals == sorted(residuals, reverse=True) and residuals[-1] < 0.8 * residuals[0]
    with pytest.raises(ValueError, match="steps: expected 1 to 10, got 11"):
        NonnegDeconv(2, 3, steps=11)


@pytest.mark.parametrize("scale", [2, 3])
def test_carafe_with_equal_logits_is_the_mean_around_the_nearest_source(scale: int) -> None:
    operator, y = Carafe(3, 5, scale=scale, padding_mode="zeros").double(), maps(2, 3, 6, 5)
    zero(operator)
    mean = F.avg_pool2d(y, 5, stride=1, padding=2, count_include_pad=True)
    torch.testing.assert_close(operator(y), F.interpolate(mean, scale_factor=scale))


def test_carafe_is_the_definition_written_with_unfold() -> None:
    operator, y = Carafe(3, 5, scale=2, padding_mode="zeros").double(), maps(2, 3, 6, 5)
    weights = F.pixel_shuffle(operator.encode(operator.compress(y)), 2).softmax(1)
    around = F.unfold(y, 5, padding=2).view(2, 3 * 25, 6, 5)
    around = F.interpolate(around, scale_factor=2).view(2, 3, 25, 12, 10)
    torch.testing.assert_close(operator(y), (around * weights[:, None]).sum(2))
    assert parameters(Carafe(64, 5, scale=2)) == 64 * 65 + 9 * 64 * 100 + 100
    with pytest.raises(ValueError, match="carafe: kernel_size must be odd, square and at least 3, got 2"):
        Carafe(3, 2, scale=2)


@pytest.mark.parametrize("scale", [2, 3])
def test_dysample_without_offsets_is_bilinear_interpolation(scale: int) -> None:
    operator, y = DySample(4, 2, scale=scale).double(), maps(2, 4, 6, 5)
    zero(operator)
    want = F.interpolate(y, scale_factor=scale, mode="bilinear", align_corners=False)
    torch.testing.assert_close(operator(y), want)


def test_dysample_moves_each_group_by_its_offset_in_source_pixels() -> None:
    operator, y = DySample(4, 2, scale=2, groups=2).double(), maps(1, 4, 6, 6)
    zero(operator)
    with torch.no_grad():  # channels of the offsets: group, then (x, y), then the place in the s×s block
        operator.offset.bias.view(2, 2, 4)[1, 0] = 4.0  # times 0.25: one pixel to the right
    want = F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
    x = operator(y)
    torch.testing.assert_close(x[:, :2], want[:, :2])
    torch.testing.assert_close(x[:, 2:, :, :-3], want[:, 2:, :, 2:-1])
    assert parameters(DySample(64, 2, scale=2)) == 2 * 4 * 4 * 65
    assert DySample.skip(6, 2) == "6 channels are no multiple of 4 groups"
    assert "kernel_size must be 2" in (DySample.skip(4, 3) or "")


@pytest.mark.parametrize("scale", [2, 4])
def test_bilinear_is_interpolation_and_the_convolution_of_nearest(scale: int) -> None:
    operator, y = Bilinear(3, 3, scale=scale, padding_mode="zeros").double(), maps(2, 3, 6, 5)
    up = F.interpolate(y, scale_factor=scale, mode="bilinear", align_corners=False)
    torch.testing.assert_close(operator(y), F.conv2d(up, operator.conv.weight, operator.conv.bias, padding=1))


@pytest.mark.parametrize("cls", [FastFourierConv, GlobalFilter, NonnegDeconv, Carafe, DySample, Bilinear])
def test_bad_arguments(cls: type[nn.Module]) -> None:
    size = 2 if cls is DySample else 3
    with pytest.raises(ValueError, match="padding_mode"):
        cls(4, size, padding_mode="zero")
    with pytest.raises(ValueError, match="kernel_size"):
        cls(4, 0)
    with pytest.raises(TypeError, match="floating dtype"):
        cls(4, size)(torch.ones(1, 4, 5, 5, dtype=torch.int64))
    with pytest.raises(ValueError, match="4 dimensions"):
        cls(4, size)(torch.ones(4, 5, 5))
