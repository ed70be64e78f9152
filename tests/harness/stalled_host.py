"""The Python loop stands still; nobody notices.

1,000 clients of a FastAPI application keep their connections, get their heartbeats, resume by `since`, subscribe anew,
and new ones connect to the runtime's own port, all while the loop is blocked.

    python stalled_host.py [--seconds 60] [--clients 1000] [--hold-gil]

Prints one JSON line; exits with 1 if anything was missing, saying what.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path

from programs import Program
from visitors import Counts, Visitor, connected
from websockets.asyncio.client import ClientConnection

HOST = Path(__file__).with_name("host.py")
ROOM = "project:stalled"
FIRST, SECOND = 20, 20  # messages before and after
NEW = 20  # clients that connect while the loop is blocked


async def within(seconds: float, waits: Iterable[Awaitable[None]]) -> None:
    """Waits for all of them. TimeoutError."""
    await asyncio.wait_for(asyncio.gather(*waits), seconds)


class Stall:
    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.counts = Counts()
        self.kept = self.resumed = self.subscribed = self.new = 0
        self.problems: list[str] = []
        self.sockets: dict[int, ClientConnection] = {}
        self.readers: list[asyncio.Task[None]] = []

    async def arrive(self, visitor: Visitor, port: int, limit: asyncio.Semaphore) -> None:
        """Connects, subscribes, and leaves a task behind that reads until the connection ends."""
        async with limit:
            socket = await self.stack.enter_async_context(connected(port, f"/ws?session_id=s{visitor.index}"))
            self.sockets[visitor.index] = socket
            self.readers.append(asyncio.create_task(visitor.read(socket)))
            await socket.send(visitor.subscription())
            await visitor.joined.wait()

    async def during(self, visitors: list[Visitor], own_port: int) -> None:
        """While the loop is blocked: every fifth client leaves the room and comes back by `since`; every other fifth
        subscribes to one more room; a few connect anew, to the port that the runtime listens on itself."""

        async def come_back(visitor: Visitor) -> None:
            socket = self.sockets[visitor.index]
            visitor.last -= 5  # as if the last five had not arrived
            visitor.joined.clear()
            await socket.send(json.dumps({"action": "unsubscribe", "room": ROOM}))
            await socket.send(visitor.subscription())
            await visitor.joined.wait()
            await visitor.reached(FIRST)
            self.resumed += visitor.recovered

        async def subscribe(visitor: Visitor) -> None:
            other = Visitor(self.counts, visitor.index, f"project:other{visitor.index % 10}")
            visitor.beside[other.room] = other
            await self.sockets[visitor.index].send(other.subscription())
            await other.joined.wait()
            self.subscribed += 1

        async def arrive(index: int, model: Visitor) -> None:
            visitor = Visitor(self.counts, index, ROOM)
            visitor.epoch, visitor.last = model.epoch, FIRST - 10
            async with connected(own_port, f"/ws/project/stalled?{visitor.resume}") as socket:
                reading = asyncio.create_task(visitor.read(socket))
                await visitor.reached(FIRST)
                self.new += 1
                reading.cancel()

        tasks = [come_back(visitor) for visitor in visitors[::5]]
        tasks += [subscribe(visitor) for visitor in visitors[1::5]]
        tasks += [arrive(100_000 + i, visitors[2]) for i in range(NEW)]
        await within(max(self.args.seconds * 0.6, 3), tasks)

    async def run(self) -> int:
        args = self.args
        heartbeat = str(args.seconds / 6)
        host = Program.python(HOST, "--manager", "ours", "--heartbeat", heartbeat, "--own-port", "0")
        with host:
            async with AsyncExitStack() as self.stack:
                hello = await asyncio.to_thread(host.read)
                visitors = [Visitor(self.counts, i, ROOM) for i in range(args.clients)]
                limit = asyncio.Semaphore(50)
                await within(60, (self.arrive(visitor, hello["port"], limit) for visitor in visitors))
                await self.ask(host, {"do": "publish", "room": ROOM, "count": FIRST})
                await within(30, (visitor.reached(FIRST) for visitor in visitors))

                for visitor in visitors:
                    visitor.heartbeats = 0
                started = time.monotonic()
                await self.ask(host, {"do": "stall", "seconds": args.seconds, "hold_gil": args.hold_gil})
                try:
                    await self.during(visitors, hello["own_port"])
                except TimeoutError:
                    self.problems.append("not everybody was served while the loop was blocked")
                served = time.monotonic() - started
                await asyncio.to_thread(host.read, args.seconds + 60)  # the loop runs again
                blocked = time.monotonic() - started
                heartbeats = [visitor.heartbeats for visitor in visitors]

                await self.ask(host, {"do": "publish", "room": ROOM, "count": SECOND, "first": FIRST + 1})
                try:
                    await within(30, (visitor.reached(FIRST + SECOND) for visitor in visitors))
                except TimeoutError:
                    self.problems.append("not everybody got what was published afterwards")
                self.kept = sum(not reader.done() for reader in self.readers)
                for reader in self.readers:
                    reader.cancel()
        return self.report(heartbeats, served, blocked)

    async def ask(self, host: Program, command: dict[str, object]) -> None:
        answer = await asyncio.to_thread(host.ask, command)
        if "error" in answer:
            raise RuntimeError(f"{command}: {answer['error']}")

    def report(self, heartbeats: list[int], served: float, blocked: float) -> int:
        n = self.args.clients
        expected = {"new": NEW, "kept": n, "resumed": len(range(0, n, 5)), "subscribed": len(range(1, n, 5))}
        for name, count in expected.items():
            if getattr(self, name) != count:
                self.problems.append(f"{name}: {getattr(self, name)} of {count}")
        # Six intervals, spread over the clients: everyone gets at least four whole ones.
        if min(heartbeats) < 4:
            self.problems.append(f"heartbeats: as few as {min(heartbeats)} within {blocked:.1f} s")
        result = {
            "clients": n,
            "blocked_seconds": round(blocked, 2),
            "served_within_seconds": round(served, 2),
            "kept": self.kept,
            "heartbeats_min": min(heartbeats),
            "heartbeats_max": max(heartbeats),
            "resumed": self.resumed,
            "subscribed": self.subscribed,
            "new_connections": self.new,
            "messages": self.counts.messages,
            "faults": self.counts.faults,
            "problems": self.problems,
        }
        print(json.dumps(result))
        return 1 if self.problems or self.counts.faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--hold-gil", action="store_true", help="block with the GIL held: no Python thread runs at all")
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return asyncio.run(Stall(args).run())


if __name__ == "__main__":
    sys.exit(main())
