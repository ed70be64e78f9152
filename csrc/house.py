#!/usr/bin/env python3
"""Reads who includes and uses whom in the core, and whether that keeps to the rules of the house.

house.py             prints the figures, the arrows against the order and the circles of files
house.py --check     prints what breaks a rule; exits 1 if anything does, or if docs/architecture.md has an old picture
house.py --write     draws the picture in docs/architecture.md anew

A *file* is a C file with the header of the same name. An arrow goes from a file to another whose header it includes or
whose function it calls, whichever header declares that.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "csrc"
PAGE = ROOT / "docs/architecture.md"
BEGIN, END = "<!-- drawn by csrc/house.py -->\n", "<!-- end of the picture -->\n"

# From the top down; a folder may use those below it. Those of one row do not know each other.
ORDER = (
    ("runtime",),
    ("sockets",),
    ("admin",),
    ("rest",),
    ("clients",),
    ("core",),
    ("log",),
    ("store",),
    ("host",),
    ("policy", "rooms"),
    ("events",),
    ("wire",),
    ("base",),
    ("include",),
)
RANK = {folder: rank for rank, row in enumerate(ORDER) for folder in row}
NO_SOURCES = {"tests", "cmake"}
MAX_FUNCTION = 60  # lines, of any C of the repository

# What is not mended yet. This list only shrinks: what is in it and does not happen any more is an error, too.
EXCEPTIONS: frozenset[str] = frozenset()

NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
NAME = re.compile(r"(?<!struct )(?<!enum )(?<!union )\b(wsm_\w+)\b")
CALLEE = re.compile(r"\b(\w+)\s*\(")
NOT_FUNCTIONS = {"__attribute__", "_Static_assert"}


@dataclass
class Function:
    name: str
    line: int
    lines: int
    own: bool  # static: no other file uses it


@dataclass
class Source:
    """One *.c or *.h."""

    path: Path
    includes: list[str]
    names: set[str]
    functions: list[Function] = field(default_factory=list)  # that it defines
    declared: list[str] = field(default_factory=list)  # in a header

    @property
    def file(self) -> str:
        return str(self.path.relative_to(CORE).with_suffix(""))


def blank(match: re.Match[str]) -> str:
    """Spaces of the same length, so that lines stay where they are."""
    return re.sub(r"[^\n]", " ", match.group())


def statements(text: str) -> Iterator[tuple[str, int, int, bool]]:
    """What stands at the outermost level: the text before its block or semicolon, its place, whether it has a body."""
    depth = start = 0
    head = ""
    for match in re.finditer(r"[{};]", text):
        mark = match.group()
        if mark == "{":
            if not depth:
                head = text[start : match.start()]
            depth += 1
            continue
        depth -= mark == "}"
        is_body = mark == "}" and head.rstrip().endswith(")")
        if depth or (mark == "}" and not is_body):
            continue
        if mark == ";":
            head = text[start : match.start()]
        yield head, start + len(head) - len(head.lstrip()), match.end(), is_body
        start = match.end()
        head = ""


def callee(head: str) -> str | None:
    """The function that a declarator declares."""
    if "{" in head or "=" in head or head.lstrip().startswith("typedef"):
        return None
    names = (match.group(1) for match in CALLEE.finditer(head))
    return next((name for name in names if name not in NOT_FUNCTIONS), None)


def read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    bare = NOISE.sub(blank, text)
    source = Source(path, INCLUDE.findall(text), set(NAME.findall(bare)))
    bare = DIRECTIVE.sub(blank, bare)
    for head, begin, end, is_body in statements(bare):
        name = callee(head)
        if not name:
            continue
        own = re.search(r"\bstatic\b", head) is not None
        if is_body:
            source.functions.append(
                Function(name, bare.count("\n", 0, begin) + 1, bare.count("\n", begin, end) + 1, own)
            )
        elif path.suffix == ".h" and not own:
            source.declared.append(name)
    return source


class House:
    def __init__(self) -> None:
        folders = sorted(path for path in CORE.iterdir() if path.is_dir() and path.name not in NO_SOURCES)
        self.sources = [read(path) for folder in folders for path in sorted(folder.glob("*.[ch]"))]
        self.files = {source.file for source in self.sources}
        self.home = {
            function.name: source.file for source in self.sources for function in source.functions if not function.own
        }
        self.arrows: dict[tuple[str, str], set[str]] = defaultdict(set)
        for source in self.sources:
            if source.path.parent.name == "include":  # declares for all, and knows nobody
                continue
            for included in source.includes:
                self.draw(source.file, ("" if "/" in included else "include/") + included[:-2], "includes it")
            for name in source.names - set(source.declared):
                self.draw(source.file, self.home.get(name, source.file), name)

    def draw(self, one: str, other: str, why: str) -> None:
        if one != other and other in self.files:
            self.arrows[one, other].add(why)

    def why(self, pair: tuple[str, str]) -> str:
        return ", ".join(sorted(self.arrows[pair])[:5])

    def against(self) -> list[tuple[str, str]]:
        """The arrows that do not point down."""
        return sorted(pair for pair in self.arrows if not points_down(*pair))

    def circles(self) -> list[list[str]]:
        """The files from which arrows lead back to themselves, by circle, the largest first."""
        targets: dict[str, list[str]] = {file: [] for file in sorted(self.files)}
        for one, other in sorted(self.arrows):
            targets[one].append(other)
        return sorted((sorted(circle) for circle in components(targets) if len(circle) > 1), key=len, reverse=True)

    def for_others(self) -> dict[tuple[str, str], list[str]]:
        """Headers that declare what another file defines: (header, file) and the functions. The public one may."""
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for source in self.sources:
            for name in source.declared if not source.file.startswith("include/") else ():
                if self.home.get(name, source.file) != source.file:
                    found[source.file + ".h", self.home[name]].append(name)
        return found

    def breaches(self) -> dict[str, str]:
        """What breaks a rule, by its name in EXCEPTIONS, and what to do about it."""
        found = {}
        for pair in self.against():
            found[" -> ".join(pair)] = f"against the order ({self.why(pair)}): hand a function in, or move it down"
        for circle in self.circles():
            found[f"circle {' '.join(circle)}"] = "they need each other: the lower one reports, the upper acts"
        for (header, file), names in self.for_others().items():
            found[f"{header} for {file}"] = f"declares {', '.join(names)}, which is not of its C file"
        for path, function in long_functions():
            found[f"{path} {function.name}"] = f"has {function.lines} lines ({MAX_FUNCTION} at most)"
        for folder in {file.partition("/")[0] for file in self.files} - set(RANK):
            found[f"{folder}/"] = "has no place in the order (csrc/house.py)"
        return found


def points_down(one: str, other: str) -> bool:
    above, below = one.partition("/")[0], other.partition("/")[0]
    return above == below or RANK.get(above, -1) < RANK.get(below, -1)


def components(targets: dict[str, list[str]]) -> list[list[str]]:
    """Strongly connected components (Tarjan)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = low[node] = len(number)
        stack.append(node)
        for target in targets[node]:
            if target not in number:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], number[target])
        if low[node] == number[node]:
            at = stack.index(node)
            found.append(stack[at:])
            del stack[at:]

    for node in targets:
        if node not in number:
            visit(node)
    return found


