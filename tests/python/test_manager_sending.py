"""Sending calls reach the clients they name, in the form that docs/protocol.md gives."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any
from uuid import UUID

import pydantic
import pytest

from ws_manager import EventType, InvalidArgument, MessageTooLarge, WebSocketManager

MARK = {"type": "mark"}


def test_broadcast_reaches_all_with_what_the_object_lacks(manager: WebSocketManager, connect: Any) -> None:
    a, b = connect(), connect("/ws/updates")
    manager.broadcast({"event_type": "hello", "n": 1})
    for client in (a, b):
        message = client.next()
        assert list(message)[:2] == ["event_type", "n"]
        assert message["room"] == "@all"
        assert message["timestamp"].endswith("Z")
        assert message["message_id"]


def test_models_and_dataclasses(manager: WebSocketManager, connect: Any) -> None:
    class Event(pydantic.BaseModel):
        event_type: str = "processing_failed"
        error: str

    @dataclasses.dataclass
    class Point:
        type: str
        x: int

    client = connect()
    manager.broadcast(Event(error="no memory"))
    assert client.next()["error"] == "no memory"
    manager.broadcast(Point("point", 3))
    assert client.next()["x"] == 3


def test_text_and_bytes_go_out_untouched(manager: WebSocketManager, connect: Any) -> None:
    client = connect()
    manager.broadcast("plain text")
    assert client.recv() == "plain text"
    manager.broadcast(b"\x00\xff")
    assert client.recv() == b"\x00\xff"
    manager.broadcast("[1,2]")
    assert client.recv() == "[1,2]"
    manager.broadcast('{"a":1}')
    assert client.next()["room"] == "@all"


def test_exclude_by_client_and_by_user(manager: WebSocketManager, connect: Any) -> None:
    a, b = connect(), connect()
    manager.broadcast({"type": "secret"}, exclude=[a.client_id])
    manager.broadcast(MARK)
    assert a.next()["type"] == "mark"
    assert b.next()["type"] == "secret"


def test_rooms_sessions_and_clients(manager: WebSocketManager, connect: Any) -> None:
    tab, other_tab, stranger = connect("/ws?session_id=s1"), connect("/ws?session_id=s1"), connect("/ws?session_id=s2")
    manager.send_to_session("s1", {"type": "session"})
    manager.send_to_client(tab.client_id, {"type": "client"})
    manager.broadcast(MARK)
    assert [tab.next()["type"] for _ in range(3)] == ["session", "client", "mark"]
    assert [other_tab.next()["type"] for _ in range(2)] == ["session", "mark"]
    assert stranger.next()["type"] == "mark"


def test_send_to_room_and_its_other_name(manager: WebSocketManager, connect: Any) -> None:
    client = connect()
    assert client.ask(action="subscribe", room="pipeline:7")["type"] == "subscribed"
    manager.send_to_room("pipeline:7", {"n": 1})
    manager.publish_to_channel("pipeline:7", {"n": 2})
    first, second = client.next(), client.next()
    assert (first["n"], second["n"]) == (1, 2)
    assert second["offset"] == first["offset"] + 1
    assert first["room"] == "pipeline:7"


def test_several_rooms_at_once_with_one_message_id(manager: WebSocketManager, connect: Any) -> None:
    a, b = connect(), connect()
    a.ask(action="subscribe", room="x")
    b.ask(action="subscribe", room="y")
    manager.send_to_room(["x", "y"], {"n": 1})
    first, second = a.next(), b.next()
    assert (first["room"], second["room"]) == ("x", "y")
    assert first["message_id"] == second["message_id"]


def test_users_by_any_kind_of_id(manager: WebSocketManager, connect: Any) -> None:
    manager.authenticate(lambda request: request.query.get("user"))
    ids: list[Any] = ["user-1", 42, UUID(int=7)]
    clients = [connect(f"/ws?user={user}") for user in ids]
    for number, user in enumerate(ids):
        manager.send_to_user(user, {"n": number})
        manager.send_personal_message({"n": number + 10}, user)
    for number, client in enumerate(clients):
        assert (client.next()["n"], client.next()["n"]) == (number, number + 10)
    manager.send_to_user(["user-1", "42"], MARK)
    assert clients[0].next()["type"] == clients[1].next()["type"] == "mark"
    with pytest.raises(TypeError, match="user_id must be str"):
        manager.send_to_user(None, {})  # type: ignore[arg-type]


def test_send_to_project_in_the_envelope(manager: WebSocketManager, connect: Any) -> None:
    client = connect("/ws/project/PROJ-001")
    manager.send_to_project("PROJ-001", EventType.NOTIFICATION, {"title": "Deploy", "message": "done"})
    manager.send_to_project(project_id="PROJ-001", event_type="mine", data=[1])
    manager.send_to_project("PROJ-001", {"type": "whole"})
    message = client.next()
    assert message["type"] == "notification"
    assert message["data"] == {"title": "Deploy", "message": "done"}
    assert message["project_id"] == "PROJ-001"
    assert message["room"] == "project:PROJ-001"
    assert client.next()["data"] == [1]
    assert client.next()["type"] == "whole"


def test_catalogue_helpers_go_where_the_catalogue_says(manager: WebSocketManager, connect: Any) -> None:
    everybody, project = connect(), connect("/ws/project/P")
    manager.notify_story_created(story_id="STR-1", title="Login", project_id="P")
    message = project.next()
    assert message["type"] == "story_created"
    assert message["data"]["title"] == "Login"
    assert message["story_id"] == "STR-1"
    manager.notify_pipeline_update({"pipeline_id": "7", "status": "running"})
    assert everybody.next()["type"] == "pipeline_update"


def test_notify_with_members_of_the_hosts_own(manager: WebSocketManager, connect: Any) -> None:
    client, all_ = connect("/ws/project/P"), connect()
    manager.notify("order_paid", {"total": 9.5}, project_id="P", tenant={"id": 3})
    message = client.next()
    assert message["type"] == "order_paid"
    assert message["data"] == {"total": 9.5}
    assert message["project_id"] == "P"
    assert message["tenant"] == {"id": 3}
    manager.notify("tick")
    assert all_.next()["data"] is None


def test_options_of_a_call(manager: WebSocketManager, connect: Any) -> None:
    client = connect()
    client.ask(action="subscribe", room="r")
    manager.broadcast({"n": 1}, room="r")
    assert client.next()["room"] == "r"
    manager.notify_log("info", "x", room="r")
    assert client.next()["room"] == "r"
    manager.send_to_room("r", {"n": 2}, history=False)
    assert "offset" not in client.next()
    manager.notify("mine", {}, room=["r"], priority="critical", conflate="k", history=False)
    assert client.next()["room"] == "r"
    manager.send_to_room("r", MARK, exclude=client.client_id)
    manager.send_to_room("r", {"type": "end"})
    assert client.next()["type"] == "end"


def test_max_rate_sends_the_newest_when_its_time_comes(manager: WebSocketManager, connect: Any) -> None:
    client = connect()
    receipts = [manager.broadcast({"n": n}, max_rate=20, conflate="k") for n in range(50)]
    seen = [client.next()["n"]]
    while seen[-1] != 49:
        seen.append(client.next()["n"])
    assert seen[0] == 0
    assert len(seen) < 10
    assert sum(1 for receipt in receipts if (delivery := receipt.delivery()) and delivery.superseded) > 30


def test_levels_of_a_log_room(manager: WebSocketManager, connect: Any) -> None:
    all_, warnings = connect("/ws/logs"), connect("/ws/logs?level=warning")
    manager.notify_log("info", "quiet")
    manager.notify_log("error", "loud", source="CI")
    manager.send_to_room("logs", {"type": "below"}, level="info")
    manager.send_to_room("logs", {"type": "by_option"}, level="warning")
    assert [all_.next()["data"]["message"] for _ in range(2)] == ["quiet", "loud"]
    message = warnings.next()
    assert message["data"] == {"level": "error", "message": "loud", "source": "CI"}
    assert warnings.next()["type"] == "by_option"


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"priority": "urgent"}, InvalidArgument, "urgent"),
        ({"level": "loud"}, InvalidArgument, "loud"),
        ({"max_rate": -1}, InvalidArgument, "max_rate"),
        ({"max_rate": "fast"}, InvalidArgument, "fast"),
        ({"conflate": 3}, TypeError, "conflate"),
        ({"rom": "r"}, TypeError, "'rom'"),
        ({"exclude": 3.5}, TypeError, "exclude"),
    ],
)
def test_options_that_make_no_sense(manager: WebSocketManager, options: Any, error: type, says: str) -> None:
    with pytest.raises(error, match=says):
        manager.broadcast({}, **options)


def test_a_message_over_the_limit(connect: Any) -> None:
    manager = WebSocketManager(max_publish_size=1000)
    try:
        with pytest.raises(MessageTooLarge, match="1000"):
            manager.broadcast("x" * 1001)
    finally:
        manager.stop(0)


def test_a_client_gets_what_many_threads_send_in_one_order(manager: WebSocketManager, connect: Any) -> None:
    clients = [connect() for _ in range(3)]
    for client in clients:
        client.ask(action="subscribe", room="r")

    def send(thread: int) -> None:
        for n in range(200):
            manager.send_to_room("r", {"thread": thread, "n": n})

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = [[client.next() for _ in range(800)] for client in clients]
    for messages in seen:
        offsets = [message["offset"] for message in messages]
        assert offsets == list(range(offsets[0], offsets[0] + 800))
        for thread in range(4):
            assert [message["n"] for message in messages if message["thread"] == thread] == list(range(200))
    assert seen[0] == seen[1] == seen[2]


def test_arguments_of_the_extension_are_checked(manager: WebSocketManager) -> None:
    runtime = manager._ready()
    with pytest.raises(TypeError, match="members"):
        runtime.publish(0, None, "x", b"{}", None, 0.0, 0, 0, None, [1], 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="4 to 12 arguments"):
        runtime.publish(0, None, "x")  # type: ignore[call-arg]
