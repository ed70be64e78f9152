"""The admin panel behind the application's own check: `app.include_router(ws_manager.admin_router(check))`.

Without it, the panel is in `ws_manager.router` and on the runtime's own port, for who has the API key (docs/admin.md).
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ws_manager._router import ADMIN_CALLS, METHODS, rest_endpoint

if TYPE_CHECKING:
    from ws_manager._manager import WebSocketManager

__all__ = ["make_admin_router"]


def make_admin_router(manager: WebSocketManager, check: Any) -> Any:
    """A router with the panel alone, whose callers `check` lets in."""
    try:
        from fastapi import APIRouter, Depends, params
    except ImportError:
        return _starlette_router(manager, check)
    if isinstance(check, params.Depends):
        check = check.dependency
    _must_be_callable(check)

    def checked(answer: Any = Depends(check)) -> None:  # noqa: B008 - how dependencies are declared
        _let_in(answer)

    router = APIRouter(tags=["ws_manager"], dependencies=[Depends(checked)])
    for call in ADMIN_CALLS:
        endpoint = rest_endpoint(manager, call, vouched=True)
        router.add_api_route(call.path, endpoint, methods=METHODS, name=call.name, include_in_schema=False)
    return router


def _starlette_router(manager: WebSocketManager, check: Any) -> Any:
    from starlette.routing import Route, Router

    _must_be_callable(check)
    routes = [
        Route(call.path, _guarded(rest_endpoint(manager, call, vouched=True), check), methods=METHODS, name=call.name)
        for call in ADMIN_CALLS
    ]
    return Router(routes=routes)


def _guarded(
    endpoint: Callable[[Request], Awaitable[Response]], check: Callable[[Request], Any]
) -> Callable[[Request], Awaitable[Response]]:
    async def guarded(request: Request) -> Response:
        answer = await run_in_threadpool(check, request)
        if inspect.isawaitable(answer):  # of a coroutine function
            answer = await answer
        _let_in(answer)
        return await endpoint(request)

    return guarded


def _let_in(answer: object) -> None:
    """A check that forgets to say something keeps everybody out, and not nobody."""
    if not answer:
        raise HTTPException(
            403,
            f"The application's check of the admin panel's callers returned {answer!r}. "
            "It lets in by returning something true: the user, or True.",
        )


def _must_be_callable(check: object) -> None:
    if not callable(check):
        raise TypeError(f"admin_router(check): a dependency or function that checks callers, not {check!r}")
