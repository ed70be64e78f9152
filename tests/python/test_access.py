"""Who may do what: rules, grants and the default, in each way that connections come in."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from token_support import SECRET, Serve, bearer, own_port, token, uvicorn
from web_support import client, closed, receive

from ws_manager import InvalidRoom, WebSocketManager

numbers = itertools.count()


def ask(browser: Any, action: str, room: str = "", **fields: Any) -> str:
    """What comes back: the answer's type, or the code of the error."""
    number = next(numbers)
    named = {"room": room} if room else {}
    browser.send(json.dumps({"action": action, **named, "data": {}, "id": number, **fields}))
    while (message := receive(browser)).get("id") != number:
        pass
    code: str = message["data"]["code"] if message["type"] == "error" else message["type"]
    return code


ANSWERS = {"subscribe": "subscribed", "history": "history", "presence": "presence"}


def test_without_authentication_everything_is_open_but_publishing(serve: Serve) -> None:
    with serve() as (manager, port), client(port, "/ws") as browser:
        receive(browser)
        for action, answer in ANSWERS.items():
            assert ask(browser, action, "a") == answer
        assert ask(browser, "publish", "a") == "forbidden"
        manager.room("chat:*", publish="anyone")
        assert ask(browser, "publish", "chat:1") == "published"


def test_a_token_grants_what_it_names_and_nothing_else(serve: Serve) -> None:
    claims = {"rooms": ["project:7", "job:*"], "publish": ["chat:7"]}
    with serve(jwt_secret=SECRET) as (manager, port):
        with client(port, "/ws", **bearer(token(**claims))) as browser:
            receive(browser)
            for action, answer in ANSWERS.items():
                assert ask(browser, action, "job:1") == answer
                assert ask(browser, action, "", project_id=7) == answer
                assert ask(browser, action, "project:8") == "forbidden"
                assert ask(browser, action, "", project_id="8") == "forbidden"
                assert ask(browser, action, "chat:7") == "forbidden"
            assert ask(browser, "publish", "chat:7") == "published"
            assert ask(browser, "publish", "job:1") == "forbidden"
            assert ask(browser, "stats") == "forbidden"
            assert manager.stats()["forbidden"] == 11
        for path in ("/ws/project/8", "/ws/logs", "/ws/notifications"):
            with client(port, path, **bearer(token(**claims))) as browser:
                assert closed(browser)[0] == 4403
        with client(port, "/ws/notifications", **bearer(token(rooms=["*"]))) as browser:
            receive(browser)
            assert ask(browser, "stats") == "stats"


def test_one_line_opens_all_rooms_to_users(serve: Serve) -> None:
    with serve(jwt_secret=SECRET, rooms={"*": {"subscribe": "authenticated"}}) as (_, port):
        with client(port, "/ws/project/1", **bearer(token())) as browser:
            receive(browser)
            for action, answer in ANSWERS.items():
                assert ask(browser, action, "anything") == answer
            assert ask(browser, "publish", "anything") == "forbidden"
        with client(port, "/ws/notifications", **bearer(token())) as browser:
            assert closed(browser)[0] == 4403


def test_the_application_s_subscription_is_a_grant(serve: Serve) -> None:
    with serve(jwt_secret=SECRET) as (manager, port), client(port, "/ws", **bearer(token())) as browser:
        receive(browser)
        assert ask(browser, "history", "team:1") == "forbidden"
        manager.subscribe("ana", "team:1")
        receive(browser, "subscribed")
        assert ask(browser, "history", "team:1") == "history"
        status, _, _ = manager.rest(
            "GET",
            "/api/ws/history",
            "room=team:1",
            authorization=bearer(token())["additional_headers"]["Authorization"],
        )
        assert status == 200
        manager.unsubscribe("ana", "team:1")
        receive(browser, "unsubscribed")
        assert ask(browser, "history", "team:1") == "forbidden"


def test_a_session_is_not_what_a_user_says_it_is(serve: Serve) -> None:
    with (
        serve(jwt_secret=SECRET) as (manager, port),
        client(port, "/ws", **bearer(token(sid="s1"))) as mine,
        client(port, "/ws?session_id=s1", **bearer(token("eve"))) as thief,
    ):
        assert receive(mine)["data"]["session_id"] == "s1"
        assert receive(thief)["data"]["session_id"] is None
        manager.send_to_session("s1", {"type": "private"})
        manager.broadcast({"type": "end"})
        assert receive(mine)["type"] == "private"
        assert receive(thief)["type"] == "end"


def test_users_see_only_their_own(serve: Serve) -> None:
    with (
        serve(jwt_secret=SECRET) as (manager, port),
        client(port, "/ws", **bearer(token("ana"))) as ana,
        client(port, "/ws", **bearer(token("eve", rooms=["*"], publish=["*"]))) as eve,
    ):
        receive(ana)
        receive(eve)
        for room in ("@user:ana", "@all", "@session:x"):
            for action in ("subscribe", "history", "presence", "publish"):
                assert ask(eve, action, room) == "room_invalid"
        manager.send_to_user("ana", {"type": "private"})
        manager.broadcast({"type": "end"})
        assert receive(ana)["type"] == "private"
        assert receive(eve)["type"] == "end"


