"""The convolutional operators against PyTorch's own layers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from converse.calls.setting import PADDING_MODES
from converse.operators.conv import Conv
from converse.operators.convt import ConvT
from converse.operators.nearest import Nearest
from converse.operators.pixelshuffle import PixelShuffle

SIZES = [1, 2, 3, 4, 5, (3, 2)]


def maps(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize("size", SIZES)
def test_conv_is_torchs_same_convolution(size: int | tuple[int, int], mode: str) -> None:
    conv = Conv(3, size, padding_mode=mode).double()
    torchs = nn.Conv2d(3, 3, size, padding="same", padding_mode=mode, groups=3).double()
    torchs.load_state_dict(conv.state_dict())
    y = maps(2, 3, 7, 6)
    torch.testing.assert_close(conv(y), torchs(y))


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize("size", SIZES)
def test_convt_at_scale_1_is_conv_flipped(size: int | tuple[int, int], mode: str) -> None:
    conv = Conv(3, size, padding_mode=mode).double()
    convt = ConvT(3, size, padding_mode=mode).double()
    with torch.no_grad():
        convt.weight.copy_(conv.weight.flip((2, 3)))
        convt.bias.copy_(conv.bias)
    y = maps(2, 3, 7, 6)
    torch.testing.assert_close(convt(y), conv(y))


@pytest.mark.parametrize(("size", "scale"), [(2, 2), (3, 2), (4, 2), (5, 2), (3, 3), (5, 3), (4, 4)])
def test_convt_with_zeros_is_torchs_transposed_convolution(size: int, scale: int) -> None:
    convt = ConvT(3, size, scale=scale, padding_mode="zeros").double()
    crop = (size - scale + 1) // 2
    y = maps(2, 3, 6, 5)
    full = F.conv_transpose2d(y, convt.weight, convt.bias, stride=scale, groups=3)
    full = F.pad(full, (0, scale, 0, scale))  # beyond torch's last sample there is the bias alone
    edge = convt.bias.view(-1, 1, 1)
    want = full[..., crop : crop + 6 * scale, crop : crop + 5 * scale]
    reach = [5 * scale + size - crop, 4 * scale + size - crop]
    torch.testing.assert_close(convt(y)[..., : reach[0], : reach[1]], want[..., : reach[0], : reach[1]])
    torch.testing.assert_close(convt(y)[..., reach[0] :, :], edge.expand_as(want[..., reach[0] :, :]))


@pytest.mark.parametrize("size", [2, 3, 4, 5])
@pytest.mark.parametrize("scale", [1, 2])
def test_convt_in_circular_mode_has_no_border(size: int, scale: int) -> None:
    convt = ConvT(3, size, scale=scale, padding_mode="circular").double()
    y = maps(1, 3, 6, 5)
    shifted = convt(y.roll((1, 2), (2, 3)))
    torch.testing.assert_close(shifted, convt(y).roll((scale, 2 * scale), (2, 3)))


def test_convt_leaves_no_holes() -> None:
    with pytest.raises(ValueError, match="convt: kernel_size 2 < scale 3 leaves holes"):
        ConvT(3, 2, scale=3)
    assert ConvT.skip(3, (3, 2), scale=3) and ConvT.skip(3, 3, scale=3) is None


def test_upsamplers_are_what_table_6_names() -> None:
    y = maps(1, 3, 5, 4)
    shuffle = PixelShuffle(3, 3, scale=2, padding_mode="zeros").double()
    assert shuffle.conv.weight.shape == (12, 3, 3, 3)
    want = F.pixel_shuffle(F.conv2d(y, shuffle.conv.weight, shuffle.conv.bias, padding=1), 2)
    torch.testing.assert_close(shuffle(y), want)
    nearest = Nearest(3, 3, scale=2, padding_mode="zeros").double()
    up = y.repeat_interleave(2, 2).repeat_interleave(2, 3)
    want = F.conv2d(up, nearest.conv.weight, nearest.conv.bias, padding=1)
    torch.testing.assert_close(nearest(y), want)


@pytest.mark.parametrize("cls", [Conv, ConvT])
@pytest.mark.parametrize("size", [3, 5, (3, 7)])
def test_as_many_parameters_as_converse2d(cls: type[nn.Module], size: int | tuple[int, int]) -> None:
    taps = size**2 if isinstance(size, int) else size[0] * size[1]
    assert sum(p.numel() for p in cls(8, size).parameters()) == 8 * (taps + 1)


@pytest.mark.parametrize("cls", [Conv, ConvT])
@pytest.mark.parametrize(
    ("mode", "shape", "message"),
    [
        ("circular", (1, 1), "padding: 2 is too large for a map of height 1"),
        ("reflect", (5, 2), "padding: 2 is too large for a map of width 2"),
    ],
)
def test_maps_too_small_for_the_mode(cls: type[nn.Module], mode: str, shape: tuple[int, int], message: str) -> None:
    operator = cls(2, 5, padding_mode=mode)
    with pytest.raises(ValueError, match=message):
        operator(torch.ones(1, 2, *shape))


@pytest.mark.parametrize("cls", [Conv, ConvT, Nearest, PixelShuffle])
def test_bad_arguments(cls: type[nn.Module]) -> None:
    for arguments, message in (
        ({"padding_mode": "zero"}, "padding_mode: 'zero' is not one of .*; did you mean 'zeros'"),
        ({"scale": 0}, "scale"),
    ):
        with pytest.raises(ValueError, match=message):
            cls(2, 3, **arguments)
    with pytest.raises(ValueError, match="kernel_size"):
        cls(2, 0)
    with pytest.raises(TypeError, match="floating dtype"):
        cls(2, 3)(torch.ones(1, 2, 5, 5, dtype=torch.int64))
    with pytest.raises(ValueError, match="4 dimensions"):
        cls(2, 3)(torch.ones(2, 5, 5))


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular", "zeros"])
@pytest.mark.parametrize("size", [2, 5])
def test_deterministic_mode_gives_the_same(mode: str, size: int) -> None:
    conv, y = Conv(2, size, padding_mode=mode).double(), maps(1, 2, 6, 7)
    want = conv(y)
    torch.use_deterministic_algorithms(True)
    try:
        torch.testing.assert_close(conv(y), want)
    finally:
        torch.use_deterministic_algorithms(False)
