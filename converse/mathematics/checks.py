"""What a caller may pass: one clear line for everything that cannot be served.

Every message names the argument, what came and what is allowed. Nothing here reads a tensor's values,
so nothing here forces a device to synchronise or breaks a compiled graph.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from numbers import Integral, Real

import torch
from torch import Tensor

from ..calls.modes import UNTRACED
from ..calls.setting import X0_NAMES, Setting

SERVED = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""What a map may be made of."""


def choice(argument: str, value: object, allowed: Sequence[str]) -> str:
    """``value`` if it is one of ``allowed``.

    Raises:
        ValueError: it is not; the message lists the choices and the nearest one.
    """
    if isinstance(value, str) and value in allowed:
        return value
    hits = difflib.get_close_matches(str(value), allowed, n=1, cutoff=0.5)
    hint = f"; did you mean {hits[0]!r}?" if hits else ""
    raise ValueError(f"{argument}: {value!r} is not one of {', '.join(allowed)}{hint}")


def integer(argument: str, value: object, minimum: int) -> int:
    """``value`` if it is an integer of at least ``minimum``, NumPy's included.

    Raises:
        TypeError: not an integer (a bool is not one).
        ValueError: too small.
    """
    if isinstance(value, bool) or not isinstance(value, (Integral, torch.SymInt)):
        raise TypeError(f"{argument}: expected an integer >= {minimum}, got {value!r}")
    if value < minimum:
        raise ValueError(f"{argument}: expected an integer >= {minimum}, got {value}")
    return value if isinstance(value, torch.SymInt) else int(value)  # type: ignore[return-value]


def pair(argument: str, value: object, minimum: int) -> tuple[int, int]:
    """``(rows, columns)`` from one integer for both or from a pair.

    Raises:
        TypeError: neither an integer nor a pair of them.
        ValueError: an entry below ``minimum``.
    """
    if isinstance(value, str) or (isinstance(value, (tuple, list)) and len(value) != 2):
        kind = TypeError if isinstance(value, str) else ValueError
        raise kind(f"{argument}: expected an integer >= {minimum} or a pair of them, got {value!r}")
    rows, columns = value if isinstance(value, (tuple, list)) else (value, value)
    return integer(argument, rows, minimum), integer(argument, columns, minimum)


