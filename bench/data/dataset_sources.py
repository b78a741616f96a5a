"""Where the files of a data set come from: the sources that an entry of ``datasets.yaml`` may name."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from bench.foundation.strict_model import Strict

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+/\S+$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][^/\\]*$")]


class Download(Strict):
    """Single files under a base ``url``; hashes in ``sha256`` or in a ``sha256sum -c`` ``list``."""

    url: Url
    list: str | None = None
    sha256: dict[FileName, Sha256] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Download:
        if (self.list is None) == (self.sha256 is None):
            raise ValueError("download needs either sha256 (name: hash) or list (a file of hashes)")
        return self


class Archive(Strict):
    """One archive of which the members that match a pattern are kept."""

    url: Url
    hash: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})$")] | None
    """None: nobody publishes one; the first download is recorded in ``<data>/<name>.lock``."""
    members: str
    bytes: Annotated[int, Field(ge=1)] | None = None


class Photo(Strict):
    """One file inside an installed package."""

    sha256: Sha256
    licence: str


class Package(Strict):
    """Photographs inside an installed package: ``folder`` is ``<import name>/<path>``."""

    folder: str
    files: dict[FileName, Photo]
