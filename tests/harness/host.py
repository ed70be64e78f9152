"""A FastAPI application under a real uvicorn, steered over lines of JSON: the host side of bench and harness.

    python host.py --manager ours|naive|none [--loop asyncio|uvloop] [--port P] [--main-core I --other-core J]

It prints {"port": P} once it listens, then answers one line per command:

    {"do": "idle", "seconds": S}                              loop delay while nothing is to be done
    {"do": "broadcast", "tick_ms": T, "per_tick": K, "seconds": S, "size": B}   what sending costs, and the loop delay
    {"do": "calls", "calls": N, "per_tick": K, "tick_ms": T, "size": B}   cost of one notify call to its thread
    {"do": "publish", "room": R, "count": N, "first": F}      N messages to a room, {"n": F} and on
    {"do": "publish_on", "rooms": [R, …], "per_second": P, "size": B}   goes on publishing {"n": 1}, {"n": 2} … to each
    {"do": "publish_off"}                                     the last n of the first; nothing more is published
    {"do": "publish_large", "room": R, "count": N, "size": B}   how many were "sent", and how often which error came
    {"do": "fork", "children": N}                             each sends with a runtime of its own, and exits
    {"do": "stall", "seconds": S, "hold_gil": true}           the loop does nothing for S seconds
    {"do": "stats"}                                           the manager's statistics

`naive` is what people write by hand: a list of sockets, and `for client in clients: await client.send_text(text)`.
Loop delay: a task sleeps 1 ms again and again, and notes by how much it is late.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import datetime
import json
import os
import resource
import socket
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

Answer = dict[str, Any]


class Naive:
    """The home-made manager."""

    def __init__(self) -> None:
        self.clients: list[WebSocket] = []

    async def serve(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self.clients.append(websocket)
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            self.clients.remove(websocket)

    async def broadcast(self, data: dict[str, Any]) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat()
        text = json.dumps({"type": "bench", "data": data, "timestamp": now, "message_id": uuid.uuid4().hex})
        for client in list(self.clients):
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await client.send_text(text)


def percentiles(values: list[float], scale: float = 1e6) -> Answer:
    """p50, p99, maximum and mean of `values` (seconds), in microseconds."""
    if not values:
        return {"p50_us": None, "p99_us": None, "max_us": None, "mean_us": None}
    ordered = sorted(values)
    return {
        "p50_us": ordered[len(ordered) // 2] * scale,
        "p99_us": ordered[len(ordered) * 99 // 100] * scale,
        "max_us": ordered[-1] * scale,
        "mean_us": sum(ordered) / len(ordered) * scale,
    }


def waited_seconds() -> float:
    """How long this thread has been ready to run while others had its core: on a core of its own, the noise."""
    with open("/proc/thread-self/schedstat") as file:
        return int(file.read().split()[1]) * 1e-9


class LoopDelay:
    """Measures by how much the running loop is late, while it is entered."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.waited = -waited_seconds()

    async def _probe(self) -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.001)
            self.late.append(time.perf_counter() - start - 0.001)

    async def __aenter__(self) -> LoopDelay:
        self._task = asyncio.create_task(self._probe())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def report(self) -> Answer:
        delay = {f"delay_{name}": value for name, value in percentiles(self.late).items()}
        return {**delay, "waited_ms": (self.waited + waited_seconds()) * 1000}


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def message(size: int) -> dict[str, Any]:
    """Data whose message has about `size` bytes on the wire."""
    return {"mono_ns": time.monotonic_ns(), "pad": "a" * max(size - 167, 1)}


