"""``python -m bench VERB …``: the only reader of the command line.

Every verb is one typed function in ``bench/stages``; each runs without Snakemake. Bad input ends in
one line on stderr and exit code 2.
"""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bench.config.loading import load_plan
from bench.config.plan import Plan
from bench.foundation.errors import BenchError, nearest, one_line
from bench.foundation.memory import keep_freed_memory, ran_out


def words(_: click.Context, __: click.Parameter, value: str) -> list[str]:
    """What an option names, separated by commas."""
    return [word for word in value.split(",") if word]


class Verbs(click.Group):
    """Commands in the order of the data, and the nearest name for a mistyped one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of definition."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Adds the nearest valid verb to click's message."""
        if args and args[0] not in self.commands:
            hint = nearest(args[0], self.commands)
            raise BenchError(f"unknown verb {args[0]!r}{hint} (allowed: {', '.join(self.commands)})")
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Benchmark of reverse convolution: data sets, training, evaluation, tables, reports."""


plugins_option = click.option("--plugins", default="", callback=words, help="operator files, separated by commas")


def planned(verb: Callable[..., None]) -> Callable[..., None]:
    """Gives a verb the options that name a plan, and calls it with the plan."""

    @click.option("--preset", default="quick", show_default=True, help="a file in config/presets")
    @click.option("--tables", "chosen", default="", callback=words, help="tables by id, or all; default: the preset's")
    @click.option("--images", help="a subset of the test images: N (the first N) or everyN")
    @plugins_option
    @click.option("--metrics", default="", callback=words, help="further pyiqa metrics, separated by commas")
    @click.option("--anew", default="", callback=words, help="runs by id, or all, for which evidence does not count")
    @functools.wraps(verb)
    def command(
        preset: str,
        chosen: list[str],
        images: str | None,
        plugins: list[str],
        metrics: list[str],
        anew: list[str],
        **rest: Any,
    ) -> None:
        plan = load_plan(preset, tables=chosen, images=images, plugins=plugins, metrics=metrics, anew=anew)
        verb(plan, **rest)

    return command


device_option = click.option("--device", help="cpu, cuda or cuda:N; default: the preset's choice")
quiet_option = click.option("--quiet", is_flag=True, help="no progress")


@cli.command()
@click.argument("targets", nargs=-1)
@click.option("--preset", default="quick", show_default=True, help="a file in config/presets")
@click.option("--cores", default="all", show_default=True)
@click.option("--config", "extra", multiple=True, help="further Snakemake config, key=value")
def run(targets: tuple[str, ...], preset: str, cores: str, extra: tuple[str, ...]) -> None:
    """Run the pipeline (Snakemake) on a preset: everything, or TARGETS such as table4."""
    from bench.workflow.launch import run as launch

    sys.exit(launch(preset, cores=cores, targets=targets, extra=extra))


@cli.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--jobs", default=4, show_default=True, help="parallel downloads")
@quiet_option
def fetch(names: tuple[str, ...], jobs: int, quiet: bool) -> None:
    """Download data sets by NAME (datasets.yaml), hash-checked; BENCH_MIRROR first."""
    from bench.stages.fetch import fetch as run

    run(names, jobs=jobs, progress=not quiet)


@cli.command()
@planned
def plan(plan: Plan) -> None:
    """List the rows of a preset, what is done, and what is left."""
    from bench.stages.status import show_plan

    show_plan(plan)


@cli.command()
@planned
def doctor(plan: Plan) -> None:
    """Say what this machine has and lacks."""
    from bench.stages.status import doctor as run

    run(plan)


@cli.command()
@planned
def check(plan: Plan) -> None:
    """Build every row on the meta device, before anything is trained."""
    from bench.stages.check import check as run

    run(plan)


@cli.command()
@click.argument("run_id", metavar="RUN")
@device_option
@quiet_option
@planned
def train(plan: Plan, run_id: str, device: str | None, quiet: bool) -> None:
    """Train one RUN (or load its checkpoint); resumes where it was stopped."""
    from bench.stages.train import train as run

    keep_freed_memory()
    run(plan, run_id, device=device, progress=not quiet)


@cli.command()
@click.argument("run_id", metavar="RUN")
@click.option("--key", "keys", multiple=True, help="one evaluation, e.g. set12@denoise-gray-s25")
@device_option
@quiet_option
@planned
def evaluate(plan: Plan, run_id: str, keys: tuple[str, ...], device: str | None, quiet: bool) -> None:
    """Score one RUN on its test sets; tidy per-image metrics."""
    from bench.stages.evaluate import evaluate as run

    keep_freed_memory()
    run(plan, run_id, keys=keys or None, device=device, progress=not quiet)


@cli.command()
@click.argument("run_id", metavar="RUN")
@click.option("--key", "keys", multiple=True, help="one property, e.g. border@set12@denoise-gray-s25")
@device_option
@planned
def measure(plan: Plan, run_id: str, keys: tuple[str, ...], device: str | None) -> None:
    """Measure properties of a trained RUN that need its weights."""
    from bench.stages.measure import measure as run

    keep_freed_memory()
    run(plan, run_id, keys=keys or None, device=device)


@cli.command()
@device_option
@quiet_option
@planned
def throughput(plan: Plan, device: str | None, quiet: bool) -> None:
    """Time operators and models on this machine."""
    from bench.stages.throughput import throughput as run

    run(plan, device=device, progress=not quiet)


@cli.command()
@click.argument("names", nargs=-1)
@device_option
@quiet_option
@planned
def analyze(plan: Plan, names: tuple[str, ...], device: str | None, quiet: bool) -> None:
    """Carry out analyses of the released networks (all, or by NAME)."""
    from bench.stages.analyze import analyze as run

    keep_freed_memory()
    run(plan, names or None, device=device, progress=not quiet)


names_argument = click.argument("names", nargs=-1)
missing_option = click.option("--allow-missing", is_flag=True, help="render what exists and say what is missing")


@cli.command()
@names_argument
@missing_option
@planned
def tables(plan: Plan, names: tuple[str, ...], allow_missing: bool) -> None:
    """Render tables (all, or by NAME) as Markdown, LaTeX and CSV."""
    from bench.stages.tables import tables as run

    run(plan, names or None, allow_missing=allow_missing)


@cli.command()
@names_argument
@missing_option
@planned
def figures(plan: Plan, names: tuple[str, ...], allow_missing: bool) -> None:
    """Draw figures (all, or by NAME) as PNG and PDF."""
    from bench.stages.figures import figures as run

    run(plan, names or None, allow_missing=allow_missing)


@cli.command()
@missing_option
@planned
def report(plan: Plan, allow_missing: bool) -> None:
    """Write reports/PRESET/index.md and index.html; exits with 1 if a row failed."""
    from bench.stages.report import report as run

    click.echo(f"report: {run(plan, allow_missing=allow_missing)}")


@cli.command()
@click.option("--evidence", "first", multiple=True, type=click.Path(path_type=Path), help="folders that alone count")
@click.argument("more", metavar="[FOLDER]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--out", default=Path("verdicts.csv"), type=click.Path(path_type=Path), show_default=True)
@plugins_option
def verdicts(first: tuple[Path, ...], more: tuple[Path, ...], out: Path, plugins: list[str]) -> None:
    """Judge the claims on evidence: --evidence FOLDER... (runs.csv, metrics.csv), or all that is here."""
    from bench.stages.verdicts import verdicts as run

    if more and not first:
        raise BenchError(f"{more[0]}: folders follow --evidence")
    path, found = run((*first, *more), out, plugins=plugins)
    width = max(len(claim) for claim in found.decisive)
    for claim, verdict in found.decisive.items():
        click.echo(f"{claim:{width}}  {verdict.line}")
    click.echo(path)


@cli.command(name="check-evidence")
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@plugins_option
def check_evidence(folders: tuple[Path, ...], plugins: list[str]) -> None:
    """Check evidence (FOLDERS, or all that is here): schema, hashes, protocols, provenance. Runs nothing."""
    from bench.stages.check_evidence import check_evidence as run

    for folder in run(folders, plugins=plugins):
        click.echo(f"{folder}: nothing wrong that can be seen")


@cli.command()
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--run", "source", required=True, help="a run's id, or NAME=FILE of released weights")
@click.option("--out", default=Path("restored"), type=click.Path(path_type=Path), show_default=True)
@click.option(
    "--kernel", type=click.Path(path_type=Path), help="blur kernel: .npy, .mat, .txt or a gray image (non-blind models)"
)
@click.option("--boundary", default="auto", show_default=True, help="none, pad[:PIXELS], taper or tiles[:SIZE]")
@device_option
def restore(
    images: tuple[Path, ...], source: str, out: Path, kernel: Path | None, boundary: str, device: str | None
) -> None:
    """Apply a trained run or released weights to your own IMAGES."""
    from bench.stages.restore import restore as run

    keep_freed_memory()
    for path in run(source, images, out, kernel=kernel, boundary=boundary, device=device):
        click.echo(click.format_filename(path))


@cli.command()
@click.option("--name", help="one folder of that name; default: one for each machine that measured")
@planned
def publish(plan: Plan, name: str | None) -> None:
    """Write this machine's results as evidence (results/evidence)."""
    from bench.stages.publish import publish as run

    for folder in run(plan, name=name):
        click.echo(f"evidence: {folder}")
    click.echo("python -m bench present  renders it (reports/evidence, README.md)")


