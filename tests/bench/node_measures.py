"""What is measured in Node: ours, `ws` and Socket.IO, each in a server of its own (host.mjs), one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import measures
from measures import CLIENT_CORE, SERVER_CORE, SIZE, Figures, Scale, checked, clients, delay_figures, end
from programs import CORES, ROOT, Program, find

HOST = Path(__file__).with_name("host.mjs")
PROJECT = ROOT / "build" / "node-app"
LIBRARIES = ("ours", "ws", "socketio")
# Where clients connect to, and what they say first: Socket.IO sends to those only that have joined its namespace.
DOORS = {
    "ours": {"path": "/ws"},
    "ws": {"path": "/ws"},
    "socketio": {"path": "/socket.io/?EIO=4&transport=websocket", "say": "40"},
}
HEARTBEAT = 2.0  # seconds, while the main thread computes


@contextmanager
def host(library: str, *more: object, core: int | None = SERVER_CORE) -> Iterator[tuple[Program, int]]:
    with Program("node", "--expose-gc", HOST, PROJECT, library, *map(str, more), core=core) as program:
        yield program, program.read()["port"]


@contextmanager
def apart(library: str) -> Iterator[tuple[Program, int]]:
    """The main thread has the first core to itself; all others share the second with the clients."""
    with host(library, core=CLIENT_CORE) as (program, port):
        os.sched_setaffinity(program.pid, {CORES[SERVER_CORE]})  # of this id there is one thread: the main one
        yield program, port


def call(scale: Scale, library: str, n: int) -> Figures:
    """What one call costs its thread. Wall time: Node tells the CPU time of a thread only from version 24 on."""
    ours = library == "ours"
    command = {"do": "calls", "calls": 600 if ours else 100, "per_tick": 10 if ours else 1, "tick_ms": 10, "size": SIZE}
    with apart(library) as (program, port):
        if n == 0:
            result = checked(program.ask(command, 120))
        else:
            with clients(port, n, **DOORS[library]) as load:
                result = checked(program.ask(command, 120))
                end(load)
    return {"p50_us": result["wall_p50_us"], "p99_us": result["wall_p99_us"]}


def fanout(scale: Scale, library: str) -> Figures:
    """CPU of the whole server process per delivered message, one message to all every 50 ms."""
    with host(library) as (program, port), clients(port, scale.clients, **DOORS[library]) as load:
        command = {"do": "broadcast", "tick_ms": 50, "seconds": scale.seconds, "size": SIZE}
        result = checked(program.ask(command, scale.seconds + 60))
        got = end(load)
    return {
        "cpu_us": result["cpu_seconds"] * 1e6 / max(got["messages"], 1),
        "size": got["bytes"] / max(got["messages"], 1),
        "missing": result["sent"] * scale.clients - got["messages"],
    }


def delay(scale: Scale, library: str) -> Figures:
    """How late the event loop is while it sends 1,000 times a second to all clients, or as often as it can."""
    with apart(library) as (program, port), clients(port, scale.clients, **DOORS[library]) as load:
        command = {"do": "broadcast", "tick_ms": 1, "seconds": scale.seconds, "size": SIZE}
        result = checked(program.ask(command, scale.seconds + 120))
        end(load)
    return delay_figures(result)


def idle_delay(scale: Scale) -> Figures:
    """The same loop with nothing to do, while the second core is as busy as it is with our runtime."""
    busy = ["--mode", "fanout", "--tick-ms", 1, "--size", SIZE, "--seconds", scale.seconds]
    with (
        Program(find("core_fanout"), *map(str, busy), core=CLIENT_CORE) as other,
        clients(other.read()["port"], scale.clients) as load,
        apart("none") as (program, _),
    ):
        other.send("go")
        result = checked(program.ask({"do": "idle", "seconds": scale.seconds}, scale.seconds + 60))
        other.read(scale.seconds + 60)
        end(load)
    return delay_figures(result)


def memory(scale: Scale, library: str) -> Figures:
    """Resident memory per idle connection; the kernel's share is not in it."""
    with host(library) as (program, port):
        with clients(port, 100, **DOORS[library]) as warm:
            end(warm)
        before = program.ask({"do": "memory"})["rss"]
        with clients(port, scale.many, "idle", **DOORS[library]) as load:
            after = program.ask({"do": "memory"}, 120)["rss"]
            end(load)
    return {"rss": (after - before) / scale.many}


def computing(scale: Scale) -> dict[str, Any]:
    """A main thread that computes without a pause: who is still there, and got how many heartbeats."""
    with host("ours", HEARTBEAT, core=None) as (program, port), clients(port, scale.clients, "idle") as load:
        checked(program.ask({"do": "compute", "seconds": scale.stall}, scale.stall + 60))
        got = end(load)
    return {"kept": got["open"], "heartbeats_min": got["pings_min"], "due": int(scale.stall / HEARTBEAT) - 1}


def plan(scale: Scale) -> dict[str, measures.Measurement]:
    """A round, in this order: what is compared stands side by side."""
    others = LIBRARIES[1:]
    return {
        "node call 0": partial(call, scale, "ours", 0),
        "node call n": partial(call, scale, "ours", scale.clients),
        "node call many": partial(call, scale, "ours", scale.many),
        **{f"node {library} call n": partial(call, scale, library, scale.clients) for library in others},
        **{f"node {library} fan-out": partial(fanout, scale, library) for library in LIBRARIES},
        "node idle delay": partial(idle_delay, scale),
        **{f"node {library} delay": partial(delay, scale, library) for library in LIBRARIES},
        **{f"node {library} memory": partial(memory, scale, library) for library in LIBRARIES},
    }