class Host:
    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.naive = Naive()
        self.ours: Any = None
        self.publishing: list[asyncio.Task[None]] = []
        self.counters: list[list[int]] = []
        self.app = self.make_app()

    def make_app(self) -> FastAPI:
        if self.args.manager == "ours":
            import ws_manager

            ws_manager.configure(
                max_connections=1_000_000,
                max_connections_per_ip=1_000_000,
                heartbeat_interval=self.args.heartbeat,
                timeout=self.args.heartbeat * 3,
                **({} if self.args.own_port is None else {"port": self.args.own_port}),
                **dict(self.args.option),
            )
            self.ours = ws_manager
            app = FastAPI(lifespan=ws_manager.lifespan)
            app.include_router(ws_manager.router)
            return app

        @contextlib.asynccontextmanager
        async def nothing(_: FastAPI) -> AsyncIterator[None]:
            yield

        app = FastAPI(lifespan=nothing)

        async def endpoint(websocket: WebSocket) -> None:
            await self.naive.serve(websocket)

        app.add_api_websocket_route("/ws", endpoint)
        return app

    async def send(self, size: int) -> None:
        if self.ours is not None:
            self.ours.broadcast({"type": "bench", "data": message(size)})
        elif self.args.manager == "naive":
            await self.naive.broadcast(message(size))

    async def do_idle(self, command: Answer) -> Answer:
        async with LoopDelay() as delay:
            cpu = cpu_seconds()
            await asyncio.sleep(command["seconds"])
        return {"cpu_seconds": cpu_seconds() - cpu, **delay.report()}

    async def do_broadcast(self, command: Answer) -> Answer:
        tick, size = command["tick_ms"] / 1000, command.get("size", 300)
        spent: list[float] = []
        cpu, start = cpu_seconds(), time.perf_counter()
        due = start
        async with LoopDelay() as delay:
            while (now := time.perf_counter()) - start < command["seconds"]:
                while due <= now:  # a loop that wakes late catches up
                    due = max(due + tick, now - 0.1)
                    for _ in range(command.get("per_tick", 1)):
                        before = time.perf_counter()
                        await self.send(size)
                        spent.append(time.perf_counter() - before)
                    if self.ours is None:
                        break
                await asyncio.sleep(max(due - time.perf_counter(), 0))
            elapsed = time.perf_counter() - start
        await asyncio.sleep(0.3)
        calls = {f"call_{name}": value for name, value in percentiles(spent).items()}
        used = cpu_seconds() - cpu
        return {"sent": len(spent), "seconds": elapsed, "cpu_seconds": used, **calls, **delay.report()}

    async def do_calls(self, command: Answer) -> Answer:
        """CPU time of the calling thread: where runtime and caller share a core, waking it may switch to it at once."""
        cpu: list[float] = []
        wall: list[float] = []
        clock = min(-(time.thread_time_ns() - time.thread_time_ns()) for _ in range(1000))
        data = message(command.get("size", 300))
        event = {"type": "bench", "data": data}
        for number in range(command["calls"]):
            before, started = time.perf_counter(), time.thread_time_ns()
            if self.ours is not None:
                self.ours.broadcast(event)
            else:
                await self.naive.broadcast(data)
            ended, after = time.thread_time_ns(), time.perf_counter()
            cpu.append(max(ended - started - clock, 0) * 1e-9)
            wall.append(after - before)
            if (number + 1) % command["per_tick"] == 0:
                await asyncio.sleep(command["tick_ms"] / 1000)
        await asyncio.sleep(0.3)
        return {
            **{f"cpu_{name}": value for name, value in percentiles(cpu).items()},
            **{f"wall_{name}": value for name, value in percentiles(wall).items()},
        }

    async def do_publish(self, command: Answer) -> Answer:
        first = command.get("first", 1)
        for n in range(first, first + command["count"]):
            self.ours.send_to_room(command["room"], {"type": "bench", "data": {"n": n}})
        return {"published": command["count"]}

    async def do_publish_on(self, command: Answer) -> Answer:
        rooms, tick = command["rooms"], 1 / command["per_second"]
        pad = {"pad": "a" * command["size"]} if "size" in command else {}
        counter = [0]
        self.counters.append(counter)

        async def publish() -> None:
            due = time.monotonic()
            while True:
                counter[0] += 1
                data = {"n": counter[0], "mono_ns": time.monotonic_ns(), **pad}
                for room in rooms:
                    self.ours.send_to_room(room, {"type": "bench", "data": data})
                due = max(due + tick, time.monotonic() - 1)  # what it is late by, it makes up for
                await asyncio.sleep(due - time.monotonic())

        self.publishing.append(asyncio.create_task(publish()))
        return {"publishing": True}

    async def do_publish_off(self, _: Answer) -> Answer:
        for task in self.publishing:
            task.cancel()
        await asyncio.gather(*self.publishing, return_exceptions=True)
        return {"n": self.counters[0][0]}

    async def do_publish_large(self, command: Answer) -> Answer:
        outcomes: dict[str, int] = {}
        for _ in range(command["count"]):
            try:
                await self.ours.send_to_room(command["room"], {"type": "large", "data": "a" * command["size"]})
                outcome = "sent"
            except (MemoryError, self.ours.WsManagerError) as error:
                outcome = type(error).__name__
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        return {"outcomes": outcomes}

    async def do_fork(self, command: Answer) -> Answer:
        """The runtime's thread does not exist in a child, which finds a new one; nothing of the parent's may suffer."""
        statuses = []
        for number in range(command["children"]):
            pid = os.fork()
            if pid == 0:
                self.ours.send_to_room(command["room"], {"type": "bench", "data": {"n": -1 - number}})
                os._exit(0)
            deadline = time.monotonic() + 10
            while (ended := os.waitpid(pid, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
                await asyncio.sleep(0.005)
            if ended[0] == 0:
                os.kill(pid, 9)
                os.waitpid(pid, 0)
            statuses.append(-1 if ended[0] == 0 else os.waitstatus_to_exitcode(ended[1]))
        return {"statuses": statuses}

    async def do_stall(self, command: Answer) -> Answer:
        """Blocking on purpose: nothing of Python runs on this loop, and with hold_gil nothing of Python anywhere."""
        print(json.dumps({"stalled": True}), flush=True)
        if command.get("hold_gil"):
            ctypes.PyDLL(None).usleep(ctypes.c_uint(int(command["seconds"] * 1e6)))  # PyDLL keeps the GIL
        else:
            time.sleep(command["seconds"])
        return {"stalled": False}

    async def do_stats(self, _: Answer) -> Answer:
        return dict(self.ours.stats()) if self.ours is not None else {"active_connections": len(self.naive.clients)}

    async def answer(self, line: str) -> None:
        command = json.loads(line)
        do: Callable[[Answer], Awaitable[Answer]] = getattr(self, "do_" + command["do"])
        try:
            result = await do(command)
        except Exception as error:  # the other side waits for a line
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), flush=True)


