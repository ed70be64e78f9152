"""The end of a server under many clients: everyone is sent away with a hint, nobody is cut off."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from web_support import TIMEOUT, Process, client, receive
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

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

@app.post("/send")
async def send():
    ws_manager.broadcast({"type": "last"})
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
