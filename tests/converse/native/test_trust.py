"""Building and loading: explicit, tested, switched off by one variable, and never needed."""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from converse import Converse2D, ConverseBlock
from converse.mathematics.functional import converse2d
from converse.native import build, library, loading, selftest, serving

ROOT = Path(__file__).parents[3]


def _python(code: str, **variables: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


REFUSED = {
    "float64": (lambda y: y.double(), "torch.float64"),
    "meta": (lambda y: y.to("meta"), "on meta"),
    "empty": (lambda y: y[:0], "nothing"),
    "sparse": (lambda y: y.to_sparse(), "strided"),
    "subclass": (lambda y: y.as_subclass(type("Mine", (torch.Tensor,), {})), "Mine"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_reason_for_every_refusal(case: str) -> None:
    change, word = REFUSED[case]
    reason = serving.refusal(change(torch.zeros(1, 1, 4, 4)))
    assert reason is not None and word in reason and "\n" not in reason


def test_transforms_are_left_to_torch() -> None:
    reasons: list[str | None] = []

    def ask(y: torch.Tensor) -> torch.Tensor:
        reasons.append(serving.refusal(torch.zeros(1)))
        return y

    torch.func.vmap(ask)(torch.zeros(2))
    with torch.autograd.forward_ad.dual_level():
        ask(torch.zeros(1))
    assert all(reasons)
    assert serving.refusal(torch.zeros(1)) is None


@pytest.mark.usefixtures("compiled")
def test_switches() -> None:
    code = "from converse.native.loading import backend; print(backend())"
    assert _python(code, CONVERSE_NATIVE="0") == "torch (CONVERSE_NATIVE=0 switches it off)"
    assert _python(code, CONVERSE_NATIVE="baseline").startswith("native, baseline, ")
    assert _python(code, CONVERSE_NATIVE="").startswith("native, ")


def test_what_cannot_be_loaded_is_one_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"not a library")
    monkeypatch.setenv("CONVERSE_NATIVE", str(broken))
    loading.load.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match=r"not used, broken\.so cannot be loaded") as caught:
            assert isinstance(loading.load(), str)
            loading.load()
        assert len(caught) == 1
        assert converse2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3), 0.1).isfinite().all()
    finally:
        loading.load.cache_clear()


def _unreadable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def denied(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", denied)
    monkeypatch.setattr(build, "SOURCE", tmp_path)


def _homeless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    monkeypatch.setattr(build, "COMMON", ("-O1",))  # a library that nobody has built


def _without_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build, "SOURCE", tmp_path / "package.zip" / "source")


@pytest.mark.parametrize("surroundings", [_unreadable, _homeless, _without_source])
def test_where_no_library_can_be_looked_for_torch_computes(
    surroundings: Callable[[pytest.MonkeyPatch, Path], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another user's home, a user without one, a frozen program: no error, and a reason."""
    monkeypatch.delenv("CONVERSE_NATIVE", raising=False)
    surroundings(monkeypatch, tmp_path)
    loading.load.cache_clear()
    try:
        assert loading.backend().startswith("torch (")
        assert converse2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3), 0.1).isfinite().all()
    finally:
        monkeypatch.undo()
        loading.load.cache_clear()


def test_a_folder_among_the_sources_is_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "SOURCE", tmp_path)
    (tmp_path / "a.cpp").write_text("")
    before = build.digest()
    (tmp_path / ".ipynb_checkpoints").mkdir()
    assert build.digest() == before


def test_a_compiler_that_says_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(build.BuildError, match=r"^false failed: exit status 1$"):
        build.build()


def test_a_wrong_library_is_found_out(compiled: library.Library, monkeypatch: pytest.MonkeyPatch) -> None:
    assert selftest.disagreement(compiled) is None
    real = selftest.solve
    monkeypatch.setattr(selftest, "solve", lambda *a: real(*a) * 1.0001)
    assert "out at" in str(selftest.disagreement(compiled))
    monkeypatch.undo()
    backward = selftest.solve_backward
    monkeypatch.setattr(selftest, "solve_backward", lambda *a: tuple(g * 1.001 for g in backward(*a)))
    assert "dy at" in str(selftest.disagreement(compiled))
    monkeypatch.undo()
    left = selftest.leave_backward
    monkeypatch.setattr(selftest, "leave_backward", lambda *a: (*left(*a)[:3], left(*a)[3] * 1.001))
    assert "leave" in str(selftest.disagreement(compiled))


