"""The block and stacks of it in surroundings that are not one plain call."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from converse import Converse2D, ConverseBlock, build_model


def test_transforms_of_functions_without_gradients() -> None:
    torch.manual_seed(0)
    made = ConverseBlock(4, lambda c: nn.Conv2d(c, c, 3, padding=1, groups=c)).eval()
    x = torch.randn(3, 1, 4, 6, 7)
    expected = made(x[:, 0])
    tangent = torch.func.jvp(made, (x[0],), (x[1],))[1]
    with torch.no_grad():
        torch.testing.assert_close(torch.func.vmap(made)(x)[:, 0], expected.detach())
        torch.testing.assert_close(torch.func.jvp(made, (x[0],), (x[1],))[1], tangent.detach())


@pytest.mark.parametrize("alpha", [False, True])
def test_without_gradients_the_numbers_and_the_input_stay(alpha: bool) -> None:
    torch.manual_seed(0)
    made = ConverseBlock(4, lambda c: Converse2D(c, 3), alpha=alpha).eval()
    if alpha:
        nn.init.normal_(made.alpha1)
        nn.init.normal_(made.alpha2)
    for x in (torch.randn(2, 4, 9, 10), torch.randn(2, 4, 9, 10).to(memory_format=torch.channels_last)):
        given, expected = x.clone(), made(x).detach()
        with torch.no_grad():
            torch.testing.assert_close(made(x), expected, rtol=2e-6, atol=2e-6)
        assert torch.equal(x, given)


@pytest.mark.parametrize("name", ["converse_usrnet", "conversenet", "converse_dncnn"])
def test_one_network_serves_several_threads(name: str) -> None:
    model = build_model(name, seed=0, channels=4, blocks=2, **({} if "dncnn" in name else {"iterations": 3})).eval()
    channels = model.spec.info.image_channels  # type: ignore[union-attr]
    generator = torch.Generator().manual_seed(0)
    # Each size twice: threads meet on the same map size and on different ones.
    images = [torch.rand(1, channels, 20 + i // 2, 22, generator=generator) for i in range(8)]
    kernel = (torch.full((1, 1, 7, 7), 1 / 49),) if "usr" in name else ()

    def restored(image: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return model(image, *kernel)

    alone = [restored(image) for image in images]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(5):
            together = list(threads.map(restored, images))
            assert all(torch.equal(a, b) for a, b in zip(together, alone, strict=True))


def test_a_block_without_storage_is_started_by_its_resets() -> None:
    """What deferred initialisation (FSDP) does: storage first, then every ``reset_parameters``."""
    with torch.device("meta"):
        made = ConverseBlock(4, lambda c: Converse2D(c, 3), alpha=True)
    made.to_empty(device="cpu")
    for module in made.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    x = torch.randn(1, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(made(x), x)  # alpha is zero
    assert all(p.isfinite().all() for p in made.parameters())


@pytest.mark.parametrize("given", [{"channels": 0}, {"channels": "4"}, {"expansion": 1.5}])
def test_what_is_no_number_of_channels_is_named(given: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(given))):
        ConverseBlock(**{"channels": 4, "spatial": lambda c: Converse2D(c, 3), **given})
