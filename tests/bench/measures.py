"""What is measured: each function starts a server and its clients, loads them, and returns figures of one round.

Servers run on the first core, clients on the second, so that neither takes the other's time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HARNESS = Path(__file__).resolve().parents[1] / "harness"
sys.path.insert(0, str(HARNESS))

from programs import CORES, Program, ProgramError, find  # noqa: E402

HOST = HARNESS / "host.py"
SERVER_CORE, CLIENT_CORE = 0, 1
SIZE = 300  # bytes of a message on the wire

Figures = dict[str, float]
Measurement = Callable[[], Figures]


@dataclass(frozen=True)
class Scale:
    """How long and how large: the full run, or a quick look."""

    repeats: int = 3
    seconds: float = 4.0
    clients: int = 1000
    many: int = 10_000
    handshakes: int = 20_000
    stall: float = 60.0


FULL = Scale()
QUICK = Scale(repeats=1, seconds=1.0, many=4000, handshakes=4000, stall=6.0)


@contextmanager
def clients(
    port: int, n: int, mode: str = "sink", path: str = "/ws", say: str = "", rooms: int = 0
) -> Iterator[Program]:
    """`n` connected clients. Fewer than n is an error: everything that follows would be wrong."""
    arguments = ["--port", port, "--clients", n, "--mode", mode, "--path", path]
    if say:
        arguments += ["--say", say]
    if rooms:
        arguments += ["--rooms", rooms]
    with Program(find("clients"), *map(str, arguments), core=CLIENT_CORE) as program:
        answer = program.read(120)
        if answer["connected"] != n:
            raise ProgramError(f"only {answer['connected']} of {n} clients could connect: {answer}")
        yield program


def end(program: Program) -> dict[str, Any]:
    return program.ask("end", 120)


def server(name: str, *arguments: object) -> Program:
    return Program(find(name), *map(str, arguments), core=SERVER_CORE)


def fanout_cpu(name: str, scale: Scale, per_tick: int, *more: object) -> Figures:
    """CPU per delivered message, by the client's own count."""
    arguments = ["--size", SIZE, "--seconds", scale.seconds, "--tick-ms", 20, "--per-tick", per_tick, *more]
    if name == "floor":
        arguments += ["--clients", scale.clients]
    with server(name, *arguments) as program, clients(program.read()["port"], scale.clients) as load:
        result = program.ask("go", scale.seconds + 60)
        got = end(load)
    published = result.get("published", result.get("sent", 0) / scale.clients)
    return {
        "cpu_us": result["cpu_seconds"] * 1e6 / max(got["messages"], 1),
        "size": got["bytes"] / max(got["messages"], 1),
        "missing": published * scale.clients - got["messages"],
    }


def latency(name: str, scale: Scale) -> Figures:
    arguments: list[object] = ["--size", SIZE, "--seconds", scale.seconds, "--tick-ms", 50]
    if name == "floor":
        arguments += ["--clients", scale.clients, "--latency", 1]
    with server(name, *arguments) as program, clients(program.read()["port"], scale.clients, "latency") as load:
        program.ask("go", scale.seconds + 60)
        got = end(load)
    return {"p50_us": got["p50_us"], "p99_us": got["p99_us"]}


def core_call(scale: Scale, n: int) -> Figures:
    """What one wsm_publish costs its caller while n clients are connected."""
    with server("core_fanout", "--mode", "call", "--calls", 600, "--tick-ms", 10, "--per-tick", 10) as program:
        port = program.read()["port"]
        if n == 0:
            result = program.ask("go", 120)
        else:
            with clients(port, n) as load:
                result = program.ask("go", 120)
                end(load)
    return {"cpu_us": result["cpu_us_p50"], "wall_us": result["wall_us_p50"]}


def core_memory(scale: Scale) -> Figures:
    with server("core_fanout", "--mode", "memory") as program:
        port = program.read()["port"]
        with clients(port, 100) as warm:  # what the first connections bring about once is not per connection
            end(warm)
        program.send("mark")
        with clients(port, scale.many, "idle") as load:
            result = program.ask("go")
            end(load)
    return {"heap": result["heap_bytes_per_connection"], "rss": result["rss_bytes_per_connection"]}


