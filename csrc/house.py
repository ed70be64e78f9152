#!/usr/bin/env python3
"""Reads the sources of the core: who includes whom, who uses what of whom, and whether that keeps to the rules of the house.

house.py             prints the figures, the arrows against the order and the circles of files
house.py --check     prints what breaks a rule; exits 1 if anything does, or if docs/architecture.md has an old picture
house.py --write     draws the picture in docs/architecture.md anew

A *file* is a C file with the header of the same name. An arrow goes from a file to another whose header it includes or whose
function it calls, whichever header declares that.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs/architecture.md"
BEGIN, END = "<!-- drawn by csrc/house.py -->\n", "<!-- end -->"

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
MAX_FUNCTION = 60
MAX_FILE = 600

# What is not mended yet. This list only shrinks: what is in it and does not happen any more is an error, too.
EXCEPTIONS: frozenset[str] = frozenset()

NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
NAME = re.compile(r"(?<!struct )(?<!enum )(?<!union )\b(wsm_\w+)\b")
CALLEE = re.compile(r"\b(\w+)\s*\(")
NOT_FUNCTIONS = {"__attribute__", "_Static_assert", "defined"}


@dataclass
class Function:
    name: str
    file: str
    line: int
    lines: int
    own: bool  # static: nobody else sees it


@dataclass
class Source:
    """One *.c or *.h."""

    path: str
    lines: int
    includes: list[str] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    declared: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    generated: bool = False

    @property
    def file(self) -> str:
        return self.path.rpartition(".")[0]


def blank(match: re.Match[str]) -> str:
    """Spaces of the same length, so that lines stay where they are."""
    return re.sub(r"[^\n]", " ", match.group())


def statements(text: str) -> Iterator[tuple[str, int, int, bool]]:
    """What stands at the outermost level: (text before the block or semicolon, where it begins and ends, whether it has a block)."""
    depth = start = 0
    for match in re.finditer(r"[{};]", text):
        mark = match.group()
        if mark == "{":
            if not depth:
                head = text[start : match.start()]
            depth += 1
        elif mark == "}":
            depth -= 1
            if not depth and head.rstrip().endswith(")"):
                yield head, start + len(head) - len(head.lstrip()), match.end(), True
                start = match.end()
        elif not depth:
            head = text[start : match.start()]
            yield head, start + len(head) - len(head.lstrip()), match.end(), False
            start = match.end()


def callee(head: str) -> str | None:
    """The function that a declarator declares."""
    if "{" in head or "=" in head or head.lstrip().startswith("typedef"):
        return None
    for match in CALLEE.finditer(head):
        if match.group(1) not in NOT_FUNCTIONS:
            return match.group(1)
    return None


def read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    bare = NOISE.sub(lambda match: match.group() if match.group()[0] == '"' and "\n" not in match.group() else blank(match), text)
    name = str(path.relative_to(ROOT / "csrc"))
    source = Source(name, text.count("\n"), INCLUDE.findall(bare))
    source.generated = "generated" in "\n".join(text.splitlines()[:5]).lower()
    bare = NOISE.sub(blank, text)
    source.names = set(NAME.findall(bare))
    bare = DIRECTIVE.sub(blank, bare)
    for head, begin, end, block in statements(bare):
        function = callee(head)
        if not function:
            continue
        own = re.search(r"\bstatic\b", head) is not None
        if block:
            line = bare.count("\n", 0, begin) + 1
            lines = bare.count("\n", begin, end) + 1
            source.functions.append(Function(function, source.file, line, lines, own))
        elif name.endswith(".h") and not own:
            source.declared.append(function)
    return source


def sources() -> list[Source]:
    folders = [ROOT / "csrc" / folder for folder in RANK]
    others = [path for path in (ROOT / "csrc").iterdir() if path.is_dir() and path.name not in RANK | {"tests": 0, "cmake": 0}]
    return [read(path) for folder in folders + others for path in sorted(folder.glob("*.[ch]"))]


class House:
    def __init__(self) -> None:
        self.sources = sources()
        self.functions = [function for source in self.sources for function in source.functions]
        self.home = {function.name: function.file for function in self.functions if not function.own}
        self.files = {source.file for source in self.sources}
        self.arrows: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.names: dict[str, set[str]] = defaultdict(set)
        headers = {source.path: source for source in self.sources}
        for source in self.sources:
            self.names[source.file] |= source.names
            for included in source.includes:
                included = included if included in headers else f"include/{included}"
                self.draw(source.file, included.rpartition(".")[0], "includes it")
            if source.path.endswith(".h") and source.file.startswith("include/"):
                continue  # declares for all
            for name in source.names:
                if name in self.home and not (source.path.endswith(".h") and name in source.declared):
                    self.draw(source.file, self.home[name], name)

    def draw(self, one: str, other: str, why: str) -> None:
        if one != other and other in self.files:
            self.arrows[one, other].add(why)

    def against(self) -> list[tuple[str, str]]:
        """The arrows that do not point down."""
        return sorted(pair for pair in self.arrows if not points_down(*pair))

    def circles(self) -> list[list[str]]:
        """The files from which arrows lead back to themselves, by circle, the largest first."""
        targets = defaultdict(list)
        for one, other in self.arrows:
            targets[one].append(other)
        return sorted((sorted(circle) for circle in components(self.files, targets)), key=len, reverse=True)

    def for_others(self) -> list[tuple[str, str, str]]:
        """Headers that declare what another file than theirs defines: (header, file, function)."""
        return [
            (source.path, self.home[name], name)
            for source in self.sources
            if not source.file.startswith("include/")
            for name in source.declared
            if self.home.get(name, source.file) != source.file
        ]

    def long_functions(self) -> list[Function]:
        return [function for function in self.functions if function.lines > MAX_FUNCTION]

    def long_files(self) -> list[Source]:
        return [source for source in self.sources if source.lines > MAX_FILE and not source.generated]

    def breaches(self) -> dict[str, str]:
        """What breaks a rule, by its name in EXCEPTIONS: what to do about it."""
        found = {}
        for one, other in self.against():
            what = ", ".join(sorted(self.arrows[one, other])[:4])
            found[f"{one} -> {other}"] = f"against the order ({what}): what is above hands a function in, or it moves down"
        for header, file, _ in self.for_others():
            found[f"{header} declares for {file}"] = "a header declares what the C file of its name defines"
        for function in self.long_functions():
            found[f"{function.file}.c {function.name}"] = f"has {function.lines} lines ({MAX_FUNCTION} at most)"
        for source in self.long_files():
            found[f"{source.path} is long"] = f"has {source.lines} lines ({MAX_FILE} at most)"
        for folder in {source.path.partition("/")[0] for source in self.sources} - set(RANK):
            found[f"{folder}/"] = "has no place in the order (csrc/house.py)"
        return found


def points_down(one: str, other: str) -> bool:
    above, below = one.partition("/")[0], other.partition("/")[0]
    return above == below or RANK.get(above, -1) < RANK.get(below, -1)


def components(nodes: Iterable[str], targets: dict[str, list[str]]) -> list[list[str]]:
    """Strongly connected components of more than one node (Tarjan)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = low[node] = len(number)
        stack.append(node)
        for target in targets.get(node, ()):
            if target not in number:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], number[target])
        if low[node] == number[node]:
            at = stack.index(node)
            circle = stack[at:]
            del stack[at:]
            if len(circle) > 1:
                found.append(circle)

    for node in sorted(nodes):
        if node not in number:
            visit(node)
    return found


