"""The operator template: what it writes works as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_plan import working_in

from bench.foundation.errors import BenchError
from bench.stages.scaffold import new_operator


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    with working_in(tmp_path):
        yield tmp_path


def test_the_operator_template_works(root: Path) -> None:
    import torch

    from converse import build_model
    from converse.declarations import registry

    path = new_operator("my_operator", root)
    assert len(path.read_text().splitlines()) <= 40
    cls = registry.load_operator(path)
    assert cls(4, 3)(torch.rand(2, 4, 7, 9)).shape == (2, 4, 7, 9)
    model = build_model("converse_dncnn", operator=str(path), channels=4, blocks=1)
    assert model(torch.rand(1, 1, 8, 8)).shape == (1, 1, 8, 8)
    for name, message in (("conv", "exists already"), ("my_operator", "left alone")):
        with pytest.raises(BenchError, match=message):
            new_operator(name, root)


@pytest.mark.parametrize("name", ["2x", "_", "_1", "none", "a b"])
def test_a_name_that_makes_no_class_is_refused(root: Path, name: str) -> None:
    with pytest.raises(BenchError, match="letters, digits"):
        new_operator(name, root)
    assert not list(root.iterdir())


def test_the_class_may_have_the_name_of_what_the_template_imports(root: Path) -> None:
    import torch

    from converse.declarations import registry

    assert registry.load_operator(new_operator("f", root))(1, 3)(torch.rand(1, 1, 4, 4)).shape == (1, 1, 4, 4)
