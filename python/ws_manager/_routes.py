"""What stands in an application's routing table: its own routes, ours, what is before them, and who has a path.

Routing decides: an endpoint of ours exists where the application includes it, behind whatever it puts before it.
Tables of Starlette's kind are read (FastAPI's, Starlette's); of another application nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ws_manager._offers import Manager

ENDPOINT = "__ws_manager_endpoint__"
"""Attribute of the functions behind our WebSocket routes: an Endpoint."""

CALL = "__ws_manager_call__"
"""Attribute of the functions behind our HTTP routes: the manager's REST calls and panel."""

MAX_WRAPPERS = 32
"""Layers of middleware around an application that are looked through."""

SAMPLES = {"int": "1", "float": "1.5", "uuid": "00000000-0000-4000-8000-000000000000"}
"""What stands for a path parameter of such a convertor where a path is made of a pattern; "x" for others."""


BELOW = "/{path:path}"
"""What the path of a mounted application is followed by, where its routes cannot be seen."""

HTTP_ONLY = {
    "starlette.middleware.base.BaseHTTPMiddleware",  # @app.middleware("http") is one of these
    "starlette.middleware.cors.CORSMiddleware",
    "starlette.middleware.gzip.GZipMiddleware",
}
"""Middleware that passes WebSockets on without a look."""

NO_GUARDS = {
    "starlette.middleware.httpsredirect.HTTPSRedirectMiddleware",
    "starlette.middleware.sessions.SessionMiddleware",
}
"""Middleware that sees WebSockets, and asks nobody who he is."""

NO_WEBSOCKETS = ("starlette.staticfiles", "starlette.middleware.wsgi", "a2wsgi.", "prometheus_client.")
"""Beginnings of the modules of applications that are mounted often and take no WebSocket."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a route of ours stands for."""

    manager: Manager
    pattern: str


# ---- the table as a list -------------------------------------------------------------------------------------------


class Before(NamedTuple):
    """What the application has put before a route; names for people."""

    guards: tuple[str, ...] = ()
    """Dependencies that came with an inclusion, and middleware that may turn a WebSocket away."""
    blind: tuple[str, ...] = ()
    """Middleware that sees HTTP only: WebSockets pass it unseen."""

    def then(self, more: Before) -> Before:
        """With what comes after it."""
        return Before((*self.guards, *more.guards), (*self.blind, *more.blind))


class Place(NamedTuple):
    """One route, where it is found and what stands before it."""

    websocket: bool
    path: str
    """As the client sees it, with the parameters in braces."""
    ours: bool
    endpoint: Endpoint | None
    """Of a WebSocket route of ours."""
    before: Before
    """The application's own middleware not included, a mounted application's is."""
    opaque: bool = False
    """A mounted application whose routes cannot be seen: it may take any WebSocket below its path."""
    broken: tuple[str, ...] = ()
    """Dependencies of a WebSocket route that want a Request, which a WebSocket is not."""

    @property
    def guards(self) -> tuple[str, ...]:
        """Those of `before`."""
        return self.before.guards

    @property
    def shown(self) -> str:
        """For people."""
        return self.path.removesuffix(BELOW) or "/" if self.opaque else self.path


class Shadow(NamedTuple):
    """A route of the application's own that is never called, and the route of ours that is."""

    own: Place
    ours: Place


