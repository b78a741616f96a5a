"""Archives: unpacked whole or not at all, never outside their folder."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from fabricated_sets import HOST, catalogue, entry, mirror_folder

from bench.data.datasets import load_datasets
from bench.foundation.errors import BenchError
from bench.stages.fetch import fetch

MEMBERS = {"HR/1.png": b"one", "HR/2.png": b"two", "LR/1.png": b"small", "readme.txt": b"text"}


def zip_bytes(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tar_bytes(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zip_with_link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("HR/1.png")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


class Place:
    """A catalogue with one archive, and the mirror that holds it."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tmp, self.data, self.mirror = tmp_path, tmp_path / "data", tmp_path / "mirror"
        monkeypatch.setenv("BENCH_DATA", str(self.data))
        monkeypatch.setenv("BENCH_MIRROR", str(self.mirror))

    def put(self, name: str, data: bytes, known: str | None = "sha256", extra: str = "", count: int = 2) -> None:
        mirror_folder(self.mirror, {name: data}, place=HOST)
        digest = f"{known}:{hashlib.new(known, data).hexdigest()}" if known else "null"
        source = f"  archive:\n    url: https://{HOST}/{name}\n    hash: {digest}\n    members: 'HR/*.png'\n"
        self.catalogue = catalogue(self.tmp, entry("x", source + extra, count, split="train"))

    def fetch(self) -> None:
        fetch(["x"], progress=False, catalogue=self.catalogue)

    def files(self) -> dict[str, bytes]:
        found = load_datasets(self.catalogue)["x"].files(self.data)
        return {p.name: p.read_bytes() for p in found}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("name", "data", "known"),
    [("a.zip", zip_bytes(MEMBERS), "sha256"), ("a.tar", tar_bytes(MEMBERS), "md5")],
    ids=["zip", "tar"],
)
def test_what_matches_is_unpacked_and_stays(place: Place, name: str, data: bytes, known: str) -> None:
    place.put(name, data, known)
    place.fetch()
    assert place.files() == {"1.png": b"one", "2.png": b"two"}
    assert sorted(p.name for p in place.data.iterdir()) == ["archives", "x", "x.json"]
    assert not list((place.data / "archives").iterdir())
    shutil.rmtree(place.mirror)
    place.mirror.mkdir()
    place.fetch()  # nothing to download from: checked, complete
    assert place.files() == {"1.png": b"one", "2.png": b"two"}


def test_a_damaged_image_is_unpacked_again(place: Place) -> None:
    place.put("a.zip", zip_bytes(MEMBERS))
    place.fetch()
    (place.data / "x" / "1.png").write_bytes(b"on")
    place.fetch()
    assert place.files()["1.png"] == b"one"


def compressed(mode: str, at: int) -> bytes:
    """A compressed .tar with wrong bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{mode}") as archive:
        for name in ("HR/1.png", "HR/2.png"):
            info = tarfile.TarInfo(name)
            info.size = 200_000
            archive.addfile(info, io.BytesIO(bytes(random.Random(name).choices(b"0123456789", k=info.size))))
    data = bytearray(buffer.getvalue())
    data[at : at + 1000] = b"\xff" * 1000
    return bytes(data)


def deflated() -> bytes:
    """A .zip whose first member begins with a block of no kind."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("HR/1.png", b"one" * 1000)
    data = bytearray(buffer.getvalue())
    data[30 + len("HR/1.png")] = 0xFF
    return bytes(data)


UNSAFE = {
    "zip, bytes": ("a.zip", deflated(), "damaged archive"),
    "tar.xz, bytes": ("a.tar.xz", compressed("xz", 50_000), "damaged archive"),
    "tar.bz2, bytes": ("a.tar.bz2", compressed("bz2", 50_000), "damaged archive"),
    "zip, parent folder": ("a.zip", zip_bytes({"HR/../../evil.png": b"x"}), "unsafe path"),
    "zip, absolute": ("a.zip", zip_bytes({"/HR/evil.png": b"x"}), "0 members match"),
    "zip, link": ("a.zip", zip_with_link(), "is a link"),
    "tar, parent folder": ("a.tar", tar_bytes({"HR/../../evil.png": b"x"}), "unsafe path"),
    "tar, link": ("a.tar", tar_bytes({"HR/l/evil.png": b"x"}, {"HR/l": "/tmp"}), "is a link"),
    "two of one name": ("a.zip", zip_bytes({"HR/a/1.png": b"x", "HR/b/1.png": b"y"}), "two members are called 1.png"),
    "too few": ("a.zip", zip_bytes({"HR/1.png": b"x"}), "1 members match 'HR/*.png', expected 2"),
    "not a zip": ("a.zip", b"PK nothing", "damaged archive"),
    "not a tar": ("a.tar", b"nothing" * 200, "damaged archive"),
}