async def serve(host: Host, config: uvicorn.Config, listener: socket.socket) -> None:
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if host.args.main_core is not None:
        os.sched_setaffinity(0, {host.args.main_core})  # this thread alone; the runtime's stays where it started
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()

    def read_input() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, "")

    threading.Thread(target=read_input, daemon=True).start()
    own_port = host.ours.ws_manager.port if host.ours is not None else 0
    print(json.dumps({"port": listener.getsockname()[1], "own_port": own_port, "pid": os.getpid()}), flush=True)
    while line := await lines.get():
        await host.answer(line)
    server.should_exit = True
    await serving


def option(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    with contextlib.suppress(ValueError):
        return name, json.loads(value)
    return name, value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manager", choices=["ours", "naive", "none"], default="ours")
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="uvloop")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--option", type=option, action="append", default=[], help="NAME=VALUE of ws_manager.configure")
    parser.add_argument("--bridge", action="store_true", help="no hand-over: WebSockets stay with uvicorn")
    parser.add_argument("--heartbeat", type=float, default=30.0, help="seconds between heartbeats; time-out is three")
    parser.add_argument("--own-port", type=int, help="let the runtime listen on a port of its own as well; 0 picks one")
    parser.add_argument("--main-core", type=int, help="core of the thread that runs the loop")
    parser.add_argument("--other-core", type=int, help="core of every other thread")
    args = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    del soft
    if args.other_core is not None:
        os.sched_setaffinity(0, {args.other_core})
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((args.address, args.port))
    listener.listen(4096)
    host = Host(args)
    options: dict[str, Any] = {}
    if args.manager == "ours" and not args.bridge:
        options["ws"] = "ws_manager.uvicorn:WebSocketProtocol"
    config = uvicorn.Config(host.app, log_level="warning", loop=args.loop, timeout_graceful_shutdown=2, **options)
    if args.loop == "uvloop":
        import uvloop

        uvloop.run(serve(host, config, listener))
    else:
        asyncio.run(serve(host, config, listener))


if __name__ == "__main__":
    main()
