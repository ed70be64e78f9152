"""The end of a server under many clients: everyone is sent away with a hint, nobody is cut off."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from web_support import TIMEOUT, Process, client, receive
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ws_manager import WebSocketManager

APP = """
from fastapi import FastAPI, WebSocket
import ws_manager

app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)

@app.websocket("/own")
async def own(websocket: WebSocket):
    await ws_manager.connect(websocket)

@app.websocket("/bridged")
async def bridged(websocket: WebSocket):
    await websocket.accept()  # too late for a hand-over
    await ws_manager.connect(websocket)

@app.post("/drain")
async def drain():
    ws_manager.drain()
"""

HINT = re.compile(r"reconnect in (\d+(?:\.\d+)?) s")
"""As docs/protocol.md gives it."""


class End(NamedTuple):
    """How a client saw the end of its connection."""

    code: int | None
    hint: float
    told: float  # by the message before it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(APP)
    return tmp_path


def serve(folder: Path, *arguments: str) -> Process:
    command = ["-m", "ws_manager", "run", "main:app", "--port", "0", "--backlog", "4096", *arguments]
    return Process(*command, cwd=folder, WEBSOCKET_MAX_CONNECTIONS_PER_IP="10000")


async def stay_until_the_end(url: str, here: asyncio.Semaphore) -> End:
    told = -1.0
    async with connect(url, open_timeout=TIMEOUT, max_queue=None) as socket:
        await asyncio.wait_for(socket.recv(), TIMEOUT)
        here.release()
        try:
            while True:
                message = json.loads(await asyncio.wait_for(socket.recv(), TIMEOUT))
                if message["type"] == "server_draining":
                    told = message["data"]["reconnect_after_ms"] / 1000
        except ConnectionClosed:
            pass
        hint = HINT.search(socket.close_reason or "")
        assert hint, socket.close_reason
        return End(socket.close_code, float(hint[1]), told)


def ends(server: Process, number: signal.Signals, clients: dict[str, int]) -> list[End]:
    """Connects so many clients to each path, sends the signal, and waits for everyone's end."""

    async def run() -> list[End]:
        here = asyncio.Semaphore(0)
        waiting: list[asyncio.Task[End]] = []
        for path, count in clients.items():
            for _ in range(count):
                url = f"ws://127.0.0.1:{server.port}{path}"
                waiting.append(asyncio.create_task(stay_until_the_end(url, here)))
                if len(waiting) % 50 == 0:
                    await asyncio.wait_for(here.acquire(), TIMEOUT)
                    here.release()
        for _ in waiting:
            await asyncio.wait_for(here.acquire(), TIMEOUT)
        server.signal(number)
        return await asyncio.gather(*waiting)

    return asyncio.run(run())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_sends_500_clients_away_with_hints_that_are_spread(folder: Path, number: signal.Signals) -> None:
    with serve(folder) as server:
        seen = ends(server, number, {"/ws": 450, "/own": 50})
        assert server.wait() in (0, -number, 128 + number), server.output
        assert "Traceback" not in server.output
    assert {end.code for end in seen} == {1001}
    assert all(end.hint == end.told for end in seen)
    tenths = [sum(i / 10 <= end.hint < (i + 1) / 10 for end in seen) for i in range(10)]
    assert min(tenths) >= 45, tenths  # 500 over a second: 50 each


def test_clients_of_the_bridge_are_sent_away_in_the_same_way(folder: Path) -> None:
    with serve(folder) as server:
        seen = ends(server, signal.SIGTERM, {"/bridged": 60})
        assert server.wait() in (0, -signal.SIGTERM, 143), server.output
        assert "Traceback" not in server.output
    assert {end.code for end in seen} == {1001}
    assert len({end.hint for end in seen}) > 30


def test_a_time_limit_of_the_server_is_kept(folder: Path) -> None:
    """--timeout-graceful-shutdown: a client that reads nothing does not hold the server up."""
    with serve(folder, "--timeout-graceful-shutdown", "1") as server, client(server.port, "/bridged") as browser:
        receive(browser, "connected")
        server.signal(signal.SIGTERM)
        assert server.wait() in (0, -signal.SIGTERM, 143), server.output


def test_what_was_sent_before_comes_before_the_end(manager: WebSocketManager, connect: Any) -> None:
    clients = [connect() for _ in range(5)]
    manager.broadcast({"type": "last"})
    manager.stop(deadline=5)
    for one in clients:
        assert one.next()["type"] == "last"
        assert one.next()["type"] == "server_draining"
        assert one.ended()[0] == 1001


def answer(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_drain_turns_new_clients_away_and_keeps_those_that_are_there(folder: Path) -> None:
    with serve(folder) as server, client(server.port, "/ws") as there:
        receive(there, "connected")
        assert answer(server.port, "/api/ws/health") == (200, b'{"status":"ok"}')
        answer(server.port, "/drain", "POST")
        assert answer(server.port, "/api/ws/health") == (503, b'{"status":"draining"}')
        for path in ("/ws", "/own", "/ws/project/7"):
            with pytest.raises(InvalidStatus) as refused, client(server.port, path):
                pass
            assert refused.value.response.status_code == 503
            assert 1 <= int(refused.value.response.headers["Retry-After"]) <= 6
        there.send("ping")
        receive(there, "pong")
        server.signal(signal.SIGTERM)
        assert receive(there, "server_draining")
        assert server.wait() in (0, -signal.SIGTERM, 143), server.output


def test_drain_of_a_manager(manager: WebSocketManager) -> None:
    manager.drain()  # nothing runs yet
    assert not manager.draining
    manager.start()
    manager.drain()
    assert manager.draining
    assert manager.stats()["draining"] == 1
    manager.stop()
    manager.start()
    assert not manager.draining
