"""Limits and bans, through a real uvicorn and on the runtime's own port."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from support import Client
from web_support import Uvicorn
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ws_manager import ConfigError, InvalidArgument, WebSocketManager
from ws_manager.uvicorn import WebSocketProtocol


def served(manager: WebSocketManager) -> Uvicorn:
    class Protocol(WebSocketProtocol):
        pass

    Protocol.manager = manager
    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(manager.router)
    return Uvicorn(app, ws=Protocol)


@pytest.fixture
def place() -> Iterator[tuple[WebSocketManager, int]]:
    manager = WebSocketManager(rate=2)
    with served(manager) as server:
        yield manager, server.port


def test_too_much_is_refused_with_a_hint(place: tuple[WebSocketManager, int]) -> None:
    manager, port = place
    client = Client(port)
    answers = []
    while not answers or answers[-1]["type"] != "error":
        answers.append(client.ask(action="ping"))
    assert answers[-1]["data"]["code"] == "rate_limited"
    assert 1 <= answers[-1]["data"]["retry_after_ms"] <= 1000
    assert manager.stats()["limits_broken"]["rate"] == 1
    assert 'ws_manager_limits_broken_total{limit="rate"} 1' in manager.metrics()
    client.close()


def test_an_address_is_banned_and_let_in_again(place: tuple[WebSocketManager, int]) -> None:
    manager, port = place
    client = Client(port)
    manager.ban("127.0.0.1", 60, "a test")
    assert client.ended() == (4403, "a test")
    with pytest.raises((InvalidStatus, ConnectionClosed, EOFError)):
        Client(port)
    [ban] = manager.bans()
    assert (ban["ip"], ban["reason"], ban["automatic"]) == ("127.0.0.1", "a test", False)
    assert 55 <= ban["seconds"] <= 60
    [listed] = httpx.get(f"http://127.0.0.1:{port}/api/ws/bans").json()
    assert (listed["ip"], listed["reason"]) == (ban["ip"], ban["reason"])
    manager.unban("127.0.0.1")
    assert manager.bans() == []
    Client(port).close()
    assert manager.stats()["banned_refused"] >= 1


def test_bans_are_behind_the_key() -> None:
    manager = WebSocketManager(api_key="k")
    manager.start()
    status, _, body = manager.rest("GET", "/api/ws/bans", ip="192.0.2.7")
    assert status == 401, body
    status, _, body = manager.rest("GET", "/api/ws/bans", ip="192.0.2.7", api_key="k")
    assert (status, json.loads(body)) == (200, [])
    manager.stop()


def test_what_is_no_address_is_refused() -> None:
    manager = WebSocketManager()
    for call in (lambda: manager.ban("localhost"), lambda: manager.unban(""), lambda: manager.ban("192.0.2.7", -1)):
        with pytest.raises(InvalidArgument):
            call()
    with pytest.raises(TypeError):
        manager.ban(7)  # type: ignore[arg-type]
    manager.stop()


@pytest.mark.parametrize(
    "config",
    [
        {"exempt_ips": "10.0.0.1/8"},
        {"trusted_proxies": ["proxy.example.com"]},
        {"ban_time": 10, "ban_time_max": 5},
        {"rate_per_ip": -1},
    ],
)
def test_what_makes_no_sense_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        WebSocketManager(**config).start()


def test_an_empty_list_of_networks_is_none_not_the_default() -> None:
    manager = WebSocketManager(exempt_ips=[], trusted_proxies=[], connection_rate_per_ip=1, max_connections_per_ip=1)
    manager.configure(port=0)
    manager.start()
    codes = []
    for _ in range(50):
        client = Client(manager.port, greeted=False)
        client.socket.close()
        codes.append(client.socket.close_code)
    assert 1013 in codes
    manager.stop()
