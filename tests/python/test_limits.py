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
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from ws_manager import ConfigError, InvalidArgument, WebSocketManager
from ws_manager.uvicorn import WebSocketProtocol


def served(manager: WebSocketManager, handover: bool = True, **options: Any) -> Uvicorn:
    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(manager.router)
    return Uvicorn(app, ws=WebSocketProtocol if handover else "auto", **options)


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
    with pytest.raises((InvalidStatus, InvalidMessage, ConnectionClosed)):
        Client(port)
    [ban] = manager.bans()
    assert (ban["ip"], ban["reason"], ban["automatic"]) == ("127.0.0.1", "a test", False)
    assert 55 <= ban["seconds"] <= 60
    assert httpx.get(f"http://127.0.0.1:{port}/api/ws/bans").status_code == 429
    manager.unban("127.0.0.1")
    assert manager.bans() == []
    Client(port).close()
    assert manager.stats()["banned_refused"] >= 1


def test_bans_are_behind_the_key() -> None:
    manager = WebSocketManager(api_key="k")
    manager.start()
    status, _, body = manager.rest("GET", "/api/ws/bans", ip="192.0.2.7")
    assert status == 401, body
    manager.ban("192.0.2.7", 60, "it spammed")
    status, _, body = manager.rest("GET", "/api/ws/bans", ip="192.0.2.7", api_key="k")
    [ban] = json.loads(body)
    assert (status, ban["ip"], ban["reason"]) == (200, "192.0.2.7", "it spammed")
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
    with pytest.raises((InvalidMessage, ConnectionClosed, OSError)):  # turned away without a word
        for _ in range(50):
            Client(manager.port, greeted=False).socket.close()
    assert manager.stats()["limits_broken"]["connection_rate_per_ip"] >= 1
    manager.stop()


FROM_AFAR = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize("handover", [True, False], ids=["hand-over", "bridge"])
@pytest.mark.parametrize("proxy_headers", [True, False], ids=["uvicorn believes", "uvicorn does not"])
def test_a_client_behind_a_proxy_is_known_by_its_own_address(handover: bool, proxy_headers: bool) -> None:
    manager = WebSocketManager(max_connections_per_ip=1)
    with served(manager, handover, proxy_headers=proxy_headers) as server:
        client = Client(server.port, additional_headers=FROM_AFAR)
        other = Client(server.port, additional_headers={"Forwarded": "for=203.0.113.8"})
        assert {row["ip"] for row in manager.connections()} == {"203.0.113.9", "203.0.113.8"}
        again = Client(server.port, additional_headers=FROM_AFAR, greeted=False)
        assert again.ended()[0] == 1013
        manager.ban("203.0.113.9", 60)
        assert client.ended()[0] == 4403
        client.close()
        other.close()


@pytest.mark.parametrize("proxy_headers", [True, False])
def test_a_client_behind_a_proxy_needs_the_key(proxy_headers: bool) -> None:
    manager = WebSocketManager()
    with served(manager, proxy_headers=proxy_headers) as server:
        url = f"http://127.0.0.1:{server.port}/api/ws/broadcast"
        body = {"event_type": "x", "data": {}}
        assert httpx.post(url, json=body).status_code == 200
        assert httpx.post(url, json=body, headers=FROM_AFAR).status_code == 401
        assert httpx.post(url, json=body, headers={"Forwarded": "for=203.0.113.9"}).status_code == 401
        liar = {"Forwarded": "for=127.0.0.1", "X-Forwarded-For": "203.0.113.9"}
        assert httpx.post(url, json=body, headers=liar).status_code in (400, 401)


def test_nobody_is_believed_where_no_proxy_is_named() -> None:
    manager = WebSocketManager(trusted_proxies=[])
    with served(manager) as server:
        client = Client(server.port, additional_headers=FROM_AFAR)
        assert [row["ip"] for row in manager.connections()] == ["127.0.0.1"]
        client.close()
