"""Where one would stumble: swapped arguments, help(), models, a second TestClient, misspelt names, our name."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pydantic
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import ws_manager
from ws_manager import WebSocketManager


@pytest.mark.parametrize("call", ["send_to_room", "publish_to_channel"])
def test_swapped_arguments_are_refused(manager: WebSocketManager, call: str) -> None:
    with pytest.raises(TypeError, match=r"name of a room.*must be str or an iterable of str, not dict"):
        getattr(manager, call)({"a": 1}, "general")
    with pytest.raises(TypeError, match="not dict"):
        manager.send_to_user({"a": 1}, "user-1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be str, not list"):
        manager.send_to_room([["a"]], "x")  # type: ignore[list-item]


def test_rooms_of_an_endpoint_are_no_dict(manager: WebSocketManager) -> None:
    with pytest.raises(TypeError, match="rooms must be a name or several, not dict"):
        manager.endpoint("/x", rooms={"a": 1})  # type: ignore[arg-type]


SENDING = [name for name in ws_manager.__all__ if name.startswith(("send_", "notify", "broadcast", "publish_"))]


@pytest.mark.parametrize("name", SENDING)
def test_help_shows_the_options(name: str) -> None:
    call = getattr(ws_manager, name)
    text = inspect.getdoc(call) or ""
    parameters = inspect.signature(call).parameters
    for option in ("priority", "conflate", "max_rate", "history", "report"):
        assert f"\n{option}: " in text
    assert ("\nroom: " in text) == (name not in ("send_to_room", "publish_to_channel")), text
    assert ("\nlevel: " in text) or "level" in parameters
    assert "\nexclude: " in text


class Frame(pydantic.BaseModel):
    frame_id: int = pydantic.Field(alias="frameId")


def test_models_have_the_same_names_over_rest_and_socket(manager: WebSocketManager) -> None:
    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(manager.router)

    @app.get("/frame")
    def frame() -> Frame:
        made = Frame(frameId=7)
        manager.notify("frame", made)
        manager.broadcast(made)
        return made

    with TestClient(app) as client, client.websocket_connect("/ws/notifications") as ws:
        ws.receive_json()
        answer = client.get("/frame").json()
        assert answer == {"frameId": 7}
        assert ws.receive_json()["data"] == answer
        assert ws.receive_json()["frameId"] == 7


def test_a_test_client_without_with_after_one_with_it() -> None:
    manager = WebSocketManager()
    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(manager.router)

    @app.post("/sync")
    def plain() -> int:
        return len(manager.connections())

    @app.post("/async")
    async def awaited() -> int:
        return (await manager.broadcast({"type": "x"})).recipients

    def use(client: Any) -> None:
        with client.websocket_connect("/ws/notifications") as ws:
            ws.receive_json()
            assert client.post("/async").json() == 1
            assert ws.receive_json()["type"] == "x"
            assert client.post("/sync").json() == 1

    def stopped() -> None:
        with TestClient(app):
            assert manager.running
        assert not manager.running

    for first in ("/ws/notifications", "/sync", "/async", "/api/ws/stats"):
        stopped()
        client = TestClient(app)
        if first.startswith("/ws"):
            use(client)
        elif first.startswith("/api"):
            assert client.get(first).status_code == 200
        else:
            assert client.post(first).status_code == 200
        use(client)
    manager.stop()
    with pytest.raises(ws_manager.NotRunning):
        manager.connections()  # stop() is on purpose


def test_a_misspelt_variable_is_told_of(python: Any) -> None:
    output = python(
        """
        import logging
        logging.basicConfig(format="%(levelname)s %(message)s")
        import ws_manager
        ws_manager.start()
        ws_manager.stop()
        """,
        WEBSOCKET_MAX_CONECTIONS="s3cret",
        WEBSOCKET_URL="s3cret",
    )
    assert output == (
        "WARNING the variable WEBSOCKET_MAX_CONECTIONS is no option and is ignored; did you mean "
        "WEBSOCKET_MAX_CONNECTIONS?\n"
    )


# ---- a file of the application's that has our name ----


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("name", ["ws_manager.py", "ws_manager/__init__.py"])
@pytest.mark.parametrize("where", [".", "src"])
def test_a_file_of_our_name_is_named(tmp_path: Path, name: str, where: str) -> None:
    file = tmp_path / where / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("manager = 1\n")
    (tmp_path / where / "main.py").write_text("app = 1\n")
    options = [] if where == "." else ["--app-dir", where]
    done = run(tmp_path, "-P", "-m", "ws_manager", "run", "main:app", *options)
    assert done.returncode == 1
    assert str(file.parent if name.endswith("__init__.py") else file) in done.stderr
    assert "rename it" in done.stderr


def test_the_command_finds_the_package_beside_such_a_file(tmp_path: Path) -> None:
    """`python -m ws_manager` would run the file, and say nothing; a command of our own is not hidden."""
    (tmp_path / "ws_manager.py").write_text("manager = 1\n")
    command = Path(sys.executable).with_name("ws-manager")
    done = subprocess.run([command, "run", "main:app"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"{tmp_path / 'ws_manager.py'}" in done.stderr
    assert subprocess.run([command, "--version"], cwd=tmp_path, capture_output=True, text=True).stdout.startswith(
        "ws_m"
    )