def picture(house: House) -> str:
    """Mermaid text: folders, and who uses whom; of arrows that follow from others, none."""
    uses = {(one.partition("/")[0], other.partition("/")[0]) for one, other in house.arrows}
    uses = {(one, other) for one, other in uses if one != other and other != "include"}
    count = defaultdict(int)
    for file in house.files:
        count[file.partition("/")[0]] += 1
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'    {folder}["{folder}/<br>{count[folder]} files"]' for folder in RANK if count[folder] and folder != "include"]
    middle = {(one, other) for one, via in uses for start, other in uses if via == start}
    lines += [f"    {one} --> {other}" for one, other in sorted(uses - middle, key=lambda pair: (RANK[pair[0]], RANK[pair[1]], pair))]
    return "\n".join([*lines, "```", ""])


def drawn(house: House, text: str) -> str:
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + picture(house) + END + rest.partition(END)[2]


def report(house: House) -> None:
    circles = house.circles()
    against = house.against()
    for one, other in against:
        print(f"against the order: {one} -> {other}  ({', '.join(sorted(house.arrows[one, other])[:6])})")
    for circle in circles:
        print(f"a circle of {len(circle)}: {' '.join(circle)}")
    for header, file, name in house.for_others():
        print(f"{header} declares for {file}: {name}")
    for function in house.long_functions():
        print(f"{function.file}.c:{function.line}: {function.name} has {function.lines} lines")
    print(
        f"{len(house.files)} files, {len(house.arrows)} arrows, {len(against)} of them against the order\n"
        f"{sum(map(len, circles))} files in {len(circles)} circles (of {', '.join(str(len(circle)) for circle in circles) or 'none'})\n"
        f"{len({header for header, _, _ in house.for_others()})} headers declare for other files, "
        f"{len(house.for_others())} functions\n"
        f"{len(house.long_functions())} functions over {MAX_FUNCTION} lines, {len(house.long_files())} files over {MAX_FILE}"
    )


def check(house: House) -> int:
    found = house.breaches()
    bad = [f"{name}: {what}" for name, what in sorted(found.items()) if name not in EXCEPTIONS]
    bad += [f"{name}: does not happen any more; take it out of EXCEPTIONS in csrc/house.py" for name in sorted(EXCEPTIONS - found.keys())]
    if PICTURE.exists():
        text = PICTURE.read_text(encoding="utf-8")
        if drawn(house, text) != text:
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
        PICTURE.write_text(drawn(house, PICTURE.read_text(encoding="utf-8")), encoding="utf-8")
    if arguments.check:
        return check(house)
    if not arguments.write:
        report(house)
    return 0


if __name__ == "__main__":
    sys.exit(main())
