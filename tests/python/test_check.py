"""`python -m ws_manager check`: what an application lets whom do, said without serving it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MAIN = """
from fastapi import Depends, FastAPI, WebSocket
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

empty = FastAPI()
"""


def check(folder: Path, *arguments: str) -> tuple[int, str]:
    (folder / "main.py").write_text(MAIN)
    done = subprocess.run(
        [sys.executable, "-m", "ws_manager", "check", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_an_open_application(tmp_path: Path) -> None:
    status, text = check(tmp_path, "main:ten", "--room", "board:7")
    assert status == 0
    assert "/ws/notifications" in text
    assert "nothing of the application's is before it" in text
    assert "Access is open: everyone may hear every public room, as nothing checks clients (option access=auto" in text
    assert "Who hears board:7: everyone who gets in." in text


def test_a_guarded_application(tmp_path: Path) -> None:
    status, text = check(tmp_path, "main:guarded", "--room=board:7")
    assert status == 0
    assert "/v1/ws " in text
    assert "behind Depends(guard)" in text
    assert "who gets in: behind Depends(guard)" in text


def test_an_application_with_routes_of_its_own(tmp_path: Path) -> None:
    rooms = [f"--room={room}" for room in ("board:7", "news", "staff:1", "internal", "@all", "a b")]
    status, text = check(tmp_path, "main:own()", *rooms)
    assert status == 1
    assert "Never called: /metrics of the application, as /metrics of ws_manager comes first." in text
    assert "because of the application's own WebSocket route /live/{board}" in text
    assert "Who hears board:7: who was granted it" in text
    assert "Who hears news: everyone who gets in." in text
    assert "Who hears staff:1: users" in text
    assert "Who hears internal: no client." in text
    assert "Who hears @all: everyone who gets in." in text
    assert "'a b' is no valid name" in text


def test_an_application_without_the_router(tmp_path: Path) -> None:
    status, text = check(tmp_path, "main:empty")
    assert status == 1
    assert "app.include_router(ws_manager.router) adds them" in text


@pytest.mark.parametrize(
    "arguments", [[], ["main"], ["nowhere:app"], ["main:nothing"], ["--room", "a"], ["main:ten", "x"]]
)
def test_what_is_no_application(tmp_path: Path, arguments: list[str]) -> None:
    status, text = check(tmp_path, *arguments)
    assert status == 2
    assert "Traceback" not in text
    assert text
