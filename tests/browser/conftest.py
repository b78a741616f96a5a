"""A made-up report with every kind of figure and with verdicts, and a real browser without a window to open it in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fabricated_evidence import write_evidence
from illustrated import illustrated
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from toy_study import toy_study, write_proof

from bench.config import layout
from bench.stages.figures import figures
from bench.stages.report import report
from bench.stages.tables import tables

BROWSERS = ("chromium", "google-chrome")
SEEDS = (0.0, 0.02, -0.01, 0.01, -0.02)
ROWS = {"Converse-DnCNN": 28.5, "DnCNN": 28.0, "Conv-DnCNN": 28.6}
"""Some of the toy study's claims about them hold, others are reversed."""


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of ``index.html``, alone in a folder: what it needs beside it is not there."""
    alone = tmp_path_factory.mktemp("alone") / "index.html"
    with illustrated(tmp_path_factory.mktemp("report")) as plan:
        study = toy_study(Path.cwd())
        write_proof()
        scores: dict[str, list[float | None]] = {
            row: [mean + seed * (1 + i / 5) for seed in SEEDS] for i, (row, mean) in enumerate(ROWS.items())
        }
        write_evidence(layout.evidence_dir("2026-01-01-a"), study["S"], scores, table="four")
        tables(plan, allow_missing=True)
        figures(plan, allow_missing=True)
        report(plan, allow_missing=True)
        shutil.copyfile(layout.report_dir("toy") / "index.html", alone)
    yield alone.as_uri()


@pytest.fixture(scope="session")
def browser() -> Iterator[webdriver.Chrome]:
    """Chromium without a window and without a network."""
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        raise RuntimeError("no browser: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    # --no-sandbox: root, as in a container, may not use the sandbox. An unusable proxy: whatever is fetched fails.
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--proxy-server=127.0.0.1:1"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    yield chrome
    chrome.quit()


@pytest.fixture
def opened(browser: webdriver.Chrome, page: str) -> webdriver.Chrome:
    """The page, freshly loaded in a window of a desktop."""
    browser.set_window_size(1600, 1000)
    browser.get(page)
    return browser
