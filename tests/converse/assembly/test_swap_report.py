"""What a swap says of the layers that it replaced, and of those that stay."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from converse import swap


def rand(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


class Doubled(nn.Upsample):
    """A forward of its own: not nearest upsampling."""

    def forward(self, input: Tensor) -> Tensor:
        return 2 * super().forward(input)


def hooked(layer: nn.Module) -> nn.Module:
    layer.register_forward_hook(lambda module, inputs, output: output + 1)
    return layer


def frozen(layer: nn.Module) -> nn.Module:
    return layer.requires_grad_(False)


def with_buffer(layer: nn.Module) -> nn.Module:
    layer.register_buffer("mask", torch.ones(3))
    return layer


def with_layer(layer: nn.Module) -> nn.Module:
    layer.add_module("lora", nn.Linear(2, 2))
    return layer


def masked(layer: nn.Module) -> nn.Module:
    layer.weight.register_hook(lambda grad: grad * 0)
    return layer


def renamed(layer: nn.Module) -> nn.Module:
    layer.register_state_dict_post_hook(lambda *given: None)
    return layer


TRANSPOSED = {"stride": 2, "groups": 2}
LOST = [
    (nn.Upsample, lambda: with_buffer(nn.Upsample(scale_factor=2)), "it holds mask, which would be lost"),
    (nn.Conv2d, lambda: with_layer(nn.Conv2d(2, 2, 3, padding=1, groups=2)), "it holds lora, which would be lost"),
    (nn.Conv2d, lambda: masked(nn.Conv2d(2, 2, 3, padding=1, groups=2)), "its weight has hooks"),
    (nn.Upsample, lambda: renamed(nn.Upsample(scale_factor=2)), "it has hooks"),
    (nn.Upsample, lambda: Doubled(scale_factor=2), "it is a Doubled, not exactly an nn.Upsample"),
    (nn.Upsample, lambda: hooked(nn.Upsample(scale_factor=2)), "it has hooks"),
    (
        nn.ConvTranspose2d,
        lambda: nn.utils.parametrizations.weight_norm(nn.ConvTranspose2d(2, 2, 2, **TRANSPOSED)),
        "it is a ParametrizedConvTranspose2d",
    ),
    (nn.Conv2d, lambda: frozen(nn.Conv2d(2, 2, 3, padding=1, groups=2)), "its weight and bias is frozen"),
]


@pytest.mark.parametrize(("kind", "make", "reason"), LOST)
def test_what_would_be_lost_in_silence_stays(kind: type[nn.Module], make: object, reason: str) -> None:
    layer = make()  # type: ignore[operator]
    plain = (
        nn.ConvTranspose2d(2, 2, 2, **TRANSPOSED),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(2, 2, 3, padding=1, groups=2),
    )
    model = nn.Sequential(layer, *plain)
    report = swap(model, kind, example=rand(1, 2, 4, 4))
    assert len(report) == 1 and reason in report.skipped["0"] and model[0] is layer


def test_parameters_of_two_layers_are_not_torn_apart() -> None:
    a, b = (nn.ConvTranspose2d(2, 2, 2, **TRANSPOSED) for _ in range(2))
    b.weight = a.weight
    model = nn.Sequential(a, b, nn.ConvTranspose2d(2, 2, 2, **TRANSPOSED))
    report = swap(model, nn.ConvTranspose2d)
    assert report.swapped == ["2"] and report.skipped["1"] == "its weight is shared by the layers 0, 1"


@pytest.mark.parametrize("names", [["weight"], ["bias"], ["weight", "bias"]])
def test_what_was_frozen_stays_frozen(names: list[str]) -> None:
    model = nn.Sequential(nn.ConvTranspose2d(2, 2, 2, **TRANSPOSED))
    for name in names:
        getattr(model[0], name).requires_grad_(False)
    assert swap(model, nn.ConvTranspose2d).unchanged == ["0"]
    operator, additive = model[0]
    assert {p.requires_grad for p in operator.parameters()} == {"weight" not in names}
    assert additive.bias.requires_grad == ("bias" not in names)


def test_channels_are_for_layers_that_do_not_know_theirs() -> None:
    model = nn.Sequential(nn.ConvTranspose2d(2, 2, 2, **TRANSPOSED))
    with pytest.raises(ValueError, match="knows its own"):
        swap(model, nn.ConvTranspose2d, channels=2)


def test_the_bias_of_a_depthwise_transposed_convolution_is_kept() -> None:
    old = nn.ConvTranspose2d(4, 4, 4, 2, 1, groups=4)
    model = nn.Sequential(old)
    assert swap(model, nn.ConvTranspose2d).unchanged == []
    assert torch.equal(model[0][1].bias, old.bias)


def test_unchanged_is_measured_where_there_is_an_example() -> None:
    """Large taps, small maps: the promise and the measurement agree."""
    model = nn.Sequential(nn.ConvTranspose2d(2, 2, 2, **TRANSPOSED))
    assert swap(model, nn.ConvTranspose2d, example=rand(1, 2, 5, 4)).unchanged == ["0"]


DEPTHWISE = {"groups": 2, "bias": False}


@pytest.mark.parametrize("example", [torch.ones(1, 2, 6, 6), torch.zeros(1, 2, 6, 6), torch.zeros(0, 2, 6, 6)])
@pytest.mark.parametrize(
    ("kind", "make"),
    [
        (nn.Upsample, lambda: nn.Upsample(scale_factor=2, mode="bilinear")),
        (nn.ConvTranspose2d, lambda: nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1, **DEPTHWISE)),
        (nn.Conv2d, lambda: nn.Conv2d(2, 2, 3, padding=1, **DEPTHWISE)),
    ],
)
def test_an_example_that_says_nothing_does_not_make_a_new_layer_unchanged(
    kind: type[nn.Module], make: Callable[[], nn.Module], example: Tensor
) -> None:
    """A constant, zeros, no sample: bilinear upsampling keeps constants, every convolution keeps zeros."""
    assert swap(nn.Sequential(make()), kind, example=example, seed=0).unchanged == []
    assert swap(nn.Sequential(nn.Upsample(scale_factor=2)), nn.Upsample, example=example).unchanged == ["0"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("mode", "kept"), [("nearest", ["0"]), ("bilinear", []), ("bicubic", [])])
def test_unchanged_in_half_precision_is_to_its_rounding(dtype: torch.dtype, mode: str, kept: list[str]) -> None:
    model = nn.Sequential(nn.Upsample(scale_factor=3, mode=mode), nn.Conv2d(2, 2, 1)).to(dtype)
    assert swap(model, nn.Upsample, example=rand(1, 2, 8, 8).to(dtype), seed=0).unchanged == kept


def test_taps_too_small_for_the_dtype_keep_their_layer() -> None:
    model = nn.Sequential(nn.ConvTranspose2d(2, 2, 2, **TRANSPOSED), nn.ConvTranspose2d(2, 2, 2, **TRANSPOSED)).half()
    with torch.no_grad():
        model[0].weight[1] *= 1e-5
    report = swap(model, nn.ConvTranspose2d)
    assert report.unchanged == ["1"] and "so small" in report.skipped["0"] and "float16" in report.skipped["0"]


@pytest.mark.parametrize("options", [{"kernel_size": [2, 2]}, {"kernel_size": (2, 2)}, {"x0": "zero"}])
def test_what_is_given_as_it_would_be_changes_nothing(options: dict[str, object]) -> None:
    model = nn.Sequential(nn.ConvTranspose2d(2, 2, 2, **TRANSPOSED))
    assert swap(model, nn.ConvTranspose2d, **options).unchanged == ["0"]


def test_parameters_that_are_no_numbers_say_nothing_of_the_dtype() -> None:
    model = nn.Sequential(nn.Module(), nn.Upsample(scale_factor=2))
    model[0].packed = nn.Parameter(torch.zeros(3, dtype=torch.uint8), requires_grad=False)
    swap(model, nn.Upsample, channels=2)
    assert model[1].weight.dtype == torch.float32


class Reached(nn.Module):
    """Calls its first layer under a name that is no submodule's."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.other = nn.Upsample(scale_factor=2), nn.Upsample(scale_factor=2)
        self.steps = (self.up,)

    def forward(self, x: Tensor) -> Tensor:
        return self.other(self.steps[0](x))