@pytest.mark.parametrize(("name", "data", "message"), UNSAFE.values(), ids=UNSAFE.keys())
def test_refused_archives_leave_nothing(place: Place, name: str, data: bytes, message: str) -> None:
    place.put(name, data)
    with pytest.raises(BenchError) as caught:
        place.fetch()
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert [p.name for p in place.data.iterdir()] == ["archives"]
    assert not list(place.tmp.rglob("evil.png"))


def test_an_archive_without_a_published_hash_is_locked(place: Place) -> None:
    place.put("a.zip", zip_bytes(MEMBERS), None)
    identity = load_datasets(place.catalogue)["x"].content_hash(place.data)
    place.fetch()
    assert load_datasets(place.catalogue)["x"].content_hash(place.data) == identity
    manifest = json.loads((place.data / "x.json").read_text())
    assert "no hash is published" in manifest["archive"]["hash_source"]
    assert (place.data / "x.lock").read_text().startswith(manifest["archive"]["hash"])
    shutil.rmtree(place.data / "x")
    place.put("a.zip", zip_bytes({**MEMBERS, "HR/1.png": b"other"}), None)
    with pytest.raises(BenchError, match="wrong sha256"):
        place.fetch()


def test_a_broken_first_download_does_not_lock(place: Place) -> None:
    place.put("a.zip", b"PK half", None)
    with pytest.raises(BenchError, match="damaged archive"):
        place.fetch()
    assert not (place.data / "x.lock").exists()


def test_left_out_names_are_checked(place: Place) -> None:
    place.put("a.zip", zip_bytes(MEMBERS), extra="  leave_out: {2.png: why}\n")
    place.fetch()
    assert place.files() == {"1.png": b"one"}
    place.put("a.zip", zip_bytes(MEMBERS), extra="  leave_out: {3.png: why}\n")
    with pytest.raises(BenchError, match=r"leave_out names '3\.png'"):
        place.fetch()


def test_too_small_a_disk_is_told_before_the_download(place: Place) -> None:
    place.put("a.zip", zip_bytes(MEMBERS))
    text = place.catalogue.read_text().replace("    members:", f"    bytes: {10**18}\n    members:")
    place.catalogue.write_text(text)
    with pytest.raises(BenchError, match=r"needs 2000000000\.0 GB, .* are free; free space, or set BENCH_DATA"):
        place.fetch()


def test_rar_without_a_tool_says_what_to_do(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put("a.rar", b"Rar!", None)
    monkeypatch.setattr("bench.data.archives.shutil.which", lambda tool: None)
    with pytest.raises(BenchError, match=r"needs bsdtar .* or unrar; install one"):
        place.fetch()
    assert (place.data / "archives" / "a.rar").is_file()


def test_rar_goes_through_the_tool(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """bsdtar takes tar's options, so tar under its name unpacks a tar that is called .rar."""
    tar = shutil.which("tar")
    assert tar is not None
    tools = place.tmp / "tools"
    tools.mkdir()
    (tools / "bsdtar").symlink_to(tar)
    monkeypatch.setenv("PATH", str(tools))
    place.put("a.rar", tar_bytes(MEMBERS, {"HR/3.png": "/etc/passwd"}), None)
    place.fetch()
    assert place.files() == {"1.png": b"one", "2.png": b"two"}
    place.put("b.rar", b"nothing", None)
    (place.data / "x.json").unlink()
    (place.data / "x.lock").unlink()
    with pytest.raises(BenchError, match="bsdtar failed"):
        place.fetch()
