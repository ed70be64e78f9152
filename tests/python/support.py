"""Clients and interpreters for the tests of the package."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

TIMEOUT = 15.0
"""Seconds after which a test that waits for something has failed."""


class Client:
    """A WebSocket client that a test steps through. `greeting` is the first message, read unless not `greeted`."""

    def __init__(
        self, port: int, path: str = "/ws", host: str = "127.0.0.1", greeted: bool = True, **options: Any
    ) -> None:
        self._open = contextlib.ExitStack()
        url = f"ws://{host}:{port}{path}"
        self.socket = self._open.enter_context(connect(url, open_timeout=TIMEOUT, close_timeout=1.0, **options))
        self.greeting = self.next() if greeted else {}

    @property
    def client_id(self) -> str:
        """As the greeting says."""
        found: str = self.greeting["data"]["client_id"]
        return found

    def recv(self) -> str | bytes:
        """The next message as it came."""
        message: str | bytes = self.socket.recv(TIMEOUT)
        return message

    def next(self, type: str | None = None) -> dict[str, Any]:
        """The next message as an object; with `type`, the next of that type."""
        while True:
            message: dict[str, Any] = json.loads(self.recv())
            if type is None or message.get("type", message.get("event_type")) == type:
                return message

    def send(self, message: Any) -> None:
        self.socket.send(message if isinstance(message, (str, bytes)) else json.dumps(message))

    def ask(self, **command: Any) -> dict[str, Any]:
        """Sends a command and returns the next message."""
        self.send(command)
        return self.next()

    def nothing_before(self, mark: Callable[[], Any], type: str) -> None:
        """mark() publishes a message of `type`; it must be the very next that comes."""
        mark()
        assert self.next().get("type") == type

    def ended(self) -> tuple[int | None, str | None]:
        """Reads to the end; close code and reason."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.recv()
        return self.socket.close_code, self.socket.close_reason

    def close(self) -> None:
        self._open.close()


class Calls:
    """Collects what handlers were called with, and waits for it."""

    def __init__(self) -> None:
        self.all: list[Any] = []
        self._changed = threading.Condition()

    def __call__(self, *args: Any) -> None:
        with self._changed:
            self.all.append(args[0] if len(args) == 1 else args)
            self._changed.notify_all()

    def wait(self, count: int = 1) -> list[Any]:
        """The calls so far, once there are that many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.all) >= count, TIMEOUT), f"only {self.all}"
            return list(self.all)


def refusal(port: int, path: str) -> int | None:
    """How a connection is refused: the HTTP status before the upgrade, or the close code after it."""
    try:
        with connect(f"ws://127.0.0.1:{port}{path}", open_timeout=TIMEOUT, close_timeout=1.0) as socket:
            with contextlib.suppress(ConnectionClosed):
                socket.recv(TIMEOUT)
            return socket.close_code
    except InvalidStatus as error:
        return error.response.status_code


def run_python(code: str, *arguments: str, status: int = 0, **environment: str) -> str:
    """Runs code in a fresh interpreter with warnings as errors; its output, standard error after it.

    What every start says is left out.
    """
    env = {key: value for key, value in os.environ.items() if not key.startswith("WEBSOCKET_")}
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**env, **environment},
    )
    assert done.returncode == status, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + re.sub(r"^INFO: +ws_manager: (?:access|listening).*\n", "", done.stderr, flags=re.MULTILINE)
