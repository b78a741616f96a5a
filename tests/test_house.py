"""The plan of the house, stated once, and every import held against it: who may import whom, and how long files are."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.config.code_digest import imported, reached

ROOT = Path(__file__).parents[1]
ROOMS = (
    "stages",
    "pages",
    "workflow",
    "results",
    "analyses",
    "training",
    "models",
    "scoring",
    "config",
    "data",
    "foundation",
)
"""Of ``bench``, from top to bottom: a room imports only from itself and from rooms below it."""
FLOORS = ("models", "assembly", "operators", "mathematics", "cuda", "native", "declarations", "calls")
"""Of ``converse``, from top to bottom, as rooms; its files beside them are imported by whoever needs them."""
LONGEST = 250
LONGER = {
    "bench/__main__.py": "one command line, read in one place: every verb's options side by side",
}
"""Files of more than `LONGEST` lines, each with its reason."""
TORCH_ONLY = "converse imports torch only"
HEAVY = ("torch", "pandas", "scipy", "skimage", "matplotlib", "snakemake", "pyiqa", "torchvision")
"""Packages that a plan does not need: together they take seconds to import."""
STDLIB = set(sys.stdlib_module_names)
FILES = sorted([*ROOT.glob("converse/**/*.py"), *ROOT.glob("bench/**/*.py")])


def module(path: Path) -> str:
    """Dotted name of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in FILES}


def under(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


def house_imports(path: Path) -> dict[str, Path]:
    """Modules of the house that a file imports by name, without the packages that Python opens on the way."""
    names = list(imported(path))
    found = {n: MODULES[n] for n in names if n in MODULES and MODULES[n] != path}
    # "from bench.config import layout" names the room too: what is meant is the file.
    return {n: p for n, p in found.items() if p.name != "__init__.py" or not any(under(o, n) and o != n for o in found)}


def room(path: Path) -> str | None:
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "bench" and len(parts) > 2 else None


def floor(path: Path) -> str | None:
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "converse" and len(parts) > 2 else None


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_directions(path: Path) -> None:
    names = set(imported(path))
    here, top = room(path), path.relative_to(ROOT).parts[0]
    if top == "converse":
        outside = {n.split(".")[0] for n in names} - STDLIB - {"torch", "converse"}
        assert not outside, f"{shown(path)} imports {sorted(outside)}: {TORCH_ONLY}"
        for name, target in house_imports(path).items():
            here, there = (floor(p) for p in (path, target))
            assert here is None or there is None or FLOORS.index(here) <= FLOORS.index(there), (
                f"{shown(path)} imports {name} of {shown(target)}: {here} lies below {there}"
            )
        return
    for name, target in house_imports(path).items():
        there = room(target)
        if here is None or there is None:
            continue
        assert here != "stages" or there != "stages" or target.name == "__init__.py", (
            f"{shown(path)} imports {shown(target)}: stages meet in files"
        )
        assert ROOMS.index(here) <= ROOMS.index(there), (
            f"{shown(path)} imports {name} of {shown(target)}: {here} lies below {there}"
        )
    if shown(path) != "bench/__main__.py":
        assert "sys.argv" not in path.read_text(), f"{shown(path)}: only __main__ reads argv"
        assert not any(under(n, "click") or under(n, "argparse") for n in names), f"{shown(path)}: only __main__ reads"


def test_every_file_of_bench_has_a_room() -> None:
    assert {room(p) for p in FILES} - {None} == set(ROOMS)
    assert {floor(p) for p in FILES} - {None} == set(FLOORS)
    loose = [p.name for p in ROOT.glob("bench/*.py")]
    assert sorted(loose) == ["__init__.py", "__main__.py"], "a file of bench belongs in a room"


def test_every_room_says_what_it_is() -> None:
    for path in FILES:
        if path.name == "__init__.py":
            docstring = ast.get_docstring(ast.parse(path.read_text()))
            assert docstring, f"{shown(path)} does not say what lives there"


def test_no_circles() -> None:
    graph = {path: set(house_imports(path).values()) for path in FILES}
    done: set[Path] = set()

    def walk(path: Path, way: tuple[Path, ...]) -> Iterator[list[str]]:
        if path in way:
            yield [shown(p) for p in (*way[way.index(path) :], path)]
        elif path not in done:
            for target in graph[path]:
                yield from walk(target, (*way, path))
            done.add(path)

    circles = [circle for path in FILES for circle in walk(path, ())]
    assert not circles, "import circle: " + "; ".join(" -> ".join(c) for c in circles)


def test_no_file_is_longer_than_a_subject() -> None:
    lengths = {shown(p): len(p.read_text().splitlines()) for p in FILES}
    long = {name: n for name, n in lengths.items() if n > LONGEST}
    assert not LONGER.keys() - long.keys(), f"no longer over {LONGEST} lines: {sorted(LONGER.keys() - long.keys())}"
    assert not long.keys() - LONGER.keys(), f"over {LONGEST} lines, without a reason in tests/test_house.py: {long}"


def test_witnesses_share_no_code_with_the_fast_path() -> None:
    for witness in ("reference", "algorithm1"):
        used = {n for n in imported(ROOT / "converse" / f"{witness}.py") if under(n, "converse")}
        assert not used, f"converse/{witness}.py is a witness and imports {sorted(used)}"


@pytest.mark.parametrize("package", ["snakemake", "pyiqa", "torchvision"])
def test_heavy_packages_are_imported_where_they_are_used(package: str) -> None:
    for path in FILES:
        top = ast.parse(path.read_text()).body
        names = {a.name for n in top if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module or "" for n in top if isinstance(n, ast.ImportFrom)}
        assert not any(under(n, package) for n in names), f"{shown(path)} imports {package} at the top"


def test_plan_needs_no_heavy_package() -> None:
    code = (
        "import sys, converse; from bench.config.loading import load_plan; load_plan('quick'); "
        f"print(*[m for m in {HEAVY} if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert not found.split(), f"planning imports {found.split()}, which every start of the workflow would pay"


@pytest.mark.parametrize("stage", ["tables", "figures", "report"])
def test_what_makes_a_rendering_stale_is_what_it_imports(stage: str) -> None:
    code = (
        f"import sys, bench.stages.{stage}; "
        "print(*[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] in ('bench', 'converse')], sep='\\n')"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    really = {Path(name) for name in run.stdout.splitlines()}
    missing = really - reached(ROOT / "bench" / "stages" / f"{stage}.py")
    assert not missing, f"editing {sorted(map(shown, missing))} would leave {stage} stale"


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
