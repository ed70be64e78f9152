"""The invariant of delivery under faults: runs every scenario, prints a table, writes build/chaos-report.{json,md}
(of a part of them, or the short version: build/chaos-part.{json,md}).

    python chaos.py [--short] [--only WORD]… [--repeat N] [--list]

The invariant: each client sees a contiguous, ordered run of a room's messages without duplicates, or an explicit sign
of a gap. Silent gaps allowed: none. It exits with 1 if a scenario was broken, or was not run because the environment
does not permit it: the report says why.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from programs import ROOT, Program
from scenarios import SCENARIOS
from scene import FULL, SHORT, Result, Scene

HEADS = ["scenario", "clients", "messages", "told", "dupl.", "silent", "reconnects", "s", "verdict"]
BESIDE = 120  # characters of the notes that the table on the terminal shows


def cells(result: Result) -> list[str]:
    if result.not_run:
        return [result.name, *["–"] * 7, result.verdict]
    counts = [result.clients, result.messages, result.told, result.duplicates, result.silent, result.reconnects]
    return [result.name, *(f"{count:,}" for count in counts), f"{result.seconds:.1f}", result.verdict]


def text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {text(part)}" for name, part in value.items()) or "none"
    if isinstance(value, list):
        return " ".join(map(text, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def notes(result: Result) -> str:
    if result.not_run:
        return result.not_run
    parts = []
    for name, value in result.notes.items():
        words, unit = (name[:-2], " s") if name.endswith("_s") else (name, "")
        parts.append(f"{words.replace('_', ' ')} {text(value)}{unit}")
    return "; ".join(parts)


def machine() -> str:
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{len(os.sched_getaffinity(0))} cores, {system}, Linux {platform.release().split('-')[0]}"


def markdown(results: list[Result], title: str) -> str:
    lines = [title, "", "| " + " | ".join([*HEADS, "more"]) + " |", "|---|" + "--:|" * 7 + "---|---|"]
    lines += ["| " + " | ".join([*cells(result), notes(result)]) + " |" for result in results]
    broken = [f"- **{result.name}**: {problem}" for result in results for problem in result.problems]
    return "\n".join([*lines, "", *broken]).rstrip() + "\n"


def table(results: list[Result]) -> str:
    rows = [HEADS, *map(cells, results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = []
    for row in rows:
        parts = [
            part.ljust(width) if column in (0, len(row) - 1) else part.rjust(width)
            for column, (part, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def go_apart() -> None:
    """As root, begins again in a network namespace of its own: the wires of two runs have the same addresses."""
    if os.geteuid() != 0 or os.environ.get("WSM_OWN_NETWORK") or shutil.which("ip") is None:
        return
    apart = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if subprocess.run([*apart, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        os.environ["WSM_OWN_NETWORK"] = "1"
        os.execvp(apart[0], [*apart, sys.executable, *sys.argv])


def run(args: argparse.Namespace) -> list[Result]:
    names = [name for name in SCENARIOS if not args.only or any(word in name for word in args.only)]

    def one(name: str) -> Result:
        result = Scene(name, SHORT if args.short else FULL).run(SCENARIOS[name])
        lines = [f"{name}: {result.verdict} ({result.seconds:.1f} s): {notes(result)[:BESIDE]}"]
        print("\n    ".join([*lines, *result.problems]), flush=True)
        return result

    # Most of a scenario is waiting: the short ones stand three abreast.
    with ThreadPoolExecutor(3 if args.short else 1) as pool:
        return list(pool.map(one, names * args.repeat))


def report(results: list[Result], args: argparse.Namespace) -> None:
    folder = ROOT / "build"
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    title = f"{when} UTC, {machine()}{', short version' if args.short else ''}"
    stem = "chaos-part" if args.short or args.only else "chaos-report"
    rows = [{**dataclasses.asdict(result), "verdict": result.verdict} for result in results]
    Path(folder, f"{stem}.json").write_text(json.dumps({"what": title, "scenarios": rows}, indent=1) + "\n")
    Path(folder, f"{stem}.md").write_text(markdown(results, title))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="smaller and shorter: about a minute in all")
    parser.add_argument("--only", action="append", default=[], help="scenarios whose name contains this word")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="names and descriptions")
    args = parser.parse_args()
    if args.list:
        for name, scenario in SCENARIOS.items():
            print(f"{name}: {' '.join((scenario.__doc__ or '').split())}")
        return 0
    go_apart()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    log = ROOT / "build" / "chaos.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("w") as Program.log:  # what the programs have to say of their misfortunes
        results = run(args)
    if not results:
        parser.error(f"no scenario is called so: {', '.join(args.only)}")
    report(results, args)
    broken = [result for result in results if result.problems]
    silent, duplicates = (sum(getattr(result, name) for result in results) for name in ("silent", "duplicates"))
    print(f"\n{table(results)}\n")
    held, absent = sum(result.verdict == "held" for result in results), [r.name for r in results if r.not_run]
    print(
        f"chaos: {held} of {len(results)} scenarios held, {len(broken)} broken, {len(absent)} not run; "
        f"{silent} silent gaps, {duplicates} duplicates"
    )
    return 1 if broken or absent else 0


if __name__ == "__main__":
    sys.exit(main())