class Survey(NamedTuple):
    """What a look at an application has shown."""

    app: Any
    """What has the table, inside its wrappers."""
    places: list[Place]
    before: Before
    """Middleware of the whole application."""
    own_websocket: str | None
    """The first WebSocket route of the application's own that can be seen."""

    @property
    def middleware(self) -> tuple[str, ...]:
        """Of the whole application, what may turn a WebSocket away."""
        return self.before.guards

    @property
    def decides(self) -> str | None:
        """What of the application's own takes WebSockets, or may, as a part of a sentence; None: nothing."""
        if self.own_websocket is not None:
            return f"the application's own WebSocket route {self.own_websocket}"
        opaque = next((place.shown for place in self.places if place.opaque), None)
        return opaque and f"an application mounted at {opaque} whose routes cannot be seen"

    def before_of(self, place: Place) -> Before:
        """All that stands before a place."""
        return self.before.then(place.before)

    @property
    def endpoints(self) -> list[Place]:
        """The WebSocket routes of ours, in order."""
        return [place for place in self.places if place.endpoint is not None]

    @property
    def managers(self) -> list[Manager]:
        """Those whose endpoints are in the table."""
        return list(
            {id(place.endpoint.manager): place.endpoint.manager for place in self.places if place.endpoint}.values()
        )

    @property
    def shadowed(self) -> list[Shadow]:
        """Routes of the application's own that come after one of ours that takes all of their requests."""
        found = []
        for at, own in enumerate(self.places):
            if own.ours or own.opaque:
                continue
            sample = _sample(own.path)
            before = (place for place in self.places[:at] if place.websocket is own.websocket)
            first = next((place for place in before if fits(place.path, sample)), own)
            if first.ours:
                found.append(Shadow(own, first))
        return found

    def find(self, path: str) -> Place | None:
        """The WebSocket route that a path leads to."""
        return next((place for place in self.places if place.websocket and fits(place.path, path)), None)


def survey(app: Any) -> Survey | None:
    """What an application has in its table; None where it has none of Starlette's kind.

    app: the ASGI application, possibly wrapped. What its table holds now counts: it is looked at when all is included.
    """
    routed = _routed(app)
    if routed is None:
        return None
    outside = _sorted(type(layer) for layer in _layers(app, routed) if not _of_server(layer))
    places = list(_walk(routed.routes, "", Before()))
    seen = (place for place in places if place.websocket and not place.opaque)
    own = next((place.path for place in seen if not place.ours), None)
    return Survey(routed, places, outside.then(_middleware(routed)), own)


def _walk(routes: Iterable[Any], prefix: str, before: Before) -> Iterator[Place]:
    from starlette.routing import Host, Mount

    for route in routes:
        included = getattr(route, "effective_route_contexts", None)  # FastAPI's included routers
        if callable(included):
            for context in included():
                yield from _leaf(context, getattr(context, "starlette_route", None) or context, prefix, before)
        elif isinstance(route, Mount | Host):
            yield from _mounted(route, prefix, before)
        else:
            yield from _leaf(route, route, prefix, before)


def _mounted(route: Any, prefix: str, before: Before) -> Iterator[Place]:
    path = prefix + getattr(route, "path", "").rstrip("/")
    mounted = _routed(route.app)
    if mounted is not None:
        inside = _sorted(map(type, _layers(route.app, mounted))).then(_middleware(mounted))
        yield from _walk(mounted.routes, path, before.then(inside))
    elif not _http_only(route.app):
        yield Place(True, path + BELOW, False, None, before, opaque=True)


def _leaf(context: Any, route: Any, prefix: str, before: Before) -> Iterator[Place]:
    from starlette.routing import Host, Mount, Route, WebSocketRoute

    if isinstance(route, Mount | Host):  # of an included router
        yield from _mounted(route, prefix, before)
        return
    original = getattr(context, "original_route", route)
    if not isinstance(original, Route | WebSocketRoute):
        return
    endpoint = getattr(route, "endpoint", None)
    mark = getattr(endpoint, ENDPOINT, None)
    before = before.then(Before(tuple(map(_name, getattr(route, "dependencies", ())))))
    ours = mark is not None or hasattr(endpoint, CALL)
    broken = tuple(_wanting_requests(getattr(route, "dependant", None))) if mark is not None else ()
    yield Place(isinstance(original, WebSocketRoute), prefix + route.path, ours, mark, before, broken=broken)


def _wanting_requests(dependant: Any) -> Iterator[str]:
    """The names of FastAPI's dependencies, at any depth, that no WebSocket can be given to: each raises a TypeError."""
    for each in getattr(dependant, "dependencies", ()):
        name = getattr(each, "request_param_name", None)
        with suppress(TypeError, ValueError, KeyError):
            if name and signature(each.call).parameters[name].default is Parameter.empty:
                yield _name(each.call)
        yield from _wanting_requests(each)