def test_an_authenticate_handler_grants_rooms_beginnings_and_publishing(serve: Serve) -> None:
    with serve() as (manager, port):

        @manager.authenticate
        def who(request: Any) -> dict[str, Any]:
            return {"user_id": "ana", "rooms": ["team:1"], "subscribe": "project:*", "publish": "chat:*"}

        with client(port, "/ws/project/3?session_id=s1") as browser:
            greeting = receive(browser)["data"]
            assert greeting["session_id"] is None
            assert set(greeting["rooms"]) >= {"team:1", "project:3"}
            assert ask(browser, "subscribe", "project:4") == "subscribed"
            assert ask(browser, "publish", "chat:1") == "published"
            assert ask(browser, "subscribe", "team:2") == "forbidden"
            assert ask(browser, "publish", "team:1") == "forbidden"


def test_an_authorize_handler_is_asked_where_nothing_else_decides(serve: Serve) -> None:
    asked: list[tuple[str, str]] = []
    with serve(rooms={"open:*": {"subscribe": "anyone"}, "closed:*": {"subscribe": "nobody"}}) as (manager, port):

        @manager.authorize
        async def may(connection: Any, action: str, room: str) -> bool:
            asked.append((action, room))
            return room in ("project:1", "a")

        with client(port, "/ws/project/1") as browser:
            receive(browser)
            assert ask(browser, "subscribe", "a") == "subscribed"
            assert ask(browser, "subscribe", "b") == "forbidden"
            assert ask(browser, "subscribe", "open:1") == "subscribed"
            assert ask(browser, "subscribe", "closed:1") == "forbidden"
        for path in ("/ws/project/2", "/ws/notifications"):
            with client(port, path) as browser:
                assert closed(browser)[0] == 4403
        assert asked == [
            ("subscribe", "project:1"),
            ("subscribe", "a"),
            ("subscribe", "b"),
            ("subscribe", "project:2"),
            ("subscribe", "*"),
        ]


@pytest.mark.parametrize("handing_over", [True, False])
def test_connect_grants_and_takes_no_session_from_the_query(handing_over: bool) -> None:
    with (
        uvicorn(handing_over, rooms="board:1", subscribe=["team:*"], publish="chat:*")(jwt_secret=SECRET) as (_, port),
        client(port, "/live?session_id=s1") as browser,
    ):
        greeting = receive(browser)["data"]
        assert greeting["session_id"] is None
        assert "board:1" in greeting["rooms"]
        assert ask(browser, "history", "board:1") == "history"
        assert ask(browser, "subscribe", "team:9") == "subscribed"
        assert ask(browser, "publish", "chat:9") == "published"
        assert ask(browser, "subscribe", "board:2") == "forbidden"


def test_a_narrower_token_ends_subscriptions(serve: Serve) -> None:
    with (
        serve(jwt_secret=SECRET) as (manager, port),
        client(port, "/ws", **bearer(token(rooms=["a", "b"]))) as browser,
    ):
        receive(browser)
        assert ask(browser, "subscribe", "a") == "subscribed"
        assert ask(browser, "subscribe", "b") == "subscribed"
        browser.send(json.dumps({"action": "auth", "token": token(rooms=["b"])}))
        assert receive(browser, "unsubscribed")["data"]["room"] == "a"
        receive(browser, "authenticated")
        assert (manager.subscribers("a"), manager.subscribers("b")) == (0, 1)


@pytest.mark.parametrize(
    ("room", "authorization", "status"),
    [
        ("a", "", 401),
        ("a", "Bearer x", 401),
        ("a", "token", 403),
        ("mine", "token", 200),
        ("@all", "", 401),
        ("@all", "token", 200),
        ("open", "", 200),
        ("closed", "token", 403),
        ("closed", "Bearer api-key", 200),
    ],
)
def test_history_over_rest(room: str, authorization: str, status: int) -> None:
    rules = {"open": {"history": "anyone"}, "closed": {"history": "nobody"}}
    with own_port(jwt_secret=SECRET, api_key="api-key", rooms=rules) as (manager, _):
        if authorization == "token":
            authorization = f"Bearer {token(rooms=['mine', 'closed'])}"
        answer = manager.rest("GET", "/api/ws/history", f"room={room}", ip="192.0.2.1", authorization=authorization)
        assert answer[0] == status


def test_closed_history_is_not_replayed(serve: Serve) -> None:
    with serve(rooms={"project:1": {"history": "nobody"}}) as (manager, port):
        manager.send_to_project("1", "x", {"n": 1})
        start = {"epoch": manager.position("project:1")["epoch"], "offset": 0}
        with client(port, "/ws") as browser:
            receive(browser)
            browser.send(json.dumps({"action": "subscribe", "room": "project:1", "since": start}))
            assert receive(browser, "subscribed")["data"]["recovered"] is False
            assert ask(browser, "history", "project:1") == "forbidden"


def test_connect_refuses_what_is_no_room(manager: WebSocketManager) -> None:
    manager.start()
    runtime: Any = manager._ready()
    with pytest.raises(InvalidRoom, match="beginning"):
        runtime.bridge_open("/x", "", "", [], admitted=True, publish=["a*b"])
