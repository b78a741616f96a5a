"""Evidence: what was measured here becomes committed files, and travels between machines as one archive.

``publish`` writes tidy CSVs and rendered tables into ``results/evidence`` and ``reports/evidence``, the only
results that git keeps. ``export`` and ``import_archive`` carry whole runs from a GPU machine to this one.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from pathlib import Path, PurePosixPath

from bench.config import layout
from bench.config.plan import Plan
from bench.foundation import atomic
from bench.foundation.errors import BenchError
from bench.results.tidy import COLUMNS, load, read_csv

KEYS = {
    "runs.csv": ["run"],
    "metrics.csv": ["run", "evaluation", "version", "image", "kernel", "metric"],
    "throughput.csv": ["kind", "case", "name", "pass", "threads", "device", "machine"],
}
"""What identifies a row of evidence: publishing again replaces it."""


def publish(plan: Plan, *, name: str | None = None) -> Path:
    """Write this machine's results of a plan as evidence; rows published before under the name are kept.

    Args:
        plan: whose results.
        name: folder name; default: date of the newest run and the processor or GPU.

    Returns:
        ``results/evidence/<date-machine>``.

    Raises:
        BenchError: nothing was measured here.
    """
    import pandas as pd

    results = load(plan)
    frames = {"runs.csv": results.runs, "metrics.csv": results.metrics, "throughput.csv": results.throughput}
    local = {file: frame[frame["source"] == ""] for file, frame in frames.items()}
    if not len(local["metrics.csv"]) and not len(local["throughput.csv"]):
        raise BenchError(f"nothing of preset {plan.name!r} was measured on this machine: run it first")
    folder = layout.evidence_dir(name or _name(local["runs.csv"]))
    for file, frame in local.items():
        path = folder / file
        text = frame.drop(columns="source").astype(str).replace({"nan": "", "<NA>": ""})
        if path.is_file():
            old = read_csv(path, tuple(KEYS[file]))
            text = pd.concat([old, text], ignore_index=True).drop_duplicates(KEYS[file], keep="last")
        text = text.sort_values(KEYS[file], kind="stable")
        atomic.write_bytes(path, text.to_csv(index=False, lineterminator="\n").encode())
    for analysis in plan.analyses.values():  # the tables only: pictures show third-party photographs
        if (table := layout.analysis_csv(analysis.id)).is_file():
            atomic.write_bytes(layout.evidence_analysis(folder.name, analysis.id), table.read_bytes())
    dictionary = {f: {c: t for c, t in columns.items() if c != "source"} for f, columns in COLUMNS.items()}
    atomic.write_bytes(folder / "columns.json", (json.dumps(dictionary, indent=1) + "\n").encode())
    rendered = layout.evidence_reports(folder.name) / plan.name
    for table in sorted(layout.table_stem(plan.name, "x").parent.glob("*")):
        rendered.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(table, rendered / table.name)
    return folder


def _name(runs: object) -> str:
    import pandas as pd

    assert isinstance(runs, pd.DataFrame)
    dated = runs[runs["date"] != ""]
    if not len(dated):
        raise BenchError("only classical rows were measured: give the evidence a name (--name)")
    newest = dated.sort_values("date").iloc[-1]
    machine = json.loads(newest["machine"] or "{}")
    words = re.findall(r"[a-z0-9]+", str(machine.get("gpu") or machine.get("cpu") or "machine").lower())
    return "-".join([newest["date"], *words])


def export(plan: Plan, archive: Path, *, weights: bool = True) -> int:
    """Pack the finished runs of a plan, their metrics and the timings into one zip.

    Args:
        plan: whose runs.
        archive: the file to write.
        weights: False leaves the weights out (metrics and records only).

    Returns:
        Number of runs packed.
    """
    packed = 0
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for run in plan.runs.values():
            files = [p for p in layout.run_dir(run.id).rglob("*") if p.is_file() and "state" not in p.parts]
            if not run.method and not layout.run_json(run.id).is_file():
                continue
            for path in sorted(files):
                if weights or path.suffix != ".safetensors":
                    bundle.write(path, path.relative_to(layout.RESULTS).as_posix())
            packed += bool(files)
        for analysis in plan.analyses.values():
            table = layout.analysis_csv(analysis.id)
            cases = layout.analysis_case(analysis.id, ("x",), "").parent
            for path in [table, *sorted(cases.glob("*"))] if table.is_file() else []:
                bundle.write(path, path.relative_to(layout.RESULTS).as_posix())
        timings = layout.throughput_csv(plan.name)
        if timings.is_file():
            bundle.write(timings, timings.relative_to(layout.RESULTS).as_posix())
    if not packed and not timings.is_file():
        raise BenchError(f"no finished run of preset {plan.name!r} to export")
    atomic.write_bytes(archive, buffer.getvalue())
    return packed


def import_archive(archive: Path) -> list[str]:
    """Unpack an exported zip; a file that is already here and differs is refused, not overwritten.

    Returns:
        The run ids that came in.

    Raises:
        BenchError: no zip, a member outside ``runs``, ``throughput`` and ``analyses``, or a file that differs.
    """
    try:
        bundle = zipfile.ZipFile(archive)
    except (OSError, zipfile.BadZipFile) as error:
        raise BenchError(f"{archive}: not an exported archive ({error})") from error
    with bundle:
        members = [m for m in bundle.infolist() if not m.is_dir()]
        for member in members:
            path = PurePosixPath(member.filename)
            if path.is_absolute() or ".." in path.parts or path.parts[0] not in ("runs", "throughput", "analyses"):
                raise BenchError(f"{archive}: member {member.filename!r} does not belong in an export")
            target = layout.RESULTS / path
            if target.is_file() and target.read_bytes() != bundle.read(member):
                raise BenchError(f"{target} is already here and differs from the one in {archive}; move it away first")
        # run.json last: its presence says that a run is complete.
        for member in sorted(members, key=lambda m: m.filename.endswith("run.json")):
            atomic.write_bytes(layout.RESULTS / member.filename, bundle.read(member), only_if_changed=True)
    return sorted({PurePosixPath(m.filename).parts[1] for m in members if m.filename.startswith("runs/")})
