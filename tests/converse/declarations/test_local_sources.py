"""An operator is identified by every local file that it is made of, found without importing one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from converse.declarations.local_sources import local_sources, sources_sha256

BOMB = "raise RuntimeError('imported')\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with plugins, their helpers, and a package; importing anything of it would raise."""
    files = {
        "plugins/mine.py": "import torch, math, gain\nfrom shared.tables import ROWS\n\ndef f():\n    import late\n",
        "plugins/gain.py": "import numpy\nfrom deeper import *\n",
        "plugins/deeper.py": "",
        "plugins/late.py": "",
        "plugins/other.py": "",
        "shared/__init__.py": "",
        "shared/tables.py": "from . import words\nROWS = 1\n",
        "shared/words.py": "",
        "shared/unused.py": "",
        "box/__init__.py": "from .constants import SIDE\n",
        "box/constants.py": "",
        "box/inner/__init__.py": "",
        "box/inner/op.py": "from ..maths import area\nimport box.more\n",
        "box/maths.py": "",
        "box/more.py": "",
        "box/alone.py": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + BOMB)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def names(folder: Path, file: str) -> set[str]:
    return {str(path.relative_to(folder.resolve())) for path in local_sources(folder / file)}


def test_a_loose_file_and_what_it_imports_wherever(folder: Path) -> None:
    assert names(folder, "plugins/mine.py") == {
        *(f"plugins/{name}.py" for name in ("mine", "gain", "deeper", "late")),
        *(f"shared/{name}.py" for name in ("__init__", "tables", "words")),
    }


def test_a_module_of_a_package_brings_the_packages_that_run_before_it(folder: Path) -> None:
    assert names(folder, "box/inner/op.py") == {
        *(f"box/{name}.py" for name in ("__init__", "constants", "maths", "more")),
        *("box/inner/__init__.py", "box/inner/op.py"),
    }


def test_a_change_of_a_helper_is_another_operator_and_of_a_neighbour_is_not(folder: Path) -> None:
    mine = folder / "plugins" / "mine.py"
    before = sources_sha256(mine)
    (folder / "plugins" / "other.py").write_text("x = 1\n")
    assert sources_sha256(mine) == before
    for helper in ("plugins/deeper.py", "shared/words.py", "plugins/gain.py"):
        (folder / helper).write_text(f"# {helper}\n")
        after = sources_sha256(mine)
        assert after != before, helper
        before = after


def test_a_file_without_helpers_keeps_the_hash_of_its_bytes(folder: Path) -> None:
    """So runs of plugins from before helpers counted keep their identity."""
    path = folder / "plugins" / "late.py"
    path.write_text("import torch\nfrom converse import build_model\n")
    assert sources_sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_is_not_python_is_left_to_who_imports_it(folder: Path) -> None:
    (folder / "plugins" / "gain.py").write_text("def (")
    assert "plugins/gain.py" in names(folder, "plugins/mine.py")


def test_a_compiled_module_counts(folder: Path) -> None:
    (folder / "plugins/kernels.so").write_bytes(b"\x7fELF one")
    (folder / "plugins/fast.py").write_text("import kernels\n" + BOMB)
    assert names(folder, "plugins/fast.py") == {"plugins/fast.py", "plugins/kernels.so"}
    before = sources_sha256(folder / "plugins/fast.py")
    (folder / "plugins/kernels.so").write_bytes(b"\x7fELF two")
    assert sources_sha256(folder / "plugins/fast.py") != before