def test_a_layer_that_the_network_would_go_on_to_call_stays() -> None:
    model = Reached()
    report = swap(model, nn.Upsample, example=rand(1, 3, 4, 4))
    assert report.swapped == report.unchanged == ["other"] and model.up is model.steps[0]
    assert "another reference" in report.skipped["up"]


class Called(nn.Module):
    def __init__(self, layer: nn.Module, **named: object) -> None:
        super().__init__()
        self.up, self.plain, self.named = layer, nn.ConvTranspose2d(2, 2, 2, 2), named

    def forward(self, x: Tensor) -> Tensor:
        x = self.plain(x)
        return self.up(input=x) if self.named.get("input") else self.up(x, **self.named)


@pytest.mark.parametrize("named", [{"output_size": [16, 16]}, {"input": True}])
def test_a_layer_that_is_called_with_names_stays(named: dict[str, object]) -> None:
    model = Called(nn.ConvTranspose2d(2, 2, 2, 2), **named)
    report = swap(model, nn.ConvTranspose2d, example=rand(1, 2, 4, 4))
    assert report.swapped == ["plain"] and f"called with {next(iter(named))}" in report.skipped["up"]
    assert model(rand(1, 2, 4, 4)).shape == (1, 2, 16, 16)


@pytest.mark.parametrize(
    ("kind", "small"),
    [
        (nn.ConvTranspose2d, nn.ConvTranspose2d(2, 2, 4, 2, 1)),
        (nn.Conv2d, nn.Conv2d(2, 2, 7, padding=3, groups=2, padding_mode="circular")),
        (nn.Conv2d, nn.Conv2d(2, 2, 3, padding=1, groups=2, padding_mode="reflect")),
    ],
)
def test_a_layer_whose_maps_are_smaller_than_the_padding_stays(kind: type[nn.Module], small: nn.Module) -> None:
    """The bottleneck of a U-Net: its map is 2×2, or 1×1."""
    size = 1 if kind is nn.ConvTranspose2d else 5 if small.kernel_size[0] == 7 else 2
    large = copy.deepcopy(small)
    model = nn.Sequential(large, nn.AdaptiveAvgPool2d(size), small)
    before = model(rand(1, 2, 16, 16)).shape
    report = swap(model, kind, example=rand(1, 2, 16, 16))
    assert report.swapped == ["0"] and report.skipped["2"].startswith("a map of the example cannot be served: padding:")
    assert model(rand(1, 2, 16, 16)).shape == before


