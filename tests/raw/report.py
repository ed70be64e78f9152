"""What a suite found: a line per case, a table by category, a file for machines, and one for the documentation."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent.parent / "build"


@dataclass(frozen=True)
class Result:
    server: str
    category: str
    name: str
    source: str
    """Section of RFC 6455 unless it says something else; or what the case goes back to."""
    passed: bool
    seen: str
    """What happened, in few words."""
    seconds: float


@dataclass
class Report:
    suite: str
    quiet: bool = False
    results: list[Result] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def add(self, result: Result) -> None:
        self.results.append(result)
        if not result.passed or not self.quiet:
            verdict = "ok  " if result.passed else "FAIL"
            seen = f"  {result.seen}" if result.seen else ""
            print(
                f"{verdict} {result.server:8} {result.category:14} {result.name}  [{result.source}]{seen}", flush=True
            )

    @property
    def failed(self) -> list[Result]:
        return [result for result in self.results if not result.passed]

    def table(self) -> str:
        """Markdown: categories down, servers across."""
        servers = list(dict.fromkeys(result.server for result in self.results))
        categories = list(dict.fromkeys(result.category for result in self.results))
        passed = Counter((result.category, result.server) for result in self.results if result.passed)
        total = Counter((result.category, result.server) for result in self.results)
        rows = [f"| | {' | '.join(servers)} |", "|---" * (len(servers) + 1) + "|"]

        def row(name: str, wanted: list[str]) -> str:
            cells = []
            for server in servers:
                good, all_ = (sum(counts[category, server] for category in wanted) for counts in (passed, total))
                cells.append(f"{good}/{all_}" if all_ else "-")
            return f"| {name} | {' | '.join(cells)} |"

        return "\n".join([*rows, *(row(category, [category]) for category in categories), row("all", categories)])

    def markdown(self, seconds: float) -> str:
        """The table, and the figures where there are some."""
        passed = len(self.results) - len(self.failed)
        parts = [f"{passed:,} passed, {len(self.failed)} failed, in {seconds:.0f} s.", self.table()]
        rows = [(name, value) for name, value in self.figures.items() if isinstance(value, dict)]
        if rows:
            names = list(rows[0][1])
            table = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
            table += [f"| {name} | {' | '.join(str(value[key]) for key in names)} |" for name, value in rows]
            parts.append("\n".join(table))
        return "\n\n".join(parts) + "\n"

    def finish(self) -> int:
        """Prints the end, writes build/SUITE.json and build/SUITE.md; the exit status."""
        seconds = time.monotonic() - self.started
        print(f"\n{self.table()}\n")
        for name, value in self.figures.items():
            print(f"{name}: {value}")
        BUILD.mkdir(exist_ok=True)
        path = BUILD / f"{self.suite}.json"
        found = {
            "suite": self.suite,
            "python": platform.python_version(),
            "seconds": round(seconds, 1),
            "passed": len(self.results) - len(self.failed),
            "failed": len(self.failed),
            "figures": self.figures,
            "cases": [asdict(result) for result in self.results],
        }
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        path.with_suffix(".md").write_text(self.markdown(seconds), encoding="utf-8")
        for result in self.failed:
            print(f"*** {result.server}, {result.category}: {result.name}: {result.seen}", file=sys.stderr)
        print(f"{self.suite}: {found['passed']} passed, {found['failed']} failed in {seconds:.1f} s", flush=True)
        return 1 if self.failed or not self.results else 0
