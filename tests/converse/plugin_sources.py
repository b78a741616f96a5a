"""Sources of operator plugins that the tests write to disk, good and bad."""

from __future__ import annotations

import textwrap
from pathlib import Path

GOOD = '''
"""A plugin: a learnable factor a channel."""
from torch import Tensor, nn
import torch

OPERATOR = {
    "label": "Gain", "class": "Gain", "roles": ["spatial"], "scales": [1],
    "trains": True, "options": ["start"], "summary": "a learnable factor a channel",
}


class Gain(nn.Module):
    def __init__(self, channels, kernel_size, *, scale=1, padding_mode="circular", start=1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, 1, 1), start))

    @classmethod
    def skip(cls, channels, kernel_size, *, scale=1, padding_mode="circular", start=1.0):
        return "start must not be zero" if start == 0 else None

    def forward(self, y: Tensor) -> Tensor:
        return y * self.weight
'''
RAISES = GOOD.replace("import torch\n", 'import torch\nraise RuntimeError("no licence\\nfound")\n')
NO_LITERAL = GOOD.replace("OPERATOR =", "OPERATER =")

# What is wrong with the file -> (what to replace in GOOD, by what, what the error must say)
BAD = {
    "not_literal": ('"label": "Gain"', '"label": str(1)', "must be a plain literal"),
    "syntax": ("class Gain(nn.Module):", "class Gain(nn.Module", "line .*: is not valid Python"),
    "unknown_key": ('"summary"', '"sumary"', "unknown key 'sumary'; did you mean 'summary'"),
    "missing_key": ('"label": "Gain", ', "", "missing key label"),
    "wrong_type": ('"trains": True', '"trains": "yes"', "'trains' must be bool, got str"),
    "bad_role": ('["spatial"]', '["spacial"]', "unknown role 'spacial'; did you mean 'spatial'"),
    "no_roles": ('["spatial"]', "[]", "'roles' is empty"),
    "bad_scale": ('"scales": [1]', '"scales": [0]', "'scales' must be 'any' or a list"),
    "common_option": ('["start"]', '["scale"]', "'scale' cannot be the name of an option"),
}
# The same for files whose literal is fine and whose code is not.
BAD_AT_LOAD = {
    "no_class": ("class Gain(", "class Gian(", "has no torch.nn.Module named 'Gain'"),
    "not_a_module": ("class Gain(nn.Module)", "class Gain(object)", "has no torch.nn.Module"),
    "option_not_taken": ('["start"]', '["begin"]', r"Gain\(\) does not take begin"),
    "kwargs": (
        "start=1.0):\n        super",
        "start=1.0, **kw):\n        super",
        "not take .*kwargs",
    ),
    "needs_more": ("kernel_size, *, scale=1", "kernel_size, *, must, scale=1", "needs must"),
}


def write(folder: Path, name: str, source: str = GOOD) -> Path:
    """The plugin file ``folder/name.py``."""
    path = folder / f"{name}.py"
    path.write_text(textwrap.dedent(source))
    return path


def changed(old: str, new: str) -> str:
    """GOOD with one thing changed."""
    assert old in GOOD
    return GOOD.replace(old, new)


def install(site: Path, package: str, operators: dict[str, str], *, init: str = "") -> None:
    """What ``pip install --target site`` leaves: the package, and its entry points' metadata.

    Args:
        operators: operator name -> source of its module.
        init: source of the package's ``__init__``.
    """
    folder = site / package
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(init)
    lines = ["[converse.operators]"]
    for name, source in operators.items():
        write(folder, f"{name}_file", source)
        lines.append(f"{name} = {package}.{name}_file")
    metadata = site / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
