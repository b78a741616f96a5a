"""Evidence edited by hand: every edit that would change a verdict or break a page is named, with file, row and rule.

The folder is a part of a committed one: two trained runs with scores, index, properties and curves, and timings.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import __main__ as command
from bench.config import analysis_info
from bench.config.budget import Budget
from bench.config.run_spec import RunSpec
from bench.foundation.errors import BenchError
from bench.results.columns import COLUMNS
from bench.results.contributed_cells import FILLED, KINDS, plain
from bench.results.evidence import values_sha256
from bench.stages.check_evidence import check_evidence

EVIDENCE = Path(__file__).parents[3] / "results" / "evidence"
SOURCE, ANALYSIS = EVIDENCE / "2026-11-27-amd-epyc", "reconvolution-e6cd518b4a.csv"
Rows = list[dict[str, str]]
Change = Callable[[Rows], object]
AB = {"a": "x", "b": "1"}


def read(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: Rows) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The part: two runs of one test, the first of them with properties."""
    folder = tmp_path_factory.mktemp("evidence") / "2026-01-01-my-cpu"
    (folder / "analyses").mkdir(parents=True)
    scores = read(SOURCE / "scores.csv")
    first = read(SOURCE / "properties.csv")[0]["run"]
    test = next(row["evaluation"] for row in scores if row["run"] == first)
    second = next(row["run"] for row in scores if row["evaluation"] == test and row["run"] != first)
    for path in SOURCE.glob("*.csv"):
        rows = read(path)
        write(folder / path.name, [row for row in rows if row.get("run", first) in (first, second)])
    shutil.copy(SOURCE / "columns.json", folder)
    shutil.copy(EVIDENCE / "2026-11-26-intel-r-xeon-r-processor" / "analyses" / ANALYSIS, folder / "analyses")
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / original.name))


def faults(folder: Path) -> list[str]:
    try:
        check_evidence([folder])
    except BenchError as error:
        return list(error.__notes__)
    return []


def test_the_part_has_nothing_wrong(folder: Path) -> None:
    assert faults(folder) == []


def one(**cells: str) -> Change:
    """An edit of the first row."""
    return lambda rows: rows[0].update(cells)


def every(**cells: str) -> Change:
    return lambda rows: [row.update(cells) for row in rows]


def spec(**keys: object) -> Change:
    """An edit of what the specification says and its hash leaves out."""
    return lambda rows: rows[0].update(spec=json.dumps(json.loads(rows[0]["spec"]) | keys))


def validated(**cells: str) -> Change:
    return lambda rows: [row.update(cells) for row in rows if row["val_loss"]]


