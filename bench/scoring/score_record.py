"""What a finished table of scores belongs to, in a file beside it: run, test, version, weights, images, machine.

A table is believed only with its record, and only where both say the same: a file that was copied into another
run's folder, cut short or edited is named by `fault` and not used.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.config.evaluation import PlannedTest
from bench.config.layout import score_record
from bench.data.file_hashes import sha256_file
from bench.foundation import atomic, provenance, versions
from bench.scoring.score_log import Case, Computed

VERSION = versions.of_scores()
"""Version of the measurement: EVAL_VERSION and DEGRADE_VERSION."""


class ScoreRecord(BaseModel):
    """The record of one table of scores."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str
    evaluation: str
    version: str
    content: str
    """Identity of the images and kernels (`bench.config.evaluation.PlannedTest.content`)."""
    sha256: str
    """Of the table's bytes."""
    identity: dict[str, Any]
    """What must be the same for a score to be taken over by another test of the run."""
    images: dict[str, str] = {}
    """Name in the table to the sha256 of the file."""
    kernels: dict[str, str] = {}
    weights_sha256: str = ""
    """Of the weights that were scored; empty for a row without a network."""
    date: str = ""
    device: str = ""
    computed: Computed | list[Computed] = {}
    """Backend, threads, instruction set, device model, precision (`bench.foundation.provenance.computation`).

    A list where scores were taken over that were computed otherwise; empty where it was not recorded.
    """
    machine: dict[str, Any] = {}
    """Of the process that finished the table, as are date, device and versions."""
    versions: dict[str, Any] = {}

    @property
    def computations(self) -> list[Computed]:
        """All computations that took part."""
        return self.computed if isinstance(self.computed, list) else [self.computed] if self.computed else []


def sign(
    table: Path,
    test: PlannedTest,
    identity: Mapping[str, Any],
    cases: Iterable[Case],
    device: str,
    computed: Sequence[Computed],
) -> None:
    """Writes the record of a finished table.

    Args:
        table: the metrics CSV.
        test: what was scored.
        identity: what its scores belong to, ``run`` and ``weights`` (sha256 or None) among it.
        cases: the scored images and kernels.
        device: where the network ran.
        computed: how, beside what the run's specification fixes; each computation that took part.
    """
    cases = list(cases)
    record = ScoreRecord(
        run=identity["run"],
        evaluation=test.key,
        version=VERSION,
        content=test.content,
        sha256=sha256_file(table),
        identity=dict(identity),
        images={case.image: case.source[0] for case in cases},
        kernels={case.kernel: case.source[1] for case in cases},
        weights_sha256=identity["weights"] or "",
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        device=device,
        computed=list(computed) if len(computed) > 1 else next(iter(computed), {}),
        machine=provenance.machine(),
        versions=provenance.versions(),
    )
    atomic.write_bytes(score_record(table), (record.model_dump_json(indent=1) + "\n").encode())


def read_record(table: Path) -> ScoreRecord | None:
    """The record of a table; None where there is none that can be read."""
    try:
        return ScoreRecord.model_validate(json.loads(score_record(table).read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        return None


def fault(table: Path, record: ScoreRecord | None, run: str, test: PlannedTest) -> str:
    """Why a table's scores may not be used for a run and a test; empty where they may."""
    if record is None:
        return f"{table}: no record {score_record(table).name} beside it says what was scored"
    for what, found, wanted in (
        ("run", record.run, run),
        ("test", record.evaluation, test.key),
        ("version", record.version, VERSION),
        ("content", record.content, test.content),
    ):
        if found != wanted:
            return f"{table}: holds scores of {what} {found!r}, not of {wanted!r}"
    if sha256_file(table) != record.sha256:
        return f"{table}: changed since it was measured (its checksum does not fit {score_record(table).name})"
    return ""
