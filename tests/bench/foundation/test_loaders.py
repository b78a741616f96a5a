"""The YAML loader in C and the one in Python read the same, and one of them words every error."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench.foundation import strict_yaml
from bench.foundation.errors import BenchError

pytestmark = pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML has no loader in C here")
ROOT = Path(__file__).parents[3]
FILES = [ROOT / "datasets.yaml", *sorted((ROOT / "config").rglob("*.yaml"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_both_loaders_give_the_same_data_and_lines(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = strict_yaml.load(path)
    monkeypatch.setattr(strict_yaml, "_FastLoader", strict_yaml._Loader)
    assert strict_yaml.load(path) == fast


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "a: *x", "\ta: 1", "- a\nb: 1", "a: 1\na: 2"])
def test_errors_are_worded_alike_with_and_without_the_loader_in_c(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BenchError) as with_c:
        strict_yaml.parse(text)
    monkeypatch.setattr(strict_yaml, "_FastLoader", strict_yaml._Loader)
    with pytest.raises(BenchError) as without:
        strict_yaml.parse(text)
    assert str(with_c.value) == str(without.value)
