"""Routing decides, under every server: what the application does not route does not exist, what it guards is so."""

from __future__ import annotations

from pathlib import Path

import pytest
from web_support import Process, client, closed, receive
from websockets.exceptions import InvalidStatus

APPLICATION = """
from fastapi import APIRouter, Depends, FastAPI, Request, Response, WebSocket, WebSocketException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.wsgi import WSGIMiddleware
from starlette.staticfiles import StaticFiles
import ws_manager

def guard():
    raise WebSocketException(1008)

class Turnstile:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self.app(scope, receive, send)

nothing = FastAPI(lifespan=ws_manager.lifespan)

router = FastAPI(lifespan=ws_manager.lifespan)
router.include_router(ws_manager.router)

prefix = FastAPI(lifespan=ws_manager.lifespan)
prefix.include_router(ws_manager.router, prefix="/v1")

guarded = FastAPI(lifespan=ws_manager.lifespan)
guarded.include_router(ws_manager.router, prefix="/v1", dependencies=[Depends(guard)])

parent = FastAPI(lifespan=ws_manager.lifespan)
above = APIRouter(dependencies=[Depends(guard)])
above.include_router(ws_manager.router)
parent.include_router(above, prefix="/v1")

everywhere = FastAPI(lifespan=ws_manager.lifespan, dependencies=[Depends(guard)])
everywhere.include_router(ws_manager.router)

middleware = FastAPI(lifespan=ws_manager.lifespan, middleware=[Middleware(Turnstile)])
middleware.include_router(ws_manager.router)

wrapped = Turnstile(router)

inner = FastAPI()
inner.include_router(ws_manager.router)
mounted = FastAPI(lifespan=ws_manager.lifespan)
mounted.mount("/m", inner)

closed_inner = FastAPI(dependencies=[Depends(guard)])
closed_inner.include_router(ws_manager.router)
mounted_guarded = FastAPI(lifespan=ws_manager.lifespan)
mounted_guarded.mount("/m", closed_inner)

async def raw(scope, receive, send):
    await ws_manager.connect(WebSocket(scope, receive, send), user_id="u1", rooms=["board:7"])

hidden = FastAPI(lifespan=ws_manager.lifespan)
hidden.include_router(ws_manager.router)
hidden.mount("/live/", raw)

files = FastAPI(lifespan=ws_manager.lifespan)
files.include_router(ws_manager.router)
files.mount("/static", StaticFiles(directory="."))
files.mount("/small", GZipMiddleware(StaticFiles(directory=".")))
files.mount("/old", WSGIMiddleware(lambda environ, start: []))

web_only = FastAPI(lifespan=ws_manager.lifespan)
web_only.add_middleware(GZipMiddleware)
web_only.include_router(ws_manager.router)

@web_only.middleware("http")
async def only_staff(request, call_next):
    return Response(status_code=403)

def wants_request(request: Request): ...

wants = FastAPI(lifespan=ws_manager.lifespan)
wants.include_router(ws_manager.router, dependencies=[Depends(wants_request)])

class Both(BaseHTTPMiddleware):
    async def __call__(self, scope, receive, send):
        await Turnstile(self.app)(scope, receive, send)

both = FastAPI(lifespan=ws_manager.lifespan, middleware=[Middleware(Both)])
both.include_router(ws_manager.router)
"""

EXPECTED = {
    "nothing": {"/ws": 403, "/ws/notifications": 403},
    "router": {"/ws": 101, "/ws/notifications": 101, "/ws/project/7": 101, "/v1/ws": 403},
    "prefix": {"/v1/ws": 101, "/v1/ws/notifications": 101, "/ws": 403, "/ws/notifications": 403, "/ws/project/7": 403},
    "guarded": {"/v1/ws": 403, "/v1/ws/notifications": 403, "/ws": 403, "/ws/notifications": 403},
    "parent": {"/v1/ws": 403, "/ws": 403, "/ws/notifications": 403},
    "everywhere": {"/ws": 403, "/ws/notifications": 403},
    "middleware": {"/ws": 403, "/ws/notifications": 403},
    "wrapped": {"/ws": 403, "/ws/notifications": 403},
    "mounted": {"/m/ws": 101, "/m/ws/project/7": 101, "/ws": 403, "/ws/notifications": 403},
    "mounted_guarded": {"/m/ws": 403, "/ws": 403, "/ws/notifications": 403},
}

