"""What rooms on disk cost, beside the same rooms in memory: throughput, latency, size, recovery.

The server has a thread that works and one that writes, so it is not held to one core.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import measures
from keeper import Keeper, Settings, column
from measures import SIZE, Figures, Scale, clients, end

SUBSCRIBERS = 100  # of each room
RECOVERED = 10_000  # messages that each client of them recovers
IN_MEMORY = ("project:r*:store=memory",)
PRUNED = "history_size=2000"  # so that something is pruned all the time
MANY = "history_size=1000000"


@contextmanager
def keeper(groups: tuple[str, ...], rules: tuple[str, ...], *options: str) -> Iterator[tuple[Keeper, Settings]]:
    with tempfile.TemporaryDirectory(prefix="wsm-bench-") as folder:
        settings = Settings(Path(folder), groups, options, rules, journal=False, arguments=["--size", str(SIZE - 150)])
        with Keeper.begin(settings) as program:
            yield program, settings


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rules_of(store: str) -> tuple[str, ...]:
    return (f"project:r*:store={store}",)


def throughput(scale: Scale, store: str, rooms: int, subscribers: int = SUBSCRIBERS, sync: str = "normal") -> Figures:
    """Acknowledged publications a second, as fast as it goes."""
    group = f"room:0:{rooms}:10000000:{max(1000 // rooms, 8)}"
    with keeper((group,), rules_of(store), MANY, f"store_sync={sync}", "max_queue=16777216") as (server, settings):
        n = rooms * subscribers
        if n:
            with clients(server.port, n, path="/ws/project/r", rooms=rooms) as load:
                figures = run_flat_out(scale, server)
                end(load)
        else:
            figures = run_flat_out(scale, server)
        server.ask("stop", 60)
        server.wait(60)
        if store == "disk":
            figures["bytes"] = settings.file.stat().st_size / sum(column(settings.file, "top").values())
    return figures


def run_flat_out(scale: Scale, server: Keeper) -> Figures:
    server.ask("on")
    time.sleep(0.3)
    before, cpu, begin = server.ask("status"), cpu_seconds(server.pid), time.monotonic()
    time.sleep(scale.seconds)
    after, took = server.ask("status"), time.monotonic() - begin
    done = after["stored"] + after["unstored"] - before["stored"] - before["unstored"]
    used = cpu_seconds(server.pid) - cpu
    server.ask("off", 60)
    return {"per_second": done / took, "cpu_us": used * 1e6 / max(done, 1)}


def latency(scale: Scale, store: str, sync: str = "normal", beside: bool = False) -> Figures:
    """From publishing to the client, 1,000 messages a second to 100 clients of one room, which is pruned all the time.
    With `beside`, a room on disk is written to as fast as it goes at the same time."""
    groups = ("room:0:1:1000:64", *(("room:900:1:8000:512",) if beside else ()))
    rules = (*rules_of(store), "project:r9*:store=disk")
    with (
        keeper(groups, rules, PRUNED, f"store_sync={sync}") as (server, _),
        clients(server.port, SUBSCRIBERS, "latency", "/ws/project/r0") as load,
    ):
        server.ask("on")
        time.sleep(0.5)
        load.ask("mark")
        time.sleep(scale.seconds)
        got = load.ask("mark")
        server.ask("off")
        end(load)
    return {"p50_us": got["p50_us"], "p99_us": got["p99_us"], "max_us": got["max_us"]}


def recovery(scale: Scale) -> Figures:
    """100 clients recover 10,000 messages each, of which memory holds a few hundred."""
    with keeper(("room:0:1:10000000:1000",), rules_of("disk"), MANY) as (server, settings):
        server.ask("on")
        while server.ask("status")["stored"] < RECOVERED:
            time.sleep(0.05)
        top = server.ask("off")["n"][0]
        epoch = column(settings.file, "epoch")["project:r0"]
        position = f'"since":{{"epoch":"{epoch}","offset":{top - RECOVERED}}}'
        with clients(server.port, SUBSCRIBERS) as load:
            cpu = cpu_seconds(server.pid)
            command = f'say {RECOVERED + 1} {{"action":"subscribe","room":"project:r0",{position}}}'
            got = load.ask(command, 300)
            used = cpu_seconds(server.pid) - cpu
            end(load)
    return {"seconds": got["seconds"], "cpu_seconds": used, "messages": got["messages"]}


def plan(scale: Scale) -> dict[str, measures.Measurement]:
    return {
        "disk rate 1 memory": lambda: throughput(scale, "memory", 1),
        "disk rate 1": lambda: throughput(scale, "disk", 1),
        "disk rate 1 full": lambda: throughput(scale, "disk", 1, sync="full"),
        "disk rate 100 memory": lambda: throughput(replace(scale), "memory", 100),
        "disk rate 100": lambda: throughput(scale, "disk", 100),
        "disk rate alone 1": lambda: throughput(scale, "disk", 1, 0),
        "disk rate alone 100": lambda: throughput(scale, "disk", 100, 0),
        "disk latency memory": lambda: latency(scale, "memory"),
        "disk latency": lambda: latency(scale, "disk"),
        "disk latency full": lambda: latency(scale, "disk", "full"),
        "disk latency beside": lambda: latency(scale, "memory", beside=True),
        "disk recovery": lambda: recovery(scale),
    }