EDITS: dict[str, tuple[str, Change, str]] = {
    "diverged": ("runs.csv", one(status="diverged"), "status 'diverged' has no reason"),
    "diverged, its values kept": ("runs.csv", one(status="diverged", reason="x"), "has values, though the status"),
    "diverged, its curve kept": ("runs.csv", one(status="diverged", reason="x"), "(allowed: the"),
    "skipped": ("runs.csv", one(status="skipped", reason="x"), "has a curve, but its status is 'skipped'"),
    "loaded": ("runs.csv", one(status="loaded"), "status 'loaded' does not fit its specification (allowed: trained"),
    "unknown status": ("runs.csv", one(status="banana"), "allowed: trained, loaded, diverged, skipped, classical"),
    "reason": ("runs.csv", one(reason="a guess"), "status 'trained' has the reason 'a guess'"),
    "other parameters": ("runs.csv", one(parameters="7"), "parameters 7, its network has "),
    "parameters": ("runs.csv", one(parameters="abc"), "parameters 'abc' is not allowed (allowed: a whole number)"),
    "no parameters": ("runs.csv", one(parameters=""), "parameters is empty"),
    "underscores": ("runs.csv", one(parameters="1_000"), "parameters '1_000' is not allowed"),
    "seconds": ("runs.csv", one(seconds="-5"), "seconds '-5' is not allowed (allowed: a finite number from 0)"),
    "steps": ("runs.csv", one(steps="7"), "trained for 7 of "),
    "multiplications": ("runs.csv", one(training_macs="1e3x"), "training_macs '1e3x' is not allowed"),
    "resumed": ("runs.csv", one(resumed_from="x["), "resumed_from 'x[' is not allowed"),
    "resumed too late": ("runs.csv", one(resumed_from="[999999]"), "resumed_from [999999] goes beyond its "),
    "device": ("runs.csv", one(device="tpu"), "device 'tpu' is not allowed (allowed: cpu, cuda or cuda:N)"),
    "day": ("runs.csv", one(date="2026-02-30"), "date '2026-02-30' is not allowed (allowed: a day as YYYY-MM-DD)"),
    "computed": ("runs.csv", one(computed="{"), "computed '{' is not allowed"),
    "weights of runs": ("runs.csv", one(weights_sha256="a" * 64), "(allowed: the same)"),
    "model": ("runs.csv", spec(model="conversenet"), "give "),
    "unknown model": ("runs.csv", spec(model="mine"), "its model and options give no network"),
    "options": ("runs.csv", spec(options={}), "its model and options give another network than the one it is named by"),
    "day of scores": ("scores.csv", one(date="1999-99-99"), "date '1999-99-99' is not allowed"),
    "content": ("scores.csv", one(content="0123456789"), "content '0123456789', metrics.csv says "),
    "weights of scores": ("scores.csv", one(weights_sha256="b" * 64), "(allowed: the same)"),
    "no weights": ("scores.csv", one(weights_sha256=""), "weights_sha256 is empty, that of the run"),
    "count": ("scores.csv", one(values="3"), "values 3, metrics.csv has "),
    "versions": ("scores.csv", one(versions="{}"), "versions lack python"),
    "a score": ("metrics.csv", one(value="31.25"), "its checksum is not that of the values"),
    "version of scores": ("metrics.csv", every(version="banana"), "version 'banana' (allowed: e and d"),
    "property": ("properties.csv", one(value="1_0"), "value '1_0' is not allowed"),
    "day of a property": ("properties.csv", one(date="today"), "date 'today' is not allowed"),
    "losses": ("curves.csv", validated(val_loss="abc"), "val_loss 'abc' is not allowed (allowed: a finite number"),
    "losses nan": ("curves.csv", validated(val_loss="nan"), "val_loss 'nan' is not allowed"),
    "losses gone": ("curves.csv", validated(val_loss=""), "val_loss is empty (allowed: a number: a validation is due"),
    "every second row": ("curves.csv", lambda rows: rows.__delitem__(slice(None, None, 2)), "is missing (allowed: the"),
    "the end": ("curves.csv", lambda rows: rows.pop(), "is missing (allowed: the"),
    "no curve": ("curves.csv", lambda rows: rows.__setitem__(slice(1, None), []), "1 rows, step "),
    "another step": ("curves.csv", lambda rows: rows.insert(0, rows[0] | {"step": "1"}), "step 1 is none of"),
    "backwards": ("curves.csv", one(seconds="1e9"), "its seconds go back"),
    "unknown run": ("curves.csv", one(run="nobody-0000000000"), "nobody-0000000000 is not in runs.csv"),
    "time": ("throughput.csv", one(median_s="abc"), "median_s 'abc' is not allowed (allowed: a finite number above 0)"),
    "negative time": ("throughput.csv", one(median_s="-1"), "median_s '-1' is not allowed"),
    "no time": ("throughput.csv", one(median_s=""), "median_s is empty"),
    "failed": ("throughput.csv", one(status="failed"), "status 'failed' has no reason"),
    "kind": ("throughput.csv", one(kind="operatr"), "did you mean 'operator'? (allowed: operator, model, machine)"),
    "pass": ("throughput.csv", one(**{"pass": "backward"}), "(allowed: forward, forward+backward)"),
    "error": ("throughput.csv", one(error="small"), "error 'small' is not allowed"),
    "columns": (
        f"analyses/{ANALYSIS}",
        lambda rows: rows.__setitem__(slice(None), [{"a": "x", "b": "1"}]),
        "are not those",
    ),
    "analysis": (f"analyses/{ANALYSIS}", one(error="abc"), "error 'abc' is not allowed (allowed: a finite number)"),
    "no number": (f"analyses/{ANALYSIS}", every(error=""), "error is empty"),
}
"""What was edited: the file, how, and words of a fault."""


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_named(folder: Path, name: str) -> None:
    file, change, words = EDITS[name]
    rows = read(folder / file)
    who = {text for row in rows for text in (row.get("run"), row.get("case")) if text} or {ANALYSIS}
    change(rows)
    write(folder / file, rows)
    said = faults(folder)
    named = [line for line in said if words in line]
    assert named, said
    assert all(line.startswith(str(folder)) for line in said)
    assert any(text in line for line in named for text in {*who, "nobody-0000000000"}), named
    assert len(said) < 20, "one line for a kind of fault"


@pytest.mark.parametrize("name", ["scores.csv", "curves.csv"])
def test_a_file_left_out_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert any(line.startswith(f"{folder / name} is missing: ") for line in faults(folder))


def test_an_analysis_under_another_name_is_named(folder: Path) -> None:
    (folder / "analyses" / ANALYSIS).rename(folder / "analyses" / "reconvolutoin-e6cd518b4a.csv")
    assert any("did you mean 'reconvolution'?" in line for line in faults(folder))


