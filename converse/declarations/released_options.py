"""Which network each released checkpoint is of (this file imports no torch)."""

from __future__ import annotations

from typing import Any

RELEASED: dict[str, dict[str, Any]] = {
    # Where the released weights depart from the network's defaults (measured on the weights).
    "converse_dncnn": {"kernel_size": 7},
    "converse_srresnet": {},
    "conversenet": {},
    "converse_usrnet": {},
}
"""Options of :func:`converse.build_model` that match each released file."""
