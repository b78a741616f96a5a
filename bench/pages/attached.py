"""Bytes that a page carries within itself, so that it needs nothing beside it."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np

from bench.data.images import Pixels


@dataclass(frozen=True)
class Attached:
    """A file inside the page: its name for whoever saves it, and its bytes."""

    name: str
    mime: str
    content: bytes

    @property
    def href(self) -> str:
        """A ``data:`` address."""
        return f"data:{self.mime};base64,{base64.b64encode(self.content).decode()}"


def csv(name: str, text: str) -> Attached:
    """A table of numbers."""
    return Attached(f"{name}.csv", "text/csv", text.encode())


def png(name: str, image: Pixels) -> Attached:
    """An image (H, W, 1) or (H, W, 3), uint8, without loss."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.squeeze(image, 2) if image.shape[2] == 1 else image).save(buffer, "PNG", optimize=True)
    return Attached(f"{name}.png", "image/png", buffer.getvalue())
