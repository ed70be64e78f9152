"""What established clients notice while thousands reconnect: delay of messages without and with handshakes in turn.

python tests/bench/storm.py [--rounds N] [--budgets 0,0.001]

1,000 clients get 50 messages a second; meanwhile 5,000 others at a time connect, leave and connect again. The delay is
from the call of wsm_publish to the receiving client. handshake_budget 0 is without a bound.
"""

from __future__ import annotations

import argparse
import statistics

from measures import CLIENT_CORE, SIZE, clients, end, server
from programs import Program, find

ESTABLISHED, STORM, SECONDS = 1000, 5000, 3


def measure(budget: str, storm: bool) -> tuple[float, float, float]:
    """p50 and p99 in milliseconds, handshakes per second."""
    arguments = ["--size", SIZE, "--seconds", SECONDS, "--tick-ms", 20, "--option", f"handshake_budget={budget}"]
    with server("core_fanout", *arguments) as program:
        port = program.read()["port"]
        with clients(port, ESTABLISHED, "latency") as load:
            if not storm:
                program.ask("go", SECONDS + 60)
                got = end(load)
                return got["p50_us"] / 1000, got["p99_us"] / 1000, 0
            more = ["--port", port, "--clients", 30_000, "--mode", "handshakes", "--parallel", STORM]
            with Program(find("clients"), *map(str, more), core=CLIENT_CORE) as reconnecting:
                program.ask("go", SECONDS + 60)
                got = end(load)
                rate = reconnecting.read(120)["per_second"]
    return got["p50_us"] / 1000, got["p99_us"] / 1000, rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budgets", default="0,0.0005,0.001,0.002,0.005")
    options = parser.parse_args()
    kinds = [("no storm", "0.001", False), *((f"budget {b} s", b, True) for b in options.budgets.split(","))]
    rounds = [[measure(budget, storm) for _, budget, storm in kinds] for _ in range(options.rounds)]
    for index, (name, _, _) in enumerate(kinds):
        p50, p99, rate = (statistics.median(row[index][k] for row in rounds) for k in range(3))
        print(f"{name:16}  p50 {p50:7.2f} ms  p99 {p99:7.2f} ms  {rate:7.0f} handshakes/s")


if __name__ == "__main__":
    main()
