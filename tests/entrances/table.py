"""The tables: a cell for each entrance and row, which was run, does not apply for a reason of the list, or fails."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from entrances import hearing_table as heard
from entrances.attack import REASONS, SCENES, Attack
from entrances.server import ENTRANCES, Entrance

BUILD = Path(__file__).resolve().parents[2] / "build"
HEARD_REASONS = (
    *(heard.NO_GUARD, heard.NODE_HAS_AUTHENTICATE, heard.ONLY_ATTACH, heard.FETCH_HAS_ATTACH, heard.ROUTED),
    *(application.absent for application in heard.APPLICATIONS if application.absent.startswith("in ")),
    "the own port beside an application: in rows of its own",
)


@dataclass
class Cell:
    table: str
    """attacks, or hearing."""
    row: str
    column: str
    verdict: str = "not run"
    """ok, FAIL, does not apply, not run."""
    seen: str = ""
    seconds: float = 0.0


class Table:
    """All cells that there are; what is not asked for (`only`, `server`) is left out of all counts."""

    def __init__(self, attacks: Iterable[Attack], quiet: bool = False, only: str = "", server: str = "") -> None:
        self.attacks = [attack for attack in attacks if wanted(only, attack.name, attack.fault, attack.scene)]
        self.entrances = [entrance for entrance in ENTRANCES if server in entrance.name]
        self.quiet = quiet
        self.whole = not only and not server
        self.lock = threading.Lock()
        self.started = time.monotonic()
        self.cells: dict[tuple[str, str, str], Cell] = {}
        for entrance in self.entrances:
            for attack in self.attacks:
                self._place("attacks", row_of(attack), entrance, self._absent(attack, entrance))
            for name, who in heard.rows():
                if wanted(only, name, who, "hearing"):
                    self._place("hearing", f"{name}, {who}", entrance, absent_application(name, entrance))

    def _place(self, table: str, row: str, entrance: Entrance, reason: str) -> None:
        cell = Cell(table, row, entrance.name)
        if reason:
            known = reason in (REASONS if table == "attacks" else HEARD_REASONS)
            cell.verdict = "does not apply" if known else "FAIL"
            cell.seen = reason if known else f"no such reason: {reason}"
        self.cells[table, row, entrance.name] = cell

    def _absent(self, attack: Attack, entrance: Entrance) -> str:
        scene = SCENES[attack.scene]
        if not scene.module(entrance.name, entrance.language):
            return scene.reason(entrance.name) or attack.reason(entrance.name) or "?"
        return attack.reason(entrance.name)

    def applies(self, table: str, row: str, entrance: str) -> bool:
        cell = self.cells.get((table, row, entrance))
        return cell is not None and cell.verdict == "not run"

    def put(self, table: str, row: str, entrance: str, passed: bool, seen: str, seconds: float) -> None:
        with self.lock:
            cell = self.cells[table, row, entrance]
            cell.verdict, cell.seen, cell.seconds = "ok" if passed else "FAIL", seen, round(seconds, 3)
            if not passed or not self.quiet:
                print(f"{cell.verdict:4} {entrance:18} {row}  {seen}", flush=True)

    # ---- the end

    def markdown(self) -> str:
        parts = []
        for table, title in (("attacks", "attack"), ("hearing", "application, and who hears what is theirs to hear")):
            rows = list(dict.fromkeys(cell.row for cell in self.cells.values() if cell.table == table))
            names = [entrance.name for entrance in self.entrances]
            more = ["expected"] if table == "attacks" else []
            lines = [f"| {title} | {' | '.join([*more, *names])} |", "|---" * (len(names) + 1 + len(more)) + "|"]
            expected = {row_of(attack): attack.expected for attack in self.attacks}
            for row in rows:
                marks = [MARKS.get(self.cells[table, row, name].verdict, "?") for name in names]
                lines.append(f"| {row} | {' | '.join([*([expected[row]] if more else []), *marks])} |")
            totals = [self._total(table, name) for name in names]
            lines.append(f"| all | {' | '.join([*['' for _ in more], *totals])} |")
            if rows:
                parts.append("\n".join(lines))
        return "\n\n".join([self.summary(), *parts, self.reasons()]) + "\n"

    def _total(self, table: str, column: str) -> str:
        counts = Counter(cell.verdict for cell in self.cells.values() if cell.table == table and cell.column == column)
        return f"{counts['ok']}/{sum(counts.values()) - counts['does not apply']}"

    def summary(self) -> str:
        counts = Counter(cell.verdict for cell in self.cells.values())
        figures = ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in ("ok", "FAIL", "not run", "does not apply"))
        return f"{len(self.cells):,} cells: {figures}, in {time.monotonic() - self.started:.0f} s."

    def reasons(self) -> str:
        left: dict[str, list[str]] = {}
        for cell in self.cells.values():
            if cell.verdict == "does not apply":
                left.setdefault(cell.seen, []).append(cell.column)
        lines = ["Cells that do not apply, and why:", ""]
        for reason, columns in left.items():
            where = ", ".join(f"{name} ({count})" for name, count in Counter(columns).items())
            lines.append(f"- {reason}: {where}")
        return "\n".join(lines)

    def finish(self) -> int:
        """Prints the tables, writes them to build/; the exit status."""
        text = self.markdown()
        print(f"\n{text}")
        BUILD.mkdir(exist_ok=True)
        cells = [asdict(cell) for cell in self.cells.values()]
        seconds = round(time.monotonic() - self.started, 1)
        (BUILD / "entrances.json").write_text(
            json.dumps({"suite": "entrances", "seconds": seconds, "cells": cells}, indent=1) + "\n", encoding="utf-8"
        )
        (BUILD / "entrances.md").write_text(text, encoding="utf-8")
        bad = [cell for cell in self.cells.values() if cell.verdict in ("FAIL", "not run")]
        for cell in bad:
            print(f"*** {cell.verdict} {cell.column} | {cell.row}: {cell.seen}", flush=True)
        if self.whole and structure(text) != structure(shown()):
            bad.append(Cell("documents", "docs/reliability.md", ""))
            print(
                "*** docs/reliability.md shows other rows or columns: python docs/generate_reliability.py", flush=True
            )
        good = sum(cell.verdict == "ok" for cell in self.cells.values())
        print(f"entrances: {good} passed, {len(bad)} failed in {seconds:.1f} s", flush=True)
        return 1 if bad or not good else 0


def shown() -> str:
    """The part of docs/reliability.md that is generated."""
    page = (BUILD.parent / "docs" / "reliability.md").read_text(encoding="utf-8")
    return page.partition("<!-- entrances -->\n")[2].partition("<!-- end of entrances -->")[0]


def structure(text: str) -> list[str]:
    """Its lines without figures and verdicts."""
    lines = [line for line in text.strip().splitlines() if not line.startswith("| all |") and " cells: " not in line]
    return [re.sub(r"\| (?:ok|\*\*FAIL\*\*|\*\*not run\*\*) (?=\|)", "| . ", line) for line in lines]


MARKS = {"ok": "ok", "FAIL": "**FAIL**", "not run": "**not run**", "does not apply": "–"}


def wanted(only: str, *names: str) -> bool:
    return not only or any(only in name for name in names)


def row_of(attack: Attack) -> str:
    return f"{attack.fault}: {attack.name}"


def absent_application(name: str, entrance: Entrance) -> str:
    """Why an application is not asked at this entrance; empty where it is."""
    if name in heard.BESIDE:
        return "" if entrance.name == "run, own port" else HEARD_REASONS[-1]
    if entrance.name == "run, own port":
        return HEARD_REASONS[-1]
    application = next(known for known in heard.APPLICATIONS if known.name == name)
    if application.module(entrance.name, entrance.language):
        return ""
    if entrance.language == "own":
        return heard.ROUTED if not application.asgi or application.absent == heard.ROUTED else heard.NO_GUARD
    if entrance.language == "node" and application.node:
        return heard.ONLY_ATTACH
    return application.absent
