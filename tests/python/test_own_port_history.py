"""History over HTTP on the own port: the authenticate handler says who calls, as for a socket."""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any

import pytest
from token_support import own_port
from web_support import TIMEOUT


def history(port: int, room: str, **fields: str) -> tuple[int, Any]:
    """Status, and messages or the error's sentence; x_user=… is a header field."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        connection.request("GET", f"/api/ws/history?room={room}", headers=headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        return answer.status, body["messages"] if answer.status == 200 else body["error"]["message"]
    finally:
        connection.close()


async def who(request: Any) -> Any:
    user = request.headers.get("x-user")
    if user == "blocked":
        raise PermissionError("this account is blocked")
    if user == "broken":
        raise ZeroDivisionError
    board = request.query.get("board", "7")
    return user and {"user_id": user, "rooms": [f"board:{board}"], "subscribe": ["team:*"], "state": {"user": user}}


@pytest.mark.parametrize("with_connect", [False, True])
def test_history_is_for_whom_the_handler_lets_have_it(with_connect: bool) -> None:
    with own_port() as (manager, port):
        if with_connect:  # then what a handler gives as state is kept for the Connection
            manager.on_connect(lambda connection: None)
        manager.authenticate(who)
        manager.room("news", history="anyone")
        manager.subscribe("u1", "sticky")
        for room in ("board:7", "team:1", "sticky", "board:8", "news"):
            manager.send_to_room(room, {"type": "x"})
        for room in ("board:7", "team:1", "sticky"):
            status, messages = history(port, room, x_user="u1")
            assert (status, len(messages)) == (200, 1), room
        assert history(port, "board:8", x_user="u1")[0] == 403
        assert history(port, "sticky", x_user="u2")[0] == 403
        assert history(port, "board:7") == (401, "the application did not accept this call")
        assert history(port, "news")[0] == 200
        assert history(port, "board:7", x_user="blocked") == (403, "this account is blocked")
        assert history(port, "board:7", x_user="broken") == (503, "The authentication handler failed.")
        assert history(port, "board:7&board=*", x_user="u1")[0] == 400
        assert manager._dispatcher is not None
        assert not manager._dispatcher._states


def test_a_handler_that_does_not_answer_lets_nobody_in() -> None:
    ended = threading.Event()
    with own_port(auth_timeout=0.1) as (manager, port):

        def never(request: Any) -> str:
            ended.wait(TIMEOUT)
            return "u1"

        manager.authenticate(never)
        assert history(port, "board:7") == (401, "the application did not answer in time")
        ended.set()
