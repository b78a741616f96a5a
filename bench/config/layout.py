"""Every path under ``results`` and ``reports``. Torch-free."""

from __future__ import annotations

from pathlib import Path

from bench.data.datasets import data_root, manifest_path
from bench.foundation import versions

RESULTS, REPORTS, CONFIG = Path("results"), Path("reports"), Path("config")
THROUGHPUT = "throughput"
"""The table of timings: rendered like the others, but not one of ``config/tables.yaml``."""


def run_dir(run_id: str) -> Path:
    """``results/runs/<slug>-<hash>``."""
    return RESULTS / "runs" / run_id


def run_json(run_id: str) -> Path:
    """Status, resolved spec and provenance of a trained or loaded run."""
    return run_dir(run_id) / "run.json"


def weights(run_id: str) -> Path:
    """Final weights."""
    return run_dir(run_id) / "model.safetensors"


def curve_csv(run_id: str) -> Path:
    """Training curve of a finished run."""
    return run_dir(run_id) / "curve.csv"


def state_file(run_id: str) -> Path:
    """Resume state: no rule's output, since Snakemake deletes outputs before a rerun."""
    return run_dir(run_id) / "state" / "state.safetensors"


def metrics_dir(run_id: str) -> Path:
    """Scores of a run, of every test it ever had."""
    return run_dir(run_id) / "metrics"


def metrics_csv(run_id: str, stem: str) -> Path:
    """Tidy metrics of one run under one test, named by `bench.config.evaluation.PlannedTest.stem`."""
    return metrics_dir(run_id) / f"{stem}.csv"


def score_record(table: Path) -> Path:
    """What a table of scores (`metrics_csv`) belongs to, beside it."""
    return table.with_suffix(".json")


def showcase_png(run_id: str, stem: str) -> Path:
    """The restored first image of a test, for visual comparisons."""
    return metrics_csv(run_id, stem).with_suffix(".png")


def properties_dir(run_id: str) -> Path:
    """What was measured of a run's network beside its scores."""
    return run_dir(run_id) / "properties"


def property_csv(run_id: str, stem: str) -> Path:
    """Numbers of a property of a run, named by `bench.config.planned_properties.PlannedProperty.stem`."""
    return properties_dir(run_id) / f"{stem}.csv"


def throughput_csv(preset: str) -> Path:
    """Tidy timings of operators and models on this machine."""
    return RESULTS / "throughput" / f"{preset}.v{versions.THROUGHPUT_VERSION}.csv"


def imported_throughput(preset: str, digest: str) -> Path:
    """Timings of another machine, brought in by ``import``."""
    return RESULTS / "throughput" / f"{preset}.v{versions.THROUGHPUT_VERSION}@{digest}.csv"


def check_json(preset: str) -> Path:
    """Written when every row of a preset has been built on the meta device."""
    return RESULTS / "check" / f"{preset}.json"


def analysis_csv(analysis_id: str) -> Path:
    """Tidy table of an analysis (`bench.config.planned_analyses.AnalysisSpec.id`)."""
    return RESULTS / "analyses" / f"{analysis_id}.csv"


def analysis_case(analysis_id: str, case: tuple[str, ...], suffix: str) -> Path:
    """One measured case: its part of the table (``.csv``), the pictures it kept (``.npz``)."""
    return RESULTS / "analyses" / analysis_id / f"{'@'.join(case)}{suffix}"


def local_results() -> list[Path]:
    """All that was measured on this machine, whatever plan it is of: what verdicts are judged on, beside evidence."""
    run = run_dir("*").relative_to(RESULTS)
    inside = ("run.json", "curve.csv", "metrics/*.csv", "metrics/*.json", "properties/*.csv")
    patterns = [*(f"{run}/{name}" for name in inside), "analyses/*.csv", "throughput/*.csv"]
    return sorted(path for pattern in patterns for path in RESULTS.glob(pattern))


def report_dir(preset: str) -> Path:
    """``reports/<preset>``."""
    return REPORTS / preset


def report_pages(preset: str) -> list[Path]:
    """The pages of a report: what its rule makes, what its stamp speaks of."""
    return [report_index(preset), *shown_pages(preset)]


def report_index(preset: str) -> Path:
    """The first page of a report, as Markdown."""
    return report_dir(preset) / "index.md"


def shown_pages(preset: str) -> list[Path]:
    """The pages of a report that Snakemake's own report holds: its first page as HTML, and the others."""
    return [report_dir(preset) / name for name in ("index.html", "reproducibility.md", "verdicts.md")]


def table_stem(preset: str, table: str) -> Path:
    """A rendered table without its suffix (``.md``, ``.tex``, ``.csv``)."""
    return report_dir(preset) / "tables" / table


def figure_stem(preset: str, figure: str) -> Path:
    """A figure without its suffix (``.png``, ``.pdf``)."""
    return report_dir(preset) / "figures" / figure


def proof_csv(code: str) -> Path:
    """Simulated error rates of the statistics, by the hash of their code."""
    return RESULTS / "proof" / f"{code}.csv"


def evidence_root() -> Path:
    """Where committed evidence lies."""
    return RESULTS / "evidence"


def evidence_folders() -> list[Path]:
    """Committed evidence, the newest first."""
    return [p for p in sorted(evidence_root().glob("*"), reverse=True) if p.is_dir()]


def stamp_json(preset: str, stage: str, name: str) -> Path:
    """What a rendered table, figure or report was made from (`bench.results.rendered`)."""
    return RESULTS / "rendered" / preset / stage / f"{name or 'page'}.json"


def stale_marker() -> Path:
    """An input of every rendering that is not fresh, written when that is found: so Snakemake renders it again."""
    return RESULTS / "rendered" / "stale"


def evidence_dir(name: str) -> Path:
    """Committed tidy results of one machine and day."""
    return evidence_root() / name


def evidence_analysis(name: str, analysis_id: str) -> Path:
    """Committed tidy table of an analysis."""
    return evidence_dir(name) / "analyses" / f"{analysis_id}.csv"


def evidence_reports() -> Path:
    """Rendered evidence, the only reports that git keeps."""
    return REPORTS / "evidence"


def manifest(name: str) -> Path:
    """The file that says that a data set is complete on disk."""
    return manifest_path(name, data_root())
