"""What is done once or in pieces where no gradient is asked for: the same numbers, and nothing is bypassed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from converse import Converse2D, ConverseBlock, build_model
from converse.assembly import frozen, strips
from converse.assembly.blocks import BlockStack
from converse.mathematics import spectral
from converse.models import conversenet


def block(alpha: bool = False, channels: int = 4) -> ConverseBlock:
    torch.manual_seed(0)
    made = ConverseBlock(channels, lambda c: Converse2D(c, 3), alpha=alpha)
    if alpha:
        nn.init.normal_(made.alpha1)
        nn.init.normal_(made.alpha2)
    return made.eval()


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("shape", [(1, 4, 37, 41), (3, 4, 5, 6), (2, 4, 2, 2)])
def test_strips_give_the_same_numbers(alpha: bool, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "_STRIP", 1 << 11)  # several strips, the last one shorter
    made, x = block(alpha), torch.randn(shape)
    expected = made(x).detach()
    with torch.no_grad():
        assert made.by_strips(x) is not None
        for given in (x, x.to(memory_format=torch.channels_last), x.transpose(2, 3).contiguous().transpose(2, 3)):
            kept_input = given.clone()
            torch.testing.assert_close(made(given), expected, rtol=2e-6, atol=2e-6)
            assert torch.equal(given, kept_input)


def doubled() -> nn.Conv2d:
    class Doubled(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(x)

    return Doubled(4, 8, 1)


def watch(layer: nn.Module) -> None:
    layer.register_forward_hook(lambda *_: None)


CHANGES: dict[str, Callable[[ConverseBlock], object]] = {
    "a hook on a norm": lambda b: watch(b.conv2[0]),
    "a hook on a layer": lambda b: watch(b.conv2[2]),
    "a hook on a branch": lambda b: watch(b.conv1),
    "a hook before a layer": lambda b: b.conv1[1].register_forward_pre_hook(lambda *_: None),
    "another forward": lambda b: setattr(b.conv1[5], "forward", lambda x: torch.zeros(1, 4, *x.shape[2:])),
    "a subclass": lambda b: b.conv1.__setitem__(1, doubled()),
    "another activation": lambda b: b.conv1.__setitem__(2, nn.ReLU()),
    "another form of GELU": lambda b: b.conv2.__setitem__(2, nn.GELU(approximate="tanh")),
    "another activation after the operator": lambda b: b.conv1.__setitem__(4, nn.ReLU()),
    "a norm over space": lambda b: b.conv2.__setitem__(0, nn.InstanceNorm2d(4)),
    "another convolution": lambda b: b.conv1.__setitem__(5, nn.Conv2d(8, 4, 3, padding=1)),
    "one layer more": lambda b: b.conv2.append(nn.Tanh()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_block_is_computed_as_it_is(change: str) -> None:
    made, x = block(), torch.randn(1, 4, 8, 9)
    CHANGES[change](made)
    made.eval()
    expected = made(x).detach()
    with torch.no_grad():
        assert made.by_strips(x) is None
        torch.testing.assert_close(made(x), expected)


def test_a_hook_on_the_operator_fires_in_strips() -> None:
    made, seen = block(), []
    made.conv1[3].register_forward_hook(lambda *_: seen.append(1))
    with torch.no_grad():
        assert made.by_strips(torch.randn(1, 4, 8, 8)) is not None
    assert seen == [1]


def test_strips_are_for_the_plain_case() -> None:
    made, x = block(), torch.randn(1, 4, 8, 8)
    assert made.by_strips(x) is None, "gradients are on"
    with torch.no_grad():
        assert made.by_strips(x) is not None
        assert made.by_strips(x.half()) is None
        assert made.by_strips(x[:0]) is None
        with torch.autocast("cpu", torch.bfloat16):
            assert made.by_strips(x) is None
        with torch.autograd.forward_ad.dual_level():
            assert made.by_strips(x) is None


def test_transforms_of_functions_without_gradients() -> None:
    torch.manual_seed(0)
    made = ConverseBlock(4, lambda c: nn.Conv2d(c, c, 3, padding=1, groups=c)).eval()
    x = torch.randn(3, 1, 4, 6, 7)
    expected = made(x[:, 0])
    tangent = torch.func.jvp(made, (x[0],), (x[1],))[1]
    with torch.no_grad():
        torch.testing.assert_close(torch.func.vmap(made)(x)[:, 0], expected.detach())
        torch.testing.assert_close(torch.func.jvp(made, (x[0],), (x[1],))[1], tangent.detach())


def test_an_operator_that_returns_its_input_is_served() -> None:
    torch.manual_seed(0)
    made = ConverseBlock(4, lambda c: nn.Identity()).eval()
    x = torch.randn(1, 4, 6, 7)
    expected = made(x).detach()
    with torch.no_grad():
        torch.testing.assert_close(made(x), expected)


@pytest.mark.usefixtures("by_torch")
@pytest.mark.parametrize("name", ["conversenet", "converse_usrnet"])
def test_a_repeated_stack_computes_its_transfer_functions_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_model(name, seed=0, channels=4, blocks=2, iterations=3).eval()
    arguments = [torch.rand(1, 3, 12, 14)] + ([torch.full((1, 1, 7, 7), 1 / 49)] if "usr" in name else [])
    expected = model(*arguments).detach()
    counted = []
    original = frozen.Transfer.of.__func__  # type: ignore[attr-defined]

    def counting(cls, *args, **kwargs):  # type: ignore[no-untyped-def]
        counted.append(1)
        return original(cls, *args, **kwargs)

    monkeypatch.setattr(frozen.Transfer, "of", classmethod(counting))
    with torch.no_grad():
        once = build_model(name, seed=0, channels=4, blocks=2, iterations=1).eval()
        once(*arguments)
        assert not counted, "applied once, nothing is kept"
        torch.testing.assert_close(model(*arguments), expected, rtol=1e-5, atol=1e-6)
    assert len(counted) == 2, "one per layer, not one per application"
    layers = [m for m in model.modules() if isinstance(m, Converse2D)]
    assert layers and all(layer._frozen is None for layer in layers), "nothing outlives the pass"


@pytest.mark.usefixtures("by_torch")
def test_kept_leaves_alone_what_is_frozen_training_or_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    y = torch.rand(1, 4, 6, 7)
    frozen_layer, free = Converse2D(4, 3).eval(), Converse2D(4, 3).eval()
    stack = nn.Sequential(frozen_layer.freeze((6, 7)), free, Converse2D(4, 3, x0="bicubic"), Converse2D(4, 2, scale=2))
    mine = frozen_layer._frozen
    stack.eval()
    with torch.no_grad():
        with conversenet.kept(stack, y, 5):
            assert free._frozen is not None
        assert free._frozen is None and frozen_layer._frozen is mine
        with pytest.raises(RuntimeError, match="broken"), conversenet.kept(stack, y, 5):
            raise RuntimeError("broken")
        assert free._frozen is None
        monkeypatch.setattr(frozen, "_KEPT", free.frozen_bytes((6, 7)) - 1)
        with conversenet.kept(stack, y, 5):
            assert free._frozen is None
    with conversenet.kept(stack, y, 5):
        assert free._frozen is None, "gradients are on"
    assert free.train().frozen_bytes((6, 7)) is None
    free.eval().freeze((6, 7))
    assert free.unfreeze()._frozen is None


def test_what_freezing_holds_is_what_was_announced() -> None:
    layer = Converse2D(3, 5, scale=2).eval()
    announced = layer.frozen_bytes((9, 10))
    layer.freeze((9, 10))
    assert layer._frozen is not None and layer._frozen.g.nbytes == announced


@pytest.mark.parametrize(
    "options", [{}, {"padding_mode": "zeros"}, {"lam": 0.1}, {"init": "softmax_always"}, {"x0": "zero"}]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("freeze", [False, True])
def test_overwriting_gives_the_same_numbers(
    options: dict[str, object], dtype: torch.dtype, freeze: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spectral, "_CPU_WORK", 1 << 10)  # several chunks of channels and of images
    layer = Converse2D(5, (3, 5), **options).to(dtype).eval()  # type: ignore[arg-type]
    y = torch.randn(3, 5, 11, 12, dtype=dtype)
    if freeze:
        layer.freeze((11, 12))
    with torch.no_grad():
        expected, given = layer(y), y.clone()
        assert layer.overwrite(given) is given
    assert torch.equal(given, expected)


@pytest.mark.parametrize("case", ["scale", "x0", "half", "view", "1x1", "gradients"])
def test_where_overwriting_is_not_possible_the_input_stays(case: str) -> None:
    options = {"scale": {"scale": 2}, "x0": {"x0": "bicubic"}}.get(case, {})
    layer = Converse2D(4, 1 if case == "1x1" else 3, **options)  # type: ignore[arg-type]
    y = torch.randn(2, 4, 9, 8, dtype=torch.bfloat16 if case == "half" else torch.float32)
    y = y.transpose(2, 3) if case == "view" else y
    given = y.clone(memory_format=torch.preserve_format)
    with torch.set_grad_enabled(case == "gradients"):
        assert torch.equal(layer.overwrite(given), layer(y))
    assert torch.equal(given, y)


def test_overwriting_refuses_what_forward_refuses() -> None:
    layer = Converse2D(4, 5)
    with torch.no_grad():
        for y in (torch.randn(1, 4, 3, 9), torch.randn(1, 3, 9, 9), torch.randn(4, 9, 9), torch.ones(1, 4, 9, 9).int()):
            with pytest.raises((ValueError, TypeError)) as forward:
                layer(y)
            with pytest.raises(type(forward.value)) as overwrite:
                layer.overwrite(y)
            assert str(overwrite.value) == str(forward.value)


def test_an_operator_is_overwritten_only_as_it_was_written() -> None:
    class Doubled(Converse2D):
        def forward(self, y: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(y)

    watched = Converse2D(4, 3)
    assert strips.overwrites(watched)
    watch(watched)
    assert not strips.overwrites(watched)
    assert not strips.overwrites(Doubled(4, 3))
    assert not strips.overwrites(nn.Identity())


def stack(count: int = 4) -> BlockStack:
    torch.manual_seed(1)
    return BlockStack(*(ConverseBlock(4, lambda c: Converse2D(c, 3)) for _ in range(count))).eval()


def test_a_stack_in_one_buffer_gives_the_same_numbers_and_keeps_its_input() -> None:
    made = stack()
    for shape in ((1, 4, 9, 10), (3, 4, 6, 7)):
        x = torch.randn(shape)
        for given in (x, x.to(memory_format=torch.channels_last)):
            before = given.clone()
            with torch.no_grad():
                first = made(given)
                again = first.clone()
                assert torch.equal(nn.Sequential.forward(made, given), first)
                made(torch.randn(shape))
            assert torch.equal(given, before)
            assert torch.equal(first, again), "a later call wrote over an earlier result"


@pytest.mark.parametrize("index", [0, 1, 2, 3])
@pytest.mark.parametrize("part", ["block", "norm", "operator", "branch"])
def test_what_a_hook_has_seen_is_not_overwritten(index: int, part: str) -> None:
    made, seen = stack(), []
    block = made[index]
    assert isinstance(block, ConverseBlock)
    layer = {"block": block, "norm": block.conv1[0], "operator": block.conv1[3], "branch": block.conv2}[part]

    def keep(_: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        seen.extend((t, t.clone()) for t in (inputs[0], output))

    layer.register_forward_hook(keep)
    with torch.no_grad():
        made(torch.randn(2, 4, 9, 10))
    assert len(seen) == 2
    assert all(torch.equal(now, then) for now, then in seen)


def test_a_stack_of_other_layers() -> None:
    torch.manual_seed(0)
    blocks = stack()
    made = BlockStack(blocks[0], nn.Identity(), blocks[1], nn.ReLU(inplace=False), blocks[2], blocks[3]).eval()
    x = torch.randn(1, 4, 8, 9)
    with torch.no_grad():
        assert torch.equal(made(x), nn.Sequential.forward(made, x))
