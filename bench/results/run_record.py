"""What this machine's record of a run says. Pandas-free: the Snakefile asks."""

from __future__ import annotations

import json
from typing import Any

from bench.config import layout


def run_record(run: str) -> dict[str, Any]:
    """The content of a run's ``run.json``; empty where there is none that can be read."""
    try:
        found = json.loads(layout.run_json(run).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
