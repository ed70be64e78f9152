"""A server behind one entrance, with one application: a process of its own, watched and steered from outside."""

from __future__ import annotations

import functools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raw.peer import Peer, Unexpected
from raw.server import TESTS, Certificate

PYTHON = sys.executable
ROOT = TESTS.parent
NODE_APP = ROOT / "build" / "node-app"
START = 60.0
"""Seconds that a server has for its start, on a machine that does other things too."""


@dataclass(frozen=True)
class Entrance:
    """command: {app}, {port}, {python}, {cert} and {key} are filled in. certificate: it speaks TLS."""

    name: str
    language: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    certificate: bool = False
    own_port: bool = False
    """Clients go to the runtime's own port, which the application has beside its server."""
    bridged: bool = False
    """The server carries the WebSockets itself: what it does by itself is its own."""


UVICORN = ("{python}", "-m", "uvicorn", "entrances.served:app", "--port", "{port}")
RUN = ("{python}", "-m", "ws_manager", "run", "entrances.served:app", "--port", "{port}")
NODE = ("node", "served.mjs")
ENTRANCES = (
    Entrance("own port", "own", ("{python}", "-m", "entrances.listened")),
    Entrance("run", "asgi", RUN),
    Entrance("uvicorn, our class", "asgi", (*UVICORN, "--ws", "ws_manager.uvicorn:WebSocketProtocol")),
    Entrance("uvicorn, plain", "asgi", UVICORN, bridged=True),
    Entrance("run, TLS", "asgi", (*RUN, "--ssl-certfile", "{cert}", "--ssl-keyfile", "{key}"), certificate=True),
    Entrance(
        "hypercorn",
        "asgi",
        (
            "{python}",
            "-m",
            "hypercorn",
            "--bind",
            "127.0.0.1:{port}",
            "--graceful-timeout",
            "1",
            "entrances.served:app",
        ),
        bridged=True,
    ),
    Entrance(
        "gunicorn",
        "asgi",
        (
            *("{python}", "-m", "gunicorn", "-k", "uvicorn_worker.UvicornWorker", "--bind", "127.0.0.1:{port}"),
            *("--graceful-timeout", "1", "--no-control-socket", "entrances.served:app"),
        ),
        bridged=True,
    ),
    Entrance("run, own port", "asgi", RUN, {"WEBSOCKET_PORT": "0"}, own_port=True),
    Entrance("Node attach", "node", NODE, {"WSM_ENTRANCE": "attach"}),
    Entrance("Node fetch", "node", NODE, {"WSM_ENTRANCE": "fetch"}),
    Entrance("Node listen", "node", NODE, {"WSM_ENTRANCE": "listen"}),
)
NAMES = tuple(entrance.name for entrance in ENTRANCES)


@functools.cache
def node_folder() -> Path:
    """The applications beside the installed package, the example of docs/node.md among them."""
    folder = NODE_APP / "entrances"
    if not (NODE_APP / "node_modules" / "ws_manager").exists():
        raise Unexpected("the npm package is not installed in build/node-app: make build-node")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(TESTS / "entrances" / "node", folder)
    text = (ROOT / "docs" / "node.md").read_text(encoding="utf-8")
    found = re.search(r"## A server\n\n```js\n(.*?)```", text, re.S)
    if not found or ".listen(8000)" not in found[1]:
        raise Unexpected("docs/node.md has no server at its beginning any more")
    example = found[1].replace(".listen(8000)", ".listen(Number(process.env.PORT), '127.0.0.1')")
    (folder / "readme.mjs").write_text(example, encoding="utf-8")
    return folder


