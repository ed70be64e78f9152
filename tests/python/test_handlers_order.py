"""The handlers of one client run one after the other, in the order of its events; those of others do not wait."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import weakref
from typing import Any

import pytest
from support import Calls

from ws_manager import Connection, WebSocketManager


class Gate:
    """Handlers wait until a test opens it."""

    def __init__(self) -> None:
        self.entered = Calls()
        self._open = threading.Event()

    def open(self) -> None:
        self._open.set()

    async def __call__(self, *what: Any) -> None:
        self.entered(*what)
        while not self._open.is_set():
            await asyncio.sleep(0.005)


def test_messages_are_answered_in_order(manager: WebSocketManager, connect: Any) -> None:
    @manager.on_message
    async def message(connection: Connection, message: Any) -> None:
        if message["n"] == 1:
            await asyncio.sleep(0.2)
        connection.send({"type": "answer", "n": message["n"]})

    client = connect()
    for n in (1, 2, 3):
        client.send({"n": n})
    assert [client.next("answer")["n"] for _ in range(3)] == [1, 2, 3]


def test_commands_and_messages_wait_for_each_other(manager: WebSocketManager, connect: Any) -> None:
    done = Calls()

    @manager.on_message
    async def message(connection: Connection, message: Any) -> None:
        await asyncio.sleep(0.1)
        done(message)

    @manager.on_command("now")
    def now(connection: Connection, data: Any) -> int:
        done("now")
        return data["n"]  # type: ignore[no-any-return]

    client = connect()
    client.send("first")
    client.send({"action": "now", "n": 1, "id": 1})
    client.send("second")
    client.send({"action": "now", "n": 2, "id": 2})
    assert [client.next("reply")["data"] for _ in range(2)] == [1, 2]
    assert done.all == ["first", "now", "second", "now"]


def test_everything_waits_for_on_connect(manager: WebSocketManager, connect: Any) -> None:
    gate, order = Gate(), Calls()

    @manager.on_connect
    async def connected(connection: Any) -> None:
        await gate()
        connection.user = "loaded"
        order("connect")

    @manager.on_message
    def message(connection: Any, message: Any) -> None:
        order(connection.user)

    @manager.on_disconnect
    def gone(connection: Any, code: int, reason: str) -> None:
        order("disconnect")

    client = connect()
    client.send("hello")
    client.close()
    gate.entered.wait()
    while manager.stats()["active_connections"]:
        pass
    assert order.all == []
    gate.open()
    assert order.wait(3) == ["connect", "loaded", "disconnect"]


def test_several_handlers_of_one_event_run_in_order(manager: WebSocketManager, connect: Any) -> None:
    order = Calls()

    @manager.on_message
    async def slow(connection: Connection, message: Any) -> None:
        await asyncio.sleep(0.05)
        order(("slow", message))

    @manager.on_message
    def fast(connection: Connection, message: Any) -> None:
        order(("fast", message))

    client = connect()
    client.send("a")
    client.send("b")
    assert order.wait(4) == [("slow", "a"), ("fast", "a"), ("slow", "b"), ("fast", "b")]


def test_clients_do_not_wait_for_each_other(manager: WebSocketManager, connect: Any) -> None:
    gate = Gate()

    @manager.on_command("wait")
    async def wait(connection: Connection, data: Any) -> str:
        if data["long"]:
            await gate()
        return "done"

    first, second = connect(), connect()
    first.send({"action": "wait", "long": True})
    gate.entered.wait()
    assert second.ask(action="wait", long=False)["data"] == "done"
    gate.open()
    assert first.next("reply")["data"] == "done"


def test_a_handler_that_raises_does_not_stop_the_chain(manager: WebSocketManager, connect: Any) -> None:
    @manager.on_command("fail")
    async def fail(connection: Connection, data: Any) -> None:
        await asyncio.sleep(0)
        raise ValueError(data["n"])

    manager.on_command("go")(lambda connection, data: "went")
    client = connect()
    for n in range(3):
        client.send({"action": "fail", "n": n})
    client.send({"action": "go"})
    assert [client.next()["data"]["code"] for _ in range(3)] == ["internal"] * 3
    assert client.next("reply")["data"] == "went"


def test_a_handler_may_wait_for_what_an_authorize_answer_brings(manager: WebSocketManager, connect: Any) -> None:
    asked = asyncio.Event()

    @manager.authorize
    async def may(connection: Connection, action: str, room: str) -> bool:
        await asyncio.sleep(0)
        asked.set()
        return True

    @manager.on_command("wait")
    async def wait(connection: Connection, data: Any) -> str:
        await asked.wait()
        return "asked"

    client = connect()
    asked.clear()
    client.send({"action": "wait"})
    client.send({"action": "subscribe", "room": "r"})
    assert {client.next()["type"], client.next()["type"]} == {"subscribed", "reply"}


def test_a_handler_may_await_receipts(manager: WebSocketManager, connect: Any) -> None:
    @manager.on_command("send")
    async def send(connection: Connection, data: Any) -> int:
        return (await connection.send({"type": "x"})).recipients

    client = connect()
    client.send({"action": "send"})
    assert client.next()["type"] == "x"
    assert client.next("reply")["data"] == 1


@pytest.mark.parametrize("kind", ["message", "command"])
def test_concurrent_handlers_are_not_waited_for(manager: WebSocketManager, connect: Any, kind: str) -> None:
    gate = Gate()

    async def handler(connection: Connection, data: Any) -> str:
        if data["n"] == 1:
            await gate()
        connection.send({"type": "did", "n": data["n"]})
        return "did"

    if kind == "message":
        manager.on_message(concurrent=True)(handler)
    else:
        manager.on_command("do", concurrent=True)(handler)
    client = connect()
    message = {"data": {"n": 1}, "n": 1} if kind == "message" else {"action": "do", "n": 1}
    client.send(message)
    client.send(message | {"n": 2})
    assert client.next("did")["n"] == 2
    gate.open()
    assert client.next("did")["n"] == 1


def test_a_concurrent_on_connect_lives_as_long_as_the_connection(manager: WebSocketManager, connect: Any) -> None:
    manager.configure(handler_timeout=0.1)
    ended = Calls()

    @manager.on_connect(concurrent=True)
    async def stream(connection: Connection) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended("stream")

    manager.on_message(lambda connection, message: connection.send({"type": "echo"}))
    manager.on_disconnect(lambda connection, code, reason: ended("disconnect"))
    client = connect()
    client.send("x")
    assert client.next()["type"] == "echo"
    client.close()
    assert ended.wait(2) == ["disconnect", "stream"]


# ---- what waits is bounded ----


def overflow(client: Any, gate: Gate, count: int, message: Any = "x") -> None:
    client.send(message)
    gate.entered.wait()
    for _ in range(count):
        client.send(message)


def test_what_waits_is_bounded_and_the_client_is_told(
    manager: WebSocketManager, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    manager.configure(max_handler_queue=3, rate=0)
    gate, handled = Gate(), Calls()

    @manager.on_message
    async def message(connection: Connection, message: Any) -> None:
        await gate()
        handled(message)

    client = connect()
    overflow(client, gate, 4)
    for _ in range(2):
        error = client.next("error")["data"]
        assert error["code"] == "rate_limited"
        assert "max_handler_queue" in error["message"]
    client.send({"id": "mine"})
    assert client.next("error")["id"] == "mine"
    assert manager.stats()["limits_broken"]["max_handler_queue"] == 3
    assert len([record for record in caplog.records if "max_handler_queue" in record.getMessage()]) == 1
    gate.open()
    assert handled.wait(3) == ["x"] * 3
    client.send("later")
    assert handled.wait(4)[3] == "later"


def test_what_waits_is_bounded_by_its_size_too(manager: WebSocketManager, connect: Any) -> None:
    manager.configure(max_handler_queue=30, rate=0)
    gate = Gate()

    @manager.on_command("big")
    async def big(connection: Connection, data: Any) -> int:
        await gate()
        return len(data)

    client = connect()
    overflow(client, gate, 1, {"action": "big", "data": "x" * 20_000, "id": 1})
    assert client.next("error")["data"]["code"] == "rate_limited"
    gate.open()
    assert client.next("reply")["data"] == 20_000


def test_one_message_is_never_too_much(manager: WebSocketManager, connect: Any) -> None:
    manager.configure(max_handler_queue=1)
    manager.on_command("big")(lambda connection, data: len(data))
    assert connect().ask(action="big", data="x" * 20_000)["data"] == 20_000


# ---- the end ----


def test_a_disconnect_ends_a_handler_after_its_time(
    manager: WebSocketManager, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    manager.configure(handler_timeout=0.1)
    order = Calls()

    @manager.on_message
    async def message(connection: Connection, message: Any) -> None:
        order(message)
        try:
            await asyncio.Event().wait()
        finally:
            order("cancelled")

    manager.on_disconnect(lambda connection, code, reason: order(code))
    client = connect()
    client.send("first")
    client.send("never")
    order.wait()
    client.socket.close(4000)
    assert order.wait(3) == ["first", "cancelled", 4000]
    assert any(
        "on_message did not end within handler_timeout" in record.getMessage()
        and "not handled any more: 1" in record.getMessage()
        for record in caplog.records
    )


def test_what_has_come_before_the_end_is_handled(manager: WebSocketManager, connect: Any) -> None:
    gate, order = Gate(), Calls()

    @manager.on_message
    async def message(connection: Connection, message: Any) -> None:
        await gate()
        order(message)

    manager.on_disconnect(lambda connection, code, reason: order("gone"))
    client = connect()
    for text in "abc":
        client.send(text)
    client.close()
    while manager.stats()["active_connections"]:
        pass
    gate.open()
    assert order.wait(4) == ["a", "b", "c", "gone"]


def test_a_handler_that_swallows_its_cancellation_is_given_up(
    manager: WebSocketManager, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    manager.configure(handler_timeout=0)
    order, release = Calls(), threading.Event()

    @manager.on_message
    async def message(connection: Connection, message: Any) -> None:
        order(message)
        while not release.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                order("no")

    manager.on_disconnect(lambda connection, code, reason: order("gone"))
    client = connect()
    client.send("x")
    order.wait()
    client.close()
    assert order.wait(3) == ["x", "no", "gone"]
    assert "goes on although it was cancelled" in caplog.text
    release.set()


def test_nothing_stays_behind(manager: WebSocketManager, connect: Any) -> None:
    seen: list[weakref.ref[Connection]] = []
    gone = Calls()

    @manager.on_connect
    async def connected(connection: Connection) -> None:
        seen.append(weakref.ref(connection))
        await asyncio.sleep(0)

    @manager.on_message
    async def message(connection: Connection, message: Any) -> None:
        await asyncio.sleep(0.01)

    @manager.on_disconnect
    async def disconnected(connection: Connection, code: int, reason: str) -> None:
        await asyncio.sleep(0)
        gone(code)

    for n in range(5):
        client = connect()
        client.send("a")
        client.send("b")
        client.close()
        gone.wait(n + 1)
    done = threading.Event()
    for _ in range(200):
        gc.collect()
        if not any(reference() for reference in seen) and not manager._handlers.busy:
            break
        done.wait(0.05)
    assert not any(reference() for reference in seen)
    assert not manager._handlers.busy


def test_the_stop_waits_for_on_disconnect(manager: WebSocketManager, connect: Any) -> None:
    order = Calls()

    @manager.on_message
    async def message(connection: Connection, message: Any) -> None:
        order(message)
        await asyncio.sleep(0.1)

    @manager.on_disconnect
    async def gone(connection: Connection, code: int, reason: str) -> None:
        await asyncio.sleep(0.05)
        order(code)

    client = connect()
    client.send("x")
    order.wait()
    manager.stop(deadline=1.0)
    assert order.all == ["x", 1001]


def test_a_loop_that_ends_takes_its_handlers_with_it_and_the_chain_goes_on(
    manager: WebSocketManager, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The events move to the thread; the connection is alive, and what it sends is handled there."""
    entered = Calls()

    @manager.on_command("wait")
    async def wait(connection: Connection, data: Any) -> str:
        entered(asyncio.get_running_loop())
        if data["long"]:
            await asyncio.Event().wait()
        return "done"

    async def start() -> Any:
        manager.start()
        client = await asyncio.to_thread(connect)
        client.send({"action": "wait", "long": True, "id": 1})
        await asyncio.to_thread(entered.wait)
        return client

    client = asyncio.run(start())
    client.send({"action": "wait", "long": False, "id": 2})
    assert client.next("error")["id"] == 1
    assert client.next("reply")["id"] == 2
    assert entered.all[0] is not entered.all[1]


def test_a_loop_that_is_closed_without_a_word_holds_nothing_up(manager: WebSocketManager, connect: Any) -> None:
    entered = Calls()

    @manager.on_command("wait")
    async def wait(connection: Connection, data: Any) -> str:
        entered(data)
        if data["long"]:
            await asyncio.Event().wait()
        return "done"

    async def start() -> Any:
        manager.start()
        client = await asyncio.to_thread(connect)
        client.send({"action": "wait", "long": True, "id": 1})
        await asyncio.to_thread(entered.wait)
        return client

    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(start())
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    client.send({"action": "wait", "long": False, "id": 2})
    manager.stats()  # any call finds out that the loop has closed
    assert client.next("reply")["id"] == 2


def test_a_sync_handler_leaves_no_task(
    manager: WebSocketManager, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "ws_manager")

    @manager.on_command("tasks")
    def tasks(connection: Connection, data: Any) -> int:
        return len([task for task in asyncio.all_tasks() if "ws_manager-events" not in task.get_name()])

    client = connect()
    assert [client.ask(action="tasks")["data"] for _ in range(3)] == [0, 0, 0]
    assert not manager._handlers.busy