UVICORN = r"running on https?://[\d.]+:(\d+)"
SERVERS = {
    "run": (["-m", "ws_manager", "run", "main:{app}", "--port", "0"], UVICORN),
    "uvicorn": (["-m", "uvicorn", "main:{app}", "--port", "0"], UVICORN),
    "uvicorn with the class": (
        ["-m", "uvicorn", "main:{app}", "--port", "0", "--ws", "ws_manager.uvicorn:WebSocketProtocol"],
        UVICORN,
    ),
    "uvicorn with the direct class": (
        ["-m", "uvicorn", "main:{app}", "--port", "0", "--ws", "ws_manager.uvicorn:DirectWebSocketProtocol"],
        UVICORN,
    ),
    "hypercorn": (["-m", "hypercorn", "main:{app}", "--bind", "127.0.0.1:0"], r"Running on http://127.0.0.1:(\d+)"),
    "gunicorn": (
        ["-m", "gunicorn", "main:{app}", "--bind", "127.0.0.1:0", "-k", "worker.Worker"],
        r"Listening at: http://127.0.0.1:(\d+)",
    ),
}

WORKER = """
from uvicorn_worker import UvicornWorker

class Worker(UvicornWorker):
    CONFIG_KWARGS = {**UvicornWorker.CONFIG_KWARGS, "ws": "ws_manager.uvicorn:WebSocketProtocol"}
"""


def knock(port: int, path: str) -> int:
    try:
        with client(port, path) as browser:
            receive(browser)
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


@pytest.mark.parametrize("app", EXPECTED)
@pytest.mark.parametrize("server", SERVERS)
def test_what_is_not_routed_does_not_exist_and_what_is_guarded_is_guarded(
    tmp_path: Path, server: str, app: str
) -> None:
    (tmp_path / "main.py").write_text(APPLICATION)
    (tmp_path / "worker.py").write_text(WORKER)
    command, started = SERVERS[server]
    with Process(*(part.format(app=app) for part in command), cwd=tmp_path) as process:
        port = int(process.expect(started)[1])
        assert {path: knock(port, path) for path in EXPECTED[app]} == EXPECTED[app], process.output


def test_an_endpoint_that_is_not_routed_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APPLICATION)
    for app, lines in {
        "nothing": [r"refused: .*app.include_router\(ws_manager.router\) adds it.*\(/ws\)"],
        "prefix": [r"refused: .* it has included this endpoint as /v1/ws$"],
        "guarded": [r"refused: .*/v1/ws$", r"refused: an upgrade of /v1/ws, by .*Depends\(guard\)"],
    }.items():
        with Process("-m", "ws_manager", "run", f"main:{app}", "--port", "0", cwd=tmp_path) as process:
            for path in ("/ws", "/v1/ws"):
                knock(process.port, path)
            for line in lines:
                process.expect(line)


OPEN = "access: open: everyone may hear every public room, as nothing checks clients"
BLIND = r"BaseHTTPMiddleware of the application .* guards HTTP only: WebSockets pass it unseen, .*access=granted"


@pytest.mark.parametrize(
    ("app", "lines", "status"),
    [
        pytest.param(
            "web_only", [BLIND, r"endpoints .*\(BaseHTTPMiddleware, GZipMiddleware see HTTP only\)", OPEN], 101
        ),
        pytest.param("wants", [r"Depends\(wants_request\) before .* wants a Request, .*HTTPConnection"], 500),
        pytest.param("both", [r"endpoints .*\(behind Both\)", OPEN], 403),
        pytest.param("files", [r"endpoints /ws, [^()]*$", OPEN], 101),
        pytest.param(
            "hidden", ["access: granted: .* an application mounted at /live whose routes cannot be seen"], 101
        ),
    ],
)
def test_the_start_names_what_sees_websockets_and_nothing_else(
    tmp_path: Path, app: str, lines: list[str], status: int
) -> None:
    (tmp_path / "main.py").write_text(APPLICATION)
    with Process("-m", "ws_manager", "run", f"main:{app}", "--port", "0", cwd=tmp_path) as process:
        for line in lines:
            process.expect(line)
        assert knock(process.port, "/ws") == status
        assert (BLIND in lines) is any("HTTP only: WebSockets" in line for line in process.lines)


