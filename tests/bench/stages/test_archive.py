"""Archives: what goes out comes back beside what is here, and what differs is refused before anything is written."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fabricated import fabricate, write_metrics, write_record, write_run, write_throughput
from toy_plan import IMAGES, KERNELS, toy_plan, working_in

from bench.config import layout
from bench.config.evaluation import PlannedTest
from bench.config.plan import Plan
from bench.config.run_spec import RunSpec
from bench.foundation.errors import BenchError
from bench.results.done import Done
from bench.results.tidy import load
from bench.stages.archive import export, import_archive


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    with working_in(tmp_path):
        yield tmp_path


@pytest.fixture
def plan(root: Path) -> Plan:
    plan = toy_plan(root)
    fabricate(plan, IMAGES, KERNELS)
    return plan


def files() -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in layout.RESULTS.rglob("*") if p.is_file()}


def trained(plan: Plan) -> tuple[RunSpec, PlannedTest, Path]:
    """A run that is trained, its test, its scores."""
    run = next(r for r in plan.runs.values() if r.train)
    test = plan.evaluations(run)[0]
    return run, test, layout.metrics_csv(run.id, test.stem)


def test_what_goes_out_comes_back_and_twice_is_once(root: Path, plan: Plan) -> None:
    count = export(plan, root / "a.zip")
    before = files()
    shutil.rmtree(layout.RESULTS)
    assert len(import_archive(root / "a.zip")) == count == len(plan.runs)
    assert files() == before
    import_archive(root / "a.zip")
    assert files() == before


def test_locks_and_states_stay_at_home(root: Path, plan: Plan) -> None:
    run, _, scores = trained(plan)
    scores.with_suffix(".lock").write_text("4711\n")
    layout.state_file(run.id).parent.mkdir()
    layout.state_file(run.id).write_text("half a training")
    export(plan, root / "a.zip")
    with zipfile.ZipFile(root / "a.zip") as bundle:
        assert not [n for n in bundle.namelist() if "lock" in n or "state" in n]


def test_an_archive_with_the_locks_of_an_earlier_version_is_taken(root: Path, plan: Plan) -> None:
    _, _, scores = trained(plan)
    with zipfile.ZipFile(root / "old.zip", "w") as bundle:
        bundle.writestr(scores.with_suffix(".lock").relative_to(layout.RESULTS).as_posix(), "1\n")
        bundle.write(scores, scores.relative_to(layout.RESULTS).as_posix())
    scores.with_suffix(".lock").write_text("2\n")
    import_archive(root / "old.zip")
    assert scores.with_suffix(".lock").read_text() == "2\n"


def test_a_run_scored_on_both_machines_comes_in(root: Path, plan: Plan) -> None:
    """The clock differs, the last digits of a score too; this machine's stays."""
    run, test, scores = trained(plan)
    export(plan, root / "a.zip")
    record = json.loads(layout.run_json(run.id).read_text())
    layout.run_json(run.id).write_text(json.dumps({**record, "seconds": 99.0, "date": "2026-02-03"}))
    scores.write_text(scores.read_text().replace(",seconds,0.5", ",seconds,7.5"))
    write_record(scores, run, test, machine={"cpu": "this one"})
    before = files()
    import_archive(root / "a.zip")
    assert files() == before


def test_other_values_are_refused_and_nothing_is_written(root: Path, plan: Plan) -> None:
    run, test, _ = trained(plan)
    export(plan, root / "a.zip")
    missing = layout.metrics_csv(list(plan.runs)[-1], plan.evaluations(list(plan.runs.values())[-1])[0].stem)
    missing.unlink()
    write_metrics(run, test, IMAGES, offset=0.01)
    with pytest.raises(BenchError, match=rf"{run.id}.* is already here and differs .*a\.zip: psnr of a\.png is"):
        import_archive(root / "a.zip")
    assert not missing.exists()


def test_a_run_trained_on_both_machines_with_different_weights_is_refused(root: Path, plan: Plan) -> None:
    run, _, _ = trained(plan)
    record = json.loads(layout.run_json(run.id).read_text())
    layout.run_json(run.id).write_text(json.dumps({**record, "weights_sha256": "aa"}))
    export(plan, root / "a.zip")
    layout.run_json(run.id).write_text(json.dumps({**record, "weights_sha256": "bb"}))
    with pytest.raises(BenchError, match="weights_sha256 is bb here and aa there"):
        import_archive(root / "a.zip")


