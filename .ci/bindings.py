#!/usr/bin/env python3
"""Reads who needs whom in the bindings, and whether that keeps to the rules of the house.

bindings.py             prints the figures and the circles
bindings.py --check     prints what breaks a rule; exits 1 if anything does

No two files need each other, by any number of steps:
  python/ws_manager  modules; an import counts wherever it stands, for types only and inside of functions, too
  node/lib           JavaScript files and declarations of types
  node/src           C files with the header of the same name, by what they include and call; a header declares what the
                     C file of its name defines, and nothing for another one
And no method in Python is there to say that another class brings it (NotImplementedError).
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "csrc"))
sys.dont_write_bytecode = True  # a new folder in csrc would be one more thing to build
from house import NOISE, blank, callee, components, statements  # noqa: E402

PACKAGE, LIB, SRC = "python/ws_manager", "node/lib", "node/src"

IMPORT = re.compile(r"""(?:\bfrom|\brequire\(|\bimport\(|^import)\s*['"](\.[^'"]+)['"]""", re.MULTILINE)
INCLUDE = re.compile(r'^#include "([^"]+)\.h"', re.MULTILINE)
METHOD = re.compile(r"\bMETHOD\((\w+)\)")
NAME = re.compile(r"\b(addon_\w+)\b")


class Arrows(NamedTuple):
    """Who needs whom in one folder."""

    folder: str
    targets: dict[str, set[str]]

    @property
    def circles(self) -> list[list[str]]:
        """Files from which arrows lead back to themselves."""
        found = components({file: sorted(self.targets[file]) for file in sorted(self.targets)})
        own = [[file] for file, targets in self.targets.items() if file in targets]
        return [sorted(circle) for circle in found if len(circle) > 1] + own


def python() -> Arrows:
    """The modules of the package."""
    modules = {path.stem: path for path in (ROOT / PACKAGE).glob("*.py")}
    return Arrows(PACKAGE, {name: set(imported(path)) & modules.keys() for name, path in modules.items()})


def imported(path: Path) -> Iterator[str]:
    """The modules of the package that a module imports."""
    package = Path(PACKAGE).name
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(filter(None, (package if node.level else "", node.module)))
            names = [f"{module}.{alias.name}" for alias in node.names]
        for name in names:
            first, _, rest = name.partition(".")
            if first == package:
                module = rest.partition(".")[0]
                # `from . import x` may be a module, or something of __init__.
                yield module if (path.parent / f"{module}.py").exists() or module == "_core" else "__init__"


def javascript() -> Arrows:
    """The files of node/lib. In a declaration of types, './x.js' is x.d.ts."""
    paths = [path for path in sorted((ROOT / LIB).iterdir()) if path.suffix in {".js", ".mjs", ".ts", ".mts"}]
    names = {path.name for path in paths}
    targets: dict[str, set[str]] = {}
    for path in paths:
        found = {Path(name).name for name in IMPORT.findall(path.read_text(encoding="utf-8"))}
        if ".d." in path.name:
            found = {re.sub(r"\.(m?)js$", r".d.\1ts", name) for name in found}
        targets[path.name] = found & names
    return Arrows(LIB, targets)


class Source(NamedTuple):
    """A C file, or a header."""

    path: Path
    includes: set[str]
    names: set[str]
    defined: set[str]
    declared: set[str]


def read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    bare = METHOD.sub(r"napi_value addon_\1(napi_env env)", NOISE.sub(blank, text))
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for head, _, _, is_body in statements(re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, bare, flags=re.MULTILINE)):
        name = callee(head)
        if name and not re.search(r"\bstatic\b", head):
            found[is_body].add(name)
    declared = found[False] if path.suffix == ".h" else set()
    return Source(path, set(INCLUDE.findall(text)), set(NAME.findall(bare)), found[True], declared)


def addon() -> tuple[Arrows, dict[str, set[str]]]:
    """The files of the addon, and headers that declare for others: header and file, by name, and the functions."""
    sources = [read(path) for path in sorted((ROOT / SRC).glob("*.[ch]"))]
    home = {name: source.path.stem for source in sources for name in source.defined}
    targets: dict[str, set[str]] = {source.path.stem: set() for source in sources}
    for_others: dict[str, set[str]] = {}
    for source in sources:
        own = source.path.stem
        needs = source.includes | {home[name] for name in source.names - source.declared if name in home}
        targets[own] |= (needs & targets.keys()) - {own}
        for name in source.declared:
            if home.get(name, own) != own:
                for_others.setdefault(f"{source.path.name} for {home[name]}.c", set()).add(name)
    return Arrows(SRC, targets), for_others


def promises() -> Iterator[str]:
    """Where Python says NotImplementedError."""
    for path in sorted((ROOT / PACKAGE).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name) and node.id == "NotImplementedError":
                yield f"{PACKAGE}/{path.name}:{node.lineno}"


def check(folders: list[Arrows], for_others: dict[str, set[str]]) -> int:
    bad = [
        f"{arrows.folder}: circle {' '.join(circle)}: they need each other: the lower one reports, the upper acts; "
        "or type it against a Protocol"
        for arrows in folders
        for circle in arrows.circles
    ]
    bad += [f"{SRC}/{pair}: declares {', '.join(sorted(names))}" for pair, names in for_others.items()]
    bad += [
        f"{place}: NotImplementedError: derive from the class that has it, or make it an abstract method"
        for place in promises()
    ]
    for line in bad:
        print(f"*** {line}", file=sys.stderr)
    return 1 if bad else 0


def report(folders: list[Arrows]) -> None:
    for arrows in folders:
        circles = arrows.circles
        count = sum(map(len, arrows.targets.values()))
        print(
            f"{arrows.folder}: {len(arrows.targets)} files, {count} arrows, {sum(map(len, circles))} files in circles"
        )
        for circle in circles:
            print(f"    a circle of {len(circle)}: {' '.join(circle)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    arrows, for_others = addon()
    folders = [python(), javascript(), arrows]
    if arguments.check:
        return check(folders, for_others)
    report(folders)
    return 0


if __name__ == "__main__":
    sys.exit(main())
