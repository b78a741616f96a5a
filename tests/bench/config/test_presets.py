"""Targets of the Snakefile: a preset's name builds what ``all --config preset=NAME`` builds."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.config import layout
from bench.config.loading import load_plan
from bench.foundation.errors import BenchError
from bench.workflow.presets import RULES, Presets
from bench.workflow.snake import Targets

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the configuration and no results."""
    for name in ("Snakefile", "config", "profiles", "datasets", "datasets.yaml", "envs", "bench", "converse", "report"):
        if (ROOT / name).exists():
            (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))


def test_a_preset_by_name_has_the_files_of_the_config() -> None:
    presets = Presets({"preset": "small"})
    assert presets.everything("released") == Presets({"preset": "released"}).everything("released")
    assert [t.plan.name for t in presets.asked()] == ["released"]
    assert [t.plan.name for t in Presets({}).asked()] == ["small"]


def test_further_config_goes_with_every_preset() -> None:
    presets = Presets({"images": "5"})
    assert presets["released"].plan.subset == "first5"
    assert "--preset released --images first5" in presets["released"].options


def test_a_job_without_a_target_finds_its_plan() -> None:
    released = load_plan("released")
    presets = Presets({"preset": "quick"})
    run = next(r for r in released.runs.values() if r.checkpoint)
    key = released.evaluations(run)[0].key
    assert run.id in presets.of_run(run.id).plan.runs
    assert presets.of_run(run.id, key).evaluation_inputs(run.id, key)
    analysis = released.analyses["boundary"].id
    assert presets.of_analysis(analysis).plan.name == "released"
    with pytest.raises(BenchError, match="no preset has the run 'nonsense' with the test 'x'"):
        presets.of_run("nonsense", "x")
    with pytest.raises(BenchError, match="no preset has the analysis 'nonsense'"):
        presets.of_analysis("nonsense")


def test_a_bad_config_is_refused_at_once() -> None:
    with pytest.raises(BenchError, match="unknown preset 'relased'; did you mean 'released'"):
        Presets({"preset": "relased"})


def test_analyses_are_targets_and_ask_for_their_data_once() -> None:
    targets = Targets(load_plan("released"))
    spec = targets.plan.analyses["size_dependence"]
    files = targets.everything()
    assert str(layout.analysis_csv(spec.id)) in files
    assert {f"reports/released/figures/size_dependence{s}" for s in (".png", ".pdf")} <= set(files)
    wanted = {str(layout.manifest(n)) for n in ("urban100", "set12", "blur_kernels", "released_weights")}
    assert set(targets.analysis_inputs(spec.id)) == wanted
    layout.analysis_csv(spec.id).parent.mkdir(parents=True)
    layout.analysis_csv(spec.id).touch()
    assert targets.analysis_inputs(spec.id) == []


def _jobs(*arguments: str) -> dict[str, int]:
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "2", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    table = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\n\n", run.stdout + run.stderr, flags=re.S)
    assert table is not None
    return {name: int(count) for name, count in (line.split() for line in table[1].splitlines())}


@pytest.mark.slow
def test_snakemake_released_is_all_of_the_released_preset() -> None:
    by_name = _jobs("released")
    by_config = _jobs("all", "--config", "preset=released")
    assert by_name.pop("released") == by_config.pop("all") == 1
    assert by_name == by_config and by_name["analyze"] == len(load_plan("released").analyses)


def test_a_table_asks_for_its_results_and_not_for_its_file_alone() -> None:
    targets, table = Targets(load_plan("quick")), "table4_denoising"
    plan, files = targets.plan, set(targets.tables()["table4"])
    scores = [layout.metrics_csv(r.id, t.stem) for r in plan.table_runs(table) for t in plan.table_tests(table, r.task)]
    assert set(map(str, scores)) <= files
    assert any(f.endswith("tables/table4_denoising.md") for f in files)


def test_trainings_of_a_few_steps_are_grouped_and_long_ones_are_not() -> None:
    for preset, group, minutes in (("quick", "brief", 20), ("paper", None, 2880)):
        targets = Targets(load_plan(preset))
        trained = [r.id for r in targets.plan.runs.values() if r.train]
        assert {targets.group(r) for r in trained} == {group}
        assert {targets.minutes(r, 2880) for r in trained} == {minutes}
        assert {targets.group(r.id) for r in targets.plan.runs.values() if not r.train} <= {None}


def of_ones_own(folder: Path, **files: str) -> None:
    """A configuration with presets beside the project's."""
    (folder / "config").unlink()
    shutil.copytree(ROOT / "config", folder / "config")
    for name, text in files.items():
        (folder / "config" / "presets" / f"{name}.yaml").write_text(text)


def test_presets_that_cannot_be_read_stop_no_other(tmp_path: Path) -> None:
    quick = (ROOT / "config" / "presets" / "quick.yaml").read_text()
    of_ones_own(tmp_path, junk="task", half=quick.replace("embedded_train", "no_such_set"))
    (tmp_path / "config" / "presets" / ".#quick.yaml").symlink_to("me@host.1234")
    layout.check_json("half").parent.mkdir(parents=True)
    layout.check_json("half").write_text("{}")
    presets = Presets({"preset": "quick"})
    assert {"junk", "half"} <= {*presets.names} and not any(name.startswith(".") for name in presets.names)
    run = next(run for run in presets.chosen.plan.runs.values() if run.train)
    assert presets.of_run(run.id) is presets.chosen
    with pytest.raises(BenchError, match="unknown data set 'no_such_set'"):
        presets.everything("half")


def test_presets_named_like_a_rule_or_with_signs_of_a_pattern(tmp_path: Path) -> None:
    quick = (ROOT / "config" / "presets" / "quick.yaml").read_text()
    of_ones_own(tmp_path, train=quick, **{"c++": quick})
    rules = set(re.findall(r"^rule (\w+):", (ROOT / "Snakefile").read_text(), re.M))
    assert rules == set(RULES)
    presets = Presets({"preset": "c++"})
    assert {"train", "c++"} & {*presets.names} - {*presets.targets} == {"train"}
    command = [sys.executable, "-m", "snakemake", "-n", "-q", "--cores", "1", "table4", "--config", "preset=c++"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
