"""The report: complete, self-contained, reproducible, and honest about what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from fabricated import fabricate, write_metrics, write_run, write_throughput
from toy_plan import IMAGES, KERNELS, toy_plan, working_in

from bench.config import layout
from bench.config.plan import Plan
from bench.foundation.errors import BenchError
from bench.pages.table_remarks import said_once
from bench.results.columns import COLUMNS
from bench.results.view import View
from bench.stages.figures import figures
from bench.stages.report import report
from bench.stages.tables import tables

VOID = {"meta", "img", "br", "link"}
DATA = ("data:image/png;base64,", "data:text/csv;base64,")


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    with working_in(tmp_path):
        found = toy_plan(tmp_path)
        fabricate(found, IMAGES, KERNELS)
        write_throughput(found)
        yield found


def html() -> str:
    return (layout.report_dir("toy") / "index.html").read_text()


class Balance(HTMLParser):
    """Checks that every tag is closed, and collects ids, links and sources."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [str(values["id"])] if "id" in values else []
        self.links += [str(values["href"])] if "href" in values else []
        self.sources += [str(values["src"])] if "src" in values else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.getpos())


def test_the_page_is_well_formed_and_needs_nothing_beside_it(plan: Plan) -> None:
    figures(plan, ["four-curves", "four-axis", "four-latency"])
    report(plan, allow_missing=True)
    page = Balance()
    page.feed(html())
    page.close()
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    attached = [link for link in page.links if link.startswith(DATA)]
    assert all(link[1:] in page.ids for link in page.links if link not in attached)
    assert len(attached) == 2 + 3 + 1, "two tables, three figures, the timings"
    assert len(page.sources) >= 3 and all(s.startswith(DATA) for s in page.sources)
    assert "@import" not in html() and "url(" not in html() and "<script>" in html()
    assert 'name="viewport"' in html()


def test_both_pages_hold_tables_statement_protocol_and_provenance(plan: Plan) -> None:
    tables(plan)
    path = report(plan, allow_missing=True)
    assert path == layout.report_dir("toy") / "index.md"
    for text in (path.read_text(), html()):
        for words in (
            "toy: made-up numbers",
            "Shows nothing at all.",
            "other data",
            "Protocol denoise-gray-s25",
            "100 steps of 4 crops",
            "Imaginary CPU, 2 cores, 6 GiB",
            "0123456789ab",
            "seeds 0, 1",
            "torch 2.13.0",
            "algorithm1",
            "embedded_train",
        ):
            assert words in text, words
    assert "### Table 4: Denoising" in path.read_text()
    assert '<td class="paper" data-sort="30.43">30.43</td>' in html().replace(" first", "")


def test_of_two_tables_on_one_page_the_second_refers_to_what_the_first_says() -> None:
    how = ("Protocol a: as it is scored.", "Means over 2 images.", "Trained here: 100 steps.")
    first, said = View("one", "Table 1", (), (), remarks=how), dict[str, str]()
    assert said_once(first, said).remarks == how
    again = said_once(replace(first, id="two", title="Table 2", remarks=(*how, "A note.")), said)
    assert again.remarks == ("Protocol a; Trained here: as under “Table 1”.", "Means over 2 images.", "A note.")
    two = ("Protocol a: as scored. Protocol b: other.",)
    said_once(replace(first, title="Table 4", remarks=two), said)
    fifth = said_once(replace(first, title="Table 5", remarks=two), said)
    assert fifth.remarks == ("Protocol a; Protocol b: as under “Table 4”.",)
    other = said_once(
        replace(first, title="Table 3", remarks=("Protocol a: as it is scored.", "Trained here: 5.")), said
    )
    assert other.remarks == ("Protocol a: as under “Table 1”.", "Trained here: 5.")


def test_relative_links_of_the_markdown_exist(plan: Plan) -> None:
    figures(plan, ["four-curves", "four-axis", "four-latency"])
    path = report(plan, allow_missing=True)
    text = path.read_text()
    targets = re.findall(r"\]\(([^)#][^)]*)\)", text)
    assert len(targets) >= 8
    assert all((path.parent / target).is_file() for target in targets)
    anchors = re.findall(r"\]\(#([^)]*)\)", text)
    assert anchors and all(f'<a id="{a}"></a>' in text for a in anchors)


def test_rendering_twice_gives_the_same_bytes(plan: Plan) -> None:
    figures(plan, allow_missing=True)
    report(plan, allow_missing=True)
    folder = layout.report_dir("toy")
    first = {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    report(plan, allow_missing=True)
    assert first == {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_missing_figures_are_said(plan: Plan) -> None:
    with pytest.raises(BenchError, match=r"four-visual.png is missing"):
        report(plan)
    report(plan, allow_missing=True)
    assert "No figure:" in html() and "python -m bench figures four-visual" in html()


def test_what_is_missing_is_listed(plan: Plan) -> None:
    row = next(r for r in plan.rows["four"] if r.id == "DnCNN")
    for run in row.runs:
        write_run(run, "diverged", "loss is nan | at step 3")
        write_metrics(run, plan.evaluations(run)[0], IMAGES, empty=True)
    gone = next(r for r in plan.rows["four"] if r.id == "Conv-DnCNN").runs
    for run in gone:
        layout.metrics_csv(run.id, plan.evaluations(run)[0].stem).unlink()
    with pytest.raises(BenchError, match=r"1 rows.*Conv-DnCNN.*--allow-missing"):
        report(plan)
    path = report(plan, allow_missing=True)
    assert r"| four | DnCNN | diverged | diverged: loss is nan \| at step 3 |" in path.read_text()
    assert "| four | Conv-DnCNN | missing |" in path.read_text()
    assert "loss is nan | at step 3" in html()


def test_nothing_at_all_still_gives_a_page(tmp_path: Path) -> None:
    with working_in(tmp_path):
        plan = toy_plan(tmp_path)
        with pytest.raises(BenchError, match="have no result"):
            report(plan)
        text = report(plan, allow_missing=True).read_text()
        assert "Not timed on this machine yet." in text and "not run yet" in text


def test_a_subset_is_said_at_the_top(tmp_path: Path) -> None:
    with working_in(tmp_path):
        plan = toy_plan(tmp_path, images="every10")
        fabricate(plan, IMAGES, KERNELS)
        text = report(plan, allow_missing=True).read_text()
        assert "every 10th image" in text.split("## How to read")[0]


def test_tidy_data_matches_the_column_dictionary(plan: Plan) -> None:
    report(plan, allow_missing=True)
    folder = layout.report_dir("toy") / "data"
    words = (folder / "columns.md").read_text()
    for name, columns in COLUMNS.items():
        frame = pd.read_csv(folder / name)
        assert list(frame.columns) == list(columns)
        assert len(frame) or name == "properties.csv", "no table of the toy asks for a property"
        assert all(f"| {c} | {meaning} |" in words for c, meaning in columns.items())


def test_names_are_escaped(plan: Plan, tmp_path: Path) -> None:
    tables_file = tmp_path / "config" / "tables.yaml"
    text = tables_file.read_text().replace("A note & a remark.", "<script>x</script> & y")
    tables_file.write_text(text)
    from bench.config.loading import load_plan

    report(load_plan("toy", config=tmp_path / "config"), allow_missing=True)
    assert "<script>x" not in html() and "&lt;script&gt;x" in html()
