"""`kill -9` of a FastAPI application under 1,000 clients, which reconnect and resume: no silent gap, no duplicate.

    python kill_restart.py [--rounds 3] [--clients 1000] [--seconds 5]

The host publishes to one room without pause. In each round a third of the clients first drop their connections and
resume on the living server, where they must recover everything; then the server is killed and started again on the
same port. Memory is gone with it, so every client must be told (recovered: false, a new epoch), and get every message
of the new epoch from there on. Half of the clients resume at connection (?resume=), half by subscribing with `since`.

Prints one JSON line; exits with 1 if anything was wrong, saying what.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

from programs import Program
from visitors import Counts, Visitor, connected
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

HOST = Path(__file__).with_name("host.py")
PROJECT = "survivor"
ROOM = f"project:{PROJECT}"


class Returner(Visitor):
    """A client that comes back, whatever happens, until it is told to stop."""

    stopping = False
    socket: ClientConnection | None = None
    attempts = 0

    @property
    def by_query(self) -> bool:
        return self.index % 2 == 0

    async def live(self, port: int, limit: asyncio.Semaphore) -> None:
        while not self.stopping:
            self.joined.clear()
            self.attempts += 1
            with suppress(OSError, WebSocketException, TimeoutError):  # the server is away; so it is tried again
                await self.once(port, limit)
            self.socket = None
            if not self.stopping:
                await asyncio.sleep(random.random())  # full jitter, as a client should

    async def once(self, port: int, limit: asyncio.Semaphore) -> None:
        path = f"/ws/project/{PROJECT}?{self.resume}" if self.by_query else "/ws"
        await limit.acquire()
        try:
            context = connected(port, path)
            socket = await context.__aenter__()
        finally:
            limit.release()
        try:
            self.socket = socket
            if not self.by_query:
                await socket.send(self.subscription())
            await self.read(socket)
        finally:
            await context.__aexit__(None, None, None)


class Survival:
    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.counts = Counts()
        self.problems: list[str] = []
        # What one process of clients can take in; and slow enough for history to reach back over a reconnection.
        self.rate = min(20, max(1, 5000 // args.clients))
        self.too_late = 0  # clients that came back when history no longer reached back
        self.told = 0  # clients that were told about a lost epoch

    async def start(self, port: int) -> tuple[Program, int]:
        """A server, publishing. Right after a kill the port may be taken for a moment."""
        host = Program.python(HOST, "--manager", "ours", "--port", str(port))
        hello = await asyncio.to_thread(host.read)
        answer = await asyncio.to_thread(host.ask, {"do": "publish_on", "rooms": [ROOM], "per_second": self.rate})
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return host, hello["port"]

    async def everybody(self, clients: list[Returner], before: list[int], what: str) -> None:
        """Waits until every client has joined the room once more than `before`, and gets messages."""

        async def present(client: Returner, joins: int) -> None:
            await client.joined_again(joins)
            await client.reached(client.last + 3)

        try:
            await asyncio.wait_for(asyncio.gather(*map(present, clients, before)), 60)
        except TimeoutError:
            away = sum(client.joins <= count for client, count in zip(clients, before, strict=True))
            self.problems.append(f"{what}: {away} of {len(clients)} clients were not back within 60 s")

    async def drop(self, clients: list[Returner]) -> None:
        """The connections of some end, without a word: all that they miss must be recovered."""
        before, joins = [client.recovered for client in clients], [client.joins for client in clients]
        for client in clients:
            if client.socket is not None:
                client.socket.transport.abort()
        await self.everybody(clients, joins, "after dropping")
        # That one who was away for longer than history reaches is told so, is checked by the oracle.
        self.too_late += sum(client.recovered <= count for client, count in zip(clients, before, strict=True))

    async def kill(self, host: Program, port: int, clients: list[Returner]) -> Program:
        epochs, joins = [client.epoch for client in clients], [client.joins for client in clients]
        await asyncio.to_thread(host.kill)
        host, _ = await self.start(port)
        await self.everybody(clients, joins, "after kill -9")
        same = sum(client.epoch == epoch for client, epoch in zip(clients, epochs, strict=True))
        self.told += len(clients) - same
        if same:
            self.problems.append(f"{same} clients were not told that the history was lost")
        return host

    async def run(self) -> int:
        started = time.monotonic()
        host, port = await self.start(0)
        limit = asyncio.Semaphore(50)
        clients = [Returner(self.counts, i, ROOM) for i in range(self.args.clients)]
        lives = [asyncio.create_task(client.live(port, limit)) for client in clients]
        try:
            await self.everybody(clients, [0] * len(clients), "at first")
            for number in range(self.args.rounds):
                await self.drop(clients[number % 3 :: 3])
                await asyncio.sleep(self.args.seconds)
                host = await self.kill(host, port, clients)
        finally:
            for client in clients:
                client.stopping = True
            for life in lives:
                life.cancel()
            await asyncio.gather(*lives, return_exceptions=True)
            await asyncio.to_thread(host.close)
        result = {
            "clients": len(clients),
            "rounds": self.args.rounds,
            "connections": self.counts.connections,
            "attempts": sum(client.attempts for client in clients),
            "messages": self.counts.messages,
            "recovered": self.counts.recovered,
            "too_late": self.too_late,
            "told": self.told,
            "seconds": round(time.monotonic() - started, 1),
            "faults": self.counts.faults,
            "problems": self.problems,
        }
        print(json.dumps(result))
        return 1 if self.problems or self.counts.faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5.0, help="time between a drop and the kill")
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return asyncio.run(Survival(args).run())


if __name__ == "__main__":
    sys.exit(main())
