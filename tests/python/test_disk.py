"""Rooms on disk, over real ends of the process: by itself, and by kill -9."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from disk_support import serving
from support import Client, run_python

from ws_manager import (
    Delivery,
    InvalidArgument,
    StoreLocked,
    StoreNotConfigured,
    Unavailable,
    WebSocketManager,
)

DAYS = 86400.0
RULES: dict[str, dict[str, object]] = {
    "kept:*": {"store": "disk", "history_size": 1000, "history_ttl": 90 * DAYS},
    "@user:*": {"store": "disk", "history_ttl": 90 * DAYS},
}
ends = pytest.mark.parametrize("kill", [False, True], ids=["stop", "kill -9"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ws.db"


def n(number: int) -> dict[str, Any]:
    return {"type": "n", "data": number}


def heard(client: Client, *numbers: int) -> None:
    for number in numbers:
        assert client.next()["data"] == number


def silent(client: Client) -> None:
    """Nothing was on its way."""
    client.send({"action": "ping"})
    assert client.next()["type"] == "pong"


def subscribe(client: Client, room: str, position: dict[str, Any] | None = None) -> dict[str, Any]:
    since = {"since": {"epoch": position["epoch"], "offset": position["offset"]}} if position else {}
    answer = client.ask(action="subscribe", room=room, **since)
    assert answer["type"] == "subscribed", answer
    data: dict[str, Any] = answer["data"]
    return data


@ends
def test_history_and_positions_survive(path: Path, kill: bool) -> None:
    with serving(path, RULES, kill) as server:
        client = server.client("ana")
        subscribe(client, "kept:1")
        sent = [server.send_to_room("kept:1", n(i)) for i in range(1, 6)]
        assert all(delivery["stored"] and not delivery["duplicate"] for delivery in sent)
        heard(client, 1, 2, 3, 4, 5)
        client.close()
    with serving(path, RULES) as server:
        history = server.history("kept:1", limit=10)
        assert [message["data"] for message in history["messages"]] == [1, 2, 3, 4, 5]
        assert (history["epoch"], history["offset"]) == (sent[0]["epoch"], 5)
        client = server.client("ana")
        answer = subscribe(client, "kept:1", sent[2])
        assert (answer["recovered"], answer["replayed"]) == (True, 2)
        heard(client, 4, 5)
        delivery = server.send_to_room("kept:1", n(6))
        assert (delivery["offset"], delivery["epoch"]) == (6, sent[0]["epoch"])
        heard(client, 6)
        client.close()


@ends
def test_who_was_away_gets_what_was_kept_once(path: Path, kill: bool) -> None:
    with serving(path, RULES, kill) as server:
        client = server.client("ana")
        server.send_to_user("ana", n(1))
        heard(client, 1)
        client.close()
        server.empty()
        assert server.send_to_user("ana", n(2))["stored"]
    with serving(path, RULES, kill) as server:
        server.send_to_user("ana", n(3))
        client = server.client("ana")
        heard(client, 2, 3)
        silent(client)
        client.close()
        server.empty()
        server.send_to_room("kept:1", n(1))  # what was sent to whom is written along with what is to be kept
    with serving(path, RULES) as server:
        client = server.client("ana")
        silent(client)
        client.close()


@ends
def test_an_id_is_known_over_a_restart(path: Path, kill: bool) -> None:
    with serving(path, RULES, kill) as server:
        first = server.send_to_room("kept:1", n(1), once="job-7")
        user = server.send_to_user("ana", n(1), once="job-7")
        server.send_to_room("kept:1", n(2))
    with serving(path, RULES) as server:
        client = server.client("bea")
        subscribe(client, "kept:1")
        again = server.send_to_room("kept:1", n(3), once="job-7")
        assert again == {**first, "recipients": 0, "message_id": "", "stored": True, "duplicate": True}
        again = server.send_to_user("ana", n(3), once="job-7")
        assert (again["duplicate"], again["offset"]) == (True, user["offset"])
        silent(client)
        client.close()


def test_a_room_that_leaves_the_disk_and_comes_back_tells_its_clients(path: Path) -> None:
    with serving(path, RULES) as server:
        first = server.send_to_room("kept:1", n(1))
        client = server.client("ana")
        subscribe(client, "kept:1", first)
        server.room("kept:1", store="memory")
        server.send_to_room("kept:1", n(2))
        gap = client.next("gap")
        assert gap["data"]["epoch"] != first["epoch"]
        heard(client, 2)
        server.room("kept:1", store="disk")
        last = server.send_to_room("kept:1", n(3))
        again = client.next("gap")
        assert again["data"]["epoch"] not in {first["epoch"], gap["data"]["epoch"]}
        assert (last["stored"], last["epoch"]) == (True, again["data"]["epoch"])
        heard(client, 3)
        client.close()
        stale = server.client("bea")
        assert subscribe(stale, "kept:1", first)["recovered"] is False
        stale.close()
    memory = {**RULES, "kept:1": {"store": "memory"}}
    with serving(path, memory) as server:
        assert server.position("kept:1")["epoch"] != last["epoch"]
    with serving(path, RULES) as server:  # its positions were given up while it was not on disk
        client = server.client("ana")
        assert subscribe(client, "kept:1", last)["recovered"] is False
        client.close()


@ends
def test_who_was_excluded_does_not_recover_it(path: Path, kill: bool) -> None:
    with serving(path, RULES, kill) as server:
        ana = server.client("ana")
        first = server.send_to_room("kept:1", n(1))
        server.send_to_room("kept:1", n(2), exclude=["ana"])
        server.send_to_room("kept:1", n(3))
        ana.close()
    with serving(path, RULES) as server:
        ana, bea = server.client("ana"), server.client("bea")
        subscribe(ana, "kept:1", first)
        heard(ana, 3)
        silent(ana)
        subscribe(bea, "kept:1", first)
        heard(bea, 2, 3)
        ana.close()
        bea.close()


def test_a_second_process_is_told_whose_the_file_is(path: Path) -> None:
    with serving(path, RULES) as server:
        second = WebSocketManager(port=0, store=path)
        with pytest.raises(StoreLocked, match=str(server.process.pid)):
            second.start()


def test_a_file_is_needed() -> None:
    manager = WebSocketManager()
    with pytest.raises(StoreNotConfigured, match="WEBSOCKET_STORE"):
        manager.room("kept:*", store="disk")
    assert manager._rooms == {}
    manager.room("kept:*", store="memory")


def test_history_may_be_kept_for_months(path: Path) -> None:
    manager = WebSocketManager(store=str(path), rooms=RULES)
    assert manager._rooms["kept:*"] == {"store": "disk", "history_size": "1000", "history_ttl": "7776000"}
    with pytest.raises(InvalidArgument, match="to 31536000"):
        manager.room("kept:*", history_ttl=400 * DAYS)


def test_what_cannot_be_kept_is_not_sent_and_its_receipt_says_so(path: Path) -> None:
    """The limit of the size of files is what a full disk is; it is lifted again."""
    code = """
        import asyncio, resource, signal, sys
        from ws_manager import Unavailable, WebSocketManager

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        manager = WebSocketManager(port=0, store=sys.argv[1], rooms={"kept:*": {"store": "disk"}})
        manager.start()

        async def main():
            first = await manager.send_to_room("kept:1", {"n": 1}, once="x")
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
            try:
                await manager.send_to_room("kept:1", {"n": 2}, once="y")
            except Unavailable as error:
                print(type(error).__name__, error)
            print((await manager.send_to_room("memory", {"n": 1})).offset)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            while True:
                try:
                    second = await manager.send_to_room("kept:1", {"n": 2}, once="y")
                    break
                except Unavailable:
                    await asyncio.sleep(0.01)
            print(second.offset, second.duplicate, second.stored, second.epoch == first.epoch)

        asyncio.run(main())
        manager.stop(deadline=1.0)
        """
    lines = [
        line for line in run_python(code, str(path)).splitlines() if not line.startswith(("ERROR", "WARNING", "INFO"))
    ]
    assert lines[0].startswith(Unavailable.__name__)
    assert lines[1:3] == ["1", "2 False True True"]


@pytest.mark.anyio
async def test_every_sending_call_has_once(manager: WebSocketManager, connect: Any) -> None:
    client = connect("/ws?session_id=s1")
    subscribe(client, "r")
    identity = uuid.uuid4()
    calls = [
        lambda: manager.broadcast(n(1), once="a"),
        lambda: manager.send_to_room("r", n(1), once=7),
        lambda: manager.publish_to_channel("r", n(1), once=identity),
        lambda: manager.send_to_project("p", "x", {}, once="a"),
        lambda: manager.send_to_user("ana", n(1), once="a"),
        lambda: manager.send_to_session("s1", n(1), once="a"),
        lambda: manager.send_to_client(client.client_id, n(1), once="a"),
        lambda: manager.notify("x", {}, once="b"),
        lambda: manager.notify_log("info", "words", once="a"),
        lambda: manager.notify_pipeline_update("7", "running", once="c"),
    ]
    for call in calls:
        first = await call()
        assert not first.duplicate
        assert await call() == first._replace(recipients=0, message_id="", duplicate=True)
    assert Delivery._fields[-2:] == ("stored", "duplicate")


@pytest.mark.parametrize(
    ("once", "error"), [("", InvalidArgument), ("a\n", InvalidArgument), ("x" * 129, InvalidArgument), (1.5, TypeError)]
)
def test_an_id_that_is_none_is_refused(manager: WebSocketManager, once: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="once"):
        manager.broadcast({}, once=once)
