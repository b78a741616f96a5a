"""The compiled library on each instruction set, for the tests of its functions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from converse.native.build import levels
from converse.native.library import Library


@pytest.fixture(params=[name for name, _, _ in levels()])
def level(request: pytest.FixtureRequest, compiled: Library) -> Iterator[Library]:
    """The library on each instruction set that this processor has."""
    choose = compiled.functions.converse_level
    if choose(request.param.encode()) is None:
        pytest.skip(f"this processor has no {request.param}")
    yield compiled
    choose(compiled.level.encode())
