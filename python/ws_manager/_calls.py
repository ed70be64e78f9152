"""FastAPI's routes of our REST calls, which work in applications of other makes, too."""

from __future__ import annotations

from typing import Any

from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute

STACK = "fastapi_middleware_astack"
"""What FastAPI puts into the scope of its own applications, and its routes demand."""


class CallRoute(APIRoute):
    """A route that may be among those of a Starlette: `Starlette(routes=[*ws_manager.router.routes])`, or a Mount."""

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        if STACK in scope:
            await super().handle(scope, receive, send)
        else:
            await AsyncExitStackMiddleware(super().handle, STACK)(scope, receive, send)
