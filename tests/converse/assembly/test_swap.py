"""Converse2D in the place of a network's own layers."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from converse import Converse2D, swap


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Decoder(nn.Module):
    """Two upsampling stages of different width, one of them inside a list, one layer shared."""

    def __init__(self, scale: int = 2, **upsample: object) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.stages = nn.ModuleList([nn.Upsample(scale_factor=scale, **upsample), nn.Conv2d(6, 4, 1)])
        self.up = nn.Upsample(scale_factor=2)
        self.tail = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.head(x)
        for stage in self.stages:
            x = stage(x)
        return self.tail(self.up(x))


@pytest.mark.parametrize("kernel_size", [None, 1, 2, 3, 4, 5, (2, 3)])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_nearest_upsampling_is_unchanged(scale: int, kernel_size: object) -> None:
    model = Decoder(scale).eval()
    x = rand(2, 3, 6, 7)
    want = model(x)
    options = {} if kernel_size is None else {"kernel_size": kernel_size}
    report = swap(model, nn.Upsample, example=x, seed=0, **options)
    assert report.swapped == report.unchanged == ["stages.0", "up"] and len(report) == 2
    assert [model.stages[0].channels, model.up.channels] == [6, 4]
    torch.testing.assert_close(model(x), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kernel_size", [2, 3])
def test_a_swapped_network_learns(kernel_size: int) -> None:
    up = nn.Sequential(nn.Upsample(scale_factor=2))
    swap(up, nn.Upsample, channels=3, kernel_size=kernel_size, seed=0)
    x = rand(4, 3, 8, 8)
    target = F.interpolate(x, scale_factor=2, mode="bilinear")
    optimiser = torch.optim.Adam(up.parameters(), lr=0.01)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        loss = F.mse_loss(up(x), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    start = F.mse_loss(F.interpolate(x, scale_factor=2), target).item()
    assert abs(losses[0] - start) < 1e-5 * start
    assert losses[-1] < 0.99 * start


def test_the_plain_softmax_start_would_not_keep_a_3x3_kernel_nearest() -> None:
    x = rand(1, 3, 6, 6)
    plain = Converse2D(3, 3, scale=3, generator=torch.Generator().manual_seed(0))
    nearest = F.interpolate(x, scale_factor=3)
    assert (plain(x) - nearest).norm() > 0.01 * nearest.norm()


def test_swapping_leaves_modes_statistics_and_random_state() -> None:
    model = Decoder().train()
    model.head[1].eval()
    before = copy.deepcopy(model.state_dict())
    state = torch.random.get_rng_state()
    swap(model, nn.Upsample, example=rand(2, 3, 6, 6), seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(model.state_dict()[k], v) for k, v in before.items())
    assert model.training and not model.head[1].training and model.up.training
    assert not model.up._forward_pre_hooks


def test_dtype_of_the_network() -> None:
    model = Decoder().double().eval()
    x = rand(1, 3, 4, 4).double()
    want = model(x)
    swap(model, nn.Upsample, channels={"stages.0": 6, "up": 4})
    assert model.up.weight.dtype == torch.float64
    torch.testing.assert_close(model(x), want)


def test_a_shared_layer_stays_shared() -> None:
    up = nn.Upsample(scale_factor=2)
    model = nn.ModuleDict({"a": up, "b": up})
    assert swap(model, nn.Upsample, channels=2).swapped == ["a", "b"]
    assert model["a"] is model["b"]


def test_bilinear_becomes_the_prior() -> None:
    model = nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"))
    report = swap(model, nn.Upsample, channels=3)
    assert report.swapped == ["0"] and report.unchanged == []
    assert model[0].x0 == "bilinear"


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("size", [1, 2])
def test_a_depthwise_transposed_convolution_keeps_its_output(size: int, bias: bool) -> None:
    model = nn.Sequential(nn.ConvTranspose2d(5, 5, size, stride=size, groups=5, bias=bias))
    with torch.no_grad():
        model[0].weight[2] = 0  # a dead channel
    x = rand(2, 5, 6, 7)
    want = model(x)
    report = swap(model, nn.ConvTranspose2d)
    assert report.unchanged == ["0"]
    torch.testing.assert_close(model(x), want, rtol=1e-5, atol=1e-5)
    model(x).square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_taps_too_large_for_lam_become_a_new_layer() -> None:
    model = nn.Sequential(nn.ConvTranspose2d(2, 2, 2, stride=2, groups=2))
    with torch.no_grad():
        model[0].weight.fill_(100)
    report = swap(model, nn.ConvTranspose2d)
    assert report.swapped == ["0"] and report.unchanged == []


@pytest.mark.parametrize(
    ("layer", "parts"),
    [
        (nn.ConvTranspose2d(6, 4, 2, stride=2), ["Conv2d", "Converse2D"]),
        (nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1), ["Conv2d", "Converse2D"]),
        (nn.ConvTranspose2d(6, 6, 3, 2, 1, output_padding=1, groups=6), ["Converse2D", "ChannelBias"]),
    ],
)
def test_other_transposed_convolutions_keep_their_shape(layer: nn.Module, parts: list[str]) -> None:
    model = nn.Sequential(layer)
    x = rand(2, 6, 5, 7)
    want = model(x)
    report = swap(model, nn.ConvTranspose2d)
    assert model(x).shape == want.shape
    kinds = [type(m).__name__ for m in model[0].modules() if not list(m.children())]
    assert kinds == parts and report.unchanged == []


@pytest.mark.parametrize("padding", [2, "same"])
def test_depthwise_convolutions_alone_are_swapped(padding: object) -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 6, 1),
        nn.Conv2d(6, 6, 5, padding=padding, groups=6, padding_mode="replicate"),
    )
    count = sum(p.numel() for p in model.parameters())
    report = swap(model, nn.Conv2d, init="gaussian")
    assert report.swapped == ["1"] and not report.skipped
    new = model[1]
    assert (new.kernel_size, new.padding_mode, new.init) == ((5, 5), "replicate", "gaussian")
    assert sum(p.numel() for p in model.parameters()) == count
    assert model(rand(1, 3, 9, 8)).shape == (1, 6, 9, 8)


SKIPPED = [
    (nn.Upsample, nn.Upsample(size=(4, 4)), "fixed output size"),
    (nn.Upsample, nn.Upsample(scale_factor=1.5), "not one whole number"),
    (nn.Upsample, nn.Upsample(scale_factor=(2, 3)), "not one whole number"),
    (nn.Upsample, nn.Upsample(scale_factor=1), "does not upsample"),
    (nn.Upsample, nn.Upsample(scale_factor=2, mode="area"), "mode 'area'"),
    (
        nn.Upsample,
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
        "align_corners",
    ),
    (nn.ConvTranspose2d, nn.ConvTranspose2d(2, 2, 3, stride=2), "not its input's size times"),
    (nn.ConvTranspose2d, nn.ConvTranspose2d(2, 2, 2, stride=(1, 2)), "need equal strides"),
    (nn.Conv2d, nn.Conv2d(2, 2, 3, groups=2), "changes the size"),
    (nn.Conv2d, nn.Conv2d(2, 4, 3, padding=1, groups=2), "2 channels become 4"),
    (nn.Conv2d, nn.Conv2d(2, 2, 3, padding=1, stride=2, groups=2), "need 1 and 1"),
]


@pytest.mark.parametrize(("kind", "layer", "reason"), SKIPPED)
def test_what_cannot_be_swapped_stays_with_its_reason(kind: type[nn.Module], layer: nn.Module, reason: str) -> None:
    good = {
        nn.Upsample: nn.Upsample(scale_factor=2),
        nn.ConvTranspose2d: nn.ConvTranspose2d(2, 2, 2, stride=2),
        nn.Conv2d: nn.Conv2d(2, 2, 3, padding=1, groups=2),
    }[kind]
    model = nn.ModuleDict({"good": good, "bad": layer})
    channels = {"channels": 2} if kind is nn.Upsample else {}
    report = swap(model, kind, **channels)
    assert report.swapped == ["good"] and list(report.skipped) == ["bad"]
    assert reason in report.skipped["bad"] and reason in str(report)
    assert model["bad"] is layer
    with pytest.raises(ValueError, match="nothing was swapped; bad: stays: ") as caught:
        swap(nn.ModuleDict({"bad": layer}), kind, **channels)
    assert "\n" not in str(caught.value)


class Twice(nn.Module):
    """One nn.Upsample for maps of two widths, one that never runs, one on (B, C, L)."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Upsample(scale_factor=2)
        self.idle = nn.Upsample(scale_factor=2)
        self.line = nn.Upsample(scale_factor=2)
        self.good = nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.line(x[0])
        return self.good(self.up(x)).mean() + self.up(y).mean()