def test_a_network_that_fails_with_its_new_layers_gets_its_old_ones_back() -> None:
    class Strict(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            if not isinstance(self[0], nn.Upsample):
                raise RuntimeError("I know my layers")
            return super().forward(x)

    model = Strict(nn.Upsample(scale_factor=2))
    with pytest.raises(RuntimeError, match="I know my layers"):
        swap(model, nn.Upsample, example=rand(1, 2, 4, 4))
    assert isinstance(model[0], nn.Upsample)


@pytest.mark.parametrize("layer", [nn.Upsample(scale_factor=2), nn.ConvTranspose2d(2, 2, 2, **TRANSPOSED)])
def test_unchanged_in_float64_is_to_its_rounding(layer: nn.Module) -> None:
    model = nn.Sequential(nn.Conv2d(2, 2, 1), layer).double()
    y = rand(1, 2, 6, 5).double()
    before = model(y)
    report = swap(model, type(layer), example=y)
    assert report.unchanged == ["1"] and {p.dtype for p in model.parameters()} == {torch.float64}
    torch.testing.assert_close(model(y), before, rtol=1e-13, atol=1e-13)


def test_a_network_without_storage_is_swapped() -> None:
    model = nn.Sequential(nn.ConvTranspose2d(2, 2, 2, **TRANSPOSED)).to("meta")
    assert swap(model, nn.ConvTranspose2d).swapped == ["0"]
    assert all(p.is_meta for p in model.parameters())
