"""Whether those who behave are protected from those who do not: delays of honest clients without and with attackers.

    python protection.py [--rounds 5] [--seconds 5] [--clients 1000] [--per-second 50] [--realtime] [--json FILE]

A FastAPI application publishes to a room of 1,000 clients, and less often to a room of ten; the delay from the call to
each client is measured. In each round the same clients of the same process are looked at in peace, then beside each
attacker, then beside all at once: one client that never reads, one that floods, 2,000 half handshakes (renewed as the
server ends them). The median over the rounds of (with / without, of the same round) stands beside the bar: p99 within
1.5 times, memory of the server within 20 MB. It asserts nothing: a missed bar is marked. Server on the first core;
clients and attackers on the second. Attackers come from loopback, which no automatic ban touches: all the rest must do.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

HARNESS = Path(__file__).resolve().parents[1] / "harness"
sys.path.insert(0, str(HARNESS))

from chaos import machine  # noqa: E402
from programs import ROOT, Program, find  # noqa: E402
from scene import Host  # noqa: E402

SERVER_CORE, CLIENT_CORE = 0, 1
CROWD, FEW = "r0", "r1"
BAR, MEMORY_BAR = 1.5, 20.0  # times; MB
ATTACKS = {
    "one client that never reads": ["--mute", "1"],
    "one client that floods (10,000 commands a second)": ["--flood", "1"],
    "2,000 half handshakes": ["--half", "2000"],
    "all of them": ["--mute", "1", "--flood", "1", "--half", "2000"],
}

Figures = dict[str, Any]


class Measure:
    def __init__(self, args: argparse.Namespace, stack: ExitStack) -> None:
        self.args = args
        self.host = stack.enter_context(Host.begin("--own-port", "0", core=SERVER_CORE))
        self.fleets = {
            room: stack.enter_context(self.honest(room, n)) for room, n in ((CROWD, args.clients), (FEW, 10))
        }
        self.host.do("publish_on", rooms=[f"project:{CROWD}"], per_second=args.per_second, size=100)
        self.host.do("publish_on", rooms=[f"project:{FEW}"], per_second=37, size=100)

    def honest(self, room: str, n: int) -> Program:
        options = ["--clients", str(n), "--mode", "latency", "--path", f"/ws/project/{room}"]
        program = Program(find("clients"), "--port", str(self.host.own_port), *options, core=CLIENT_CORE)
        connected = program.read()["connected"]
        if connected != n:
            raise SystemExit(f"only {connected} of {n} clients could connect")
        return program

    def look(self, seconds: float) -> Figures:
        """Delays during the next `seconds`, and memory at their end."""
        for fleet in self.fleets.values():
            fleet.ask("mark")
        time.sleep(seconds)
        figures: Figures = {"rss_mb": self.host.status_file("VmRSS") / 1024}
        for room, fleet in self.fleets.items():
            got = fleet.ask("mark")
            if got["failed"]:
                raise SystemExit(f"{got['failed']} honest clients lost their connections: {got}")
            figures |= {f"{room}_{name}": got[name] for name in ("p50_us", "p99_us", "max_us", "samples")}
        return figures

    def round(self) -> dict[str, Figures]:
        figures = {"peace": self.look(self.args.seconds)}
        for name, options in ATTACKS.items():
            arguments = ["--port", str(self.host.own_port), "--path", f"/ws/project/{CROWD}", *options]
            with Program(find("hostile"), *arguments, core=CLIENT_CORE) as hostile:
                figures[name] = self.look(self.args.seconds)  # the onset of the attack included
                hostile.read()
                figures[name]["attack"] = hostile.ask("end")
            time.sleep(0.5)
        return figures


def ratio(rounds: list[dict[str, Figures]], name: str, key: str) -> float:
    return statistics.median(figures[name][key] / figures["peace"][key] for figures in rounds)


def median(rounds: list[dict[str, Figures]], name: str, key: str) -> float:
    return statistics.median(figures[name][key] for figures in rounds)


def table(rounds: list[dict[str, Figures]], memory: float) -> tuple[str, bool]:
    lines = [
        "| beside | p50 ms, room of 1,000 | p99 ms | p99 ratio | p50 ms, room of 10 | p99 ms | p99 ratio | bar | met |",
        "|---|--:|--:|--:|--:|--:|--:|---|---|",
    ]
    good = memory <= MEMORY_BAR
    for name in rounds[0]:
        cells = [name]
        ratios = []
        for room in (CROWD, FEW):
            ratios.append(ratio(rounds, name, f"{room}_p99_us"))
            cells += [f"{median(rounds, name, f'{room}_{key}') / 1000:.2f}" for key in ("p50_us", "p99_us")]
            cells.append(f"{ratios[-1]:.2f} ×")
        met = max(ratios) <= BAR
        good = good and met
        peace = name == "peace"
        lines.append(
            "| " + " | ".join([*cells, "" if peace else f"≤ {BAR} ×", "" if peace else "yes" if met else "NO"]) + " |"
        )
    met_memory = "yes" if memory <= MEMORY_BAR else "NO"
    lines.append(f"\nMemory of the server: {memory:+.1f} MB at most, bar {MEMORY_BAR:.0f} MB: {met_memory}")
    return "\n".join(lines), good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each look")
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--per-second", type=float, default=50, help="messages to the large room")
    parser.add_argument("--realtime", action="store_true", help="keep other programs off the cores meanwhile (root)")
    parser.add_argument("--json", type=Path, help="all figures go there as well")
    args = parser.parse_args()
    if args.realtime:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(5))  # and what is started from here
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        measure = Measure(args, stack)
        measure.look(2 * args.seconds)  # histories fill up
        before = measure.host.status_file("VmRSS") / 1024
        rounds = []
        for number in range(args.rounds):
            rounds.append(measure.round())
            print(f"round {number + 1} of {args.rounds}", file=sys.stderr, flush=True)
    memory = max(figures["rss_mb"] for round_ in rounds for figures in round_.values()) - before
    text, _ = table(rounds, memory)
    title = f"{time.strftime('%Y-%m-%d', time.gmtime())}, {machine()}"
    text = f"{title}: {args.clients:,} honest clients, {args.rounds} rounds of {args.seconds:g} s\n\n{text}\n"
    print(text)
    (ROOT / "build" / "protection.md").write_text(text)
    if args.json:
        args.json.write_text(json.dumps({"what": title, "memory_mb": memory, "rounds": rounds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
