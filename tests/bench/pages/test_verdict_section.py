"""The answer at the top of the report: one line per claim, followed to its table, its runs and its proof."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from fabricated import write_throughput
from fabricated_evidence import write_evidence
from toy_plan import toy_plan, working_in
from toy_study import toy_study, write_proof

from bench.config import layout
from bench.config.plan import Plan
from bench.pages import comparison_views, formats, verdict_summary, verdict_views
from bench.pages.claim_places import subject
from bench.pages.drawings import ladder
from bench.pages.verdict_section import verdict_section
from bench.pages.verdict_short import short
from bench.results.verdicts import files as verdict_files
from bench.results.verdicts.judge import judge_study
from bench.stages.report import report
from bench.stages.verdicts import verdicts

SEEDS = (0.0, 0.02, -0.01, 0.01, -0.02)


@pytest.fixture
def plans(tmp_path: Path) -> Iterator[dict[str, Plan]]:
    with working_in(tmp_path):
        write_proof()
        yield toy_study(tmp_path)


def scores(converse: float, n: int = 5) -> dict[str, list[float | None]]:
    rows = {"Converse-DnCNN": converse, "DnCNN": 28.0, "Conv-DnCNN": 28.1}
    return {row: [mean + s * (1 + i / 5) for s in SEEDS[:n]] for i, (row, mean) in enumerate(rows.items())}


def evidence(name: str, plan: Plan, converse: float, n: int = 5) -> None:
    write_evidence(layout.evidence_dir(name), plan, scores(converse, n), table="four")


class Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [str(values["id"])] if "id" in values else []
        if tag == "a" and str(values.get("href", "")).startswith("#"):
            self.links.append(str(values["href"])[1:])


def test_the_report_opens_with_the_answer(plans: dict[str, Plan]) -> None:
    evidence("2026-01-01-a", plans["S"], 28.5)
    evidence("2026-01-02-b", plans["M"], 27.9, n=3)
    write_throughput(plans["S"])
    text = report(plans["S"], allow_missing=True).read_text()
    top = text.split("## How to read this")[0]
    assert "### What holds" in top and "![ladder](figures/ladder.png)" in top
    line = next(x for x in top.splitlines() if x.startswith("| better: "))
    cells = [c.strip() for c in line.strip("|").split("|")]
    assert cells[0] == "better: Converse-DnCNN is better than DnCNN"
    assert cells[1:6] == ["**holds**", "+0.500", "+0.496 to +0.504", "S", "5"]  # M is provisional: not the answer
    assert cells[-1] == "[Table 4](#four)" and '<a id="four"></a>' in text
    assert "[in full](verdicts.md)" in next(x for x in top.splitlines() if x.startswith("| unknown: "))
    assert "| not measured " in top and "| looks: figure 5 of the paper" in top
    assert (layout.report_dir("toy") / "figures" / "ladder.png").is_file()


def test_every_line_can_be_followed(plans: dict[str, Plan]) -> None:
    evidence("2026-01-01-a", plans["S"], 28.5)
    report(plans["S"], allow_missing=True)
    folder = layout.report_dir("toy")
    page = (folder / "verdicts.md").read_text()
    assert "Converse-DnCNN − DnCNN" in page and "an event" in page and "five" not in page
    for target in re.findall(r"\]\(([^)#][^)]*)\)", page):
        assert (folder / target).is_file()
    runs = pd.read_csv(folder / "data" / "verdict_runs.csv")
    mine = runs[(runs["claim"] == "better") & (runs["rung"] == "S")]
    assert len(mine) == 10 and set(mine["status"]) == {"trained"}
    verdicts = pd.read_csv(folder / "data" / "verdicts.csv")
    assert set(verdicts["claim"]) == {"better", "best", "same", "fine", "blind", "looks", "unknown"}
    gaps = pd.read_csv(folder / "data" / "comparisons.csv").set_index(["rung", "first", "second"])
    assert gaps.loc[("S", "Converse-DnCNN", "DnCNN"), ["effect_db", "n"]].tolist() == pytest.approx([0.5, 5])
    spread = pd.read_csv(folder / "data" / "spread.csv").set_index(["rung", "row"])
    assert spread.loc[("S", "Converse-DnCNN"), "sd_db"] == pytest.approx(pd.Series(SEEDS).std(), abs=1e-4)
    meanings = (folder / "data" / "columns.md").read_text()
    for name, columns in verdict_files.COLUMNS.items():
        assert [*pd.read_csv(folder / "data" / name).columns] == [*columns]
        assert f"## {name}" in meanings and all(f"| {column} |" in meanings for column in columns)
    html = Ids()
    html.feed((folder / "index.html").read_text())
    assert set(html.links) <= set(html.ids) and len(html.ids) == len(set(html.ids))
    assert {"verdicts", "ladder", "proof", "spread", "comparisons"} <= set(html.ids)


def test_rendering_twice_gives_the_same_bytes(plans: dict[str, Plan]) -> None:
    evidence("2026-01-01-a", plans["S"], 28.5)
    report(plans["S"], allow_missing=True)
    first = {p: p.read_bytes() for p in sorted(layout.report_dir("toy").rglob("*")) if p.is_file()}
    report(plans["S"], allow_missing=True)
    assert first == {p: p.read_bytes() for p in sorted(layout.report_dir("toy").rglob("*")) if p.is_file()}


def test_without_evidence_every_line_says_so_and_there_is_no_ladder(plans: dict[str, Plan]) -> None:
    found = verdict_section(plans["S"], ["four"])
    assert found is not None and found.image is None
    assert found.answers["md"].count("not measured") == 6


def test_without_claims_there_is_no_section(tmp_path: Path) -> None:
    with working_in(tmp_path):
        assert verdict_section(toy_plan(tmp_path), []) is None


def test_the_page_says_what_chance_would_give_and_where_the_spread_comes_from(plans: dict[str, Plan]) -> None:
    evidence("2026-01-01-a", plans["S"], 28.5)
    found = judge_study(Path("config"), None)
    assert found is not None
    assert "4 of the 7 verdicts rest on a test at 5 %" in verdict_views.answers(found, []).remarks[1]
    (section,) = comparison_views.spread(found).sections
    assert [line.cells[0].text for line in section.lines] == ["DnCNN", "Conv-DnCNN", "Converse-DnCNN"]
    total = float(section.lines[2].cells[2].text)
    assert total == pytest.approx(pd.Series(SEEDS).std(), abs=6e-4)


def test_the_first_lines_say_what_holds_and_on_which_rung(plans: dict[str, Plan]) -> None:
    evidence("2026-01-01-a", plans["S"], 28.5)
    found = judge_study(Path("config"), None)
    assert found is not None
    assert verdict_summary.groups(found) == [
        ("Borne out (3)", "better (S), best (S), fine (S)"),
        ("Contradicted (1)", "same (S)"),
        ("Not measured (2)", "blind, unknown"),
        ("Pictures (1)", "looks"),
    ]
    report(plans["S"], allow_missing=True)
    folder = layout.report_dir("toy")
    text = (folder / "index.md").read_text()
    assert text.index("- **Borne out (3):** better (S)") < text.index("### What holds")
    page = (folder / "index.html").read_text()
    assert "<dt>Borne out (3)</dt><dd>better (S), best (S), fine (S)</dd>" in page
    assert 'download="verdict_runs.csv"' in page


def test_the_short_table_has_a_line_for_every_claim_with_a_number_and_names_the_rest(plans: dict[str, Plan]) -> None:
    evidence("2026-01-01-a", plans["S"], 28.5)
    path, found = verdicts()
    assert path.is_file()
    lines = formats.markdown(short(found)).splitlines()[2:]
    assert lines[0].startswith("| claim ") and "**Borne out**" in lines[2]
    first = [cell.strip() for cell in lines[3].strip("|").split("|")]
    assert first[0] == "Table 4: Converse-DnCNN is better than DnCNN"
    assert first[2:4] == ["+0.50", "+0.50 to +0.50"] and first[4:] == ["S", "5", "**holds**"]
    assert sum(line.startswith("| Table ") for line in lines) == 4, "of the seven, one is a picture and two are unknown"
    assert lines[-3] == "Not measured yet, or with fewer than three seeds: blind, unknown."
    assert lines[-1] == "Pictures: looks."


def test_provisional_verdicts_say_so_and_rungs_are_explained(plans: dict[str, Plan]) -> None:
    evidence("2026-01-01-a", plans["S"], 28.5, n=3)
    path = layout.evidence_dir("2026-01-01-a") / "runs.csv"
    pd.read_csv(path).assign(training_macs=int(1.6e12)).to_csv(path, index=False)
    found = judge_study(Path("config"), None)
    assert found is not None
    assert verdict_summary.groups(found)[0] == (
        "Borne out (3)",
        "better (S, provisional), best (S, provisional), fine (S, provisional)",
    )
    assert "S: preset toy, 2e12 multiply–accumulates a training" in verdict_summary.rungs(found)
    assert "median over rows: S 2e12." in ladder.caption(found)


def test_panels_of_the_ladder_and_p_values(plans: dict[str, Plan]) -> None:
    """A panel is named as its claim's line is; a p-value below 0.001 is no zero, and sorts as what it is below."""
    evidence("2026-01-01-a", plans["S"], 28.5)
    found = judge_study(Path("config"), None)
    assert found is not None
    names = {subject(found, v[0]) for v in ladder.effects(found).values()}
    titles = {axis.get_title(loc="left").partition("\n")[0] for axis in ladder.draw(found).axes if axis.get_visible()}
    assert names == titles == {"Table 4"}
    page = formats.html_fragment(comparison_views.comparisons(found))
    assert 'data-sort="0.001">&lt; 0.001<' in page and ">0.000<" not in page


def test_a_line_whose_table_is_elsewhere_leads_to_itself_in_full(plans: dict[str, Plan]) -> None:
    evidence("2026-01-01-a", plans["S"], 28.5)
    found = judge_study(Path("config"), None)
    assert found is not None
    view = verdict_views.answers(found, ["four"], "verdicts.md")
    links = {line.cells[0].text.partition(":")[0]: line.cells[-1].link for part in view.sections for line in part.lines}
    assert links["better"] == "#four" and links["blind"] == "verdicts.md"