def test_what_cannot_be_seen(folder: Path) -> None:
    """A timing, and a value under a checksum of its own: docs/contribute_results.md says so."""
    timed = read(folder / "throughput.csv")
    timed[0]["median_s"] = str(10 * float(timed[0]["median_s"]))
    write(folder / "throughput.csv", timed)
    values, scores = read(folder / "metrics.csv"), read(folder / "scores.csv")
    values[0]["value"] = "31.25"
    key = [scores[0][c] for c in ("run", "evaluation", "version")]
    group = [row for row in values if [row[c] for c in ("run", "evaluation", "version")] == key]
    assert group[0] is values[0]
    scores[0]["values_sha256"] = values_sha256(group)
    write(folder / "metrics.csv", values)
    write(folder / "scores.csv", scores)
    assert faults(folder) == []


def test_every_fault_has_a_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = read(folder / "runs.csv")
    rows[0]["seconds"], rows[1]["steps"] = "-5", "7"
    write(folder / "runs.csv", rows)
    monkeypatch.setattr("sys.argv", ["bench", "check-evidence", str(folder)])
    with pytest.raises(SystemExit) as ended:
        command.main()
    head, *lines = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert head == f"error: {len(lines)} things are wrong with this evidence:"
    assert all(line.startswith(f"  {folder}") for line in lines) and len(lines) >= 2


BROKEN = {
    "runs.csv": ("training_macs", "parameters", "resumed_from", "status"),
    "throughput.csv": ("median_s",),
    "curves.csv": ("val_loss",),
    "metrics.csv": ("value",),
    f"analyses/{ANALYSIS}": ("error",),
}


@pytest.mark.parametrize(("file", "column"), [(file, column) for file, columns in BROKEN.items() for column in columns])
def test_verdicts_on_a_broken_file_are_one_error(folder: Path, file: str, column: str) -> None:
    """By the readers that `bench.stages.verdicts` is made of, which take seconds each."""
    from bench.config.loading import load_plan
    from bench.results.analysis_table import read_analysis
    from bench.results.curves import curves_by_run
    from bench.results.tidy import all_timings, load

    rows = read(folder / file)
    for row in rows:
        row[column] = "1e3x["
    write(folder / file, rows)
    with pytest.raises(BenchError) as said:
        all_timings([folder], [])
        curves_by_run({row["run"] for row in read(folder / "curves.csv")}, [folder])
        read_analysis(folder / "analyses" / ANALYSIS, "reconvolution")
        if "csv" in file:
            for preset in ("small", "medium"):
                load(load_plan(preset), [folder])
    text = str(said.value)
    assert file.rpartition("/")[2] in text and column in text and "\n" not in text


def test_a_broken_analysis_is_no_part_of_a_report(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report reads it as the verdicts do."""
    from bench.config import layout
    from bench.config.loading import load_plan
    from bench.results.findings import load_findings

    rows = read(folder / "analyses" / ANALYSIS)
    rows[0]["error"] = "1e3x"
    write(folder / "analyses" / ANALYSIS, rows)
    monkeypatch.setattr(layout, "evidence_root", lambda: folder.parent)
    with pytest.raises(BenchError, match="'error' holds something that is no number"):
        load_findings(load_plan("released"), "reconvolution")


def test_columns_of_an_analysis_are_not_those_of_another(folder: Path) -> None:
    from bench.results.analysis_table import read_analysis

    path = folder / "analyses" / ANALYSIS
    path.write_text("a,b\nx,1\n")
    with pytest.raises(BenchError, match="not the table of reconvolution"):
        read_analysis(path, "reconvolution")


def test_every_column_is_a_word_or_a_number() -> None:
    for info in analysis_info.available().values():
        words = {*analysis_info.WORDS, *info.words} & {*info.columns}
        assert info.numbers and {*info.numbers} | words == {*info.columns} and {*info.may_be_empty} <= {*info.numbers}
    for path in EVIDENCE.glob("*/analyses/*.csv"):
        numbers = analysis_info.available()[path.stem.rpartition("-")[0]].numbers
        assert all(row[c] == "" or plain(row[c]) is not None for row in read(path) for c in numbers), path
    for file, kinds in KINDS.items():
        assert {*kinds, *FILLED[file]} <= {*COLUMNS[file]}


@pytest.mark.parametrize("steps", [1, 7, 99, 100, 250, 999, 1500, 25_000])
@pytest.mark.parametrize("validations", [None, 3])
def test_the_rows_of_a_curve(steps: int, validations: int | None) -> None:
    budget = Budget(steps=steps, batch=1, patch=8, validations=validations)
    rows, validated = max(1, min(100, steps // 100)), max(1, steps // (validations or 10))
    due = {s: s % validated == 0 or s == steps for s in range(1, steps + 1)}
    assert budget.curve_grid() == {s: d for s, d in due.items() if d or s % rows == 0}


def test_an_operator_from_outside_is_not_built() -> None:
    from bench.stages.check_evidence import _Parameters

    run = RunSpec(task="sr", network={"operator": "mine", "operator_sha256": "0"})
    assert _Parameters()(run) is None