def free_port() -> int:
    """Below those that the kernel gives to clients: who waits for such a port may end up connected to itself."""
    while True:
        port = random.randrange(12000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class Server:
    """Use it as a context manager. port: where its clients go."""

    def __init__(self, entrance: Entrance, application: str, **options: str) -> None:
        self.entrance = entrance
        self.application = application
        self.folder = tempfile.mkdtemp(prefix="wsm-")
        self._control: Any = None
        self._certificate = Certificate().__enter__() if entrance.certificate else None
        self.tls = None
        if self._certificate:
            import ssl

            self.tls = ssl.create_default_context(cafile=self._certificate.authority)
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self._start(options)
        except BaseException:
            self.stop()
            raise

    def _start(self, options: dict[str, str]) -> None:
        entrance = self.entrance
        self.port = free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("WEBSOCKET_", "WSM_"))}
        environment |= {
            "WSM_APPLICATION": self.application,
            "WSM_CONTROL": f"{self.folder}/control",
            "PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
            "NODE_ENV": "production",
            **entrance.environment,
            **options,
        }
        fields = {"python": PYTHON, "port": self.port, "cert": "", "key": ""}
        if self._certificate:
            fields |= {"cert": self._certificate.cert, "key": self._certificate.key}
        command = [part.format(**fields) for part in entrance.command]
        self._log = open(f"{self.folder}/log", "wb")  # noqa: SIM115 - closed in stop()
        self.process = subprocess.Popen(
            command,
            cwd=node_folder() if entrance.language == "node" else TESTS,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START
        while True:
            if not self.alive:
                raise Unexpected(f"it has not started: {self.last_words()}")
            if time.monotonic() > deadline:
                raise Unexpected(f"it has not started in {START:g} s: {self.last_words()}")
            try:
                if self._control is None:
                    self._control = self._call()
                with self.connect(5) as peer:
                    peer.send(b"GET /is/it/there HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    if peer.answer():
                        break
            except (OSError, Unexpected):
                pass
            time.sleep(0.03)
        self.pid: int = self.do("pid")["pid"]
        self.first_words = self.logged()
        self.seen = 0  # bytes of the log that were there when the present attack began
        if self.entrance.own_port:
            self.port = self.do("port")["port"]

    def _call(self) -> Any:
        client = socket.socket(socket.AF_UNIX)
        try:
            client.settimeout(30)
            client.connect(f"{self.folder}/control")
        except OSError:
            client.close()
            raise
        self._client = client
        return client.makefile("rw", encoding="utf-8")

    def do(self, what: str, **arguments: object) -> dict[str, Any]:
        """What the application answers; Unexpected for an error of its."""
        answer = self.attempt(what, **arguments)
        if "error" in answer:
            raise Unexpected(answer["error"])
        return answer

    def attempt(self, what: str, **arguments: object) -> dict[str, Any]:
        self._control.write(json.dumps({"do": what, **arguments}) + "\n")
        self._control.flush()
        line = self._control.readline()
        if not line:
            raise Unexpected("THE SERVER HAS ENDED")
        answer: dict[str, Any] = json.loads(line)
        return answer

    # ---- from outside

    @property
    def alive(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            return False
        # gunicorn replaces a worker that has died: that is an end all the same.
        return not hasattr(self, "pid") or os.path.exists(f"/proc/{self.pid}")

    def logged(self, whole: bool = True) -> str:
        """Its log; or what has come since mark()."""
        with open(f"{self.folder}/log", "rb") as file:
            file.seek(0 if whole else self.seen)
            return file.read().decode("utf-8", "surrogateescape")

    def mark(self) -> None:
        self.seen = os.path.getsize(f"{self.folder}/log")

    def last_words(self) -> str:
        return " | ".join(self.logged().strip().splitlines()[-3:])[-300:]

    def memory(self) -> int:
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def connect(self, timeout: float = 15.0) -> Peer:
        return Peer(self.port, timeout, self.tls)

    def stop(self) -> None:
        if self.process is not None:
            assert self.process.stdin is not None
            if self._control is not None:
                self._client.close()
            self.process.stdin.close()
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            self._log.close()
        if self._certificate:
            self._certificate.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
