"""The source of the plane kernels for one padded size: its passes, roots and the order of its frequencies."""

from __future__ import annotations

import functools
import math
from pathlib import Path

LARGEST_PRIME = 31
"""Of a length: its DFT is held in one thread's registers."""
LARGEST_RADIX = 16
"""Of a pass that is not a prime."""
STATIC = 16
"""Bytes of shared memory that the kernels take beside the maps."""
CONSTANT_ROOTS = 8192
"""Roots of both axes fill constant memory."""
SOURCE = Path(__file__).with_name("source") / "plane.cu"


@functools.cache
def radices(n: int) -> tuple[int, ...] | None:
    """The passes of a DFT of length ``n``: as few as serve, of equal size as far as they can; None if none do."""
    if n == 1:
        return (1,)
    for passes in range(1, n.bit_length()):
        found = list(_products(n, passes))
        if found:
            return min(found, key=lambda r: (max(r), r))
    return None


def _products(n: int, passes: int) -> list[tuple[int, ...]]:
    if passes == 1:
        return [(n,)] if n <= LARGEST_RADIX or (n <= LARGEST_PRIME and _is_prime(n)) else []
    divisors = [d for d in range(2, n + 1) if n % d == 0]
    return [(d, *rest) for d in divisors if _products(d, 1) for rest in _products(n // d, passes - 1)]


def _is_prime(n: int) -> bool:
    return all(n % p for p in range(2, math.isqrt(n) + 1))


def frequencies(n: int) -> list[int]:
    """The frequency at each place after the passes of :func:`radices`, in place and decimating in frequency."""
    order = [0]
    done = 1
    for radix in radices(n) or ():
        # A place of the length so far is a block; inside it the next radix' digit comes first.
        order = [u + done * q for u in order for q in range(radix)]
        done *= radix
    return order


def pitch(width: int) -> int:
    """Values from one row to the next in shared memory: odd, so that neighbouring rows are in different banks."""
    return width | 1


def shared_bytes(height: int, width: int) -> int:
    """Shared memory of one pair of padded maps."""
    return height * pitch(width) * 8


def serves(height: int, width: int, limit: int) -> bool:
    """Whether there are kernels for padded maps of ``height`` x ``width`` on a device with ``limit`` bytes a block."""
    if shared_bytes(height, width) + STATIC > limit or height + width > CONSTANT_ROOTS:
        return False
    return None not in (radices(height), radices(width))


def _passes(axis: int, n: int, forward: bool, whole: bool) -> str:
    """Calls of all passes along ``axis``; of all but the last if not ``whole``; in the opposite order if inverse."""
    calls, length = [], n
    for radix in radices(n) or ():
        calls.append(f"pass<{axis}, {length}, {radix}, {'true' if forward else 'false'}>(z);")
        length //= radix
    calls = calls if whole else calls[:-1]
    return " ".join(calls if forward else calls[::-1])


def _table(kind: str, name: str, values: list[str]) -> str:
    return f"__{'constant' if kind == 'float2' else 'device'}__ const {kind} {name}[] = {{{', '.join(values)}}};"


def _roots(axis: int, n: int) -> list[str]:
    angles = [-2 * math.pi * t / n for t in range(n)]
    pairs = [(math.cos(a), math.sin(a)) for a in angles]
    return [
        _table("float2", f"ROOTS{axis}", [f"{{{c!r}f, {s!r}f}}" for c, s in pairs]),
        _table("double2", f"EXACT{axis}", [f"{{{c!r}, {s!r}}}" for c, s in pairs]),
        _table("int", f"FULL{axis}", [str(u) for u in frequencies(n)]),
    ]


def source(height: int, width: int, threads: int, warp: int = 32) -> str:
    """CUDA C++ of the kernels for padded maps of ``height`` x ``width``, run by blocks of ``threads``."""
    rows, columns = radices(width), radices(height)
    assert rows and columns
    lines = [
        f"#define H {height}",
        f"#define W {width}",
        f"#define PITCH {pitch(width)}",
        f"#define THREADS {threads}",
        f"#define WARP {warp}",
        f"#define MIDDLE {columns[-1]}",
        f"#define FORWARD_ROWS {_passes(1, width, True, True)}",
        f"#define FORWARD_COLUMNS {_passes(0, height, True, False)}",
        f"#define BACK_COLUMNS {_passes(0, height, False, False)}",
        f"#define BACK_ROWS {_passes(1, width, False, True)}",
        *_roots(0, height),
        *_roots(1, width),
    ]
    return "\n".join(lines) + "\n" + SOURCE.read_text(encoding="utf-8")


def threads(size: tuple[int, int], resident: int) -> int:
    """Threads of a block, of which ``resident`` share a multiprocessor."""
    return max(128, min(1024, 1280 // resident // 32 * 32))
