"""``python -m converse.native``: compile the operator for this machine and say in one line what was done."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .build import BuildError, build
from .library import Library
from .loading import load


def main() -> int:
    """Build, load and test; 0 where the library serves, 1 with one line where it does not."""
    parser = argparse.ArgumentParser(prog="python -m converse.native", description=__doc__)
    parser.add_argument("--into", type=Path, help="folder for the library (default: beside the package, or ~/.cache)")
    parser.add_argument("--flag", action="append", default=[], help="one more flag for the compiler; repeatable")
    options = parser.parse_args()
    try:
        path = build(options.into, tuple(options.flag))
    except BuildError as error:
        print(f"converse.native: {error}; the torch path is used", file=sys.stderr)
        return 1
    if options.into or options.flag:
        print(f"converse.native: built {path}")
        return 0
    loaded = load()
    if not isinstance(loaded, Library):
        print(f"converse.native: built {path}, but {loaded}; the torch path is used", file=sys.stderr)
        return 1
    print(f"converse.native: {loaded.description}, in {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
