"""Whose is a path: the application's, one of our endpoints in its routing table, or nobody's.

The answer decides whether an upgrade may go to the runtime at once. Where a table of Starlette's leaves it open, the
application gets it: its own checks must never be passed by, and our endpoints in it hand over a little later anyway.
An application without such a table is no one's guess: there the runtime's endpoints come first.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ws_manager._manager import WebSocketManager

ENDPOINT = "__ws_manager_endpoint__"
"""Attribute of the functions behind our routes: an Endpoint."""

MAX_WRAPPERS = 32
"""Layers of middleware around an application that are looked through."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a route of ours stands for."""

    manager: WebSocketManager
    pattern: str


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has a path. application: it has to be asked. endpoint: the route of ours that is first to match."""

    application: bool
    endpoint: Endpoint | None = None


NOBODY = Owner(application=False)
APPLICATION = Owner(application=True)


def owner(app: Any, path: str, headers: list[tuple[bytes, bytes]], root_path: str = "") -> Owner:
    """Who would get a WebSocket upgrade.

    app: the ASGI application, possibly wrapped. path: decoded, as received. root_path: the server's own setting.
    """
    routed = _routed(app)
    if routed is None:
        return NOBODY
    own_root = getattr(routed, "root_path", "")  # FastAPI(root_path=...) replaces the server's.
    scope: dict[str, Any] = {
        "type": "websocket",
        "path": root_path + path,
        "root_path": own_root or root_path,
        "headers": headers,
    }
    found = _search(routed.routes, scope)
    if found.endpoint is not None and own_root:
        return APPLICATION  # The path may begin with own_root: the application knows what is left of it.
    return found


def _routed(app: Any) -> Any:
    """The application with a routing table of Starlette's kind inside its middleware, or None."""
    for _ in range(MAX_WRAPPERS):
        routes = getattr(app, "routes", None)
        if isinstance(routes, Iterable) and all(hasattr(route, "matches") for route in routes):
            return app
        app = getattr(app, "app", None)
        if app is None:
            break
    return None


def _search(routes: Iterable[Any], scope: MutableMapping[str, Any]) -> Owner:
    from starlette.routing import Host, Match, Mount, Route

    for route in routes:
        if isinstance(getattr(route, "original_route", route), Route):
            continue  # HTTP only, as most of a table is
        included = getattr(route, "effective_route_contexts", None)  # FastAPI's included routers
        if callable(included):
            found = _search(included(), scope)
            if found is not NOBODY:
                return found
            continue
        match, child_scope = route.matches(scope)
        if match is Match.NONE:
            continue
        starlette_route = getattr(route, "starlette_route", None) or route
        if isinstance(starlette_route, Mount | Host):
            return _search_mounted(starlette_route, {**scope, **child_scope})
        endpoint = getattr(child_scope.get("endpoint"), ENDPOINT, None)
        if endpoint is None or getattr(starlette_route, "dependencies", None):
            return APPLICATION
        return Owner(application=False, endpoint=endpoint)
    return NOBODY


def _search_mounted(route: Any, scope: MutableMapping[str, Any]) -> Owner:
    """Starlette gives a mounted application all that begins with its path, whether that has a route for it or not."""
    from starlette.staticfiles import StaticFiles

    mounted = _routed(route.app)
    if mounted is not None:
        # A mounted application may have middleware of its own: it is asked even for our endpoints.
        return APPLICATION if _search(mounted.routes, scope) is not NOBODY else NOBODY
    return NOBODY if isinstance(route.app, StaticFiles) else APPLICATION