CALLS = """
from converse.mathematics.functional import converse2d
from converse.native.loading import backend
y = torch.rand(1, 1, 268, 333, dtype=torch.float32, device="cpu", requires_grad=True)
for size, scale in ((3, 1), (2, 2)):
    kernel = torch.rand(1, 1, size, size, dtype=torch.float32, device="cpu", requires_grad=True)
    converse2d(y, kernel, 0.1, scale=scale).sum().backward()
    assert kernel.grad.device.type == "cpu" and kernel.grad.isfinite().all()
print(backend())
"""


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("default", ["dtype(torch.float64)", "dtype(torch.bfloat16)", "device('meta')"])
@pytest.mark.parametrize(("switch", "backend"), [("", "native, "), ("0", "torch ")])
def test_the_callers_defaults_change_nothing(default: str, switch: str, backend: str) -> None:
    """The map's lengths are transformed by the prime-factor algorithm, where torch computes."""
    code = f"import torch; torch.set_default_{default}" + CALLS
    assert _python(code, CONVERSE_NATIVE=switch).startswith(backend)


def test_a_self_test_that_raises_is_one_warning(compiled: library.Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(found: library.Library) -> None:
        raise KeyError("first\nsecond")

    monkeypatch.setattr(loading, "disagreement", broken)
    monkeypatch.setenv("CONVERSE_NATIVE", str(compiled.path))
    loading.load.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="its self-test failed: KeyError: .*first.*second"):
            assert isinstance(loading.load(), str)
    finally:
        loading.load.cache_clear()


def test_old_libraries_go_and_those_of_other_machines_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = build.library_name().rsplit("-", 1)[0]
    for age, name in enumerate([*(f"{own}-{n:016d}.so" for n in range(6)), "converse-plan9-vax-0.so", "notes.so"]):
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    new = tmp_path / f"{own}-{5:016d}.so"  # the clock of another machine was ahead
    stat = Path.stat
    gone = tmp_path / f"{own}-{4:016d}.so"

    def vanishing(path: Path, **options: bool) -> os.stat_result:
        """Another process removes a file once it was listed."""
        found = stat(path, **options)
        if path == gone:
            os.unlink(path)
        return found

    monkeypatch.setattr(Path, "stat", vanishing)
    build.prune(tmp_path, new)
    left = [f"{own}-{n:016d}.so" for n in (*range(build.KEPT - 1), 5)]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*left, "converse-plan9-vax-0.so", "notes.so"])


def test_without_a_compiler_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(build.BuildError, match="no C\\+\\+ compiler"):
        build.build(tmp_path)
    monkeypatch.setenv("CXX", str(tmp_path / "nothing"))
    with pytest.raises(build.BuildError, match="nothing: No such file"):
        build.build(tmp_path)


@pytest.mark.parametrize(
    ("structure", "size"), [(library.Problem, 6 * 8 + 2 * 8 + 10 * 4), (library.Block, 13 * 8 + 2 * 8 + 5 * 4 + 4)]
)
def test_structures_are_laid_out_as_in_the_header(structure: type[ctypes.Structure], size: int) -> None:
    """Field by field: a name that moved in one of the two would be read as another."""
    header = (build.SOURCE / "problem.h").read_text()
    start = header.index(f"struct {structure.__name__} {{")
    fields = []
    for line in header[start : header.index("};", start)].splitlines()[1:]:
        declared = line.split("//")[0].strip().rstrip(";").replace("const ", "").replace("*", "")
        if declared:
            fields += [name.strip() for name in declared.split(None, 1)[1].split(",")]
    assert fields == [name for name, _ in structure._fields_]
    assert ctypes.sizeof(structure) == size


class _Filtered(Dataset[torch.Tensor]):
    """Images through the operator and the two halves of a block, in the worker's process."""

    def __init__(self) -> None:
        self.block = ConverseBlock(3, functools.partial(Converse2D, kernel_size=3, padding=2))

    def __len__(self) -> int:
        return 4

    @torch.no_grad()
    def __getitem__(self, index: int) -> torch.Tensor:
        g = torch.Generator().manual_seed(index)
        return self.block(torch.rand(1, 3, 40, 40, generator=g))[0]


@pytest.mark.usefixtures("compiled")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_workers_that_are_forked_after_use() -> None:
    data = _Filtered()
    here = torch.stack([data[n] for n in range(4)])
    batches = torch.cat(list(DataLoader(data, batch_size=2, num_workers=2, multiprocessing_context="fork")))
    torch.testing.assert_close(batches, here)
