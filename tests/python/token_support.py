"""Tokens, and a manager served in each of the three ways: on its own port, handed over by uvicorn, bridged."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
from fastapi import FastAPI, WebSocket
from web_support import Uvicorn

from ws_manager import WebSocketManager
from ws_manager.uvicorn import WebSocketProtocol

SECRET = "0123456789abcdef0123456789abcdef"

Serve = Callable[..., contextlib.AbstractContextManager[tuple[WebSocketManager, int]]]


def token(user: str = "ana", seconds: float = 3600, key: Any = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"sub": user, "exp": int(time.time() + seconds), **claims}, key, algorithm)


def bearer(value: str) -> dict[str, Any]:
    return {"additional_headers": {"Authorization": f"Bearer {value}"}}


def own_port(**config: Any) -> contextlib.AbstractContextManager[tuple[WebSocketManager, int]]:
    @contextlib.contextmanager
    def run() -> Iterator[tuple[WebSocketManager, int]]:
        manager = WebSocketManager(port=0, **config)
        manager.start()
        try:
            yield manager, manager.port
        finally:
            manager.stop()

    return run()


def uvicorn(handing_over: bool, **admission: Any) -> Serve:
    """admission: of an endpoint /live, which lets everyone in as the user "checked"; without there is none."""

    @contextlib.contextmanager
    def run(**config: Any) -> Iterator[tuple[WebSocketManager, int]]:
        served = WebSocketManager(**config)

        app = FastAPI(lifespan=served.lifespan)
        app.include_router(served.router)

        async def live(websocket: WebSocket) -> None:
            await served.connect(websocket, user_id="checked", **admission)

        if admission:
            app.add_api_websocket_route("/live", live)

        try:
            with Uvicorn(app, ws=WebSocketProtocol if handing_over else "websockets-sansio") as server:
                yield served, server.port
        finally:
            served.stop()

    return run
