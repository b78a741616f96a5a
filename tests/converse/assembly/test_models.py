"""The networks: counts, names, forms, and that every option reaches the computation."""

from __future__ import annotations

import copy
import json
from itertools import pairwise

import pytest
import torch
from network_cases import NAMES, inputs, small
from torch import nn

from converse import ConverseBlock, build_model
from converse.assembly.norm import ChannelNorm
from converse.declarations.model_info import models
from converse.declarations.model_spec import resolve

PARAMETERS = {
    "dncnn": 557_057,
    "conv_dncnn": 734_913,
    "convt_dncnn": 734_913,
    "converse_dncnn": 734_913,
    "convnet": 243_267,
    "conversenet": 243_267,
    "converse_srresnet": 699_072,
    "convt_srresnet": 699_072,
    "converse_usrnet": 307_987,
}
CONVERSE = [name for name in NAMES if models()[name].operator == "converse2d"]


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS.items())
def test_parameter_counts(name: str, parameters: int) -> None:
    with torch.device("meta"):
        assert count(build_model(name)) == parameters
    assert models()[name].parameters in (parameters, None)


def test_declared_counts_are_all_asserted() -> None:
    assert {k for k, v in models().items() if v.parameters} <= set(PARAMETERS)


def test_parameter_count_of_the_released_7x7_dncnn() -> None:
    with torch.device("meta"):
        assert count(build_model("converse_dncnn", kernel_size=7)) == 796_353


def test_readme_counts_are_the_same_networks_without_some_parameters() -> None:
    with torch.device("meta"):
        sr, usr = build_model("converse_srresnet"), build_model("converse_usrnet")
    norms = sum(count(m) for m in sr.modules() if isinstance(m, ChannelNorm))
    assert count(sr) - norms == 694_208
    assert count(usr) - sum(p.numel() for k, p in usr.named_parameters() if ".alpha" in k and k[0] == "p") == 307_091


@pytest.mark.parametrize("name", NAMES)
def test_forward_and_backward(name: str) -> None:
    model, given = small(name), inputs(name)
    info = model.spec.info
    output = model(*given)
    height, width = given[0].shape[-2:]
    assert output.shape == (2, info.image_channels, info.scale * height, info.scale * width)
    assert torch.isfinite(output).all()
    output.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_builds_on_the_meta_device(name: str) -> None:
    with torch.device("meta"):
        model = build_model(name)
        given = tuple(torch.empty(t.shape) for t in inputs(name, size=(16, 16)))
    scale = model.spec.info.scale
    assert model(*given).shape[-2:] == (16 * scale, 16 * scale)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_fixes_the_weights_and_leaves_the_global_state(name: str) -> None:
    before = torch.random.get_rng_state()
    one, same, other = small(name, 1), small(name, 1), small(name, 2)
    assert torch.equal(torch.random.get_rng_state(), before)
    states = [m.state_dict() for m in (one, same, other)]
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    assert any(not torch.equal(states[0][k], states[2][k]) for k in states[0])


@pytest.mark.parametrize("name", NAMES)
def test_every_network_option_changes_the_network(name: str) -> None:
    base = resolve(name).settings
    for option in base.keys() - {"kernel_start"}:  # weights alone, tested below
        other = {"padding_mode": "reflect", "up_kernel_size": 4}
        value = other[option] if option in other else base[option] + 1
        with torch.device("meta"):
            plain, changed = build_model(name), build_model(name, **{option: value})
        given = inputs(name)
        differs = {k: v.shape for k, v in plain.state_dict().items()} != {
            k: v.shape for k, v in changed.state_dict().items()
        }
        if not differs:  # padding_mode and iterations: same weights, another output
            weak = small(name).state_dict()
            outputs = []
            for model in (small(name), small(name, **{option: value})):
                model.load_state_dict(weak)
                with torch.no_grad():
                    for key, parameter in model.named_parameters():
                        parameter.add_(0.1 * ("alpha" in key))
                outputs.append(model.eval()(*given))
            differs = not torch.equal(*outputs)
        assert differs, option


