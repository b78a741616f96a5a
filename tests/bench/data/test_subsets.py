"""The words for some of the images of a test."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.config.loading import load_plan
from bench.data.subsets import chosen
from bench.foundation.errors import BenchError


@pytest.mark.parametrize(
    ("subset", "expected"),
    [(None, range(25)), ("first3", range(3)), ("every10", (0, 10, 20)), ("first99", range(25))],
)
def test_subsets(subset: str | None, expected: Sequence[int]) -> None:
    assert chosen(range(25), subset) == list(expected)


@pytest.mark.parametrize("word", ["last3", "first0", "every", "first-1", "first²", "firstevery5", "first05"])
def test_other_words_are_refused(word: str) -> None:
    with pytest.raises(BenchError, match="allowed are firstN and everyN"):
        chosen(range(25), word)


@pytest.mark.parametrize("images", ["²", "firstevery5", "everyfirst5", "0", "-3", "9" * 5000])
def test_other_images_are_refused_on_the_command_line(images: str) -> None:
    with pytest.raises(BenchError, match="allowed are N"):
        load_plan("quick", images=images)
