"""The server under test: a process of its own, watched from outside."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import trustme

from raw.frames import PING, PONG, ping
from raw.peer import Peer, Unexpected

TESTS = Path(__file__).resolve().parent.parent


class Certificate:
    """One for 127.0.0.1 by an authority of its own; the files are there while it is entered."""

    def __enter__(self) -> Certificate:
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1")
        self._files = ExitStack()
        self.cert = self._files.enter_context(issued.cert_chain_pems[0].tempfile())
        self.key = self._files.enter_context(issued.private_key_pem.tempfile())
        self.authority = str(self._files.enter_context(authority.cert_pem.tempfile()))
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()


class Server:
    """raw.serve with options (without WEBSOCKET_, in small letters), `rooms` and `busy`: see make() there."""

    def __init__(self, kind: str = "own", certificate: Certificate | None = None, **options: object) -> None:
        self.kind = kind
        self.certificate = certificate
        self.tls: ssl.SSLContext | None = None
        if certificate:
            self.tls = ssl.create_default_context(cafile=certificate.authority)
            options = {**options, "tls_cert": certificate.cert, "tls_key": certificate.key}
        self.log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed in stop()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WEBSOCKET_")}
        environment["WSM_TEST_ROOMS"] = str(options.pop("rooms", "{}"))
        environment["WSM_TEST_BUSY"] = str(options.pop("busy", "0"))
        environment.update({f"WEBSOCKET_{name.upper()}": str(value) for name, value in options.items()})
        flags = ["--uvicorn"] if kind == "uvicorn" else []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "raw.serve", *flags],
            cwd=TESTS,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        self.port: int = self._line()["port"]

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Unexpected(f"the server has ended with status {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise Unexpected(answer["error"])
        return answer

    def do(self, what: str, **arguments: object) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self.process.stdin.flush()
        return self._line()

    def stats(self) -> dict[str, Any]:
        return self.do("stats")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def logged(self) -> str:
        """Its standard error so far."""
        self.log.seek(0)
        return self.log.read()

    def memory(self) -> int:
        """Resident bytes."""
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def connect(self, timeout: float = 10.0) -> Peer:
        return Peer(self.port, timeout, self.tls)

    def open(self, path: str = "/echo", timeout: float = 10.0, **how: object) -> Peer:
        """A client that has been upgraded."""
        peer = self.connect(timeout)
        try:
            peer.open(path, **how)
        except BaseException:
            peer.close()
            raise
        return peer

    def serves(self, path: str = "/echo") -> None:
        """Raises unless a new client is served."""
        with self.open(path) as peer:
            peer.send(ping(b"well?"))
            while (found := peer.frame()).opcode != PONG:
                if found.opcode == PING:
                    continue
            if found.payload != b"well?":
                raise Unexpected(f"a ping is answered by {found}")

    def stop(self) -> int:
        """Its exit status."""
        assert self.process.stdin is not None
        if self.alive:
            self.process.stdin.close()
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.log.close()
        return status

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        status = self.stop()
        if kind is None and status != 0:
            raise Unexpected(f"the server has ended with status {status}")
