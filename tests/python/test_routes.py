"""Whose a path is, and what is cut from it."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ws_manager._bridge import endpoint_path, quoted
from ws_manager._routes import CALL, ENDPOINT, Before, Endpoint, Survey, survey, unguarded
from ws_manager.uvicorn import _Request

MANAGER: Any = object()


async def theirs(websocket: WebSocket) -> None:
    """An endpoint of the application."""


async def ours(websocket: WebSocket) -> None:
    """An endpoint of a router of ours."""


def our_call() -> None:
    """A REST call of a router of ours."""


def guard() -> None:
    """A dependency of the application."""


setattr(ours, ENDPOINT, Endpoint(MANAGER, "/ws"))
setattr(our_call, CALL, object())
OURS = Endpoint(MANAGER, "/ws")


def router() -> APIRouter:
    made = APIRouter()
    made.add_api_route("/metrics", our_call)
    made.add_api_websocket_route("/ws", ours)
    return made


def included(**options: Any) -> FastAPI:
    app = FastAPI()
    app.include_router(router(), **options)
    return app


def guarded_parent() -> FastAPI:
    parent = APIRouter(dependencies=[Depends(guard)])
    parent.include_router(router(), prefix="/in")
    app = FastAPI()
    app.include_router(parent, prefix="/v1")
    return app


class Wrapper:
    """Middleware, as it stands around an application."""

    def __init__(self, app: Any) -> None:
        self.app = app


def with_middleware() -> FastAPI:
    app = included()
    app.add_middleware(Wrapper)
    return app


@pytest.mark.parametrize(
    ("app", "path", "expected"),
    [
        pytest.param(object(), "/ws", None, id="an application without a table"),
        pytest.param(FastAPI(), "/ws", None, id="an application without the path"),
        pytest.param(Starlette(routes=[Route("/ws", lambda _: None)]), "/ws", None, id="an HTTP route only"),
        pytest.param(Starlette(routes=[WebSocketRoute("/ws", theirs)]), "/ws", None, id="its own route"),
        pytest.param(Starlette(routes=[WebSocketRoute("/ws", ours)]), "/ws", OURS, id="our route"),
        pytest.param(Wrapper(Wrapper(included())), "/ws", None, id="inside middleware"),
        pytest.param(ProxyHeadersMiddleware(included()), "/ws", OURS, id="inside the server's own layer"),
        pytest.param(with_middleware(), "/ws", None, id="with middleware"),
        pytest.param(included(prefix="/v1"), "/v1/ws", OURS, id="included with a prefix"),
        pytest.param(included(prefix="/v1"), "/ws", None, id="included with a prefix, asked without"),
        pytest.param(included(dependencies=[Depends(guard)]), "/ws", None, id="dependencies"),
        pytest.param(guarded_parent(), "/v1/in/ws", None, id="a guarded parent"),
        pytest.param(FastAPI(routes=[WebSocketRoute("/{x}", theirs)]), "/ws", None, id="a pattern"),
        pytest.param(
            Starlette(routes=[WebSocketRoute("/ws", ours), WebSocketRoute("/ws", theirs)]), "/ws", OURS, id="order"
        ),
        pytest.param(
            Starlette(routes=[WebSocketRoute("/ws", theirs), WebSocketRoute("/ws", ours)]),
            "/ws",
            None,
            id="order reversed",
        ),
        pytest.param(Starlette(routes=[Mount("/m", included())]), "/m/ws", None, id="mounted"),
        pytest.param(Starlette(routes=[Mount("/m", object())]), "/m/ws", None, id="a mounted unknown"),
        pytest.param(
            Starlette(routes=[Mount("/", StaticFiles(directory=".")), WebSocketRoute("/ws", ours)]),
            "/ws",
            None,
            id="static files at the root, before",
        ),
        pytest.param(
            Starlette(
                routes=[Host("api.example", Router([WebSocketRoute("/ws", theirs)])), WebSocketRoute("/ws", ours)]
            ),
            "/ws",
            None,
            id="its host",
        ),
        pytest.param(
            Starlette(
                routes=[Host("other.example", Router([WebSocketRoute("/ws", theirs)])), WebSocketRoute("/ws", ours)]
            ),
            "/ws",
            OURS,
            id="another host",
        ),
    ],
)
def test_nothing_is_before_an_endpoint(app: Any, path: str, expected: Endpoint | None) -> None:
    assert unguarded(app, path, [(b"host", b"api.example")]) == expected
    assert unguarded(app, path, [(b"host", b"api.example")], root_path="/behind/proxy") == expected


def test_own_root_path_of_an_application_is_its_own_business() -> None:
    app = included()
    app.root_path = "/api"
    assert unguarded(app, "/api/ws", []) is None


def test_dependencies_of_the_whole_application_count() -> None:
    app = FastAPI(dependencies=[Depends(guard)])
    app.include_router(router())
    assert unguarded(app, "/ws", []) is None


def test_middleware_that_wraps_itself_ends() -> None:
    loop = Wrapper(None)
    loop.app = loop
    assert unguarded(loop, "/ws", []) is None
    assert survey(loop) is None


# ---- a look at a table


def seen(app: Any) -> Survey:
    found = survey(app)
    assert found is not None
    return found


def where(app: Any) -> dict[str, tuple[str, ...]]:
    return {place.path: place.guards for place in seen(app).endpoints}


def test_a_look_shows_where_our_endpoints_are_and_behind_what() -> None:
    assert where(included()) == {"/ws": ()}
    assert where(included(prefix="/v1", dependencies=[Depends(guard)])) == {"/v1/ws": ("Depends(guard)",)}
    assert where(guarded_parent()) == {"/v1/in/ws": ("Depends(guard)",)}
    assert where(Starlette(routes=[Mount("/m", with_middleware())])) == {"/m/ws": ("Wrapper",)}
    assert where(FastAPI()) == {}
    assert seen(Wrapper(with_middleware())).middleware == ("Wrapper", "Wrapper")
    assert seen(ProxyHeadersMiddleware(included())).middleware == ()
    assert seen(included()).managers == [MANAGER]


def test_middleware_that_sees_no_websocket_or_keeps_nobody_out_is_no_guard() -> None:
    class Ours(CORSMiddleware):
        """Derived, and blind as well."""

    class Answers(CORSMiddleware):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            """Answers by itself."""

    app = included()
    app.add_middleware(Ours)
    app.add_middleware(Answers)
    app.add_middleware(HTTPSRedirectMiddleware)
    assert seen(app).before == Before(("Answers",), ("Ours",))
    assert unguarded(app, "/ws", []) is None
    (place,) = seen(Starlette(routes=[Mount("/m", app)])).endpoints
    assert place.before == Before(("Answers",), ("Ours",))


def test_a_websocket_route_of_the_application_is_found_wherever_it_is() -> None:
    assert seen(included()).own_websocket is None
    own = included()
    own.add_api_websocket_route("/live/{board}", theirs)
    assert seen(own).own_websocket == "/live/{board}"
    assert seen(Starlette(routes=[Mount("/m", own)])).own_websocket == "/m/live/{board}"
    nested = APIRouter()
    nested.add_api_websocket_route("/deep", theirs)
    app = included()
    app.include_router(nested, prefix="/v2")
    assert seen(app).own_websocket == "/v2/deep"


def test_a_mounted_application_whose_routes_cannot_be_seen_may_take_websockets() -> None:
    async def raw(scope: Any, receive: Any, send: Any) -> None:
        """An ASGI application without a table."""

    app = included()
    app.mount("/live", raw)
    found = seen(app)
    assert found.own_websocket is None
    assert found.decides == "an application mounted at /live whose routes cannot be seen"
    assert found.shadowed == []
    place = found.find("/live/7")
    assert place is not None
    assert (place.shown, place.opaque) == ("/live", True)
    app.add_api_websocket_route("/own", theirs)
    assert seen(app).decides == "the application's own WebSocket route /own"
    for harmless in (StaticFiles(directory="."), Wrapper(StaticFiles(directory=".")), FastAPI()):
        app = included()
        app.mount("/files", harmless)
        assert seen(app).decides is None


def test_routes_that_ours_shadow_are_named() -> None:
    app = included()
    app.add_api_websocket_route("/ws", theirs)
    app.add_api_route("/metrics", guard)
    app.add_api_route("/other", guard)
    shadows = [(shadow.own.path, shadow.own.websocket, shadow.ours.path) for shadow in seen(app).shadowed]
    assert shadows == [("/ws", True, "/ws"), ("/metrics", False, "/metrics")]
    before = FastAPI()
    before.add_api_websocket_route("/ws", theirs)
    before.add_api_route("/metrics", guard)
    before.include_router(router())
    assert seen(before).shadowed == []


@pytest.mark.parametrize("convertor", ["", ":int", ":float", ":path", ":uuid", ":str"])
def test_patterns_are_compared_by_a_path_that_they_take(convertor: str) -> None:
    app = FastAPI(routes=[WebSocketRoute("/{anything:path}", ours), WebSocketRoute(f"/x/{{id{convertor}}}", theirs)])
    assert [shadow.own.path for shadow in seen(app).shadowed] == [f"/x/{{id{convertor}}}"]


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("/ws", "/ws", "/ws"),
        ("/v1/ws", "/ws", "/ws"),
        ("/a/b/ws/project/7", "/ws/project/{project_id}", "/ws/project/7"),
    ],
)
def test_endpoint_path_is_the_end_of_the_path(path: str, pattern: str, expected: str) -> None:
    assert endpoint_path(path, pattern) == expected


def test_quoted_keeps_what_a_path_may_hold() -> None:
    assert quoted("/a b/ü/%/x:y@z;p=1,2") == "/a%20b/%C3%BC/%25/x:y@z;p=1,2"


def test_request_is_moved_to_another_path() -> None:
    request = _Request.parse(b"GET /v1/ws%20x?a=/v1/ws HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n")
    assert request is not None
    assert (request.raw_path, request.path) == ("/v1/ws%20x", "/v1/ws x")
    assert request.headers == [(b"host", b"h"), (b"x", b"y")]
    assert request.moved("/ws") == b"GET /ws?a=/v1/ws HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n"
    assert request.moved("") == request.moved("/v1/ws%20x") == request.raw


@pytest.mark.parametrize(
    "data", [b"", b"GET /ws HTTP/1.1\r\n", b"GET  HTTP/1.1\r\n\r\n", b"GET http://h/ws HTTP/1.1\r\n\r\n", b"\r\n\r\n"]
)
def test_what_is_no_plain_request_is_left_to_uvicorn(data: bytes) -> None:
    assert _Request.parse(data) is None
