"""The router behind middleware of the application's own, which sees HTTP and WebSockets."""

from typing import Any

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

import ws_manager
from entrances.applications.guards import USERS


class Guard:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan" or Headers(scope=scope).get("x-user", "") in USERS:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse("no", 401)(scope, receive, send)


app = FastAPI(lifespan=ws_manager.lifespan)
app.add_middleware(Guard)
app.include_router(ws_manager.router)