def test_who_has_said_that_all_is_open_is_not_warned_of_middleware_for_http(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APPLICATION)
    command = ("-m", "ws_manager", "run", "main:web_only", "--port", "0")
    for access in ("open", "granted"):
        with Process(*command, cwd=tmp_path, WEBSOCKET_ACCESS=access) as process:
            process.expect(f"access: {access}: ")
            assert knock(process.port, "/ws") == 101
            assert "WebSockets pass it unseen" not in process.output


def test_rooms_are_closed_before_an_application_that_is_mounted_says_who_comes(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APPLICATION)
    with Process("-m", "ws_manager", "run", "main:hidden", "--port", "0", cwd=tmp_path) as process:
        with client(process.port, "/ws/project/7") as browser:
            assert closed(browser)[0] == 4403
        with client(process.port, "/live/x") as browser:
            assert "board:7" in receive(browser)["data"]["rooms"]


def test_warnings_look_like_the_lines_beside_them(tmp_path: Path) -> None:
    """With a level and a name, where nobody has set up logging: under uvicorn, and in a plain program."""
    (tmp_path / "main.py").write_text(APPLICATION)
    with Process("-m", "ws_manager", "run", "main:web_only", "--port", "0", cwd=tmp_path) as process:
        process.expect("^INFO: +ws_manager: access: open")
        process.expect("^WARNING: +ws_manager: BaseHTTPMiddleware of the application")
    (tmp_path / "plain.py").write_text(
        "import asyncio, main\nasync def run():\n    async with main.ws_manager.lifespan(main.web_only): pass\n"
        "asyncio.run(run())\n"
    )
    with Process("plain.py", cwd=tmp_path) as process:
        process.expect("^INFO: +ws_manager: access: open")
        process.expect("^WARNING: +ws_manager: BaseHTTPMiddleware of the application")


LINES = """
import asyncio, logging, sys
from ws_manager import WebSocketManager
from ws_manager._bridge import bridge
from ws_manager._chain import start
from ws_manager._handlers import Handlers
from ws_manager._outcomes import NOBODY
from ws_manager._router import CALLS, _identify

def fails():
    raise ValueError("the database\\nis away")

async def slow(request):
    await asyncio.sleep(60)

async def main():
    start("on_message", fails, (), NOBODY)
    manager = WebSocketManager(auth_timeout=0.1)
    manager.authenticate(slow)
    await _identify(manager, b"{}")
    manager.start()
    manager.stop()
    async def nothing(message={}): pass
    scope = {"type": "websocket", "headers": [], "query_string": b"", "path": "/ws"}
    await bridge(manager, scope, nothing, nothing, {}, path="/ws", label="/ws")

asyncio.run(main())
"""


def test_so_do_those_of_the_bridge_the_router_and_handlers(tmp_path: Path) -> None:
    (tmp_path / "lines.py").write_text(LINES)
    with Process("lines.py", cwd=tmp_path) as process:
        assert process.wait() == 0, process.output
        process.expect("^ERROR: +ws_manager: on_message: the handler raised ValueError$")
        process.expect(r"^ValueError: the database\\nis away$")
        process.expect("^WARNING: +ws_manager: the authenticate handler did not answer")
        process.expect("^ERROR: +ws_manager: WebSocket /ws can't be served")
        bare = [
            line for line in process.lines if line.startswith(("on_message", "the authenticate", "WebSocket", "is"))
        ]
        assert bare == []
    (tmp_path / "lines.py").write_text(
        LINES.replace("asyncio.run", 'logging.basicConfig(format="%(name)s | %(message)s")\nasyncio.run')
    )
    with Process("lines.py", cwd=tmp_path) as process:
        assert process.wait() == 0, process.output
        process.expect(r"^ws_manager \| on_message: the handler raised ValueError$")
        assert "ERROR: " not in process.output
