"""Servers and clients for the tests of the web side: a uvicorn in a thread, or in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

TIMEOUT = 20.0
"""Seconds after which a test that waits for something has failed."""


class Uvicorn(uvicorn.Server):
    """A server in a thread of this process, so that a test can look into it and call the manager that it serves."""

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(uvicorn.Config(app, port=0, log_config=None, **options))
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run_in_thread, name="uvicorn")

    def _run_in_thread(self) -> None:
        try:
            self.run()
        finally:
            self.ready.set()

    async def startup(self, sockets: Any = None) -> None:
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()

    def __enter__(self) -> Uvicorn:
        self.thread.start()
        assert self.ready.wait(TIMEOUT), "uvicorn does not start"
        assert self.started, "uvicorn has not started"
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.should_exit = True
        self.thread.join(TIMEOUT)
        assert not self.thread.is_alive(), "uvicorn does not stop"

    @property
    def port(self) -> int:
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port

    def on_loop(self, call: Callable[[], Any]) -> Any:
        """What the call returns on the server's loop."""

        async def run() -> Any:
            return call()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(TIMEOUT)

    def until(self, condition: Callable[[], bool]) -> None:
        """Waits, in turns of the server's loop, until the condition holds."""

        async def watch() -> None:
            async with asyncio.timeout(TIMEOUT):
                while not condition():
                    await asyncio.sleep(0.005)

        asyncio.run_coroutine_threadsafe(watch(), self.loop).result(TIMEOUT + 5)


class Process:
    """A server in a process of its own, steered by its log on standard error."""

    def __init__(self, *command: str, cwd: Path, **environment: str) -> None:
        env = {key: value for key, value in os.environ.items() if not key.startswith("WEBSOCKET_")}
        self.popen = subprocess.Popen(
            [sys.executable, *command],
            cwd=cwd,
            env={**env, "PYTHONUNBUFFERED": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        with self.popen.stdout as output:
            for line in output:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def expect(self, pattern: str, count: int = 1) -> re.Match[str]:
        """The count-th line that the pattern is found in, once it is there."""

        def found() -> list[re.Match[str]]:
            return [match for line in self.lines if (match := re.search(pattern, line))]

        with self._changed:
            self._changed.wait_for(lambda: len(found()) >= count or self._ended, TIMEOUT)
            assert len(found()) >= count, f"no {pattern!r} ({count}) in:\n{self.output}"
            return found()[count - 1]

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    @property
    def port(self) -> int:
        return int(self.expect(r"running on https?://[\d.]+:(\d+)")[1])

    def signal(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def wait(self) -> int:
        """The exit status."""
        status = self.popen.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        return status

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


@contextlib.contextmanager
def client(port: int, path: str, **options: Any) -> Iterator[ClientConnection]:
    """A connected WebSocket client. Waits for a server that does not listen yet, as after a restart."""
    scheme = "wss" if "ssl" in options else "ws"
    address = ("127.0.0.1", port)
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            tcp = socket.create_connection(address, TIMEOUT)
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"nobody listens at {address}"
            time.sleep(0.02)
    with connect(
        f"{scheme}://127.0.0.1:{port}{path}", sock=tcp, open_timeout=TIMEOUT, close_timeout=TIMEOUT, **options
    ) as connection:
        yield connection


def receive(connection: ClientConnection, kind: str | None = None) -> dict[str, Any]:
    """The next message, or the next of that type, as an object."""
    while True:
        message: dict[str, Any] = json.loads(connection.recv(TIMEOUT))
        if kind is None or message.get("type") == kind:
            return message


def closed(connection: ClientConnection) -> tuple[int | None, str | None]:
    """Reads to the end; the close code and reason."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            connection.recv(TIMEOUT)
    return connection.close_code, connection.close_reason
