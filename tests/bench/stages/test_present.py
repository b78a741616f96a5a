"""``present``: the committed pages are made of committed evidence alone, and say what it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fabricated import fabricate
from fabricated_evidence import write_evidence
from toy_plan import IMAGES, working_in
from toy_study import toy_study, write_proof

from bench.config import layout
from bench.config.plan import Plan
from bench.foundation.errors import BenchError
from bench.stages.present import present

REPORTS, README = Path("reports/evidence"), Path("README.md")
SEEDS = (0.0, 0.02, -0.01, 0.01, -0.02)


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    with working_in(tmp_path):
        write_proof()
        found = toy_study(tmp_path)["S"]
        scores: dict[str, list[float | None]] = {row: [28 + s for s in SEEDS] for row in ("DnCNN", "Converse-DnCNN")}
        scores["Conv-DnCNN"] = [27.5, 27.6]
        write_evidence(layout.evidence_dir("2026-01-01-a"), found, scores, table="four")
        REPORTS.mkdir(parents=True)
        pages("")
        yield found


def pages(inside: str) -> None:
    for path, name in ((README, "verdicts"), (REPORTS / "README.md", "evidence")):
        path.write_text(f"before\n<!-- {name}: begin -->\n{inside}<!-- {name}: end -->\nafter\n")


def contents() -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in [README, *sorted(REPORTS.rglob("*.*"))]}


def test_tables_verdicts_and_the_answer(plan: Plan) -> None:
    written = present(REPORTS, README)
    assert all(path.is_file() for path in written) and {README, REPORTS / "README.md"} <= set(written)
    index = (REPORTS / "README.md").read_text()
    assert index.startswith("before\n") and index.endswith("<!-- evidence: end -->\nafter\n")
    assert "Conv-DnCNN 2 of 5" in index and "Converse-DnCNN 5 of" not in index and "seven" not in index
    for target in re.findall(r"\]\(([^)]*)\)", index + (REPORTS / "verdicts.md").read_text()):
        if not target.startswith(("../../", "#")):
            assert (REPORTS / target).is_file(), target
    assert "Incomplete: results are missing." in (REPORTS / "toy" / "four.md").read_text()
    assert "| claim " in README.read_text() and README.read_text().startswith("before\n<!-- verdicts: begin -->\n")


def test_again_is_the_same_and_what_lies_here_does_not_count(plan: Plan) -> None:
    present(REPORTS, README)
    first = contents()
    (REPORTS / "toy" / "gone.md").write_text("a table of former evidence")
    pages("what it said before\n")
    fabricate(plan, IMAGES)
    present(REPORTS, README)
    assert contents() == first


def test_a_page_without_its_marks_is_named(plan: Plan) -> None:
    README.write_text("<!-- verdicts: begin -->\n")
    with pytest.raises(BenchError, match=r"README\.md: the lines <!-- verdicts: begin --> and"):
        present(REPORTS, README)


def test_without_evidence_nothing_is_removed(tmp_path: Path) -> None:
    with working_in(tmp_path):
        (REPORTS / "small").mkdir(parents=True)
        with pytest.raises(BenchError, match="no evidence in"):
            present(REPORTS, README)
        assert (REPORTS / "small").is_dir()
