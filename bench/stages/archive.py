"""Stages ``export`` and ``import``: finished runs, their scores and timings travel between machines as one zip.

What comes in is added to what is here, never put in its place: a run, a test or an analysis that both machines have
must say the same (`bench.results.merging`), and then this machine's stays. Nothing is written where anything differs.
Timings come in under a name of their own, since this machine's cannot be another's.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from bench.config import layout
from bench.config.plan import Plan
from bench.config.run_record import json_object
from bench.data.archives import DAMAGED
from bench.foundation import atomic
from bench.foundation.errors import BenchError
from bench.results.merging import Candidate, disagreement
from bench.results.properties import NEEDED, property_disagreement
from bench.results.reading import number, read_csv
from bench.results.run_rows import SAME

SCORES = (".csv", ".json", ".png")
"""Table of scores, its record, the restored first image: what `bench.stages.evaluate` leaves when it is done."""
ROOTS = ("runs", "throughput", "analyses")
Files = dict[PurePosixPath, bytes]


def export(plan: Plan, archive: Path, *, weights: bool = True) -> int:
    """Pack the finished runs of a plan, their scores, the analyses and the timings into one zip.

    Args:
        plan: whose runs.
        archive: the file to write.
        weights: False leaves the weights out; what is scored stays scored where it is imported.

    Returns:
        Number of runs packed.

    Raises:
        BenchError: nothing of the plan is finished here.
    """
    packed = 0
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for run in plan.runs.values():
            files = _scores(run.id)
            if not run.method:
                if not layout.run_json(run.id).is_file():
                    continue
                files += [layout.run_json(run.id), layout.curve_csv(run.id)]
                files += [layout.weights(run.id)] if weights else []
            files += sorted(layout.properties_dir(run.id).glob("*.csv"))
            for path in filter(Path.is_file, files):
                bundle.write(path, path.relative_to(layout.RESULTS).as_posix())
            packed += bool(files)
        for analysis in plan.analyses.values():
            table = layout.analysis_csv(analysis.id)
            cases = layout.analysis_case(analysis.id, ("x",), "").parent
            for path in [table, *sorted(cases.glob("*"))] if table.is_file() else []:
                bundle.write(path, path.relative_to(layout.RESULTS).as_posix())
        imported = layout.imported_throughput(plan.name, "*")
        timings = [layout.throughput_csv(plan.name), *sorted(imported.parent.glob(imported.name))]
        for path in filter(Path.is_file, timings):
            bundle.write(path, path.relative_to(layout.RESULTS).as_posix())
        if not bundle.namelist():
            raise BenchError(f"no finished run of preset {plan.name!r} to export")
    atomic.write_bytes(archive, buffer.getvalue())
    return packed


def _scores(run_id: str) -> list[Path]:
    """The files of finished evaluations of a run, whatever their version."""
    folder = layout.metrics_csv(run_id, "x").parent
    return [p for table in sorted(folder.glob("*.csv")) for s in SCORES if (p := table.with_suffix(s)).is_file()]


def import_archive(archive: Path) -> list[str]:
    """Unpack an exported zip beside what is here.

    Returns:
        The run ids that it holds.

    Raises:
        BenchError: no zip, a member that does not belong in one, or a result that is here and differs.
    """
    files = _members(archive)
    runs: dict[str, Files] = {}
    for path, data in files.items():
        if path.parts[0] == "runs":
            runs.setdefault(path.parts[1], {})[path] = data
    wanted: Files = {}
    for run_id, mine in runs.items():
        wanted |= _of_run(archive, run_id, mine)
    wanted |= _of_analyses(archive, {p: d for p, d in files.items() if p.parts[0] == "analyses"})
    for path, data in files.items():
        if path.parts[0] == "throughput" and not _is_here(path, data):
            wanted[_imported_timings(path, data)] = data
    # run.json last: its presence says that a run is complete.
    for path in sorted(wanted, key=lambda p: p.name == "run.json"):
        atomic.write_bytes(layout.RESULTS / path, wanted[path], only_if_changed=True)
    return sorted(runs)


def _members(archive: Path) -> Files:
    """Path below ``results`` to content, without the lock files that older archives have."""
    try:
        with zipfile.ZipFile(archive) as bundle:
            names = [m.filename for m in bundle.infolist() if not m.is_dir() and not m.filename.endswith("lock")]
            for name in names:
                path = PurePosixPath(name)
                if len(path.parts) < 2 or path.is_absolute() or ".." in path.parts or path.parts[0] not in ROOTS:
                    raise BenchError(f"{archive}: member {name!r} does not belong in an export")
            return {PurePosixPath(name): bundle.read(name) for name in names}
    except FileNotFoundError:
        raise BenchError(f"{archive}: no such file") from None
    except DAMAGED as error:
        raise BenchError(f"{archive}: not an exported archive ({error})") from error


def _of_run(archive: Path, run_id: str, files: Files) -> Files:
    """What of a run is not here yet."""
    root = PurePosixPath("runs") / run_id
    record = root / "run.json"
    new = dict(files)
    here = layout.run_json(run_id)
    if here.is_file() and record in files:
        _same_training(archive, here, files[record], root, files)
        new = {p: d for p, d in new.items() if p.parent != root or not (layout.RESULTS / p).is_file()}
    for table in [p for p in files if p.parent == root / "metrics" and p.suffix == ".csv"]:
        local = layout.RESULTS / table
        if not (local.is_file() and layout.score_record(local).is_file()):
            continue  # scores without a record are not used: those of the archive take their place
        theirs = _candidate(f"{archive}: {table}", io.BytesIO(files[table]), files.get(table.with_suffix(".json")))
        mine = _candidate(str(local), local, layout.score_record(local).read_bytes())
        if why := disagreement(mine, theirs):
            raise BenchError(f"{local} is already here and differs from the one in {archive}: {why}; move one away")
        for suffix in SCORES[:2]:
            new.pop(table.with_suffix(suffix), None)
        if (layout.RESULTS / table.with_suffix(".png")).is_file():
            new.pop(table.with_suffix(".png"), None)
    for table in [p for p in files if p.parent == root / "properties" and (layout.RESULTS / p).is_file()]:
        ours, yours = (
            [{str(k): str(v) for k, v in row.items()} for row in read_csv(source, NEEDED).to_dict("records")]
            for source in (layout.RESULTS / table, io.BytesIO(files[table]))
        )
        if why := property_disagreement(ours, yours):
            local = layout.RESULTS / table
            raise BenchError(f"{local} is already here and differs from the one in {archive}: {why}; move one away")
        new.pop(table, None)
    return new


def _same_training(archive: Path, here: Path, there: bytes, root: PurePosixPath, files: Files) -> None:
    """Refuses a run that was made on both machines with different results."""
    mine = _record(str(here), here.read_bytes())
    theirs = _record(f"{archive}: {root / here.name}", there)
    for field in SAME:
        if mine.get(field) and theirs.get(field) and mine[field] != theirs[field]:
            raise BenchError(
                f"{here} is already here and differs from the one in {archive}: {field} is {mine[field]} here and "
                f"{theirs[field]} there; move one away"
            )
    for path in (p for p in files if p.parent == root and p.suffix == ".safetensors"):
        if (layout.RESULTS / path).is_file() and not _is_here(path, files[path]):
            raise BenchError(f"{layout.RESULTS / path} is already here and differs from the one in {archive}")


def _record(place: str, text: bytes) -> dict[str, Any]:
    try:
        return json_object(text)
    except ValueError as error:
        raise BenchError(f"{place}: damaged ({error})") from error


def _candidate(place: str, table: Any, record: bytes | None) -> Candidate:
    about = _record(f"the record of {place}", record or b"{}")
    known = {key: str(about.get(key) or "") for key in ("content", "weights_sha256")}
    return Candidate(place, "", number(read_csv(table, ("image", "kernel", "metric", "value")), "value"), known)


def _of_analyses(archive: Path, files: Files) -> Files:
    """Analyses that are not here yet; those that are must have the same table."""
    new: Files = {}
    for table in [p for p in files if len(p.parts) == 2]:
        local = layout.RESULTS / table
        if not local.is_file():
            new |= {p: d for p, d in files.items() if p == table or p.parts[1] == table.stem}
        elif not _close(read_csv(local, ()), read_csv(io.BytesIO(files[table]), ())):
            raise BenchError(f"{local} is already here and differs from the one in {archive}; move one away")
    return new


def _close(a: Any, b: Any) -> bool:
    """Whether two tables have the same text, and the same numbers up to what another processor changes."""
    import numpy as np
    import pandas as pd

    if list(a.columns) != list(b.columns) or len(a) != len(b):
        return False
    for column in a.columns:
        first, second = (pd.to_numeric(frame[column], errors="coerce") for frame in (a, b))
        equal = (a[column] == b[column]) | np.isclose(first, second, rtol=1e-3, atol=1e-6)
        if not equal.all():
            return False
    return True


def _is_here(path: PurePosixPath, data: bytes) -> bool:
    local = layout.RESULTS / path
    return local.is_file() and local.read_bytes() == data


def _imported_timings(path: PurePosixPath, data: bytes) -> PurePosixPath:
    """Where another machine's timings go."""
    if "@" in path.name:
        return path
    preset = path.name.rpartition(".v")[0]
    place = layout.imported_throughput(preset, hashlib.sha256(data).hexdigest()[:10])
    return PurePosixPath(place.relative_to(layout.RESULTS).as_posix())
