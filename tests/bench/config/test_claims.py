"""Claims and the study as data: every mistake is one line with file, line and the nearest valid name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.config import claims, study
from bench.config.claims import Order
from bench.config.loading import load_plan, preset_names
from bench.config.published import paper_table
from bench.config.study import Rung, Study
from bench.foundation.errors import BenchError

CONFIG = Path(__file__).parents[3] / "config"


def loaded(tmp_path: Path, text: str) -> claims.Claims:
    (tmp_path / "claims.yaml").write_text("claims:\n" + text)
    return claims.load(tmp_path)


def test_every_claim_of_the_paper_names_rows_that_exist() -> None:
    plan = load_plan("small")
    found = claims.load(CONFIG)
    found.check_rows({table: tuple(r.id for r in rows) for table, rows in plan.rows.items()})
    assert len(found.by_id) == 28
    assert {c.kind for c in found.by_id.values()} == set(claims.KINDS)


def test_differences_of_the_file_are_those_of_the_papers_tables() -> None:
    published = load_plan("small").published
    checked = 0
    for name, claim in claims.load(CONFIG).by_id.items():
        if isinstance(claim, Order) and isinstance(claim.published, dict):
            cells = paper_table(published, claim.table).cells
            for dataset, given in claim.published.items():
                gaps = [
                    cells[a, dataset, ""] - cells[b, dataset, ""] for a, b in claim.pairs if (b, dataset, "") in cells
                ]
                nearest = given if isinstance(given, list) else [given]
                assert all(any(abs(g - gap) < 0.006 for gap in gaps) for g in nearest), (name, dataset)
                checked += 1
    assert checked >= 14


def test_pairs_and_sentences(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        "  a: {kind: order, better: [x, y], worse: [z], table: t}\n"
        "  b: {kind: equivalence, rows: [x, y, z], within: 0.05, table: t}\n"
        "  c: {kind: non_inferiority, candidate: x, against: [y, z], within: 0.02, table: t}\n",
    ).by_id
    assert [c.pairs for c in found.values() if isinstance(c, claims.RowClaim)] == [
        (("x", "z"), ("y", "z")),
        (("x", "y"), ("x", "z"), ("y", "z")),
        (("x", "y"), ("x", "z")),
    ]
    assert found["b"].sentence == "x, y and z are the same within 0.05 dB"


BAD = {
    "kind": ("  a: {kind: ordre, words: x}\n", r"claims.yaml:2: a: unknown kind 'ordre'; did you mean 'order'"),
    "key": ("  a: {kind: order, beter: x, worse: [y], table: t}\n", "unknown key 'beter'.*did you mean 'better'"),
    "missing": ("  a: {kind: order, better: x, table: t}\n", "key 'worse' is missing"),
    "margin": ("  a: {kind: equivalence, rows: [x, y], within: 0, table: t}\n", "within.*greater than 0"),
    "one row": ("  a: {kind: equivalence, rows: [x], within: 0.1, table: t}\n", "at least 2"),
    "other kind's key": ("  a: {kind: property, words: x, within: 0.1}\n", "unknown key 'within'"),
}


@pytest.mark.parametrize("case", BAD)
def test_mistakes_are_named(tmp_path: Path, case: str) -> None:
    text, message = BAD[case]
    with pytest.raises(BenchError, match=message):
        loaded(tmp_path, text)


def test_unknown_rows_and_tables_are_named(tmp_path: Path) -> None:
    found = loaded(tmp_path, "  a: {kind: order, better: circulr, worse: [zero], table: modes}\n")
    with pytest.raises(
        BenchError, match=r"claims.yaml:2: a: table modes has no row 'circulr'; did you mean 'circular'"
    ):
        found.check_rows({"modes": ("circular", "zero")})
    with pytest.raises(BenchError, match="unknown table 'modes'; did you mean 'mode'"):
        found.check_rows({"mode": ("circular", "zero")})


def test_no_file_no_claims(tmp_path: Path) -> None:
    assert not claims.load(tmp_path).by_id and not study.load(tmp_path, []).rungs


def test_the_study_declares_seeds_and_designs(tmp_path: Path) -> None:
    known = study.load(CONFIG, preset_names())
    tables = load_plan("small").tables
    assert {t.axis for t in tables.values()} - {None} <= set(known.designs)
    rung = Rung(preset="p", seeds={"denoising": 8, "table4": 3})
    one = Study(rungs={"S": rung})
    assert (one.declared("S", "table4", "denoising"), one.declared("S", "x", "denoising")) == (3, 8)
    assert one.declared("S", "x", "sr") is None
    (tmp_path / "study.yaml").write_text("rungs:\n  S: {preset: smal, seeds: {}}\n")
    with pytest.raises(BenchError, match=r"study.yaml:2: unknown preset 'smal'; did you mean 'small'"):
        study.load(tmp_path, ["small"])
