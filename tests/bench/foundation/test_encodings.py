"""YAML as editors save it: read where the encoding is certain, one line where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data.datasets import load_datasets
from bench.foundation.errors import BenchError
from bench.foundation.strict_yaml import load, read_text

TEXT = "mine:\n  folder: photos\n  split: test\n  note: café – 写真\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_says_its_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "datasets.yaml"
    path.write_bytes(TEXT.encode(encoding))
    assert load_datasets(path)["mine"].note == "café – 写真"


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "mac-roman"])
def test_what_does_not_is_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "datasets.yaml"
    path.write_bytes(TEXT.replace(" – 写真", "").encode(encoding))
    with pytest.raises(BenchError, match=r"datasets\.yaml:4: byte 0x.. is not UTF-8; save the file as UTF-8"):
        load_datasets(path)


BAD = {
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "zeros": bytes(8),
    "half a UTF-16": b"\xff\xfea",
    "control characters": b"a: \x07",
    "a key that is a list": b"? [a, b]\n: c\n",
    "a number out of reach": b"a: " + b"9" * 5000,
    "an anchor that holds itself": b"a: &x [*x]\n",
    "deep nesting": b"[" * 5000,
    "a tag that does not fit": b"a: !!int b\n",
    "a tab": b"a:\n\tb: 1\n",
}


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD.keys())
def test_what_is_no_yaml_is_one_line(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(raw)
    with pytest.raises(BenchError, match=r"x\.yaml") as caught:
        load(path)
    assert "\n" not in str(caught.value)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=60))
def test_no_bytes_at_all_give_a_traceback(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(raw)
    try:
        load(path)
    except BenchError as error:
        assert str(path) in str(error)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    encoding=st.sampled_from(["utf-8-sig", "utf-16"]),
)
def test_a_mark_tells_the_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "x").write_bytes(text.encode(encoding))
    assert read_text(tmp_path / "x") == text
