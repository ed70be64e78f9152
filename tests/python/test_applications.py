"""The applications of docs/access.md, as they stand there: who hears what in each."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from web_support import TIMEOUT, Process, client, receive
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text("utf-8")
BLOCKS = re.findall(r"^\*\*\d\. .*?^```python before\n(.*?)^```$", PAGE, re.M | re.S)
SECRET = "a-secret-of-at-least-32-bytes--made-by-openssl"

SAY = """

@app.post("/say/{room}")
def say(room: str) -> None:
    if room == "@all":
        ws_manager.broadcast({"type": "heard", "room": room})
    elif room.startswith("@user:"):
        ws_manager.send_to_user(room[6:], {"type": "heard"})
    else:
        ws_manager.send_to_room(room, {"type": "heard"})
"""
"""What a test needs to make an application speak."""


class Server:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.port = process.port
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=TIMEOUT)

    def hears(self, path: str, room: str, subscribe: bool = True, **headers: str) -> bool | int:
        """Whether a client that comes that way hears a room; the status or close code if it does not get in."""
        try:
            with client(self.port, path, additional_headers=headers) as browser:
                return self._hears(browser, room, subscribe)
        except InvalidStatus as refusal:
            return refusal.response.status_code

    def _hears(self, browser: ClientConnection, room: str, subscribe: bool) -> bool | int:
        try:
            receive(browser)
        except Exception:  # closed before a greeting
            return browser.close_code or 1006
        if subscribe and not room.startswith("@"):
            browser.send(json.dumps({"action": "subscribe", "room": room, "id": 1}))
            while receive(browser).get("id") != 1:
                pass
        assert self.http.post(f"/say/{room}").status_code == 200
        # What has been sent comes before the answer to a ping that follows it.
        browser.send('{"action": "ping", "id": 2}')
        heard = False
        while (message := receive(browser)).get("type") != "pong":
            heard |= message.get("type") == "heard"
        return heard

    def history(self, room: str, path: str = "/api/ws/history", **headers: str) -> int:
        return self.http.get(path, params={"room": room}, headers=headers).status_code


def serve(tmp_path: Path, number: int) -> Iterator[Server]:
    # In front of ours, so that a guard of the page's is not before it.
    code = BLOCKS[number - 1] + SAY
    (tmp_path / "main.py").write_text(code)
    with Process(
        "-m", "ws_manager", "run", "main:app", "--port", "0", cwd=tmp_path, WEBSOCKET_API_KEY="key"
    ) as process:
        server = Server(process)
        yield server
        server.http.close()


@pytest.fixture
def application(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    yield from serve(tmp_path, request.param)


def of(number: int) -> Any:
    return pytest.mark.parametrize("application", [number], indirect=True)


def token(**claims: Any) -> dict[str, str]:
    text = jwt.encode({"sub": "u1", "exp": int(time.time()) + 60, **claims}, SECRET, "HS256")
    return {"Authorization": f"Bearer {text}"}


KEY = {"X-API-Key": "key"}


def test_the_page_has_four_in_python() -> None:
    assert len(BLOCKS) == 4


@of(1)
def test_ten_lines_are_open(application: Server) -> None:
    application.process.expect("access: open: everyone may hear every public room, as nothing checks clients")
    for room in ("@all", "board:7"):
        assert application.hears("/ws", room) is True
        assert application.hears("/ws/notifications", room, subscribe=False) is True
        assert application.history(room) == 200
    assert application.hears("/ws?user=u1", "@user:u1") is False


@of(2)
def test_behind_a_guard_all_is_as_open_as_it_leaves_it(application: Server) -> None:
    staff = {"Cookie": "badge=staff"}
    application.process.expect(r"endpoints /live/ws, .*\(behind Depends\(staff_only\)\)")
    for path in ("/live/ws", "/live/ws/notifications", "/ws", "/ws/notifications"):
        assert application.hears(path, "@all") == 403
    for path in ("/ws", "/ws/notifications"):
        assert application.hears(path, "@all", **staff) == 403
    assert application.hears("/live/ws", "board:7", **staff) is True
    assert application.hears("/live/ws/notifications", "board:7", subscribe=False, **staff) is True
    assert application.history("board:7", "/live/api/ws/history") == 403
    assert application.history("board:7", "/live/api/ws/history", **staff) == 200
    assert application.history("board:7", "/live/api/ws/history", **KEY) == 403
    assert application.hears("/live/ws", "@all", **KEY) == 403
    assert application.history("board:7", "/api/ws/history", **staff) == 404


@of(3)
def test_an_endpoint_of_one_s_own_grants_what_it_names(application: Server) -> None:
    user = {"Cookie": "user=u1"}
    application.process.expect(r"access: granted: .* route /live/\{board\}")
    assert application.hears("/live/7", "board:7", **user) is True
    assert application.hears("/live/7", "@user:u1", **user) is True
    assert application.hears("/live/7", "board:8", **user) is False
    assert application.hears("/live/7", "board:7") == 403
    assert application.hears("/live/*", "board:7", **user) == 4400
    assert application.hears("/ws", "@all") is True
    for room in ("board:7", "@user:u1"):
        assert application.hears("/ws", room, **user) is False
    assert application.hears("/ws/notifications", "board:7", **user) == 4403
    assert application.history("board:7", **user) == 401
    assert application.history("board:7", **KEY) == 200


@of(4)
def test_a_token_is_its_user_and_hears_what_it_names(application: Server) -> None:
    application.process.expect("access: granted: .*a key for tokens")
    mine = token(rooms=["board:7"])
    for room in ("@all", "board:7", "@user:u1"):
        assert application.hears("/ws", room, **mine) is True
    assert application.hears("/ws", "board:8", **mine) is False
    assert application.hears("/ws", "board:7", **token()) is False
    assert application.hears("/ws", "@all", Authorization="Bearer wrong") == 4401
    assert application.hears("/ws/notifications", "board:7", **mine) == 4403
    assert application.hears("/ws/notifications", "board:7", subscribe=False, **token(rooms=["*"])) is True
    assert application.history("board:7", **mine) == 200
    assert application.history("board:7", **token()) == 403
    assert application.history("board:7") == 401
    assert application.history("board:7", **KEY) == 200
    assert application.hears("/ws", "@all", **KEY) == 4401
