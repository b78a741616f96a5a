"""fetch: every byte checked, whole files or none, offline afterwards, and errors that say what to do."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fabricated_sets import (
    FILES,
    HOST,
    ROOT,
    Server,
    catalogue,
    download_entry,
    mirror_folder,
    public_mirror,
    serve,
    sha256,
)

from bench.data.datasets import load_datasets
from bench.foundation.errors import BenchError
from bench.stages.fetch import fetch


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data root, no mirror, no waiting between attempts."""
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("BENCH_MIRROR", raising=False)
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    return tmp_path / "data"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serve(mirror_folder(tmp_path / "served")) as running:
        yield running


def bring(path: Path, *names: str) -> None:
    fetch(names or ["x"], progress=False, catalogue=path)


def refused(path: Path, *parts: str) -> None:
    """One line that holds every part, no manifest, no file that looks whole."""
    with pytest.raises(BenchError) as caught:
        bring(path)
    message = str(caught.value)
    assert "\n" not in message
    assert all(part in message for part in parts), message


def listing(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


def test_folder_mirror_then_offline(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = catalogue(tmp_path, download_entry("x", f"https://{HOST}/set"))
    mirror = mirror_folder(tmp_path / "mirror")
    monkeypatch.setenv("BENCH_MIRROR", str(mirror))
    bring(path)
    assert {n: (data / "x" / n).read_bytes() for n in listing(data / "x")} == FILES
    manifest = data / "x.json"
    assert [f["sha256"] for f in json.loads(manifest.read_text())["files"]] == [sha256(d) for d in FILES.values()]
    os.utime(manifest, (1, 1))
    shutil.rmtree(mirror)
    monkeypatch.delenv("BENCH_MIRROR")
    bring(path)  # the host never resolves: this touches no network
    assert manifest.stat().st_mtime == 1


def test_url_mirror(tmp_path: Path, data: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_MIRROR", server.url + "/")
    bring(catalogue(tmp_path, download_entry("x", f"https://{HOST}/set")))
    assert listing(data / "x") == sorted(FILES)
    assert sorted(server.requests) == [f"/{HOST}/set/{n}" for n in sorted(FILES)]


@pytest.mark.parametrize("kind", ["folder", "url"])
def test_what_the_mirror_lacks_comes_from_the_origin(
    tmp_path: Path, data: Path, server: Server, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (tmp_path / "empty").mkdir()
    with serve(tmp_path / "empty") as empty:
        monkeypatch.setenv("BENCH_MIRROR", str(tmp_path / "empty") if kind == "folder" else empty.url)
        bring(catalogue(tmp_path, download_entry("x", f"{server.url}/{HOST}/set")))
    assert listing(data / "x") == sorted(FILES)


def test_a_failing_server_is_asked_again(tmp_path: Path, data: Path, server: Server) -> None:
    server.fail_first = 2
    bring(catalogue(tmp_path, download_entry("x", f"{server.url}/{HOST}/set", {"b.png": FILES["b.png"]})))
    assert (data / "x" / "b.png").read_bytes() == FILES["b.png"]
    assert len(server.requests) == 3


def test_a_damaged_file_is_replaced(tmp_path: Path, data: Path, server: Server) -> None:
    path = catalogue(tmp_path, download_entry("x", f"{server.url}/{HOST}/set"))
    bring(path)
    (data / "x" / "b.png").write_bytes(FILES["b.png"][:100])
    bring(path)
    assert (data / "x" / "b.png").read_bytes() == FILES["b.png"]
    assert len(server.requests) == len(FILES) + 1


def test_fetched_files_can_be_read_by_others(tmp_path: Path, data: Path, server: Server) -> None:
    bring(catalogue(tmp_path, download_entry("x", f"{server.url}/{HOST}/set")))
    assert all(p.stat().st_mode & 0o044 == 0o044 for p in [*(data / "x").iterdir(), data / "x.json"])


def test_fetched_files_have_the_permissions_that_the_user_gives_files(
    tmp_path: Path, data: Path, server: Server
) -> None:
    before = os.umask(0o077)
    try:
        bring(catalogue(tmp_path, download_entry("x", f"{server.url}/{HOST}/set")))
    finally:
        os.umask(before)
    assert {p.stat().st_mode & 0o777 for p in [*(data / "x").iterdir(), data / "x.json"]} == {0o600}


# --- what goes wrong ------------------------------------------------------------------------------------------


def _wrong_hash(folder: Path, patch: pytest.MonkeyPatch) -> None:
    next(folder.rglob("b.png")).write_bytes(b"other bytes")


def _missing_file(folder: Path, patch: pytest.MonkeyPatch) -> None:
    next(folder.rglob("b.png")).unlink()


def _full_disk(folder: Path, patch: pytest.MonkeyPatch) -> None:
    def copyfile(source: Path, target: str) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    patch.setattr("bench.data.download.shutil.copyfile", copyfile)


FAILURES = {
    "wrong hash": (_wrong_hash, ("b.png", "wrong sha256", "replace it", f"https://{HOST}/set/b.png")),
    "missing file, no network": (_missing_file, ("b.png", f"https://{HOST}/set/b.png", "set BENCH_MIRROR", "has no")),
    "full disk": (_full_disk, ("x/", "the disk is full", f"https://{HOST}/set/", "BENCH_DATA")),
}


@pytest.mark.parametrize(("harm", "parts"), FAILURES.values(), ids=FAILURES.keys())
def test_failures_are_one_line_and_leave_no_half_file(
    tmp_path: Path,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[Path, pytest.MonkeyPatch], None],
    parts: tuple[str, ...],
) -> None:
    path = catalogue(tmp_path, download_entry("x", f"https://{HOST}/set"))
    mirror = mirror_folder(tmp_path / "mirror")
    monkeypatch.setenv("BENCH_MIRROR", str(mirror))
    with monkeypatch.context() as patch:
        harm(mirror, patch)
        refused(path, *parts)
    assert "b.png" not in listing(data / "x")
    assert not (data / "x.json").exists()
    assert all((data / "x" / n).read_bytes() == FILES[n] for n in listing(data / "x"))
    mirror_folder(tmp_path / "mirror")
    bring(path)
    assert listing(data / "x") == sorted(FILES)


def test_not_found_names_the_status(tmp_path: Path, server: Server) -> None:
    refused(catalogue(tmp_path, download_entry("x", f"{server.url}/nowhere")), "answers 404", "BENCH_MIRROR")


def test_short_bodies_are_refused(tmp_path: Path, data: Path, server: Server) -> None:
    server.short_of = 10
    files = {"b.png": FILES["b.png"]}
    refused(catalogue(tmp_path, download_entry("x", f"{server.url}/{HOST}/set", files)), "b.png", server.url)
    assert listing(data / "x") == []


def test_missing_mirror_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_MIRROR", str(tmp_path / "gone"))
    refused(catalogue(tmp_path, download_entry("x", f"https://{HOST}/set")), "BENCH_MIRROR=", "no such folder")


def test_unwritable_data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "file"))
    monkeypatch.setenv("BENCH_MIRROR", str(mirror_folder(tmp_path / "mirror")))
    refused(catalogue(tmp_path, download_entry("x", f"https://{HOST}/set")), "cannot be written", "BENCH_DATA")


def test_unknown_name_and_bad_jobs(tmp_path: Path) -> None:
    path = catalogue(tmp_path, download_entry("flowers", f"https://{HOST}/set"))
    with pytest.raises(BenchError, match="did you mean 'flowers'"):
        bring(path, "flower")
    with pytest.raises(BenchError, match="jobs=0"):
        fetch(["flowers"], jobs=0, catalogue=path)


def test_killed_in_the_middle_of_a_file(tmp_path: Path, data: Path, server: Server) -> None:
    """kill -9 while a file is half there: nothing looks whole, and the next fetch completes it."""
    path = catalogue(tmp_path, download_entry("x", f"{server.url}/{HOST}/set", {"b.png": FILES["b.png"]}))
    server.stalling = True
    code = (
        f"from pathlib import Path; from bench.stages.fetch import fetch; fetch(['x'], catalogue=Path({str(path)!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    assert server.stalled.wait(30)
    process.kill()
    process.wait()
    assert not (data / "x" / "b.png").exists()
    assert not (data / "x.json").exists()
    server.stalling = False
    bring(path)
    assert (data / "x" / "b.png").read_bytes() == FILES["b.png"]


# --- other sources --------------------------------------------------------------------------------------------


def test_embedded_needs_no_network(data: Path) -> None:
    fetch(["embedded"], progress=False)
    found = load_datasets()
    assert len(found["embedded_test"].files()) == 3
    assert len(found["embedded_train"].files()) == 10
    assert [p.name for p in found["embedded_kernels"].files()] == ["gaussian.npy", "motion.npy"]


def test_another_version_of_the_package_is_noticed(tmp_path: Path) -> None:
    text = (ROOT / "datasets.yaml").read_text()
    start = text.index("embedded_test:")
    block = text[start : text.index("\n\n", start)].replace("88431cd9", "00000000")
    with pytest.raises(BenchError, match=r"astronaut\.png: wrong sha256 .*another file"):
        bring(catalogue(tmp_path, block), "embedded_test")


def test_a_users_folder_gets_a_manifest(tmp_path: Path, data: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.png").write_bytes(b"1")
    bring(catalogue(tmp_path, "mine: {folder: photos, split: test}"), "mine")
    assert json.loads((data / "mine.json").read_text())["files"] == [
        {"file": "one.png", "bytes": 1, "sha256": sha256(b"1")}
    ]


@pytest.mark.mirror
def test_the_public_files_are_those_of_the_catalogue(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Needs BENCH_MIRROR with the public files. Offline sibling: `test_folder_mirror_then_offline`."""
    monkeypatch.setenv("BENCH_MIRROR", str(public_mirror()))
    fetch(["all_test", "released", "blur_kernels", "bsds500"], progress=False)
    found = load_datasets()
    total = sum(p.stat().st_size for d in found.values() if d.download for p in d.directory().iterdir())
    assert total == 213_970_952
    assert len(found["bsds500_train"].files()) == 199
