"""The routes of ws_manager inside an application: `app.include_router(ws_manager.router)`.

REST calls go to the core, which answers as it does on its own port. The WebSocket endpoints hand the socket over where
the server can give it away (ws_manager.uvicorn), and are carried by the bridge everywhere else. A prefix, a mount and
dependencies of the inclusion apply to all of them:
`app.include_router(ws_manager.router, prefix="/v1", dependencies=[Depends(user)])`.

With FastAPI the router is an APIRouter; with Starlette alone a Router, to be mounted or to take `.routes` from.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from ws_manager import _config
from ws_manager._bridge import client_ip, endpoint_path, is_test_client, quoted, via
from ws_manager._connect import carry, words_in
from ws_manager._connection import Request as Asked
from ws_manager._core import WsManagerError
from ws_manager._handover import Admission, offered
from ws_manager._labels import visible
from ws_manager._look import look, refused, route_of
from ws_manager._names import client_fault
from ws_manager._outcomes import listed
from ws_manager._routes import CALL, ENDPOINT, Endpoint, fits

if TYPE_CHECKING:
    from ws_manager._manager import WebSocketManager

__all__ = ["make_router"]

logger = logging.getLogger("ws_manager")

MAX_BODY = 1024 * 1024
"""Bytes of a REST body that the core takes. No more than one byte over it is kept: enough for its own 413."""

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Call(NamedTuple):
    """One REST call of docs/protocol.md. Methods other than its own get the core's answer for them."""

    method: str
    path: str
    name: str
    summary: str


CALLS = (
    Call("GET", "/api/ws/stats", "ws_manager_stats", "Counters of the connections, messages and rooms"),
    Call("GET", "/ws/stats", "ws_manager_stats_short", "The same as /api/ws/stats"),
    Call("GET", "/api/ws/connections", "ws_manager_connections", "How many connections there are"),
    Call("GET", "/api/ws/health", "ws_manager_health", "Whether new clients are welcome: 200, or 503 while draining"),
    Call("GET", "/api/ws/live", "ws_manager_live", "Whether the process lives: 200, also while draining"),
    Call("GET", "/api/ws/bans", "ws_manager_bans", "The addresses that are turned away"),
    Call(
        "GET",
        "/api/ws/project/{project_id}/subscribers",
        "ws_manager_subscribers",
        "How many connections follow a project",
    ),
    Call("POST", "/api/ws/broadcast", "ws_manager_broadcast", "Sends an event to a room, a project or everybody"),
    Call("GET", "/api/ws/history", "ws_manager_history", "The messages that a room keeps"),
    Call("GET", "/metrics", "ws_manager_metrics", "The counters as Prometheus text"),
)

ADMIN_CALLS = (
    Call("GET", "/ws/admin", "ws_manager_admin", "The admin panel"),
    Call("GET", "/api/ws/admin/state", "ws_manager_admin_state", "What it shows"),
    Call("POST", "/api/ws/admin/disconnect", "ws_manager_admin_disconnect", "Closes connections"),
    Call("POST", "/api/ws/admin/ban", "ws_manager_admin_ban", "Bans an address"),
    Call("POST", "/api/ws/admin/unban", "ws_manager_admin_unban", "Lifts a ban"),
)
"""Of docs/admin.md; not in the schema."""

BEHIND_CHECK = (
    "The admin panel is behind the application's own check: it is where ws_manager.admin_router() was included, "
    "which must be before ws_manager.router unless it has a prefix."
)

ENDPOINTS = ("/ws", "/ws/updates", "/ws/notifications", "/ws/project/{project_id}", "/ws/logs")
"""Endpoints that every runtime begins with, but for the one that exists only with authentication."""

ENDPOINT_WITH_AUTH = "/ws/{token}"
"""The one that does. It is not routed without: routes of the application like it may follow ours."""


def make_router(manager: WebSocketManager) -> Any:
    """A router with the REST calls and the endpoints of a manager."""
    try:
        from fastapi import APIRouter
    except ImportError:
        return _starlette_router(manager)
    from ws_manager._calls import CallRoute

    router = APIRouter(tags=["ws_manager"], route_class=CallRoute)
    for call in CALLS:
        endpoint = rest_endpoint(manager, call)
        router.add_api_route(
            call.path, endpoint, methods=[call.method], name=call.name, summary=call.summary, response_class=Response
        )
        others = [method for method in METHODS if method != call.method]
        router.add_api_route(call.path, endpoint, methods=others, name=call.name, include_in_schema=False)
    for call in ADMIN_CALLS:
        endpoint = rest_endpoint(manager, call)
        router.add_api_route(call.path, endpoint, methods=METHODS, name=call.name, include_in_schema=False)
    for pattern in _patterns(manager):
        router.add_api_websocket_route(pattern, _websocket_endpoint(manager, pattern))
    return router


def _patterns(manager: WebSocketManager) -> list[str]:
    authenticated = manager._handlers.authenticator is not None or _config.takes_tokens(manager._config)
    return [*ENDPOINTS, ENDPOINT_WITH_AUTH] if authenticated else list(ENDPOINTS)


