"""Where Snakemake works, whatever the folders are called and wherever it was started.

``snakemake -s CHECKOUT/Snakefile`` from another folder works in the Snakefile's. A brace in a path is a wildcard for
Snakemake and cannot be escaped, so that a data folder with one gets a link by another name.
"""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

PATHS = ("BENCH_DATA", "BENCH_MIRROR")


def resolve(config: MutableMapping[str, Any], environment: MutableMapping[str, str], start: Path, home: Path) -> None:
    """Makes absolute, in place, what the user named relative to the folder where Snakemake was started.

    Args:
        config: of Snakemake; ``plugins`` names files.
        environment: of the process and its jobs; ``BENCH_DATA`` and ``BENCH_MIRROR`` name folders.
        start: where Snakemake was started.
        home: the Snakefile's folder, where it works.
    """
    if start.resolve() == home.resolve():
        return
    for name in PATHS:
        value = environment.get(name)
        if value and "://" not in value:
            environment[name] = str(start / Path(value).expanduser())
    plugins = config.get("plugins")
    if plugins:
        words = plugins.split(",") if isinstance(plugins, str) else list(plugins)
        config["plugins"] = [str(start / w) if w and (start / w).is_file() else w for w in words]


def without_braces(environment: MutableMapping[str, str], folder: Path = Path(".snakemake")) -> None:
    """Lets ``BENCH_DATA`` name a link in Snakemake's own folder, where its path has braces; in place."""
    value = environment.get("BENCH_DATA", "")
    if "{" not in value and "}" not in value:
        return
    data = Path(value).expanduser().absolute()
    link = folder / f"data-{hashlib.sha256(str(data).encode()).hexdigest()[:8]}"
    data.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(data)
    environment["BENCH_DATA"] = str(link)
