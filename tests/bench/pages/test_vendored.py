"""The scripts of others that the report embeds are the bytes that their table names, with a licence beside each."""

from __future__ import annotations

import hashlib
from pathlib import Path

VENDOR = Path(__file__).parents[3] / "bench" / "pages" / "templates" / "vendor"


def test_every_script_is_named_with_its_hash_version_and_licence() -> None:
    rows = [
        line.strip("| ").split(" | ") for line in (VENDOR / "README.md").read_text().splitlines() if ".js |" in line
    ]
    named = {name: (version, source, sha256) for name, version, source, _, sha256 in rows}
    assert set(named) == {path.name for path in VENDOR.glob("*.js")}
    for name, (version, source, sha256) in named.items():
        content = (VENDOR / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256, name
        first = content.decode().splitlines()[0]
        assert version in first and source in first
        assert (VENDOR / name.replace(".min.js", ".LICENSE")).is_file()