def _name(dependency: Any) -> str:
    """Of a dependency of FastAPI's, for people."""
    call = getattr(dependency, "dependency", dependency)
    return f"Depends({getattr(call, '__qualname__', type(call).__name__).rpartition('.')[2]})"


def _sample(pattern: str) -> str:
    """A path that a pattern takes."""
    from starlette.routing import PARAM_REGEX

    return PARAM_REGEX.sub(lambda match: SAMPLES.get((match[2] or "").lstrip(":"), "x"), pattern)


def fits(pattern: str, path: str) -> bool:
    """Whether a path is one of a pattern's."""
    return _regex(pattern).match(path) is not None


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    from starlette.routing import compile_path

    return compile_path(pattern)[0]


# ---- layers --------------------------------------------------------------------------------------------------------


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


def _layers(app: Any, routed: Any) -> Iterator[Any]:
    """What is wrapped around it."""
    while app is not routed:
        yield app
        app = app.app


def _of_server(layer: Any) -> bool:
    """uvicorn's own layers, which turn nobody away."""
    return type(layer).__module__.startswith("uvicorn.")


def _middleware(app: Any) -> Before:
    """Those that the application was given; Starlette's own two do not count."""
    return _sorted(row.cls for row in getattr(app, "user_middleware", ()))


def _sorted(classes: Iterable[Any]) -> Before:
    """Middleware, by whether it sees a WebSocket. What keeps nobody out is left out."""
    guards, blind = [], []
    for each in classes:
        of = each.__mro__ if isinstance(each, type) else ()
        name = getattr(each, "__name__", repr(each))
        # What is derived from one of them and answers by itself may do more than they do.
        call = next((f"{base.__module__}.{base.__name__}" for base in of if "__call__" in vars(base)), "")
        if call in HTTP_ONLY:
            blind.append(name)
        elif call not in NO_GUARDS:
            guards.append(name)
    return Before(tuple(guards), tuple(blind))


def _http_only(app: Any) -> bool:
    """Whether an application without a table, inside its middleware, is known to take no WebSocket."""
    for _ in range(MAX_WRAPPERS):
        kind = app if hasattr(app, "__qualname__") else type(app)
        bases = kind.__mro__ if isinstance(kind, type) else (kind,)
        if any(base.__module__.startswith(NO_WEBSOCKETS) for base in bases):
            return True
        app = getattr(app, "app", None)
        if app is None:
            break
    return False


# ---- who has a path ------------------------------------------------------------------------------------------------


def unguarded(app: Any, path: str, headers: list[tuple[bytes, bytes]], root_path: str = "") -> Endpoint | None:
    """The endpoint of ours that an upgrade leads to with nothing of the application's before it, else None.

    app: the ASGI application, possibly wrapped. path: decoded, as received. root_path: the server's own setting.
    """
    routed = _routed(app)
    if routed is None or not all(map(_of_server, _layers(app, routed))):
        return None
    middleware: Any = getattr(routed, "user_middleware", None)
    if middleware:
        return None
    if getattr(routed, "root_path", ""):
        return None  # The path may begin with it: the application knows what is left then.
    scope: dict[str, Any] = {"type": "websocket", "path": root_path + path, "root_path": root_path, "headers": headers}
    return _search(routed.routes, scope)[0]


def _search(routes: Iterable[Any], scope: MutableMapping[str, Any]) -> tuple[Endpoint | None, bool]:
    """The endpoint, and whether the search has ended: by it, or by what the application has to be asked about."""
    from starlette.routing import Host, Match, Mount, Route

    for route in routes:
        if isinstance(getattr(route, "original_route", route), Route):
            continue  # HTTP only, as most of a table is
        included = getattr(route, "effective_route_contexts", None)
        if callable(included):
            endpoint, ended = _search(included(), scope)
            if ended:
                return endpoint, True
            continue
        match, child_scope = route.matches(scope)
        if match is Match.NONE:
            continue
        starlette_route = getattr(route, "starlette_route", None) or route
        if isinstance(starlette_route, Mount | Host) or getattr(starlette_route, "dependencies", None):
            return None, True
        return getattr(child_scope.get("endpoint"), ENDPOINT, None), True
    return None, False
