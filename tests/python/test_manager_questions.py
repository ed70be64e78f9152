"""Questions to a manager: statistics, who is there, history and positions, REST."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from ws_manager import InvalidArgument, InvalidRoom, NotFound, NotRunning, WebSocketManager


def test_stats_count_what_happened(manager: WebSocketManager, connect: Any) -> None:
    connect("/ws/project/P1"), connect("/ws/project/P1")
    client = connect("/ws")
    stats = manager.stats()
    assert stats["active_connections"] == 3
    assert stats["active_projects"] == 1
    assert stats["connections_per_project"] == {"P1": 2}
    before = stats["total_broadcasts"]
    manager.broadcast({})
    assert manager.stats()["total_broadcasts"] == before + 1
    client.recv()  # It is counted once it has been written.
    assert manager.stats()["total_messages_sent"] > stats["total_messages_sent"]


def test_connections_say_who_is_there(manager: WebSocketManager, connect: Any) -> None:
    client = connect("/ws?session_id=s1", user_agent_header="tester/1")
    (row,) = manager.connections()
    assert row["client_id"] == client.client_id
    assert row["session_id"] == "s1"
    assert row["path"] == "/ws"
    assert row["ip"] in ("127.0.0.1", "::1")
    assert row["user_agent"] == "tester/1"
    assert set(row["rooms"]) >= {"@all", "@session:s1"}
    assert row["connected_at"]


def test_subscribers_and_presence(manager: WebSocketManager, connect: Any) -> None:
    client = connect()
    assert manager.subscribers("r") == 0
    client.ask(action="subscribe", room="r")
    assert manager.subscribers("r") == 1
    assert manager.presence("r")["clients"] == [client.client_id]
    assert manager.presence("nobody") == {
        "room": "nobody",
        "clients_total": 0,
        "users_total": 0,
        "clients": [],
        "users": [],
        "next": None,
    }


def test_presence_by_pages(manager: WebSocketManager, connect: Any) -> None:
    clients = {connect("/ws/project/7").client_id for _ in range(5)}
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = manager.presence("project:7", limit=2, after=after)
        assert page["clients_total"] == 5
        seen += page["clients"]
        after = page["next"]
    assert sorted(seen) == sorted(clients)
    assert manager.presence("project:7", limit=0)["clients"] == []
    with pytest.raises(InvalidArgument):
        manager.presence("project:7", after="not a page")


def test_members_are_told_who_comes_and_goes(manager: WebSocketManager, connect: Any) -> None:
    manager.configure(presence_grace=0, rooms={"project:*": {"presence_events": True, "subscribe": "anyone"}})
    manager.authenticate(lambda request: request.query.get("user") or True)
    watcher = connect("/ws/project/7")
    assert watcher.next("presence_join")["data"]["client_id"] == watcher.client_id
    ana = connect("/ws/project/7?user=ana")
    joined = watcher.next("presence_join")["data"]
    assert joined == {"room": "project:7", "user_id": "ana", "client_id": None, "clients_total": 2, "users_total": 1}
    ana.close()
    assert watcher.next("presence_leave")["data"]["user_id"] == "ana"


def test_history_and_position(manager: WebSocketManager) -> None:
    position = manager.position("r")
    assert position["offset"] == 0
    for n in range(5):
        manager.send_to_room("r", {"n": n})
    history = manager.history("r", limit=2)
    assert [message["n"] for message in history["messages"]] == [3, 4]
    assert (history["epoch"], history["offset"]) == (position["epoch"], 5)
    missed = manager.history("r", since=3, epoch=position["epoch"])
    assert [message["offset"] for message in missed["messages"]] == [4, 5]
    assert missed["recovered"] is True
    foreign = manager.history("r", since=3, epoch="another")
    assert (foreign["messages"], foreign["recovered"]) == ([], False)


def test_questions_see_what_this_thread_sent_before(manager: WebSocketManager) -> None:
    for n in range(1, 200):
        manager.send_to_room("r", {"n": n})
        assert manager.position("r")["offset"] == n


def test_bad_rooms_are_named(manager: WebSocketManager) -> None:
    for room in ("", "two words", "x" * 129, "@user:1", "a*"):
        with pytest.raises(InvalidRoom):
            manager.position(room)


def test_rest_answers_as_on_the_own_port(manager: WebSocketManager) -> None:
    status, content_type, body = manager.rest("GET", "/api/ws/stats", ip="127.0.0.1", host="localhost")
    assert status == 200
    assert content_type.startswith("application/json")
    assert json.loads(body)["active_connections"] == 0
    notification = b'{"event_type":"notification","data":{"title":"a"}}'
    status, _, body = manager.rest("POST", "/api/ws/broadcast", ip="127.0.0.1", host="localhost", body=notification)
    assert status == 200
    assert json.loads(body)["recipients"] == 0
    assert manager.rest("GET", "/nowhere", ip="127.0.0.1")[0] == 404
    assert manager.rest("GET", "/api/ws/stats", ip="127.0.0.1")[0] == 401, "no host was asked for"


def test_metrics_are_prometheus_text(manager: WebSocketManager) -> None:
    assert "# TYPE" in manager.metrics()


def test_after_stop_questions_say_so(manager: WebSocketManager) -> None:
    manager.start()
    manager.stop(0)
    with pytest.raises(NotRunning, match="start"):
        manager.stats()


def test_endpoints_can_be_added_and_removed(manager: WebSocketManager, connect: Any) -> None:
    manager.endpoint("/ws/board/{board}", rooms=["board:{board}"], greeting="welcome")
    client = connect("/ws/board/7")
    assert client.greeting["type"] == "welcome"
    manager.send_to_room("board:7", {"n": 1})
    assert client.next()["n"] == 1
    manager.endpoint("/ws/board/{board}", rooms="other", heartbeat="tick")
    assert connect("/ws/board/8").greeting["type"] == "connected"
    assert manager.subscribers("other") == 1
    manager.remove_endpoint("/ws/board/{board}")
    with pytest.raises(Exception, match="404"):
        connect("/ws/board/9")
    with pytest.raises(NotFound, match=r"/ws/board/\{board\}"):
        manager.remove_endpoint("/ws/board/{board}")


def test_a_firehose_gets_every_public_room(manager: WebSocketManager, connect: Any) -> None:
    manager.endpoint("/hose", firehose=True)
    client = connect("/hose")
    manager.send_to_room("a", {"n": 1})
    manager.notify_log("info", "not this")
    manager.broadcast({"n": 2})
    assert [client.next()["n"] for _ in range(2)] == [1, 2]


def test_endpoints_outlive_a_restart(manager: WebSocketManager, connect: Any) -> None:
    manager.endpoint("/mine", rooms=["mine"])
    manager.remove_endpoint("/ws/logs")
    manager.start()
    manager.stop(0)
    manager.configure(history_size=1)
    connect("/mine")
    assert manager.subscribers("mine") == 1
    with pytest.raises(Exception, match="404"):
        connect("/ws/logs")


def test_subscribing_users(manager: WebSocketManager, connect: Any) -> None:
    manager.authenticate(lambda request: request.query.get("user"))
    early = connect("/ws?user=u1")
    assert asyncio.run(_subscribe(manager)) is None
    late = connect("/ws?user=u1")
    other = connect("/ws?user=u2")
    manager.publish_to_channel("pipeline:7", {"type": "news"})
    manager.broadcast({"type": "mark"})
    told = early.next()  # a live connection learns where it stands; the other one from its greeting
    assert (told["type"], told["data"]["room"], told["data"]["offset"]) == ("subscribed", "pipeline:7", 0)
    assert early.next()["type"] == late.next()["type"] == "news"
    assert other.next()["type"] == "mark"
    manager.unsubscribe("u1", "pipeline:7")
    assert manager.subscribers("pipeline:7") == 0
    with pytest.raises(InvalidRoom):
        manager.subscribe("u1", "@all")


async def _subscribe(manager: WebSocketManager) -> None:
    return await manager.subscribe("u1", "pipeline:7")


def test_disconnecting(manager: WebSocketManager, connect: Any) -> None:
    manager.authenticate(lambda request: request.query.get("user"))
    a, b = connect("/ws?user=u1"), connect("/ws?user=u1")
    c = connect("/ws?user=u2")
    manager.disconnect(c.client_id, code=4403, reason="no more")
    assert c.ended() == (4403, "no more")
    manager.disconnect_user("u1")
    assert a.ended()[0] == b.ended()[0] == 4409
    with pytest.raises(TypeError, match="client_id must be"):
        manager.disconnect(7)
