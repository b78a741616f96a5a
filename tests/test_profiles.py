"""The Snakemake profiles, offline: options that exist, rules that exist, nothing that the executor refuses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bench.foundation import strict_yaml

ROOT = Path(__file__).parents[1]
PROFILES = sorted((ROOT / "profiles").glob("*/config.yaml"))
RULES = dict(re.findall(r"^rule (\w+):\n((?:    .*\n|\n)+)", (ROOT / "Snakefile").read_text(), flags=re.M))
MANAGED = ("--gres", "--gpus", "--mem", "--time", "--cpus-per-task", "--partition", "--account")
"""What the Slurm plugin sets itself and refuses in ``slurm_extra``."""


def profile(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = strict_yaml.load(path).data
    return data


@pytest.mark.parametrize("path", PROFILES, ids=lambda p: p.parent.name)
def test_keys_are_options_of_snakemake(path: Path) -> None:
    from snakemake.cli import get_argument_parser

    options = {o.removeprefix("--") for a in get_argument_parser()._actions for o in a.option_strings}
    given = profile(path)
    # Options of an executor's plugin are Snakemake's only where that plugin is installed.
    assert {key for key in given if not key.startswith(f"{given.get('executor')}-")} <= options


def test_groups_exist() -> None:
    sizes = profile(ROOT / "profiles" / "slurm" / "config.yaml")["group-components"]
    sources = (ROOT / "Snakefile").read_text() + (ROOT / "bench" / "workflow" / "snake.py").read_text()
    assert all(f'"{entry.partition("=")[0]}"' in sources for entry in sizes)


@pytest.mark.parametrize("path", PROFILES, ids=lambda p: p.parent.name)
def test_rules_that_get_resources_exist(path: Path) -> None:
    given = profile(path).get("set-resources", {})
    assert set(given) <= set(RULES)
    for resources in given.values():
        assert not any(option in str(resources.get("slurm_extra", "")) for option in MANAGED)


def test_every_job_states_its_memory_and_time() -> None:
    jobs = {name: text for name, text in RULES.items() if "output:" in text}
    assert {"fetch", "check", "train", "evaluate", "throughput", "tables", "figures", "report"} <= set(jobs)
    for name, text in jobs.items():
        assert "mem_mb=" in text and "runtime=" in text, name


def test_gpu_jobs_cannot_collide() -> None:
    default, slurm = (profile(ROOT / "profiles" / n / "config.yaml") for n in ("default", "slurm"))
    assert "gpu=1" in default["resources"]
    assert "gpu=16" in slurm["resources"]
    # Whether there are GPUs is asked (bench.workflow.cluster), not stated: a cluster without one runs as it is.
    assert not any("gpu" in resources for resources in slurm["set-resources"].values())
