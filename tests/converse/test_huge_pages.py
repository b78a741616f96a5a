"""Huge pages are asked for where a block goes back to the kernel, and nowhere else."""

from __future__ import annotations

import mmap
from typing import Any

import pytest
import torch

from converse import huge_pages


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    calls: list[tuple[int, int]] = []

    def refusing(start: Any, length: Any, advice: int) -> int:
        calls.append((start.value, length.value))
        return -1

    monkeypatch.setattr(huge_pages, "_madvise", lambda: refusing)
    return calls


def test_only_blocks_of_their_own_and_only_whole_pages(asked: list[tuple[int, int]]) -> None:
    large = huge_pages.advised(torch.empty((33 << 20) + 7, dtype=torch.uint8))
    huge_pages.advised(torch.empty(8 << 20, dtype=torch.uint8))
    ((start, length),) = asked
    assert start % mmap.PAGESIZE == 0 and length % mmap.PAGESIZE == 0
    assert large.data_ptr() <= start and start + length <= large.data_ptr() + large.nbytes


def test_other_devices_and_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huge_pages, "_madvise", lambda: None)
    assert huge_pages.advised(torch.empty(33 << 20, dtype=torch.uint8)).nbytes == 33 << 20
    assert huge_pages.advised(torch.empty(33 << 20, dtype=torch.uint8, device="meta")).is_meta
