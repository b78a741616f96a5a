"""Provenance: complete, fit to be published, and without torch."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from bench.foundation import provenance, versions

ROOT = Path(__file__).parents[3]


def test_what_is_recorded() -> None:
    machine, found = provenance.machine(), provenance.versions()
    assert machine["cores"] >= 1 and machine["memory_gib"] and machine["cpu"]
    assert found["python"] == platform.python_version() and found["torch"]
    assert found["train_version"] == str(versions.TRAIN_VERSION)


def test_neither_host_nor_path_is_recorded() -> None:
    text = json.dumps([provenance.machine(), provenance.versions()])
    assert str(ROOT) not in text
    assert platform.node() not in text or len(platform.node()) < 4


def test_no_torch_is_imported() -> None:
    code = (
        "import sys; from bench.foundation import provenance as p; p.machine(); p.versions()\n"
        "assert 'torch' not in sys.modules"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=ROOT)


def test_the_commit_of_a_checkout(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        who = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        return provenance._git(tmp_path, *who, *arguments)

    for name in ("__init__.py", "foundation/__init__.py", "foundation/provenance.py", "foundation/versions.py"):
        (tmp_path / "bench" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bench" / name).write_text((ROOT / "bench" / name).read_text())
    code = "from bench.foundation.provenance import commit; print(commit())"
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "GIT_CEILING_DIRECTORIES": str(tmp_path.parent),
    }

    def commit() -> str:
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True).stdout.strip()

    assert commit() == "None"
    git("init", "-q")
    git("add", "bench")
    git("commit", "-q", "-m", "x")
    head = git("rev-parse", "--short=12", "HEAD")
    assert commit() == head
    (tmp_path / "bench/foundation/versions.py").write_text("changed = 1\n")
    assert commit() == head + "+"
