"""Fabricated data sets: a ``datasets.yaml``, the files that it names, and a server on the loopback that has them."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from bench.data.images import Pixels

ROOT = Path(__file__).parents[2]
HOST = "files.invalid"  # a name that never resolves (RFC 2606)
FILES = {"a.png": b"first file", "b.png": b"second file" * 1000, "c.png": b""}


def photograph(height: int = 48, width: int = 64, channels: int = 3, seed: int = 0) -> Pixels:
    """Smooth structure with edges and texture, uint8 (H, W, C)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    phases = rng.uniform(0, 6, (channels, 3))
    planes = [
        110 + 50 * np.sin(x / 7 + p[0]) * np.cos(y / 5 + p[1]) + 40 * ((x + y) % 23 < 9) + 5 * rng.normal(size=x.shape)
        for p in phases
    ]
    return np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def entry(name: str, source: str, count: int, split: str = "test") -> str:
    """One entry; ``source`` is its YAML, indented by two."""
    return f"{name}:\n  split: {split}\n  count: {count}\n  licence: none\n  citation: none\n{source}"


def download_entry(name: str, base: str, files: Mapping[str, bytes] = FILES) -> str:
    lines = "".join(f"      {f}: {sha256(data)}\n" for f, data in files.items())
    return entry(name, f"  download:\n    url: {base}\n    sha256:\n{lines}", len(files))


def catalogue(folder: Path, *entries: str) -> Path:
    path = folder / "datasets.yaml"
    path.write_text("\n".join(entries))
    return path


def mirror_folder(folder: Path, files: Mapping[str, bytes] = FILES, place: str = f"{HOST}/set") -> Path:
    """A mirror laid out as ``<host>/<path>``."""
    for name, data in files.items():
        path = folder / place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


class Server:
    """Serves a folder and counts; it can fail, lie about the length, or stall in the middle of a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[str] = []
        self.fail_first = 0
        self.short_of = 0
        self.stall = threading.Event()
        self.stalled = threading.Event()
        self.stalling = False
        self.url = ""


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    server = Server(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests.append(self.path)
            path = folder / self.path.lstrip("/")
            if len(server.requests) <= server.fail_first:
                self.send_error(503)
            elif not path.is_file():
                self.send_error(404)
            else:
                data = path.read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2 if server.stalling else len(data) - server.short_of])
                if server.stalling:
                    self.wfile.flush()
                    server.stalled.set()
                    server.stall.wait(30)

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stall.set()
        http.shutdown()
        http.server_close()


def public_mirror() -> Path:
    """The folder with the real public files, or a skip that says how to provide it."""
    folder = Path(os.environ.get("BENCH_MIRROR") or ROOT.parent / "shared" / "mirror").expanduser()
    if not folder.is_dir():
        pytest.skip(f"needs the public files: set BENCH_MIRROR to a folder that holds them (tried {folder})")
    return folder
