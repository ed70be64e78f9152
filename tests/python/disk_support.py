"""A server process over a file: it is told what to call, and may be stopped, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import TIMEOUT, Client

SERVER = """
import asyncio, json, sys
from ws_manager import Request, WebSocketManager, WsManagerError

path, rooms = sys.argv[1:]
manager = WebSocketManager(port=0, store=path, access="open", rooms=json.loads(rooms))


@manager.authenticate
def who(request: Request) -> str:
    return request.query["user"]


async def answer(call, *args, **options):
    try:
        result = getattr(manager, call)(*args, **options)
        if hasattr(result, "__await__"):
            result = await result
        return result._asdict() if hasattr(result, "_asdict") else result
    except WsManagerError as error:
        return {"error": type(error).__name__, "words": str(error)}


manager.start()
print(manager.port, flush=True)
for line in sys.stdin:
    args, options = json.loads(line)
    print(json.dumps(asyncio.run(answer(*args, **options))), flush=True)
manager.stop(deadline=2.0)
"""


class Server:
    """A process of its own. Calls of its manager: send_to_room("a", {…}, once="x") -> Delivery as a dict."""

    def __init__(self, path: Path, rooms: dict[str, dict[str, object]]) -> None:
        env = {key: value for key, value in os.environ.items() if not key.startswith("WEBSOCKET_")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(path), json.dumps(rooms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        self.port = int(self._line())

    def _line(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, f"the server has ended with {self.process.wait(30)}"
        return line

    def __getattr__(self, call: str) -> Any:
        def run(*args: object, **options: object) -> Any:
            assert self.process.stdin
            self.process.stdin.write(json.dumps([[call, *args], options]) + "\n")
            self.process.stdin.flush()
            return json.loads(self._line())

        return run

    def empty(self) -> None:
        """Waits until the server knows that everybody has gone."""
        end = time.monotonic() + TIMEOUT
        while self.stats()["active_connections"]:
            assert time.monotonic() < end, "a client that has gone is still counted"

    def client(self, user: str, query: str = "") -> Client:
        return Client(self.port, f"/ws?user={user}{query}")

    def end(self, kill: bool) -> None:
        """By `kill -9`, or as it wants to."""
        assert self.process.stdin
        assert self.process.stdout
        if kill:
            self.process.send_signal(signal.SIGKILL)
        else:
            self.process.stdin.close()
        assert self.process.wait(30) == (-signal.SIGKILL if kill else 0)
        self.process.stdout.close()
        if kill:
            self.process.stdin.close()


@contextmanager
def serving(path: Path, rooms: dict[str, dict[str, object]], kill: bool = False) -> Iterator[Server]:
    """A server, and its end."""
    server = Server(path, rooms)
    try:
        yield server
        server.end(kill)
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait(30)
