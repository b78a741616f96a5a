"""The import directions of the house, checked on the source: who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STDLIB = set(sys.stdlib_module_names)
FILES = sorted([*ROOT.glob("converse/**/*.py"), *ROOT.glob("bench/**/*.py")])


def imports(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Absolute names of the modules that a file imports, relative imports resolved."""
    package = ".".join(path.relative_to(ROOT).parent.parts)
    tree = ast.parse(path.read_text())
    found: set[str] = set()
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                parent = ".".join(parts[: len(parts) - node.level + 1])
                base = f"{parent}.{base}" if base else parent
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def under(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_directions(path: Path) -> None:
    names = imports(path)
    where = path.relative_to(ROOT)
    if where.parts[0] == "converse":
        outside = {n.split(".")[0] for n in names} - STDLIB - {"torch", "converse", "__future__"}
        assert not outside, f"converse imports torch only, not {outside}"
    if where.parts[:2] == ("bench", "stages"):
        others = [n for n in names if under(n, "bench.stages") and n != "bench.stages"]
        assert not others, f"stages meet in files, but {where} imports {others}"
    if where.parts[0] == "bench":
        assert not any(under(n, "argparse") or n == "sys.argv" for n in names)
        if where.name != "__main__.py":
            assert "sys.argv" not in path.read_text(), "only __main__ reads argv"
            assert not any(under(n, "click") for n in names)


def test_witnesses_share_no_code_with_the_fast_path() -> None:
    for witness in ("reference", "algorithm1"):
        used = {n for n in imports(ROOT / "converse" / f"{witness}.py") if n.startswith("converse")}
        assert not {n for n in used if under(n, "converse.mathematics")}
    reference = imports(ROOT / "converse" / "reference.py")
    algorithm1 = imports(ROOT / "converse" / "algorithm1.py")
    assert "converse.algorithm1" not in reference
    assert "converse.reference" not in algorithm1


@pytest.mark.parametrize("module", ["snakemake", "pyiqa", "torchvision"])
def test_heavy_packages_are_imported_where_they_are_used(module: str) -> None:
    for path in FILES:
        top = imports(path, top_level_only=True)
        assert not any(under(n, module) for n in top), f"{path} imports {module} at the top"


def test_plan_needs_no_torch_and_little_time() -> None:
    code = (
        "import sys, time; t = time.perf_counter()\n"
        "from bench.config.plan import load_plan; load_plan('quick'); t = time.perf_counter() - t\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
        "import converse; assert 'torch' not in sys.modules, 'import converse imports torch'\n"
        "print(t)"
    )
    seconds = min(
        float(subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout)
        for _ in range(3)
    )
    assert seconds < 1.5, f"parsing took {seconds:.2f} s; the budget is 0.5 s on a quiet machine"


def test_only_layout_builds_result_paths() -> None:
    for path in ROOT.glob("bench/**/*.py"):
        if path.name in ("layout.py",):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Path":
                for arg in node.args:
                    text = getattr(arg, "value", None)
                    assert not (isinstance(text, str) and text.startswith(("results", "reports"))), path


def test_environment_file_is_in_step_with_the_pins() -> None:
    pins = {line.strip().lower() for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    listed = [
        line.strip(" -\n").lower() for line in (ROOT / "envs/bench.yaml").read_text().splitlines() if "==" in line
    ]
    assert listed and set(listed) <= pins
