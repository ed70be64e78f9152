"""Fixtures for all tests: managers with a port of their own, clients, event loops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import uvloop
from support import Client, run_python
from token_support import Serve, own_port, uvicorn

import ws_manager
from ws_manager import WebSocketManager


@pytest.fixture(
    params=[
        pytest.param(("asyncio", {}), id="asyncio"),
        pytest.param(("asyncio", {"loop_factory": uvloop.new_event_loop}), id="uvloop"),
    ]
)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """Coroutine tests (marked anyio) run on both event loops."""
    return request.param


@pytest.fixture
def manager() -> Iterator[WebSocketManager]:
    """A manager that listens on a port of its own; it has not started."""
    made = WebSocketManager(port=0)
    yield made
    made.stop(deadline=1.0)


@pytest.fixture
def default() -> Iterator[WebSocketManager]:
    """The default manager, running, with a port of its own; as new afterwards."""
    ws_manager.configure(port=0)
    ws_manager.start()
    yield ws_manager.ws_manager
    ws_manager.stop(deadline=1.0)
    ws_manager.configure(port=None)


@pytest.fixture
def connect(manager: WebSocketManager) -> Iterator[Any]:
    """connect(path, **headers) -> Client of the fixture `manager`, which is started. Closed at the end."""
    clients: list[Client] = []

    def make(path: str = "/ws", **options: Any) -> Client:
        if not manager.running:
            manager.start()
        client = Client(manager.port, path, **options)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def python() -> Any:
    """python(code, *arguments) -> standard output of a fresh interpreter; its failure fails the test."""
    return run_python


@pytest.fixture(params=["own port", "hand-over", "bridge"])
def serve(request: pytest.FixtureRequest) -> Serve:
    """serve(**config) -> context of (manager, port), in each way that connections come in."""
    return own_port if request.param == "own port" else uvicorn(request.param == "hand-over")
