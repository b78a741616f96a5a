"""Both backends of the operator and all instruction sets of the compiled one, as data.

Tests that name the fixture ``backend`` or ``level`` run once over each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from converse.native import loading, serving
from converse.native.build import BuildError, build, levels
from converse.native.library import Library

BACKENDS = ("torch", "native")


@pytest.fixture(scope="session")
def compiled() -> Library:
    """The library, built for this session where it is not yet."""
    if os.environ.get("CONVERSE_NATIVE") == "0":
        pytest.skip("CONVERSE_NATIVE=0 switches the compiled operator off")
    found = loading.load()
    if not isinstance(found, Library):
        try:
            build()
        except BuildError as error:
            pytest.skip(str(error))
        loading.load.cache_clear()
        found = loading.load()
    assert isinstance(found, Library), found
    return found


@pytest.fixture(params=[name for name, _, _ in levels()])
def level(request: pytest.FixtureRequest, compiled: Library) -> Iterator[Library]:
    """The library on each instruction set that this processor has."""
    choose = compiled.functions.converse_level
    if choose(request.param.encode()) is None:
        pytest.skip(f"this processor has no {request.param}")
    yield compiled
    choose(compiled.level.encode())


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of the backend that computes while the test runs."""
    name: str = request.param
    found = request.getfixturevalue("compiled") if name == "native" else "switched off by a test"
    monkeypatch.setattr(serving, "load", lambda: found)
    return name


@pytest.fixture
def by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only torch computes while the test runs."""
    monkeypatch.setattr(serving, "load", lambda: "switched off by a test")
