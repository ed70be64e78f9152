"""`python -m ws_manager check`: what an application lets whom do, said without serving it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

MAIN = """
from fastapi import Depends, FastAPI, Request, WebSocket
from starlette.requests import HTTPConnection
import ws_manager

def guard(): ...

ten = FastAPI(lifespan=ws_manager.lifespan)
ten.include_router(ws_manager.router)

guarded = FastAPI(lifespan=ws_manager.lifespan)
guarded.include_router(ws_manager.router, prefix="/v1", dependencies=[Depends(guard)])

def own():
    app = FastAPI(lifespan=ws_manager.lifespan)
    app.include_router(ws_manager.router)

    @app.websocket("/live/{board}")
    async def live(websocket: WebSocket, board: str): ...

    @app.get("/metrics")
    def metrics(): ...

    ws_manager.room("news", subscribe="anyone")
    ws_manager.room("staff:*", subscribe="authenticated")
    ws_manager.room("internal", subscribe="nobody")
    return app

def routerless():
    app = FastAPI(lifespan=ws_manager.lifespan)

    @app.websocket("/live")
    async def live(websocket: WebSocket): ...

    return app

empty = FastAPI()

web_only = FastAPI(lifespan=ws_manager.lifespan)
web_only.include_router(ws_manager.router)

@web_only.middleware("http")
async def staff(request, call_next): ...

def wants_request(request: Request): ...

def deeper(staff=Depends(wants_request)): ...

def may(request: HTTPConnection, other: Request = None): ...

broken = FastAPI(lifespan=ws_manager.lifespan)
broken.include_router(ws_manager.router, dependencies=[Depends(deeper), Depends(may)])

def asked():
    ws_manager.authenticate(lambda request: None)
    return ten

def hidden():
    async def raw(scope, receive, send): ...

    ten.mount("/live", raw)
    return ten

def ruled():
    ws_manager.room("staff:*", subscribe="authenticated", publish="anyone", history="nobody")
    return ten