def test_an_example_of_several_inputs_and_layers_it_cannot_settle() -> None:
    report = swap(Twice(), nn.Upsample, example=(rand(1, 2, 3, 3), rand(1, 5, 3, 3)))
    assert report.swapped == ["good"]
    assert report.skipped == {
        "up": "it serves maps of 2, 5 channels",
        "idle": "the example never reached it",
        "line": "its input is not (B, C, H, W)",
    }


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: swap(m, nn.Linear, channels=1), TypeError, "kind: expected one of nn.Upsample"),
        (lambda m: swap(m, nn.Upsample), ValueError, "pass either example=.*or channels="),
        (lambda m: swap(m, nn.Upsample, channels=1, example=1), ValueError, "pass either"),
        (lambda m: swap(m, nn.Upsample, channels=0), ValueError, "at least 1 for 'stages.0'"),
        (lambda m: swap(m, nn.Upsample, channels=2.0), TypeError, "expected an integer"),
        (lambda m: swap(m, nn.Upsample, channels={"upp": 1}), ValueError, "did you mean 'up'"),
        (lambda m: swap(m, nn.Upsample, channels={"up": 1}), ValueError, "none given for stages.0"),
        (
            lambda m: swap(m, nn.Upsample, channels=1, kernelsize=2),
            TypeError,
            "did you mean 'kernel_size'",
        ),
        (lambda m: swap(m, nn.Upsample, channels=1, init="softmx"), ValueError, "init"),
        (lambda m: swap(m, nn.Upsample, channels=1, init="softmax_always"), ValueError, "for ever"),
        (lambda m: swap(m, nn.ConvTranspose2d), ValueError, "Decoder holds no nn.ConvTranspose2d"),
        (lambda m: swap(m, nn.Conv2d), ValueError, "Decoder holds no depthwise nn.Conv2d"),
        (lambda m: swap(m.up, nn.Upsample, channels=1), ValueError, "wrap it in nn.Sequential"),
    ],
)
def test_bad_calls_change_nothing(call: object, error: type[Exception], message: str) -> None:
    model = Decoder()
    layers = list(model.modules())
    with pytest.raises(error, match=message):
        call(model)  # type: ignore[operator]
    assert list(model.modules()) == layers
    assert not model.up._forward_pre_hooks
