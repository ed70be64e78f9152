"""TLS on the runtime's own port: a client that verifies, REST, and a new certificate without a restart."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import TIMEOUT
from websockets.asyncio.client import ClientConnection, connect

from ws_manager import ConfigError, WebSocketManager


def make(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ),
            *("-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return make(tmp_path, "first")


@pytest.fixture
def manager(files: tuple[Path, Path]) -> Iterator[WebSocketManager]:
    manager = WebSocketManager(port=0, tls_cert=files[0], tls_key=str(files[1]))
    manager.start()
    yield manager
    manager.stop()


class Client:
    """Reads and writes in one thread: in two, as websockets.sync does, CPython's ssl loses what is written at times."""

    def __init__(self, port: int, trusted: Path) -> None:
        context = ssl.create_default_context(cafile=str(trusted))
        self.loop = asyncio.new_event_loop()

        async def begin() -> ClientConnection:
            return await connect(f"wss://localhost:{port}/ws", ssl=context, open_timeout=TIMEOUT, close_timeout=1.0)

        try:
            self.connection = self.loop.run_until_complete(begin())
        except BaseException:
            self.loop.close()
            raise

    def recv(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(
            self.loop.run_until_complete(asyncio.wait_for(self.connection.recv(), TIMEOUT))
        )
        return message

    def send(self, text: str) -> None:
        self.loop.run_until_complete(self.connection.send(text))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.run_until_complete(self.connection.close())
        self.loop.close()


def test_a_client_that_verifies_the_certificate(manager: WebSocketManager, files: tuple[Path, Path]) -> None:
    with Client(manager.port, files[0]) as client:
        assert client.recv()["type"] == "connected"
        manager.broadcast({"type": "hello"})
        assert client.recv()["type"] == "hello"
        client.send("ping")
        assert client.recv()["type"] == "pong"
        manager.disconnect(manager.connections()[0]["client_id"], code=4000, reason="enough")
        with pytest.raises(Exception, match="enough"):
            client.recv()


def test_rest_over_https(manager: WebSocketManager, files: tuple[Path, Path]) -> None:
    context = ssl.create_default_context(cafile=str(files[0]))
    with urllib.request.urlopen(f"https://localhost:{manager.port}/api/ws/stats", context=context) as answer:
        assert json.load(answer)["active_connections"] == 0


def test_a_new_certificate_without_a_restart(
    manager: WebSocketManager, files: tuple[Path, Path], tmp_path: Path
) -> None:
    old = tmp_path / "old.pem"
    shutil.copy(files[0], old)
    new_cert, new_key = make(tmp_path, "second")
    with Client(manager.port, old) as before:
        before.recv()
        shutil.copy(new_cert, files[0])
        with pytest.raises(ConfigError, match="does not belong"):
            manager.reload_tls()
        with Client(manager.port, old):
            pass
        shutil.copy(new_key, files[1])
        manager.reload_tls()
        with Client(manager.port, new_cert):
            pass
        with pytest.raises(ssl.SSLCertVerificationError), Client(manager.port, old):
            pass
        before.send("ping")
        assert before.recv()["type"] == "pong"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tls_cert": "/nowhere/cert.pem", "tls_key": "/nowhere/key.pem", "port": 0}, "No such file"),
        ({"tls_cert": "/nowhere/cert.pem", "port": 0}, "tls_key is not"),
        ({"tls_cert": "/nowhere/cert.pem", "tls_key": "/nowhere/key.pem"}, "set port"),
        ({"tls_cert": 5, "tls_key": 5, "port": 0}, "tls_cert"),
    ],
)
def test_configurations_that_will_not_do(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        WebSocketManager(**options).start()


def test_nothing_to_reload_without_tls() -> None:
    manager = WebSocketManager()
    with pytest.raises(ConfigError, match="not configured"):
        manager.reload_tls()