def handshakes(name: str, scale: Scale) -> Figures:
    """Per second of the server's CPU time: the load generator is the slower side on a machine of two cores."""
    arguments = ["--handshakes", 1] if name == "floor" else ["--mode", "serve"]
    with server(name, *arguments) as program:
        port = program.read()["port"]
        if name != "floor":
            program.send("mark")
        command = ["--port", port, "--clients", scale.handshakes, "--mode", "handshakes", "--parallel", 64]
        with Program(find("clients"), *map(str, command), core=CLIENT_CORE) as load:
            wall = load.read(120)
        cpu = program.ask("go")["cpu_seconds"]
    return {"per_cpu_second": scale.handshakes / cpu, "per_second": wall["per_second"], "failed": wall["failed"]}


def host(manager: str, *more: str, core: int | None = SERVER_CORE) -> Program:
    return Program.python(HOST, "--manager", manager, *more, core=core)


def python_call(scale: Scale, manager: str, n: int) -> Figures:
    """What one notify call in FastAPI costs the thread that makes it."""
    ours = manager == "ours"
    command = {"do": "calls", "calls": 600 if ours else 30, "per_tick": 10 if ours else 1, "tick_ms": 10, "size": SIZE}
    with host(manager) as program:
        port = program.read()["port"]
        if n == 0:
            result = checked(program.ask(command))
        else:
            with clients(port, n) as load:
                result = checked(program.ask(command, 120))
                end(load)
    return {"cpu_us": result["cpu_p50_us"], "wall_us": result["wall_p50_us"]}


def checked(result: dict[str, Any]) -> dict[str, Any]:
    if "error" in result:
        raise ProgramError(result["error"])
    return result


def python_fanout(scale: Scale, manager: str) -> Figures:
    """CPU of the whole server process per delivered message, one broadcast every 50 ms."""
    with host(manager) as program, clients(program.read()["port"], scale.clients) as load:
        result = checked(
            program.ask({"do": "broadcast", "tick_ms": 50, "seconds": scale.seconds, "size": SIZE}, scale.seconds + 60)
        )
        got = end(load)
    return {
        "cpu_us": result["cpu_seconds"] * 1e6 / max(got["messages"], 1),
        "call_us": result["call_p50_us"],
        "size": got["bytes"] / max(got["messages"], 1),
    }


def python_delay(scale: Scale, manager: str) -> Figures:
    """How late the host's loop is while it broadcasts 1,000 times a second to 1,000 clients.

    The loop's thread has the first core to itself; the runtime's thread shares the second with the clients. With the
    home-made manager there is no other thread, and the loop sends as often as it can.
    """
    with host(manager, *apart(), core=None) as program, clients(program.read()["port"], scale.clients) as load:
        command = {"do": "broadcast", "tick_ms": 1, "seconds": scale.seconds, "size": SIZE}
        result = checked(program.ask(command, scale.seconds + 60))
        end(load)
    return delay_figures(result)


def idle_delay(scale: Scale) -> Figures:
    """The same loop with nothing to do, while the second core is as busy as it is with our runtime."""
    busy = ["--mode", "fanout", "--tick-ms", 1, "--size", SIZE, "--seconds", scale.seconds]
    with (
        Program(find("core_fanout"), *map(str, busy), core=CLIENT_CORE) as other,
        clients(other.read()["port"], scale.clients) as load,
        host("none", *apart(), core=None) as program,
    ):
        program.read()
        other.send("go")
        result = checked(program.ask({"do": "idle", "seconds": scale.seconds}, scale.seconds + 60))
        other.read(scale.seconds + 60)
        end(load)
    return delay_figures(result)


def apart() -> list[str]:
    return ["--main-core", str(CORES[SERVER_CORE]), "--other-core", str(CORES[CLIENT_CORE % len(CORES)])]


def delay_figures(result: dict[str, Any]) -> Figures:
    return {
        "p50_us": result["delay_p50_us"],
        "p99_us": result["delay_p99_us"],
        "waited_ms": result["waited_ms"],  # for a core that others had: the noise in the line above
        "per_second": result.get("sent", 0) / result.get("seconds", 1),
    }
