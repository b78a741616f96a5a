"""Both backends of the operator, as data: tests that name the fixture ``backend`` run once over each."""

from __future__ import annotations

import os

import pytest

from converse.native import loading, serving
from converse.native.build import BuildError, build
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
