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
import re
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from ws_manager._bridge import client_ip, endpoint_path, is_test_client, quoted, via
from ws_manager._connect import carry, words_in
from ws_manager._core import (
    ENDPOINT_AUTH,
    REST_BODY_MAX,
    WsManagerError,
    endpoint_defaults,
    rest_routes,
)
from ws_manager._handover import Admission, offered
from ws_manager._labels import visible
from ws_manager._look import look, refused, route_of
from ws_manager._names import client_fault
from ws_manager._outcomes import listed
from ws_manager._routes import CALL, ENDPOINT, Endpoint, fits

if TYPE_CHECKING:
    from ws_manager._offers import Manager

__all__ = ["make_router"]

logger = logging.getLogger("ws_manager")

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Call(NamedTuple):
    """A row of the core's table of REST calls. Methods other than its own get the core's answer for them."""

    name: str
    method: str
    path: str
    parameters: str
    caller: str
    summary: str

    @property
    def route(self) -> str:
        """The name of its route, for url_for()."""
        return f"ws_manager_{self.name}"

    @property
    def schema(self) -> dict[str, Any]:
        """What OpenAPI says of it besides."""
        text = {"schema": {"type": "string"}}
        path = [{"in": "path", "name": name, "required": True, **text} for name in re.findall(r"{(\w+)}", self.path)]
        names = self.parameters.split(",") if self.parameters else []
        if self.method == "GET":
            return {"parameters": [*path, *({"in": "query", "name": name, **text} for name in names)]}
        body = {"type": "object", "properties": {name: {} for name in names}}
        return {"parameters": path, "requestBody": {"content": {"application/json": {"schema": body}}}}


ROUTES = [Call(*row) for row in rest_routes()]
CALLS = tuple(call for call in ROUTES if call.caller != "admin")
ADMIN_CALLS = tuple(call for call in ROUTES if call.caller == "admin")
"""Of docs/admin.md; not in the schema."""

BEHIND_CHECK = (
    "The admin panel is behind the application's own check: it is where ws_manager.admin_router() was included, "
    "which must be before ws_manager.router unless it has a prefix."
)

ENDPOINTS = tuple(path for path, flags in endpoint_defaults() if not flags & ENDPOINT_AUTH)
"""Endpoints that every runtime begins with, but for those that exist only with authentication."""

ENDPOINTS_WITH_AUTH = tuple(path for path, flags in endpoint_defaults() if flags & ENDPOINT_AUTH)
"""Those that do. They are not routed without: routes of the application like them may follow ours."""


def make_router(manager: Manager) -> Any:
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
            call.path,
            endpoint,
            methods=[call.method],
            name=call.route,
            summary=call.summary,
            response_class=Response,
            openapi_extra=call.schema,
        )
        others = [method for method in METHODS if method != call.method]
        router.add_api_route(call.path, endpoint, methods=others, name=call.route, include_in_schema=False)
    for call in ADMIN_CALLS:
        endpoint = rest_endpoint(manager, call)
        router.add_api_route(call.path, endpoint, methods=METHODS, name=call.route, include_in_schema=False)
    for pattern in _patterns(manager):
        router.add_api_websocket_route(pattern, _websocket_endpoint(manager, pattern))
    return router


def _patterns(manager: Manager) -> list[str]:
    return [*ENDPOINTS, *ENDPOINTS_WITH_AUTH] if manager._hides_paths() else list(ENDPOINTS)


def _starlette_router(manager: Manager) -> Any:
    from starlette.routing import BaseRoute, Route, Router, WebSocketRoute

    routes: list[BaseRoute] = [
        Route(call.path, rest_endpoint(manager, call), methods=METHODS, name=call.route)
        for call in (*CALLS, *ADMIN_CALLS)
    ]
    routes += [WebSocketRoute(pattern, _websocket_endpoint(manager, pattern)) for pattern in _patterns(manager)]
    return Router(routes=routes)


def add_endpoint(router: Any, manager: Manager, pattern: str) -> None:
    """Adds the route of an endpoint that the host made, unless there is one. Inclusions before may not see it."""
    if any(getattr(route, "path", None) == pattern and not hasattr(route, "methods") for route in router.routes):
        return
    add = getattr(router, "add_api_websocket_route", None) or router.add_websocket_route
    add(pattern, _websocket_endpoint(manager, pattern))


def add_endpoints_with_auth(router: Any, manager: Manager) -> None:
    """The same of the core's own that exist with authentication only."""
    for pattern in ENDPOINTS_WITH_AUTH:
        add_endpoint(router, manager, pattern)


def rest_endpoint(manager: Manager, call: Call, *, vouched: bool = False) -> Callable[[Request], Awaitable[Response]]:
    """What answers a call. vouched: the application has found out that the caller may use the admin panel."""

    async def rest(request: Request) -> Response:
        look(request.scope.get("app"), manager)
        try:
            return await _answer(manager, request, call, vouched=vouched)
        except WsManagerError as error:
            return Response(str(error), 503, media_type="text/plain")

    setattr(rest, CALL, call)
    return rest


async def _answer(manager: Manager, request: Request, call: Call, **identity: Any) -> Response:
    """The core's answer to a call. identity: `vouched`, or `admitted` and who calls, as Runtime.rest() takes them."""
    body = await _body(request)
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
    asks = not identity.get("admitted") and manager._asks
    status, content_type, fields, answer = await run_in_threadpool(ask, asks=asks, **identity)
    if status == 0:
        identity.update(await _identify(manager, answer))
        status, content_type, fields, answer = await run_in_threadpool(ask, **identity)
    if status == 404 and manager._panel_is_behind_check and call in ADMIN_CALLS:
        return Response(BEHIND_CHECK, 404, media_type="text/plain")
    more = dict(line.split(": ", 1) for line in fields.splitlines())
    return Response(answer, status, headers={"content-type": content_type, **more})


async def answer_as(
    manager: Manager, request: Request, user_id: object, rooms: Iterable[str], subscribe: Iterable[str]
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


async def _identify(manager: Manager, question: bytes) -> dict[str, Any]:
    """Who calls, by the application's authenticate handler, as for a socket without a token."""
    try:
        async with asyncio.timeout(float(manager._option("auth_timeout"))):
            return await manager._identify(question)
    except TimeoutError:
        logger.warning("the authenticate handler did not answer a REST call within auth_timeout; refused")
        return {}


async def _body(request: Request) -> bytes:
    """The request's body, up to one byte over REST_BODY_MAX: enough for the core's own 413."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk[: REST_BODY_MAX + 1 - len(body)]
    except ClientDisconnect:
        pass
    return bytes(body)


def _websocket_endpoint(manager: Manager, pattern: str) -> Callable[[WebSocket], Awaitable[None]]:
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
