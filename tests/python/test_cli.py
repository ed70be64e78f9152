"""`python -m ws_manager run` and run(): a server in a process of its own, its signals and its restarts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from web_support import TIMEOUT, Process, client, closed, receive
from websockets.exceptions import InvalidStatus

import ws_manager

APP = """
import os
from fastapi import FastAPI, WebSocket
import ws_manager

app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)
VERSION = "one"

@app.get("/version")
async def version():
    return [VERSION, os.getpid()]

@app.websocket("/own")
async def own(websocket: WebSocket):
    await ws_manager.connect(websocket, user_id="user-1")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(APP)
    return tmp_path


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "ws_manager", *arguments], capture_output=True, text=True, timeout=60)


def test_version() -> None:
    assert command("--version").stdout == f"ws_manager {ws_manager.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["serve"]])
def test_unknown_command_says_what_there_is(arguments: list[str]) -> None:
    result = command(*arguments)
    assert result.returncode == 2
    assert "python -m ws_manager run APP" in result.stderr


def test_help() -> None:
    assert "python -m ws_manager run APP" in command("--help").stdout
    assert "--workers" in command("run", "--help").stdout


def test_missing_application_is_said() -> None:
    result = command("run", "no_such_module:app")
    assert result.returncode != 0
    assert "no_such_module" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize(
    "how",
    [
        ["-m", "ws_manager", "run", "main:app", "--port", "0"],
        ["-m", "uvicorn", "main:app", "--port", "0", "--ws", "ws_manager.uvicorn:WebSocketProtocol"],
        ["-c", "import ws_manager; ws_manager.run('main:app', port=0)"],
    ],
    ids=["command", "uvicorn", "run"],
)
def test_signal_closes_clients_with_1001_and_ends_the_process(
    folder: Path, how: list[str], number: signal.Signals
) -> None:
    with (
        Process(*how, cwd=folder) as server,
        client(server.port, "/ws") as direct,
        client(server.port, "/own") as own,
    ):
        receive(direct, "connected")
        assert receive(own, "connected")["data"]["user_id"] == "user-1"
        server.expect(r'WebSocket /ws" \[handed over\]')
        server.expect(r'WebSocket /own" \[handed over\]')
        server.signal(number)
        assert closed(direct)[0] == 1001
        assert closed(own)[0] == 1001
        assert server.wait() in (0, -number, 128 + number), server.output
        assert "Traceback" not in server.output
        assert "Finished server process" in server.output


def test_client_that_does_not_answer_the_close_does_not_keep_the_process(folder: Path) -> None:
    import socket

    from test_uvicorn_handover import read_until, upgrade

    with Process("-m", "ws_manager", "run", "main:app", "--port", "0", cwd=folder) as server:
        sockets = [socket.create_connection(("127.0.0.1", server.port), TIMEOUT) for _ in range(2)]
        for one, path in zip(sockets, ("/ws", "/own"), strict=True):
            one.sendall(upgrade(path))
            read_until(one, b"connected")
        server.signal(signal.SIGTERM)
        server.wait()
        for one in sockets:
            one.close()
        assert "Traceback" not in server.output


def test_own_protocol_may_be_chosen(folder: Path) -> None:
    arguments = ["run", "main:app", "--port", "0", "--ws", "ws_manager.uvicorn:CheckedWebSocketProtocol"]
    with Process("-m", "ws_manager", *arguments, cwd=folder) as server, client(server.port, "/ws") as browser:
        receive(browser, "connected")


def test_chosen_protocol_is_not_replaced(folder: Path) -> None:
    arguments = ["run", "main:app", "--port", "0", "--ws", "none"]
    with (
        Process("-m", "ws_manager", *arguments, cwd=folder) as server,
        pytest.raises(InvalidStatus),
        client(server.port, "/ws"),
    ):
        pass


def version(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/version", timeout=TIMEOUT) as answer:
        body: bytes = answer.read()
        return body


def test_reload_closes_with_1001_and_serves_the_new_code(folder: Path) -> None:
    arguments = ["run", "main:app", "--port", "0", "--reload", "--reload-delay", "0.05"]
    with Process("-m", "ws_manager", *arguments, cwd=folder) as server:
        port = server.port
        for n, word in enumerate(("two", "three"), 1):
            with client(port, "/ws") as direct, client(port, "/own") as own:
                receive(direct, "connected")
                receive(own, "connected")
                (folder / "main.py").write_text(APP.replace('"one"', f'"{word}"'))
                later = time.time() + 10 * n  # The clock of a file system may be coarse.
                os.utime(folder / "main.py", (later, later))
                assert closed(direct)[0] == 1001
                assert closed(own)[0] == 1001
            with client(port, "/ws") as again:
                receive(again, "connected")
                assert word.encode() in version(port)
        server.signal(signal.SIGTERM)
        assert server.wait() in (0, -signal.SIGTERM, 143), server.output
        assert "Traceback" not in server.output


def test_several_workers(folder: Path) -> None:
    arguments = ["run", "main:app", "--port", "0", "--workers", "2"]
    with Process("-m", "ws_manager", *arguments, cwd=folder) as server:
        port = server.port
        server.expect("Application startup complete", 2)
        # In each of them, as a message of one does not reach the clients of the other.
        server.expect("is one of 2 workers of uvicorn, and nothing connects its ws_manager", 2)
        with client(port, "/ws") as browser, client(port, "/own") as own:
            receive(browser, "connected")
            receive(own, "connected")
            server.signal(signal.SIGTERM)
            assert closed(browser)[0] == 1001
            assert closed(own)[0] == 1001
        assert server.wait() in (0, -signal.SIGTERM, 143), server.output
        assert "Traceback" not in server.output


def test_process_without_lifespan_ends_too(folder: Path) -> None:
    """The runtime was started by the first upgrade; nobody stops it before the interpreter ends."""
    code = APP.replace("FastAPI(lifespan=ws_manager.lifespan)", "FastAPI()")
    (folder / "main.py").write_text(code)
    with Process("-m", "ws_manager", "run", "main:app", "--port", "0", cwd=folder) as server:
        with client(server.port, "/ws") as direct, client(server.port, "/own") as own:
            receive(direct, "connected")
            receive(own, "connected")
            server.signal(signal.SIGTERM)
            assert closed(own)[0] == 1001
            assert closed(direct)[0] == 1001
        assert server.wait() in (0, -signal.SIGTERM, 143), server.output
        assert "Traceback" not in server.output
