"""docs/plugin.md: the example has the rows that the page promises, and the contract of every operator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.config.loading import load_plan

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "dilated.py"
PAGE = (ROOT / "docs" / "plugin.md").read_text()


def test_the_example_is_as_short_as_promised() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 40 and "of 40 lines" in PAGE


def test_the_rows_of_the_page_exist() -> None:
    plan = load_plan("quick", plugins=[str(EXAMPLE)])
    promised = re.findall(r"^\| Table (\d) \| (\S+) \|", PAGE, flags=re.M)
    assert len(promised) == 4
    for number, row_id in promised:
        table = next(t for t in plan.rows if t.startswith(f"table{number}_") and plan.tables[t].operators)
        row = next(r for r in plan.rows[table] if r.id == row_id)
        assert row.runs and row.skipped is None and row.ours


@pytest.mark.slow
def test_the_example_keeps_the_contract() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/converse/contract", "-k", "dilated", "-p", "no:cacheprovider"],
        cwd=ROOT, env={**os.environ, "CONTRACT_PLUGINS": str(EXAMPLE)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0 and "passed" in done.stdout, done.stdout + done.stderr
