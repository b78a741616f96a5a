"""What this machine's record of a run says. Pandas-free: the Snakefile asks."""

from __future__ import annotations

import json
from typing import Any

from bench.config import layout

UNSCORED = ("diverged", "skipped")
"""What a run can be whose images have no score: its training failed, or its operator declined."""


def run_record(run: str) -> dict[str, Any]:
    """The content of a run's ``run.json``; empty where there is none that can be read."""
    try:
        return json_object(layout.run_json(run).read_bytes())
    except (OSError, ValueError):
        return {}


def json_object(text: bytes) -> dict[str, Any]:
    """The JSON object that a record is.

    Raises:
        ValueError: it is none.
    """
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"a JSON object is expected, not {type(found).__name__}")
    return found
