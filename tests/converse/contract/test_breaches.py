"""Operators that break the contract, each in one way: told in one line with the file, and a dash in their own rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from converse import build_model
from converse.assembly.contract import build_operator, problem, unsuited
from converse.declarations.operator_info import OperatorError, SkippedConfiguration
from converse.declarations.registry import find_operator

SOUND = """
OPERATOR = {"label": "Mine", "class": "Mine", "roles": ["spatial"], "scales": [1], "trains": True, "options": [],
            "summary": "depthwise"}
import torch
from torch import nn

class Mine(nn.Module):
    def __init__(self, channels, kernel_size, *, scale=1, padding_mode="circular"):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size, padding="same", groups=channels)

    def forward(self, x):
        return self.conv(x)
"""
BUILD = "        super().__init__()\n"
SKIP = "    @classmethod\n    def skip(cls{}):\n        {}\n\n    def __init__"


def written(tmp_path: Path, old: str = "", new: str = "") -> Path:
    path = tmp_path / "mine.py"
    assert old in SOUND
    path.write_text(SOUND.replace(old, new) if old else SOUND)
    return path


def test_a_sound_one_has_no_problem(tmp_path: Path) -> None:
    assert problem(find_operator(written(tmp_path))) == ""


BUILT = {
    "skip by keyword only": (
        "    def __init__",
        SKIP.format(", *, channels, kernel_size, **rest", "return None"),
        r"skip\(channels, kernel_size, scale=…, padding_mode=…\) raises TypeError",
    ),
    "skip that raises": ("    def __init__", SKIP.format(", *a, **k", "return 1 / 0"), "raises ZeroDivisionError"),
    "constructor": (BUILD, BUILD + '        raise KeyError("gone")\n', "its constructor raises KeyError: 'gone'"),
    "constructor, two lines": (BUILD, BUILD + '        raise RuntimeError("a\\nb")\n', "raises RuntimeError: a b"),
    "kwargs": ('*, scale=1, padding_mode="circular"', "**options", r"must name its options, not take \*\*kwargs"),
    "exit": (BUILD, BUILD + "        raise SystemExit(0)\n", "its constructor raises SystemExit: 0"),
    "import": ("import torch\n", "import torch\nraise SystemExit('no licence')\n", "fails at import: SystemExit"),
}


WRONG = {
    "broadcast": (
        "return self.conv(x)",
        "return self.conv(x).mean((2, 3), keepdim=True)",
        r"to \(2, 6, 1, 1\), expected",
    ),
    "no tensor": ("return self.conv(x)", "return [self.conv(x)]", "to a list, expected"),
    "dtype": ("return self.conv(x)", "return self.conv(x).double()", "maps float32 to float64"),
}


@pytest.mark.parametrize(("old", "new", "message"), BUILT.values(), ids=BUILT.keys())
def test_what_it_raises_when_built_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = written(tmp_path, old, new)
    with pytest.raises(OperatorError, match=message) as caught:
        build_model("converse_dncnn", operator=str(path), channels=4, blocks=1)
    told = problem(find_operator(path))
    assert told == str(caught.value) and str(path) in told and "\n" not in told


@pytest.mark.parametrize(("old", "new", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_would_be_broadcast_is_not_built(tmp_path: Path, old: str, new: str, message: str) -> None:
    """As it is in the network: its channels, kernel and options."""
    path = written(tmp_path, old, new)
    with pytest.raises(OperatorError, match=message) as caught:
        build_model("converse_dncnn", operator=str(path), channels=3, blocks=1)
    assert str(path) in str(caught.value)


def test_trying_an_operator_leaves_it_and_the_generator_alone(tmp_path: Path) -> None:
    path = written(tmp_path, "return self.conv(x)", "self.n.add_(1); return self.conv(x) + 0 * torch.rand(1)")
    path.write_text(path.read_text().replace(BUILD, BUILD + "        self.register_buffer('n', torch.zeros(1))\n"))
    before = torch.random.get_rng_state()
    operator = build_operator(find_operator(path), 4, 1, scale=1, padding_mode="circular")
    drawn = torch.random.get_rng_state()
    torch.random.set_rng_state(before)
    nn.Conv2d(4, 4, 1, groups=4)  # what its constructor draws
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert float(operator.n) == 0 and not operator.n.is_meta  # type: ignore[arg-type, union-attr, operator]


KEPT = BUILD + "        self.{}\n"
SEEN = {
    "lazy": ("nn.Conv2d(channels, channels, ", "nn.LazyConv2d(channels, ", "lazy layers are not supported"),
    "complex": (BUILD, KEPT.format("z = nn.Parameter(torch.zeros(2, dtype=torch.cfloat))"), "'0.z' is complex64: "),
    "integer": (BUILD, KEPT.format("z = nn.Parameter(torch.zeros(2).int(), False)"), "'0.z' is int32: parameters must"),
    "tied": ("    def forward", "        self.w = self.conv.weight\n\n    def forward", "'0.conv.weight' share memory"),
    "shared": (
        BUILD,
        KEPT.format("w = globals().setdefault('W', nn.Parameter(torch.ones(2)))"),
        "'0.w' and '1.w' share memory",
    ),
    "extra state": (
        "    def forward",
        "    def get_extra_state(self):\n        return 1\n\n    def forward",
        "is a int",
    ),
    "exit": ("return self.conv(x)", "raise SystemExit(0)", "its forward raises SystemExit: 0 on the meta device"),
    "unhashable": ("    def forward", "    __hash__ = None\n\n    def forward", "TypeError: unhashable type: 'Mine'"),
    "shape": ("return self.conv(x)", "return self.conv(x)[:, :1]", r"maps \(2, 4, 9, 8\) to \(2, 1, 9, 8\), expected"),
    "no tensor": ("return self.conv(x)", "return [self.conv(x)]", "to a list, expected"),
    "dtype": ("return self.conv(x)", "return self.conv(x).double()", "maps float32 to float64"),
    "forward": ("return self.conv(x)", "raise IndexError('i')", "its forward raises IndexError: i on the meta device"),
    "numpy": ("return self.conv(x)", "return x + float(x.sum())", "its forward raises RuntimeError"),
    "default": ('padding_mode="circular"', 'padding_mode="zeros"', "the default of padding_mode must be 'circular'"),
}


@pytest.mark.parametrize(("old", "new", "message"), SEEN.values(), ids=SEEN.keys())
def test_what_doctor_sees(tmp_path: Path, old: str, new: str, message: str) -> None:
    told = problem(find_operator(written(tmp_path, old, new)))
    assert "\n" not in told and str(tmp_path) in told
    assert re.search(message, told), told


def test_parts_of_one_tensor_that_do_not_meet_are_no_problem() -> None:
    whole = torch.zeros(6)
    module = nn.Module()
    module.a, module.b = nn.Parameter(whole[:3]), nn.Parameter(whole[3:])
    assert unsuited(module) == ""
    module.register_buffer("c", whole[2:4])
    assert unsuited(module) == "its 'a' and 'c' share memory: each parameter and buffer needs its own"
    module.register_buffer("c", whole[2:4], persistent=False)
    assert unsuited(module) == "", "it is not saved"


def test_declining_is_no_problem(tmp_path: Path) -> None:
    path = written(tmp_path, "    def __init__", SKIP.format(", *a, **k", 'return "only on\\nSundays"'))
    assert problem(find_operator(path)) == ""
    with pytest.raises(SkippedConfiguration, match="operator 'mine': only on Sundays"):
        build_model("converse_dncnn", operator=str(path), channels=4, blocks=1)


def test_a_built_in_one_keeps_its_own_errors() -> None:
    with pytest.raises(ValueError, match="init"):
        build_model("converse_dncnn", init="gausian", channels=4, blocks=1)
    assert isinstance(build_model("converse_dncnn", channels=4, blocks=1), nn.Module)
