"""``new-operator NAME``: a working operator file to start from."""

from __future__ import annotations

import keyword
from pathlib import Path

from bench.foundation.errors import BenchError

TEMPLATE = '''"""{label}: say in one line what the operator does, and where it comes from."""

from __future__ import annotations

# Read without importing this file; see converse/declarations/operator_info.py for every key.
OPERATOR = {{
    "label": "{label}",
    "class": "{cls}",
    "roles": ["spatial"],
    "scales": [1],
    "trains": True,
    "options": [],
    "summary": "one line for the list of operators",
}}

from torch import Tensor, nn  # noqa: E402


class {cls}(nn.Module):
    """Maps (B, C, H, W) to (B, C, s H, s W) in the dtype of its input; the whole contract: docs/plugin.md.

    Built as below: two arguments by position, scale, padding_mode (circular, reflect, replicate or zeros) and its own
    options by keyword, each with a default; no **kwargs. All state in parameters and buffers; it also runs on the meta
    device, in float64 and bfloat16, on small maps and on an empty batch. It may decline a configuration:

        @classmethod
        def skip(cls, channels, kernel_size, *, scale=1, padding_mode="circular"): return "a reason"  # or None
    """

    def __init__(self, channels: int, kernel_size: int, *, scale: int = 1, padding_mode: str = "circular") -> None:
        super().__init__()
        self.pad = ((kernel_size - 1) // 2, kernel_size // 2) * 2
        self.mode = "constant" if padding_mode == "zeros" else padding_mode
        self.conv = nn.Conv2d(channels, channels, kernel_size, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        """Replace this depthwise convolution by your operator."""
        return self.conv(nn.functional.pad(x, self.pad, mode=self.mode))
'''


def new_operator(name: str, folder: Path = Path(".")) -> Path:
    """Write ``NAME.py``, a depthwise convolution that passes the contract tests, to be changed.

    Raises:
        BenchError: not an identifier, a name that is taken, or a file that exists.
    """
    from converse.declarations import registry

    label = "".join(part.capitalize() for part in name.split("_"))
    if not name.isidentifier() or not label.isidentifier() or keyword.iskeyword(label):  # it names the class
        raise BenchError(f"operator name {name!r}: letters, digits and underscores only, as in my_operator")
    if name in registry.operators():
        raise BenchError(f"operator {name!r} exists already ({registry.operators()[name].path})")
    path = folder / f"{name}.py"
    if path.exists():
        raise BenchError(f"{path} exists already; it was left alone")
    path.write_text(TEMPLATE.format(label=label, cls=label))
    return path