@cli.command()
def present() -> None:
    """Render all evidence: tables and verdicts (reports/evidence), the answer (README.md)."""
    from bench.config import layout
    from bench.stages.present import present as run

    written = run(layout.evidence_reports(), Path("README.md"))
    click.echo(f"{len(written)} files, first of all {layout.evidence_reports() / 'README.md'}")


@cli.command()
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--no-weights", is_flag=True, help="metrics and records only")
@planned
def export(plan: Plan, archive: Path, no_weights: bool) -> None:
    """Pack finished runs into ARCHIVE (.zip), to be imported on another machine."""
    from bench.stages.archive import export as run

    click.echo(f"{run(plan, archive, weights=not no_weights)} runs in {archive}")


@cli.command(name="import")
@click.argument("archive", type=click.Path(path_type=Path))
def import_(archive: Path) -> None:
    """Unpack an exported ARCHIVE into results/, beside what is there; refused where they differ."""
    from bench.stages.archive import import_archive

    click.echo("\n".join(import_archive(archive)))


@cli.command(name="new-operator")
@click.argument("name")
def new_operator(name: str) -> None:
    """Write NAME.py, a working operator to start from."""
    from bench.stages.scaffold import new_operator as run

    path = run(name)
    click.echo(f"{path}: edit it, then  snakemake --cores all --config preset=quick plugins={path}")


def main() -> None:
    """Entry point: `BenchError` becomes one line, and one for each of its notes, and exit code 2."""
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal has no letters for is no reason to stop
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        cli(prog_name="python -m bench")
    except BenchError as error:
        click.echo(f"error: {one_line(str(error))}", err=True)
        for note in getattr(error, "__notes__", ()):  # several things at once, a line each
            click.echo(f"  {one_line(note)}", err=True)
        sys.exit(2)
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        click.echo(f"error: {' '.join(sys.argv[1:3])}: out of memory", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
