"""An hour of ordinary trouble: thousands of clients come, go, read slowly, join and leave rooms, beside hostile ones.

    python soak.py [--minutes 60] [--clients 5000] [--every 30]

One FastAPI application publishes to fifty rooms from Python. Half of the clients come in by uvicorn's port (hand-over),
half by the runtime's own. All the time some drop and resume, some stop reading, some visit other rooms; flooding
clients are thrown out and come back; mute ones never read; half handshakes stand at the door. Every --every seconds
memory, descriptors, threads and the runtime's own figures go to build/soak.csv.

Verdict, in build/soak-report.{json,md} and on the terminal: resident memory after a warm-up is flat (a line fitted
through it rises by no more than FLAT of it from end to end), descriptors are back where they began once everybody has
left, and no client saw a silent gap or a duplicate. It exits with 1 otherwise. SIGTERM ends it early, with a verdict.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import resource
import signal
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from chaos import machine
from programs import ROOT, Program, ProgramError, find
from scene import Fleet, Host, Scale, Scene, until

ROOMS = 50
PER_SECOND = 2  # messages to each room
SIZE = 600
CHURN = "churn 15 5 20"  # per fleet and second: drops, pauses of up to 10 s, visits
HOSTILE = ["--half", "200", "--mute", "20", "--flood", "2", "--rate", "1000"]
WARM_UP = 6.0  # minutes in which histories fill up to their size and age; shorter runs say nothing about memory
FLAT = 0.02
STATS = [
    *("active_connections", "rooms", "subscriptions", "queued_bytes", "lagging_connections", "lags", "gaps"),
    *("deliveries_dropped_overflow", "rate_limited", "slow_consumers", "timeouts", "refused_handshakes"),
    *("total_connections", "total_messages_sent", "total_messages_received"),
]
ORACLE = ["silent", "duplicates", "wrong", "needless", "protocol_errors"]

Row = dict[str, Any]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def patient_stats(host: Host) -> Row:
    """On a machine that others keep busy, an answer may come too late: that is asked for again."""
    for _ in range(5):
        answer = host.ask({"do": "stats"})
        if "error" not in answer:
            return answer
        print(answer["error"], flush=True)
    raise ProgramError(f"stats: {answer['error']}")


def sample(host: Host, fleets: list[Fleet], started: float) -> Row:
    stats = patient_stats(host)
    statuses = [fleet.status() for fleet in fleets]
    row: Row = {
        "minute": round((time.monotonic() - started) / 60, 2),
        "rss_kb": host.status_file("VmRSS"),
        "descriptors": host.descriptors,
        "threads": host.status_file("Threads"),
        "cpu_s": round(cpu_seconds(host.pid), 1),
    }
    row |= {name: stats.get(name, 0) for name in STATS}
    for name in ["connections", "recovered", "told", "gaps", *ORACLE]:
        row["client_" + name] = sum(status[name] for status in statuses)
    return row


def slope(points: list[tuple[float, float]]) -> float:
    """Of the line through them by Theil and Sen, the median of all slopes between two: one step does not tilt it."""
    pairs = itertools.combinations(points, 2)
    return statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs if b[0] > a[0])


class Soak:
    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.rows: list[Row] = []
        self.path = ROOT / "build" / "soak.csv"

    def scenario(self, scene: Scene) -> None:
        args = self.args
        host = scene.host("--own-port", "0", "--option", "max_queue=8192")
        self.warm(host)
        baseline = host.descriptors
        fleets = [
            scene.fleet(port, args.clients // 2, rooms=ROOMS, receive_buffer=4096, silence=100, parallel=50, seed=seed)
            for seed, port in enumerate((host.port, host.own_port), 1)
        ]
        host.publish(ROOMS, PER_SECOND, size=SIZE)
        with Program(find("hostile"), "--port", str(host.own_port), *HOSTILE) as hostile:
            hostile.read()
            for fleet in fleets:
                fleet.ask(CHURN)
            self.watch(host, fleets)
            scene.note(hostile=hostile.ask("end"))
        for fleet in fleets:
            fleet.ask("churn 0 0 0")
        scene.settle(host, 120)
        self.rows.append(sample(host, fleets, self.started))
        scene.count()
        scene.fleets.clear()
        for fleet in fleets:
            fleet.close()
        scene.expect(until(lambda: host.do("stats")["active_connections"] == 0, 120), "connections of nobody are left")
        until(lambda: host.descriptors <= baseline, 20)
        self.judge(scene, baseline, host)

    def warm(self, host: Host) -> None:
        """What the first connections bring about once is no leak."""
        for port in (host.port, host.own_port):
            with Fleet.begin(port, 20) as first:
                first.all_joined()
        until(lambda: host.do("stats")["active_connections"] == 0, 20)

    def watch(self, host: Host, fleets: list[Fleet]) -> None:
        self.started = time.monotonic()
        self.end, due = self.started + self.args.minutes * 60, self.started
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "end", 0.0))
        with self.path.open("w", newline="") as file:
            writer: csv.DictWriter[str] | None = None
            while time.monotonic() < self.end:
                row = sample(host, fleets, self.started)
                self.rows.append(row)
                writer = writer or csv.DictWriter(file, list(row))
                if file.tell() == 0:
                    writer.writeheader()
                writer.writerow(row)
                file.flush()
                print(self.shown(row), flush=True)
                due += self.args.every
                while time.monotonic() < min(due, self.end):
                    time.sleep(0.2)

    def shown(self, row: Row) -> str:
        figures = [f"{row['minute']:6.1f} min", f"{row['rss_kb'] / 1024:7.1f} MB", f"{row['descriptors']:6} fds"]
        figures += [f"{row['total_messages_sent']:12,} sent", f"{row['client_connections']:8,} connections"]
        return "  ".join([*figures, f"silent {row['client_silent']}", f"lags {row['lags']}"])

    def judge(self, scene: Scene, baseline: int, host: Host) -> None:
        warm_up = WARM_UP if self.args.minutes > 1.5 * WARM_UP else 0
        warm = [(row["minute"], float(row["rss_kb"])) for row in self.rows if row["minute"] >= warm_up]
        per_minute, mean = slope(warm), statistics.mean(kilobytes for _, kilobytes in warm)
        rise = per_minute * (warm[-1][0] - warm[0][0])
        flat = abs(rise) <= FLAT * mean or not warm_up
        scene.expect(flat, f"memory is not flat: {rise:+.0f} kB of {mean:.0f} kB")
        scene.expect(host.descriptors <= baseline, f"{host.descriptors} descriptors are left; it began with {baseline}")
        threads = {row["threads"] for row in self.rows}
        scene.expect(len(threads) == 1, f"threads: {sorted(threads)}")
        seconds = (self.rows[-1]["minute"] - self.rows[0]["minute"]) * 60
        scene.note(
            rss_mb=round(mean / 1024, 1),
            rss_rise_kb=round(rise),
            rss_rise_kb_per_hour=round(per_minute * 60),
            rss_after_mb=round(host.status_file("VmRSS") / 1024, 1),
            descriptors_before=baseline,
            descriptors_after=host.descriptors,
            server_cpu_percent=round(100 * (self.rows[-1]["cpu_s"] - self.rows[0]["cpu_s"]) / seconds, 1),
        )


COLUMNS = {
    "minute": "minute",
    "rss_kb": "RSS kB",
    "descriptors": "fds",
    "threads": "threads",
    "active_connections": "connections",
    "client_connections": "accepted",
    "total_messages_sent": "sent",
    "queued_bytes": "queued B",
    "client_recovered": "recovered",
    "lags": "lags",
    "rate_limited": "rate limited",
    "client_silent": "silent gaps",
}


def markdown(rows: list[Row], title: str) -> str:
    """Some ten rows of the table."""
    step = max(1, (len(rows) - 1) // 10)
    chosen = [*rows[:-1:step], rows[-1]]
    lines = [title, "", "| " + " | ".join(COLUMNS.values()) + " |", "|" + "--:|" * len(COLUMNS)]
    for row in chosen:
        lines.append("| " + " | ".join(f"{row[name]:,}" for name in COLUMNS) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=5000)
    parser.add_argument("--every", type=float, default=30.0, help="seconds between samples")
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    (ROOT / "build").mkdir(exist_ok=True)
    soak = Soak(args)
    with (ROOT / "build" / "soak.log").open("w") as Program.log:
        result = Scene("soak", Scale(False, args.clients, 0, 0, 0)).run(soak.scenario)
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    minutes = soak.rows[-1]["minute"] if soak.rows else 0
    title = f"{when} UTC, {machine()}, {args.clients:,} clients, {minutes:.0f} minutes"
    summary = {"what": title, "verdict": result.verdict, "problems": result.problems, **result.notes}
    counts = ("clients", "messages", "reconnects", "told", "silent", "duplicates")
    summary |= {name: getattr(result, name) for name in counts}
    (ROOT / "build" / "soak-report.json").write_text(json.dumps({**summary, "rows": soak.rows}, indent=1) + "\n")
    (ROOT / "build" / "soak-report.md").write_text(markdown(soak.rows, title) if soak.rows else title)
    print(json.dumps(summary, indent=1))
    print(f"soak: {result.verdict}")
    return 0 if result.verdict == "held" else 1


if __name__ == "__main__":
    sys.exit(main())
