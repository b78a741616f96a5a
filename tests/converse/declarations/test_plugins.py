"""Plugins from outside the repository: installed, loose, broken, and with a name that is taken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import plugin_sources
import pytest
import torch
from plugin_sources import BAD, BAD_AT_LOAD, GOOD, NO_LITERAL, RAISES, changed, write

from converse import build_model
from converse.declarations.model_spec import resolve
from converse.declarations.operator_info import OperatorError, SkippedConfiguration
from converse.declarations.registry import find_operator, list_operators, load_operator, operators

ROOT = Path(__file__).parents[3]
CONTRACT = ("-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider", "tests/converse/contract")


def run(site: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh Python that sees ``site`` as pip's target folder."""
    path = os.pathsep.join([str(site), str(ROOT)])
    env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run([sys.executable, *command], env=env, cwd=ROOT, text=True, capture_output=True, check=False)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty installation folder at the front of this process's path."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_an_installed_operator_is_found_without_importing_its_package(site: Path) -> None:
    bomb = "raise RuntimeError('imported too early')"
    plugin_sources.install(site, "early", {"gain": GOOD}, init=bomb)
    info = operators()["gain"]
    assert (info.error, info.label, info.origin) == (None, "Gain", "entry point early")
    assert info.path == site / "early" / "gain_file.py"
    assert resolve("conv_dncnn", {"operator": "gain", "start": 2.0}).label == "Gain-DnCNN"
    with pytest.raises(OperatorError, match="fails at import: RuntimeError: imported too early"):
        load_operator("gain")


def test_an_installed_operator_serves_a_network(site: Path) -> None:
    plugin_sources.install(site, "lent", {"gain": GOOD})
    assert "gain" in list_operators()
    model = build_model("converse_dncnn", operator="gain", start=2.0, channels=4, blocks=1)
    assert model(torch.ones(1, 1, 5, 6)).shape == (1, 1, 5, 6)
    assert model.m_body[0].conv1[3].weight.unique().tolist() == [2.0]


