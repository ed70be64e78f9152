"""Whose a path is, and what is cut from it."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles

from ws_manager._bridge import endpoint_path, quoted
from ws_manager._routes import APPLICATION, ENDPOINT, NOBODY, Endpoint, Owner, owner
from ws_manager.uvicorn import _Request

MANAGER: Any = object()


async def theirs(websocket: WebSocket) -> None:
    """An endpoint of the application."""


async def ours(websocket: WebSocket) -> None:
    """An endpoint of a router of ours."""


setattr(ours, ENDPOINT, Endpoint(MANAGER, "/ws"))
OURS = Owner(application=False, endpoint=Endpoint(MANAGER, "/ws"))


def included(**options: Any) -> FastAPI:
    router = APIRouter()
    router.add_api_websocket_route("/ws", ours)
    app = FastAPI()
    app.include_router(router, **options)
    return app


class Wrapper:
    """Middleware, as it stands around an application."""

    def __init__(self, app: Any) -> None:
        self.app = app


@pytest.mark.parametrize(
    ("app", "path", "expected"),
    [
        pytest.param(object(), "/ws", NOBODY, id="an application without a table"),
        pytest.param(FastAPI(), "/ws", NOBODY, id="an application without the path"),
        pytest.param(Starlette(routes=[Route("/ws", lambda _: None)]), "/ws", NOBODY, id="an HTTP route only"),
        pytest.param(Starlette(routes=[WebSocketRoute("/ws", theirs)]), "/ws", APPLICATION, id="its own route"),
        pytest.param(Starlette(routes=[WebSocketRoute("/ws", ours)]), "/ws", OURS, id="our route"),
        pytest.param(Wrapper(Wrapper(included())), "/ws", OURS, id="inside middleware"),
        pytest.param(included(prefix="/v1"), "/v1/ws", OURS, id="included with a prefix"),
        pytest.param(included(prefix="/v1"), "/ws", NOBODY, id="included with a prefix, asked without"),
        pytest.param(included(dependencies=[Depends(lambda: None)]), "/ws", APPLICATION, id="dependencies"),
        pytest.param(FastAPI(routes=[WebSocketRoute("/{x}", theirs)]), "/ws", APPLICATION, id="a pattern"),
        pytest.param(
            Starlette(routes=[WebSocketRoute("/ws", ours), WebSocketRoute("/ws", theirs)]), "/ws", OURS, id="order"
        ),
        pytest.param(
            Starlette(routes=[WebSocketRoute("/ws", theirs), WebSocketRoute("/ws", ours)]),
            "/ws",
            APPLICATION,
            id="order reversed",
        ),
        pytest.param(Starlette(routes=[Mount("/m", included())]), "/m/ws", APPLICATION, id="mounted"),
        pytest.param(Starlette(routes=[Mount("/m", included())]), "/m/no", NOBODY, id="mounted, without the path"),
        pytest.param(Starlette(routes=[Mount("/m", object())]), "/m/ws", APPLICATION, id="a mounted unknown"),
        pytest.param(
            Starlette(routes=[Mount("/", StaticFiles(directory="."))]), "/ws", NOBODY, id="static files at the root"
        ),
        pytest.param(
            Starlette(routes=[Host("api.example", Router([WebSocketRoute("/ws", theirs)]))]),
            "/ws",
            APPLICATION,
            id="its host",
        ),
        pytest.param(
            Starlette(routes=[Host("other.example", Router([WebSocketRoute("/ws", theirs)]))]),
            "/ws",
            NOBODY,
            id="another host",
        ),
    ],
)
def test_owner_of_a_path(app: Any, path: str, expected: Owner) -> None:
    assert owner(app, path, [(b"host", b"api.example")]) == expected
    assert owner(app, path, [(b"host", b"api.example")], root_path="/behind/proxy") == expected


def test_own_root_path_of_an_application_is_its_own_business() -> None:
    app = included()
    app.root_path = "/api"
    assert owner(app, "/api/ws", []) == APPLICATION


def test_dependencies_of_the_whole_application_count() -> None:
    router = APIRouter()
    router.add_api_websocket_route("/ws", ours)
    app = FastAPI(dependencies=[Depends(lambda: None)])
    app.include_router(router)
    assert owner(app, "/ws", []) == APPLICATION


def test_middleware_that_wraps_itself_ends() -> None:
    loop = Wrapper(None)
    loop.app = loop
    assert owner(loop, "/ws", []) == NOBODY


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