def _starlette_router(manager: WebSocketManager) -> Any:
    from starlette.routing import BaseRoute, Route, Router, WebSocketRoute

    routes: list[BaseRoute] = [
        Route(call.path, rest_endpoint(manager, call), methods=METHODS, name=call.name)
        for call in (*CALLS, *ADMIN_CALLS)
    ]
    routes += [WebSocketRoute(pattern, _websocket_endpoint(manager, pattern)) for pattern in _patterns(manager)]
    return Router(routes=routes)


def add_endpoint(router: Any, manager: WebSocketManager, pattern: str) -> None:
    """Adds the route of an endpoint that the host made, unless there is one. Inclusions before may not see it."""
    if any(getattr(route, "path", None) == pattern and not hasattr(route, "methods") for route in router.routes):
        return
    add = getattr(router, "add_api_websocket_route", None) or router.add_websocket_route
    add(pattern, _websocket_endpoint(manager, pattern))


def rest_endpoint(
    manager: WebSocketManager, call: Call, *, vouched: bool = False
) -> Callable[[Request], Awaitable[Response]]:
    """What answers a call. vouched: the application has found out that the caller may use the admin panel."""

    async def rest(request: Request) -> Response:
        look(request.scope.get("app"), manager)
        try:
            return await _answer(manager, request, call, vouched=vouched)
        except WsManagerError as error:
            return Response(str(error), 503, media_type="text/plain")

    setattr(rest, CALL, call)
    return rest


async def _answer(manager: WebSocketManager, request: Request, call: Call, **identity: Any) -> Response:
    """The core's answer to a call. identity: `vouched`, or `admitted` and who calls, as Runtime.rest() takes them."""
    body = await _body(request)
    handlers = manager._handlers
    headers = request.headers.items()
    if is_test_client(request.scope):  # It calls the application by a name of its own.
        headers = [(name, "localhost" if name == "host" else value) for name, value in headers]
    ask = partial(
        manager._ready().rest,
        request.method,
        quoted(endpoint_path(request.scope["path"], call.path)),
        request.url.query,
        client_ip(request.scope),
        headers,
        body,
        request.scope.get("scheme") == "https",
        via(request.scope),
    )
    asks = not identity.get("admitted") and handlers.authenticator is not None
    status, content_type, fields, answer = await run_in_threadpool(ask, asks=asks, **identity)
    if status == 0:
        identity.update(await _identify(manager, answer))
        status, content_type, fields, answer = await run_in_threadpool(ask, **identity)
    if status == 404 and manager._panel_is_behind_check and call in ADMIN_CALLS:
        return Response(BEHIND_CHECK, 404, media_type="text/plain")
    more = dict(line.split(": ", 1) for line in fields.splitlines())
    return Response(answer, status, headers={"content-type": content_type, **more})


async def answer_as(
    manager: WebSocketManager, request: Request, user_id: object, rooms: Iterable[str], subscribe: Iterable[str]
) -> Response:
    """WebSocketManager.rest(request, ...)."""
    manager._checked(f"rest() in the application's route {getattr(request.scope.get('route'), 'path', '')}".rstrip())
    path = request.scope["path"]
    call = next((call for call in CALLS if fits(call.path, endpoint_path(path, call.path))), None)
    if call is None:
        known = ", ".join(call.path for call in CALLS)
        # Where a route takes every path, it is the client's.
        return Response(f"The path ends like no REST call; those are {known}", 404, media_type="text/plain")
    identity = {
        "user_id": "" if user_id is None else str(user_id),
        "rooms": listed(rooms),
        "subscribe": listed(subscribe),
    }
    said = {**identity, "user_id": None if user_id is None else identity["user_id"]}
    fault = client_fault(said, words_in(request))
    if fault is not None:
        refused(f"a call of {route_of(request.scope)} by what rest() was given (400)", fault)
        return Response(fault, 400, media_type="text/plain")
    return await _answer(manager, request, call, admitted=True, **identity)


async def _identify(manager: WebSocketManager, question: bytes) -> dict[str, Any]:
    """Who calls, by the application's authenticate handler, as for a socket without a token."""
    try:
        async with asyncio.timeout(_config.seconds(manager._config, "auth_timeout")):
            return await manager._handlers.identify(Asked(orjson.loads(question)))
    except TimeoutError:
        logger.warning("the authenticate handler did not answer a REST call within auth_timeout; refused")
        return {}


async def _body(request: Request) -> bytes:
    """The request's body, up to one byte over MAX_BODY."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk[: MAX_BODY + 1 - len(body)]
    except ClientDisconnect:
        pass
    return bytes(body)


def _websocket_endpoint(manager: WebSocketManager, pattern: str) -> Callable[[WebSocket], Awaitable[None]]:
    async def endpoint(websocket: WebSocket) -> None:
        path = quoted(endpoint_path(websocket.scope["path"], pattern))
        look(websocket.scope.get("app"), manager)
        offer = offered(websocket.scope)
        if offer is not None:
            try:
                offer.take(manager, None, Admission(), label=manager._label(path), path=path, stay=False)
            except WsManagerError as error:
                logger.warning("WebSocket %s is not handed over: %s", manager._label(path), visible(error))
            else:
                return
        await carry(manager, websocket, Admission(), path, label=manager._label(path))

    setattr(endpoint, ENDPOINT, Endpoint(manager, pattern))
    return endpoint