def test_the_contract_runs_over_an_installed_operator(site: Path) -> None:
    plugin_sources.install(site, "lent", {"gain": GOOD})
    done = run(site, *CONTRACT, "-k", "gain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout and "skipped" not in done.stdout


def test_the_contract_catches_an_operator_that_breaks_it(tmp_path: Path) -> None:
    path = write(tmp_path, "loud", changed("return y * self.weight", "return y.mul_(2 * self.weight)"))
    done = run(tmp_path, *CONTRACT, "-k", "loud and untouched", CONTRACT_PLUGINS=str(path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "7 failed" in done.stdout


def test_an_operator_skips_with_its_reason(tmp_path: Path) -> None:
    path = write(tmp_path, "gain")
    with pytest.raises(SkippedConfiguration, match="operator 'gain': start must not be zero"):
        build_model("conv_dncnn", operator=path, start=0, channels=2, blocks=1)


@pytest.mark.parametrize("what", BAD)
def test_a_bad_declaration_is_one_clear_line(what: str, tmp_path: Path) -> None:
    old, new, message = BAD[what]
    path = write(tmp_path, "gain", changed(old, new))
    with pytest.raises(OperatorError, match=message) as caught:
        find_operator(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_second_declaration_is_refused_with_both_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "gain", GOOD + "\nOPERATOR: dict = {}\n")
    lines = path.read_text().splitlines()
    first, second = (i + 1 for i, line in enumerate(lines) if line.startswith("OPERATOR"))
    with pytest.raises(OperatorError, match=rf"line {second}: a second OPERATOR \(the first is on line {first}\)"):
        find_operator(path)
    path = write(tmp_path, "bare", GOOD + "\nOPERATOR: dict\n")
    assert find_operator(path).error is None, "an annotation alone gives no value"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x7fELF\x02\x01\x00\x00", "is not Python source: it holds zero bytes"),
        (GOOD.encode("utf-16"), "is not Python source: it holds zero bytes"),
        (b"x = 1\ny = '\xff'\n", "line 2: is not valid Python: .*utf-8"),
        (b"x = " + b"-" * 100_000 + b"1\n", ": is not valid Python"),
    ],
    ids=["binary", "utf-16", "latin-1", "too deep"],
)
def test_a_file_that_is_no_python_says_what_it_is(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "gain.py"
    path.write_bytes(content)
    with pytest.raises(OperatorError, match=message) as caught:
        find_operator(path)
    assert str(path) in str(caught.value) and "None" not in str(caught.value)


@pytest.mark.parametrize("what", BAD_AT_LOAD)
def test_a_class_that_does_not_keep_its_word(what: str, tmp_path: Path) -> None:
    old, new, message = BAD_AT_LOAD[what]
    path = write(tmp_path, "gain", changed(old, new))
    assert find_operator(path).error is None
    with pytest.raises(OperatorError, match=message):
        load_operator(path)


def test_one_that_raises_at_import_breaks_nobody_else(tmp_path: Path) -> None:
    bad, good = write(tmp_path, "bad", RAISES), write(tmp_path, "gain")
    assert {"bad", "gain", "converse2d"} <= set(list_operators([bad, good]))
    message = r"operator 'bad' \(.*bad.py\): fails at import: RuntimeError: no licence found$"
    for _ in range(2):  # the second try must not find a half-imported module
        with pytest.raises(OperatorError, match=message):
            load_operator("bad", plugins=[bad, good])
    assert load_operator("gain", plugins=[bad, good]).__name__ == "Gain"


def test_what_lies_beside_a_file_can_be_imported_and_is_never_anothers(tmp_path: Path) -> None:
    text = "from gain_of import START  # noqa\n" + GOOD
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "gain", text + f"# {name}\n")
        (tmp_path / name / "gain_of.py").write_text(f"START = {name!r}\n")
    before = list(sys.path)
    try:
        assert load_operator(tmp_path / "one" / "gain.py").__name__ == "Gain"
        with pytest.raises(
            OperatorError, match=r"gain_of\.py beside it has the name of .*one.gain_of\.py.*: rename it"
        ):
            load_operator(tmp_path / "two" / "gain.py")
    finally:
        sys.modules.pop("gain_of", None)
    assert sys.path == before and load_operator(tmp_path / "two" / "gain.py").__name__ == "Gain"
    sys.modules.pop("gain_of", None)


def test_one_without_a_declaration_breaks_nobody_else(tmp_path: Path) -> None:
    bad = write(tmp_path, "bad", NO_LITERAL)
    found = operators([bad, write(tmp_path, "gain")])
    assert "has no top-level OPERATOR" in str(found["bad"].error)
    assert found["gain"].error is None and "bad" not in list_operators([bad])
    with pytest.raises(OperatorError, match="has no top-level OPERATOR"):
        resolve("conv_dncnn", {"operator": "bad"}, plugins=[bad])


def test_a_name_that_is_taken_stays_with_its_first_owner(tmp_path: Path) -> None:
    thief = write(tmp_path, "conv")
    found = operators([thief, thief])
    assert found["conv"].origin == "built-in"
    assert "the name is taken (built-in" in str(found[f"conv (file {thief})"].error)
    assert load_operator("conv", plugins=[thief]).__name__ == "Conv"
    with pytest.raises(OperatorError, match="the name is taken"):
        load_operator(thief)


def test_a_name_taken_by_an_installed_package(site: Path, tmp_path: Path) -> None:
    plugin_sources.install(site, "first", {"gain": GOOD, "conv": GOOD})
    found = operators([write(tmp_path, "gain")])
    assert found["gain"].origin == "entry point first"
    errors = {name: info.error for name, info in found.items() if info.error}
    assert set(errors) == {"conv (entry point first)", f"gain (file {tmp_path / 'gain.py'})"}
    with pytest.raises(OperatorError, match="the name is taken"):
        load_operator(tmp_path / "gain.py")


def test_an_entry_point_whose_module_is_gone(site: Path) -> None:
    plugin_sources.install(site, "gone", {"gain": GOOD})
    (site / "gone" / "gain_file.py").unlink()
    assert "the module 'gone.gain_file' of the entry point was not found" in str(operators()["gain"].error)


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read: No such file"):
        find_operator(tmp_path / "nowhere.py")