@pytest.mark.parametrize("name", CONVERSE)
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("padding", 1),
        ("init", "uniform"),
        ("lam", 0.1),
        ("lam", "shared"),
        ("x0", "zero"),
        ("eps", 0.1),
    ],
)
def test_every_operator_option_reaches_the_operators(name: str, option: str, value: object) -> None:
    plain, changed = small(name), small(name, **{option: value})
    operators = [m for m in changed.modules() if type(m).__name__ == "Converse2D"]
    assert operators
    attribute = {"lam": "lam_option"}.get(option, option)
    wanted = (value, value) if option == "padding" else value
    hit = [getattr(m, attribute) == wanted for m in operators]
    assert all(hit) or (models()[name].upsamples and sum(hit) == len(hit) - 2)
    if name == "upsampler_srresnet" and option == "padding":
        return  # at k = s = 2 and nearest X0 padding only adds samples that are cropped
    given = inputs(name)
    for model in (plain, changed):
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                parameter.add_(0.1 * ("alpha" in key))
    try:
        changed.load_state_dict({k: v for k, v in plain.state_dict().items()})
    except RuntimeError:
        assert option == "lam"  # fixed and shared λ have fewer numbers
        assert count(changed) < count(plain)
        return
    same = torch.equal(plain(*given), changed(*given))
    assert same is (option == "init")  # an initialisation is in the weights, not in the function


@pytest.mark.parametrize("name", ["converse_srresnet", "upsampler_srresnet"])
def test_up_options_reach_the_upsamplers_alone(name: str) -> None:
    options = {"up_eps": 0.25} if name == "converse_srresnet" else {"eps": 0.25}
    model = small(name, **options)
    eps = [m.eps for m in model.modules() if type(m).__name__ == "Converse2D" and m.scale == 2]
    rest = [m.eps for m in model.modules() if type(m).__name__ == "Converse2D" and m.scale == 1]
    assert eps == [0.25, 0.25] and 0.25 not in rest


def test_algorithm1_networks_load_the_weights_and_agree() -> None:
    fast = small("converse_srresnet").double()
    slow = small("converse_srresnet", seed=1, operator="algorithm1").double()
    slow.load_state_dict(fast.state_dict(), strict=True)
    given = [t.double() for t in inputs("converse_srresnet")]
    torch.testing.assert_close(fast(*given), slow(*given), rtol=1e-9, atol=1e-9)


def test_convt_is_conv_with_flipped_kernels() -> None:
    conv, convt = small("conv_dncnn"), small("convt_dncnn", seed=1)
    state = {k: v.flip((2, 3)) if k.endswith("conv1.3.weight") else v for k, v in conv.state_dict().items()}
    convt.load_state_dict(state, strict=True)
    (image,) = inputs("conv_dncnn")
    torch.testing.assert_close(conv(image), convt(image))


def test_every_table6_upsampler_serves_its_stages() -> None:
    layers = {}
    for name in ("pixelshuffle", "nearest", "convt", "converse2d"):
        stage = small("upsampler_srresnet", upsampler=name).stages[0]
        layers[name] = [type(layer).__name__ for layer in stage]
    assert layers == {
        "pixelshuffle": ["Identity", "PixelShuffle", "LeakyReLU"],
        "nearest": ["Identity", "Nearest", "LeakyReLU"],
        "convt": ["PaddedConv", "ConvT", "LeakyReLU"],
        "converse2d": ["PaddedConv", "Converse2D", "LeakyReLU"],
    }


@torch.enable_grad()
def norm_with_grad(norm: ChannelNorm, x: torch.Tensor) -> torch.Tensor:
    return norm(x).detach()