"""


def check(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    (folder / "main.py").write_text(MAIN)
    done = subprocess.run(
        [sys.executable, "-m", "ws_manager", "check", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_an_open_application(tmp_path: Path) -> None:
    status, text = check(tmp_path, "main:ten", "--room", "board:7")
    assert status == 0
    assert re.search(r"/ws/notifications +everyone\n", text)
    assert "Access is open: everyone may hear every public room, as nothing checks clients (option access=auto" in text
    assert "Who hears board:7: everyone.\n" in text
    assert "  who may publish into it: who was granted that: by publish=" in text
    assert "  who may read its history over HTTP: everyone\n" in text
    assert "Who hears @all, which broadcast() sends to: everyone." in text
    assert "There is no own port (option port)." in text
    assert "this machine only, as no API key is set (option api_key)." in text


def test_a_guarded_application(tmp_path: Path) -> None:
    status, text = check(tmp_path, "main:guarded", "--room=board:7")
    assert status == 0
    assert "/v1/ws  " in text
    assert "Who hears board:7: everyone who passes Depends(guard).\n" in text
    assert "  all rooms at once (/ws/notifications): everyone who passes Depends(guard)\n" in text
    assert "over HTTP: everyone (in the application behind Depends(guard))" in text


@pytest.mark.parametrize(("host", "reach"), [("localhost", "only this machine"), ("0.0.0.0", "other machines")])
def test_an_own_port_is_without_the_guard(tmp_path: Path, host: str, reach: str) -> None:
    environment = {"WEBSOCKET_PORT": "8765", "WEBSOCKET_HOST": host}
    status, text = check(tmp_path, "main:guarded", "--room=board:7", **environment)
    assert status == 0
    place = f"own port 8765 of {host}"
    assert f"The {place} has every endpoint and REST call too, without what" in text
    assert f"; {reach} reach" in text
    assert f"Who hears board:7: everyone who passes Depends(guard); everyone who reaches the {place}." in text
    status, text = check(tmp_path, "main:empty", "--room=board:7", **environment)
    assert status == 0
    assert "Endpoints in the application: none." in text
    assert f"Who hears board:7: everyone who reaches the {place}." in text


def test_who_gets_in_by_a_token_or_a_handler(tmp_path: Path) -> None:
    key = {"WEBSOCKET_JWT_SECRET": "a-secret-of-at-least-32-bytes--made-by-openssl", "WEBSOCKET_API_KEY": "operators"}
    status, text = check(tmp_path, "main:guarded", "--room=@all", "--room=board:7", **key)
    assert status == 0
    assert "Who hears @all: everyone who passes Depends(guard) and who brings a good token.\n" in text
    assert "over HTTP: who was granted it, where the call says who that is: by a token" in text
    assert "ws_manager.rest(request, user_id=...); who has the API key (in" in text
    assert "the admin panel over HTTP: who has the API key." in text
    status, text = check(tmp_path, "main:asked()", "--room=@all")
    assert re.search(r"/ws/logs +whom the authenticate handler lets in\n", text)
    assert "Who hears @all: whom the authenticate handler lets in." in text


def test_an_application_with_routes_of_its_own(tmp_path: Path) -> None:
    rooms = [f"--room={room}" for room in ("board:7", "news", "staff:1", "internal", "@all")]
    status, text = check(tmp_path, "main:own()", *rooms)
    assert status == 1
    assert "Never called: /metrics of the application, as /metrics of ws_manager comes first." in text
    assert "because of the application's own WebSocket route /live/{board}" in text
    assert "Who hears board:7: who was granted it" in text
    assert "Who hears news: everyone." in text
    assert "Who hears staff:1: users: who" in text
    assert "Who hears internal: no client." in text
    assert "Who hears @all: everyone." in text


def test_middleware_for_http_is_no_guard(tmp_path: Path) -> None:
    status, text = check(tmp_path, "main:web_only", "--room=board:7")
    assert status == 0
    assert "everyone (BaseHTTPMiddleware: HTTP only, no WebSocket is seen by it)" in text
    assert "Who hears board:7: everyone." in text
    assert "over HTTP: everyone (in the application behind BaseHTTPMiddleware)" in text


def test_a_guard_that_no_websocket_can_pass(tmp_path: Path) -> None:
    status, text = check(tmp_path, "main:broken")
    assert status == 1
    assert "Cannot work: Depends(wants_request) before ws_manager's endpoints wants a Request" in text
    assert "HTTPConnection" in text


def test_an_application_that_cannot_be_seen_may_decide(tmp_path: Path) -> None:
    status, text = check(tmp_path, "main:hidden()")
    assert status == 0
    assert "  /live (mounted; its routes cannot be seen)" in text
    assert "because of an application mounted at /live whose routes cannot be seen" in text


def test_a_rule_for_users_where_nobody_can_be_one(tmp_path: Path) -> None:
    _, text = check(tmp_path, "main:ruled()", "--room=staff:1")
    assert "Who hears staff:1: users, and nobody can be one" in text
    assert "who may publish into it: everyone\n" in text
    assert "history over HTTP: no client\n" in text


def test_an_application_without_the_router(tmp_path: Path) -> None:
    status, text = check(tmp_path, "main:empty")
    assert status == 1
    assert "app.include_router(ws_manager.router) adds them" in text
    assert "nobody: there is no endpoint" in text


def test_an_application_that_connects_in_a_route_of_its_own_alone(tmp_path: Path) -> None:
    """As the start says it: the route decides who comes in, so rooms need a grant."""
    status, text = check(tmp_path, "main:routerless()", "--room=board:7")
    assert status == 0
    assert "Access is granted" in text
    assert "because of the application's own WebSocket route /live" in text
    assert "Endpoints in the application: none. app.include_router(ws_manager.router) adds them." in text
    assert "WebSocket routes of the application's own:\n  /live" in text
    assert "/ws/notifications" not in text
    assert "everyone may hear" not in text


def test_help_and_a_reader_that_has_enough(tmp_path: Path) -> None:
    status, text = check(tmp_path, "--help")
    assert status == 0
    assert "--room ROOM" in text
    (tmp_path / "main.py").write_text(MAIN)
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "ws_manager", "check", "main:ten"]
    done = subprocess.run(command, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["main"],
        ["nowhere:app"],
        ["main:nothing"],
        ["--room", "a"],
        ["main:ten", "x"],
        ["main:ten", "--room", "a b"],
    ],
)
def test_what_is_no_application(tmp_path: Path, arguments: list[str]) -> None:
    status, text = check(tmp_path, *arguments)
    assert status == 2
    assert "Traceback" not in text
    assert text
