"""What this machine's record of a run says. Pandas-free: the Snakefile asks."""

from __future__ import annotations

import json
from typing import Any

from bench.config import layout
from bench.data.file_hashes import sha256_file
from bench.foundation.errors import BenchError

UNSCORED = ("diverged", "skipped")
"""What a run can be whose images have no score: its training failed, or its operator declined."""


def run_record(run: str) -> dict[str, Any]:
    """The content of a run's ``run.json``; empty where there is none that can be read."""
    try:
        return json_object(layout.run_json(run).read_bytes())
    except (OSError, ValueError):
        return {}


def weights_sha256(run: str) -> str:
    """sha256 of the weights of a run that lies here.

    Raises:
        BenchError: there are none, or they are others than its record names: scores of them would be another run's.
    """
    path = layout.weights(run)
    try:
        found = sha256_file(path)
    except OSError as error:
        raise BenchError(f"{path}: cannot be read ({error.strerror})") from error
    recorded = run_record(run).get("weights_sha256")
    if recorded and recorded != found:
        raise BenchError(
            f"{path}: other weights than run.json beside it records; remove that folder to make the run again"
        )
    return found


def json_object(text: bytes) -> dict[str, Any]:
    """The JSON object that a record is.

    Raises:
        ValueError: it is none.
    """
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"a JSON object is expected, not {type(found).__name__}")
    return found
