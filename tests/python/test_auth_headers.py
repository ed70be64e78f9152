"""Which headers of the request an authenticate handler sees, by the way that the request came."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from support import Calls, Client
from web_support import Uvicorn

import ws_manager
from ws_manager import WebSocketManager

HEADERS = {"X-Tenant": "acme", "X-Other": "1", "Authorization": "Bearer me"}


def let_in(requests: Calls) -> Any:
    def handler(request: Any) -> bool:
        requests(request)
        return True

    return handler


def test_the_own_port_passes_on_all_headers() -> None:
    manager = WebSocketManager(port=0)
    requests = Calls()
    manager.authenticate(let_in(requests))
    manager.start()
    client = Client(manager.port, additional_headers=HEADERS)
    (request,) = requests.wait()
    client.close()
    manager.stop()
    assert request.headers["x-tenant"] == "acme"
    assert request.headers["authorization"] == "Bearer me"
    assert request.headers["x-other"] == "1"


def test_a_hand_over_passes_on_all_headers(default: WebSocketManager) -> None:
    requests = Calls()
    handler = ws_manager.authenticate(let_in(requests))
    app = FastAPI()
    app.include_router(ws_manager.router)
    try:
        with Uvicorn(app) as server:
            client = Client(server.port, additional_headers=HEADERS)
            (request,) = requests.wait()
            client.close()
    finally:
        default._handlers.authenticator = None
    assert handler is not None
    assert request.headers["x-tenant"] == "acme"
    assert request.headers["x-other"] == "1"