def positive(argument: str, value: object) -> float:
    """``value`` as a float if it is a finite number above zero.

    Raises:
        TypeError: not a number.
        ValueError: zero, negative, infinite or NaN.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{argument}: expected a positive number, got {value!r}")
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{argument}: expected a finite number > 0, got {value!r}")
    return number


def dtype(value: torch.dtype | None) -> torch.dtype | None:
    """``value`` if parameters may have it; None is torch's default.

    Raises:
        TypeError: not a real floating dtype of 16, 32 or 64 bits.
    """
    if value is not None and value not in SERVED:
        raise TypeError(f"dtype: expected a real floating dtype of 16, 32 or 64 bits, got {value}")
    return value


def feature_map(argument: str, value: object) -> Tensor:
    """``value`` if it is a real floating tensor of shape (B, C, H, W) with H, W >= 1.

    Raises:
        TypeError: not a tensor, or not of a real floating dtype.
        ValueError: wrong rank.
    """
    if isinstance(value, torch.fx.Proxy):
        raise TypeError(f"{argument}: a reverse convolution {UNTRACED}")
    if not isinstance(value, Tensor):
        raise TypeError(f"{argument}: expected a tensor, got {type(value).__name__}")
    if value.dtype not in SERVED:
        raise TypeError(f"{argument}: expected a real floating dtype of 16, 32 or 64 bits, got {value.dtype}")
    if value.layout != torch.strided:
        raise TypeError(f"{argument}: expected a dense tensor, got {value.layout}")
    if value.dim() != 4:
        shape = tuple(value.shape)
        raise ValueError(f"{argument}: expected 4 dimensions (B, C, H, W), got shape {shape}")
    return value


def kernel_for(y: Tensor, kernel: object) -> Tensor:
    """``kernel`` if it is (1, C, kh, kw) or (B, C, kh, kw) for this ``y`` and lives beside it.

    Raises:
        TypeError: not a real floating tensor.
        ValueError: wrong rank, channels, batch or device.
    """
    if not isinstance(kernel, Tensor):
        raise TypeError(f"kernel: expected a tensor, got {type(kernel).__name__}")
    if not kernel.is_floating_point():
        raise TypeError(f"kernel: expected a real floating dtype, got {kernel.dtype}")
    if kernel.dim() != 4:
        raise ValueError(f"kernel: expected 4 dimensions (1 or B, C, kh, kw), got shape {tuple(kernel.shape)}")
    if kernel.shape[1] != y.shape[1]:
        raise ValueError(f"y: {y.shape[1]} channels, but the kernel has {kernel.shape[1]}")
    if kernel.shape[0] != 1 and kernel.shape[0] != y.shape[0]:
        raise ValueError(f"kernel: batch of {kernel.shape[0]}, expected 1 or that of y ({y.shape[0]})")
    if kernel.shape[2] < 1 or kernel.shape[3] < 1:
        raise ValueError(f"kernel: empty, shape {tuple(kernel.shape)}")
    if kernel.device != y.device:
        raise ValueError(f"kernel: on {kernel.device}, but y is on {y.device}")
    return kernel


def lam_for(y: Tensor, lam: object) -> Tensor | float:
    """``lam`` if it is a positive number or a tensor that broadcasts to (B, C, 1, 1).

    Raises:
        TypeError: neither a number nor a real floating tensor.
        ValueError: a number that is not above 0 or not finite in the dtype of computation; a shape that does not
            broadcast.
    """
    if not isinstance(lam, Tensor):
        number, most = positive("lam", lam), torch.finfo(torch.promote_types(y.dtype, torch.float32)).max
        if number > most:
            raise ValueError(f"lam: expected at most {most:.3g} with y of {y.dtype}, got {lam!r}")
        return number
    if not lam.is_floating_point():
        raise TypeError(f"lam: expected a real floating dtype, got {lam.dtype}")
    want = (y.shape[0], y.shape[1], 1, 1)
    fits = lam.dim() <= 4 and all(n == 1 or n == m for n, m in zip(reversed(lam.shape), reversed(want), strict=False))
    if not fits:
        raise ValueError(f"lam: shape {tuple(lam.shape)} does not broadcast to (B, C, 1, 1) {want}")
    if lam.dim() > 0 and lam.device != y.device:
        raise ValueError(f"lam: on {lam.device}, but y is on {y.device}")
    return lam


def x0_for(y: Tensor, x0: object, scale: int) -> Tensor | str:
    """``x0`` if it is one of :data:`converse.calls.setting.X0_NAMES` or a tensor of the output's shape.

    Raises:
        TypeError: neither a name nor a real floating tensor.
        ValueError: unknown name, wrong shape or device.
    """
    if not isinstance(x0, Tensor):
        return choice("x0", x0, X0_NAMES)
    if not x0.is_floating_point():
        raise TypeError(f"x0: expected a real floating dtype, got {x0.dtype}")
    want = (y.shape[0], y.shape[1], y.shape[2] * scale, y.shape[3] * scale)
    if tuple(x0.shape) != want:
        raise ValueError(f"x0: shape {tuple(x0.shape)}, expected the output's shape {want}")
    if x0.device != y.device:
        raise ValueError(f"x0: on {x0.device}, but y is on {y.device}")
    return x0


def sizes(size: Sequence[int], kernel_size: Sequence[int], setting: Setting) -> None:
    """Refuse a map (H, W) that is too small for its padding or its kernel.

    Raises:
        ValueError: an empty map; circular padding above the map's size; reflect padding not below it;
            a kernel larger than the padded map at output resolution.
    """
    for name, n, k, p in zip(("height", "width"), size, kernel_size, setting.padding, strict=True):
        if n < 1:
            raise ValueError(f"y: {name} {n}, expected at least 1")
        limit = {"circular": n, "reflect": n - 1}.get(setting.mode)
        if limit is not None and p > limit:
            raise ValueError(
                f"padding: {p} is too large for a map of {name} {n} in {setting.mode} mode, allowed are 0 to {limit}"
            )
        if k > (n + 2 * p) * setting.scale:
            most = f"{(n + 2 * p) * setting.scale} = ({n} + 2*{p})*{setting.scale}"
            raise ValueError(f"kernel: size {k} exceeds the padded map's {name} {most}")