@pytest.mark.parametrize("channels_last", [False, True])
def test_channel_norm_is_layer_norm_over_channels(channels_last: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    x = 3 + torch.randn(2, 6, 5, 4, generator=generator, dtype=torch.float64)
    norm, torchs = ChannelNorm(6).double(), nn.LayerNorm(6).double()
    for layer in (norm, torchs):
        with torch.no_grad():
            layer.weight.copy_(torch.linspace(-1, 2, 6))
            layer.bias.copy_(torch.linspace(2, 3, 6))
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    want = torchs(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    torch.testing.assert_close(norm(x), want)
    before = x.clone()
    with torch.no_grad():  # computed in place in its own buffer
        assert torch.equal(norm(x), norm_with_grad(norm, x))
    assert torch.equal(x, before)
    low = norm.bfloat16()(x.bfloat16())
    assert low.dtype == torch.bfloat16
    torch.testing.assert_close(low.double(), want, rtol=0.05, atol=0.05)


def test_block_is_figure_2() -> None:
    block = ConverseBlock(4, lambda channels: nn.Conv2d(channels, channels, 3, padding=1))
    assert [k for k, _ in block.named_parameters()] == [
        f"{branch}.{layer}.{kind}"
        for branch, layers in (("conv1", (0, 1, 3, 5)), ("conv2", (0, 1, 3)))
        for layer in layers
        for kind in ("weight", "bias")
    ]
    x = torch.rand(1, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    middle = x + block.conv1(x)
    torch.testing.assert_close(block(x), middle + block.conv2(middle))


def test_alpha_blocks_start_as_identities() -> None:
    block = ConverseBlock(4, lambda channels: nn.Conv2d(channels, channels, 1), alpha=True)
    x = torch.rand(1, 4, 5, 5)
    assert torch.equal(block(x), x)
    with torch.no_grad():
        block.alpha1.fill_(0.5)
        block.alpha2.fill_(2)
    middle = x + 0.5 * block.conv1(x)
    torch.testing.assert_close(block(x), middle + 2 * block.conv2(middle))


@pytest.mark.parametrize("name", ["conv_usrnet", "converse_usrnet"])
def test_kernel_shapes(name: str) -> None:
    model = small(name).double()  # features are amplified: λ is small
    image, kernel = (t.double() for t in inputs(name))
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            parameter.add_(0.1 * ("alpha" in key))
    want = torch.cat([model(image[i : i + 1], kernel[i, 0]) for i in range(2)])
    torch.testing.assert_close(model(image, kernel), want)
    torch.testing.assert_close(model(image, kernel[:1])[:1], want[:1])
    for wrong in (kernel[0], kernel[:, 0], kernel.expand(2, 3, 7, 7), torch.ones(3, 1, 7, 7)):
        with pytest.raises(ValueError, match="kernel: expected"):
            model(image, wrong)
    with pytest.raises(TypeError, match="kernel: expected a tensor"):
        model(image, [[1.0]])


def test_kernelnet_takes_7x7_alone() -> None:
    with pytest.raises(ValueError, match="this network takes 7x7, got"):
        small("converse_usrnet")(torch.rand(1, 3, 9, 9), torch.ones(5, 5) / 25)


def test_kernels_that_start_at_a_delta_leave_the_features_nearly_as_they_are() -> None:
    image, kernel = inputs("converse_usrnet")
    x = torch.rand(2, 16, *image.shape[-2:], generator=torch.Generator().manual_seed(0))
    moved = {}
    for start in (None, "delta"):
        model = build_model("converse_usrnet", channels=16, blocks=1, iterations=2, kernel_start=start, seed=0)
        with torch.no_grad():
            features = model.kernelnet(kernel)
            moved[start] = max(float((model.d(x, conv(features)) - x).abs().mean()) for conv in model.convs)
    assert moved["delta"] < 0.1 < 0.3 < moved[None]


def test_an_unknown_kernel_start_is_named_and_the_default_is_no_part_of_the_identity() -> None:
    with pytest.raises(ValueError, match="unknown kernel_start 'dirac'"):
        resolve("converse_usrnet", {"kernel_start": "dirac"})
    with pytest.raises(ValueError, match="unknown option 'kernel_start'"):
        resolve("conv_usrnet", {"kernel_start": "delta"})
    assert "kernel_start" not in resolve("converse_usrnet").identity()["settings"]
    assert resolve("converse_usrnet", {"kernel_start": "delta"}).identity()["settings"]["kernel_start"] == "delta"


@pytest.mark.parametrize("name", NAMES)
def test_copies_print_and_describe_themselves(name: str) -> None:
    model = small(name)
    twin = copy.deepcopy(model)
    given = inputs(name)
    assert torch.equal(twin.eval()(*given), model.eval()(*given))
    assert json.dumps(model.spec.identity())
    assert type(model).__name__ in str(model)


def test_rectangular_and_even_kernels() -> None:
    (image,) = inputs("converse_dncnn")
    for size in ((3, 5), [4, 2], 2):
        for operator in ("converse2d", "conv", "convt"):
            model = small("converse_dncnn", kernel_size=size, operator=operator)
            assert model(image).shape == image.shape


def test_width_and_depth() -> None:
    counts = [count(small("converse_dncnn", blocks=b, channels=c)) for b, c in ((1, 4), (2, 4), (2, 8))]
    assert all(a < b for a, b in pairwise(counts))
