#!/usr/bin/env python3
"""Generates everything that follows from events.json.

generate.py            writes the files that differ
generate.py --check    writes nothing; exits 1 and names the files that are stale
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from generator import c, javascript, markdown, model, python

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).resolve().with_name("events.json")

OUTPUTS: dict[str, Callable[[model.Catalogue], str]] = {
    "csrc/events/catalogue.c": c.emit,
    "python/ws_manager/_events.py": python.emit,
    "node/lib/events.js": javascript.emit,
    "node/lib/events.d.ts": javascript.emit_types,
    "node/lib/functions.d.ts": javascript.emit_function_types,
    "node/lib/index.mjs": javascript.emit_module,
    "node/client/events.ts": javascript.emit_client,
    "docs/events.md": markdown.emit,
}


def stale(root: Path, catalogue: model.Catalogue) -> dict[Path, str]:
    """The files below `root` whose text is not what the catalogue says, with the text they should have."""
    found = {}
    for name, emit in OUTPUTS.items():
        path = root / name
        text = emit(catalogue)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            found[path] = text
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Generates what follows from csrc/events/events.json.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name the stale files")
    parser.add_argument("--root", type=Path, default=ROOT, help="where the files stand (default: this source tree)")
    options = parser.parse_args(arguments)
    try:
        files = stale(options.root, model.load(SOURCE))
    except model.CatalogueError as error:
        print(f"generate.py: {SOURCE.name}: {error}", file=sys.stderr)
        return 2
    for path, text in files.items():
        name = path.relative_to(options.root)
        if options.check:
            print(f"stale: {name}: run python3 csrc/events/generate.py", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"written: {name}")
    return 1 if options.check and files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
