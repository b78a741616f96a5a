"""Folders called anything, Snakemake started anywhere, killed in any way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_checkout import tiny_checkout

from bench.workflow.places import resolve, without_braces
from bench.workflow.stale_lock import alive

HOLD = "import sys; from pathlib import Path; from bench.workflow.stale_lock import alive\n"
HOLD += "held = alive(Path(sys.argv[1])); print('alive', flush=True); sys.stdin.read()"


def locked(folder: Path) -> list[Path]:
    (folder / "locks").mkdir(parents=True, exist_ok=True)
    for name in ("0.input.lock", "0.output.lock"):
        (folder / "locks" / name).touch()
    return sorted((folder / "locks").iterdir())


def test_the_lock_of_a_dead_process_goes_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    locks = locked(tmp_path)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdout.readline() == "alive\n"
    assert not any(lock.exists() for lock in locks), "nobody was at work when it began"
    locks = locked(tmp_path)
    second = alive(tmp_path)
    assert all(lock.exists() for lock in locks), "a living one's"
    assert second is not None
    second.close()
    other.kill()
    other.communicate()
    third = alive(tmp_path)
    assert third is not None and not any(lock.exists() for lock in locks)
    third.close()


def test_a_folder_that_cannot_be_written_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert alive(tmp_path / "file") is None


def test_paths_are_meant_from_where_snakemake_was_started(tmp_path: Path) -> None:
    start, home = tmp_path / "start", tmp_path / "home"
    start.mkdir()
    (start / "mine.py").touch()
    config = {"plugins": "mine.py,other.py", "preset": "quick"}
    environment = {"BENCH_DATA": "data", "BENCH_MIRROR": "https://example.org/mirror", "HOME": "x"}
    resolve(config, environment, start, home)
    assert config == {"plugins": [str(start / "mine.py"), "other.py"], "preset": "quick"}
    assert environment["BENCH_DATA"] == str(start / "data")
    assert environment["BENCH_MIRROR"] == "https://example.org/mirror"
    same = {"plugins": "mine.py"}
    resolve(same, {"BENCH_DATA": "data"}, home, home)
    assert same == {"plugins": "mine.py"}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.sampled_from("ab {}%'\"é,"), min_size=1, max_size=12))
def test_a_data_folder_without_braces_is_the_same_folder(tmp_path: Path, name: str) -> None:
    data = tmp_path / "data" / f"x{name}"
    environment = {"BENCH_DATA": str(data)}
    without_braces(environment, tmp_path / "own")
    shown = environment["BENCH_DATA"]
    assert "{" not in shown and "}" not in shown
    assert Path(shown).resolve() == data.resolve()


@pytest.mark.slow
def test_any_folder_from_anywhere_and_unlock_without_cores(tmp_path: Path) -> None:
    """The whole pipeline runs in such a folder in ``tests/test_pipeline.py``."""
    folder, elsewhere = tmp_path / "My Projects {x} 'q\" %d é", tmp_path / "elsewhere"
    for path in (folder, elsewhere):
        path.mkdir()
    tiny_checkout(folder)
    snakemake = [sys.executable, "-m", "snakemake", "-s", str(folder / "Snakefile")]
    for words in (["--dry-run", "--cores", "1", "all"], ["--unlock"]):
        done = subprocess.run(
            [*snakemake, *words, "--config", "preset=tiny"], cwd=elsewhere, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert [path.name for path in elsewhere.iterdir()] == [".snakemake"], "with Snakemake's own log and no result"
    assert not (elsewhere / ".snakemake" / "metadata").exists()