def test_an_import_is_done_with_and_without_weights(root: Path, plan: Plan) -> None:
    """Whatever the times of the files: finished scores ask for no network."""
    for run in plan.runs.values():
        if not run.method:
            layout.weights(run.id).write_bytes(b"weights")
    for weights in (True, False):
        export(plan, root / "a.zip", weights=weights)
        shutil.rmtree(layout.RESULTS)
        import_archive(root / "a.zip")
        done = Done(plan)
        assert not any(done.left(run) or done.to_make(run) for run in plan.runs.values())
    run, test, scores = trained(plan)
    scores.unlink()
    assert Done(plan).to_make(run) and [t.key for t in Done(plan).left(run)] == [test.key]


def test_scores_of_weights_that_are_not_the_runs_are_left_to_do(plan: Plan) -> None:
    run, test, scores = trained(plan)
    record = json.loads(layout.run_json(run.id).read_text())
    layout.run_json(run.id).write_text(json.dumps({**record, "weights_sha256": "bb"}))
    write_record(scores, run, test, weights_sha256="aa")
    assert Done(plan).left(run) == [test]
    with pytest.raises(BenchError, match=f"run {run.id}: weights_sha256 is bb on this machine and aa"):
        load(plan)


def test_timings_of_another_machine_stand_beside_this_one(root: Path, plan: Plan) -> None:
    theirs = write_throughput(plan).read_text()
    export(plan, root / "a.zip")
    ours = layout.throughput_csv(plan.name)
    ours.write_text(theirs.replace("Imaginary CPU", "Another CPU"))
    import_archive(root / "a.zip")
    assert "Another CPU" in ours.read_text()
    assert set(load(plan).throughput["machine"]) == {"Imaginary CPU", "Another CPU"}
    ours.unlink()
    import_archive(root / "a.zip")
    assert not ours.exists(), "another machine's timings are no reason not to time this one"


def test_an_archive_with_damaged_bytes_is_one_line(root: Path, plan: Plan) -> None:
    with zipfile.ZipFile(root / "a.zip", "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("runs/x/run.json", "{}" * 1000)
    data = bytearray((root / "a.zip").read_bytes())
    data[30 + len("runs/x/run.json")] = 0xFF  # no such kind of block: zlib says so, before any checksum
    (root / "a.zip").write_bytes(data)
    before = files()
    with pytest.raises(BenchError, match=r"a\.zip: not an exported archive"):
        import_archive(root / "a.zip")
    assert files() == before


@pytest.mark.parametrize("text", ["[]", "null", "{", "{}\n{}"])
@pytest.mark.parametrize("here", [True, False])
def test_a_damaged_record_is_one_line(root: Path, plan: Plan, text: str, here: bool) -> None:
    """Of a run and of its scores, on this machine and in the archive."""
    run, _, scores = trained(plan)
    for record in (layout.run_json(run.id), layout.score_record(scores)):
        whole = record.read_text()
        record.write_text(whole if here else text)
        export(plan, root / "a.zip")
        record.write_text(text if here else whole)
        with pytest.raises(BenchError, match=f"{record.name}: damaged|the record of .*: damaged"):
            import_archive(root / "a.zip")
        record.write_text(whole)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "reports/evil", "."])
def test_an_archive_cannot_write_elsewhere(root: Path, name: str) -> None:
    with zipfile.ZipFile(root / "evil.zip", "w") as bundle:
        bundle.writestr(name, "x")
    with pytest.raises(BenchError, match="does not belong"):
        import_archive(root / "evil.zip")
    (root / "no.zip").write_text("text")
    with pytest.raises(BenchError, match="not an exported archive"):
        import_archive(root / "no.zip")


def test_nothing_to_export_is_one_line(root: Path) -> None:
    plan = toy_plan(root)
    with pytest.raises(BenchError, match="no finished run"):
        export(plan, root / "a.zip")
    write_run(next(r for r in plan.runs.values() if r.train))
    assert export(plan, root / "a.zip") == 1