def long_functions() -> list[tuple[Path, Function]]:
    folders = ("csrc", "python/src", "node/src", "tests")
    sources = [read(path) for folder in folders for path in sorted((ROOT / folder).rglob("*.[ch]"))]
    return [
        (source.path.relative_to(ROOT), function)
        for source in sources
        for function in source.functions
        if function.lines > MAX_FUNCTION
    ]


def picture(house: House) -> str:
    """The folders, and who uses whom, as Mermaid text; an arrow that others lead to by a detour is left out."""
    uses = {(one.partition("/")[0], other.partition("/")[0]) for one, other in house.arrows}
    uses = {(one, other) for one, other in uses if one != other and other != "include"}
    detours = {(one, other) for one, via in uses for start, other in uses if via == start}
    count = Counter(file.partition("/")[0] for file in house.files)
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'    {folder}["{folder}/ ({count[folder]})"]' for folder in RANK if folder != "include"]
    lines += [
        f"    {one} --> {other}"
        for one, other in sorted(uses - detours, key=lambda pair: (RANK[pair[0]], RANK[pair[1]], pair))
    ]
    return "\n".join([*lines, "```", ""])


def redrawn(house: House, text: str) -> str:
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + picture(house) + END + rest.partition(END)[2]


def report(house: House) -> None:
    circles = house.circles()
    against = house.against()
    for pair in against:
        print(f"against the order: {' -> '.join(pair)} ({house.why(pair)})")
    for circle in circles:
        print(f"a circle of {len(circle)}: {' '.join(circle)}")
    for (header, file), names in house.for_others().items():
        print(f"{header} declares for {file}: {', '.join(names)}")
    for path, function in long_functions():
        print(f"{path}:{function.line}: {function.name} has {function.lines} lines")
    print(
        f"{len(house.files)} files, {len(house.arrows)} arrows, {len(against)} of them against the order\n"
        f"{sum(map(len, circles))} files in {len(circles)} circles\n"
        f"{len({header for header, _ in house.for_others()})} headers that declare for other files\n"
        f"{len(long_functions())} functions over {MAX_FUNCTION} lines"
    )


def check(house: House) -> int:
    found = house.breaches()
    bad = [f"{name}: {what}" for name, what in sorted(found.items()) if name not in EXCEPTIONS]
    gone = sorted(EXCEPTIONS - found.keys())
    bad += [f"{name}: does not happen any more; take it out of EXCEPTIONS in csrc/house.py" for name in gone]
    text = PAGE.read_text(encoding="utf-8")
    if not bad and redrawn(house, text) != text:  # else it would be drawn with the mistake
        bad.append("docs/architecture.md has an old picture: run python3 csrc/house.py --write")
    for line in bad:
        print(f"*** {line}", file=sys.stderr)
    return 1 if bad else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    house = House()
    if arguments.write:
        PAGE.write_text(redrawn(house, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    if arguments.check:
        return check(house)
    if not arguments.write:
        report(house)
    return 0


if __name__ == "__main__":
    sys.exit(main())
