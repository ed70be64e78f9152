"""Questions that are awaited: no event loop is held up, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support import Calls

import ws_manager
from ws_manager import (
    InvalidArgument,
    InvalidRoom,
    NotFound,
    NotRunning,
    Overloaded,
    QueryTimeout,
    Refused,
    WebSocketManager,
    _questions,
)
from ws_manager._core import Runtime

PLACES = 1024


def test_they_say_what_the_blocking_ones_say(manager: WebSocketManager, connect: Any) -> None:
    connect("/ws")
    manager.ban("203.0.113.9", 60, "a test")
    for n in range(3):
        manager.send_to_room("r", {"n": n})
    at = manager.position("r")

    async def ask() -> None:
        assert await manager.ahistory("r") == manager.history("r")
        assert await manager.ahistory("r", limit=1) == manager.history("r", limit=1)
        assert await manager.ahistory("r", since=1, epoch=at["epoch"]) == manager.history("r", 0, 1, at["epoch"])
        assert await manager.aposition("r") == at
        assert await manager.apresence("@all", limit=1) == manager.presence("@all", limit=1)
        assert (await manager.apresence("@all"))["clients_total"] == await manager.asubscribers("@all") == 1
        assert (await manager.astats())["active_connections"] == 1
        assert [row["path"] for row in await manager.aconnections()] == ["/ws"]
        assert [row["ip"] for row in await manager.abans()] == ["203.0.113.9"]
        assert "# TYPE" in await manager.ametrics()

    asyncio.run(ask())


def test_so_do_those_of_a_connection(manager: WebSocketManager, connect: Any) -> None:
    manager.configure(max_rooms=2)
    seen, gone = Calls(), Calls()

    @manager.on_command("move")
    async def move(connection: Any, _: Any) -> Any:
        seen(connection)
        await connection.ajoin("desk")
        there = await connection.arooms()
        assert there == connection.rooms
        assert "desk" in there
        await connection.aleave("desk")
        with pytest.raises(InvalidRoom, match="two words"):
            await connection.ajoin("two words")
        await connection.ajoin("r1")
        await connection.ajoin("r2")
        with pytest.raises(Refused, match="max_rooms"):
            await connection.ajoin("r3")
        return sorted(await connection.arooms())

    @manager.on_disconnect
    def left(connection: Any, *_: Any) -> None:
        gone(connection)

    client = connect("/ws")
    client.send({"action": "move"})
    assert client.next("reply")["data"] == ["@all", "r1", "r2"]
    client.close()
    gone.wait()

    async def late() -> None:
        (connection,) = seen.all
        for call in (connection.ajoin, connection.aleave):
            with pytest.raises(NotFound, match="the connection has gone"):
                await call("desk")
        assert await connection.arooms() == []

    asyncio.run(late())


def test_errors_are_those_of_the_blocking_ones(manager: WebSocketManager) -> None:
    async def ask() -> None:
        with pytest.raises(InvalidRoom, match="two words"):
            await manager.aposition("two words")
        with pytest.raises(InvalidArgument):
            await manager.apresence("r", after="not a page")
        with pytest.raises(TypeError):
            await manager.ahistory(7)  # type: ignore[arg-type]

    asyncio.run(ask())
    assert not _waiting(manager)


def test_they_see_what_was_sent_before(manager: WebSocketManager) -> None:
    async def ask() -> None:
        asked = []
        for _ in range(200):
            manager.send_to_room("r", {})
            asked.append(asyncio.ensure_future(manager.aposition("r")))
            await asyncio.sleep(0)  # it asks
        assert [position["offset"] for position in await asyncio.gather(*asked)] == list(range(1, 201))

    asyncio.run(ask())


def test_the_loop_goes_on_meanwhile(manager: WebSocketManager, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _no_answers(monkeypatch)

    async def ask() -> None:
        task = asyncio.create_task(manager.astats())
        await asyncio.sleep(0)
        assert len(asked) == 1  # the runtime is slow, and we are here
        assert not task.done()
        asked[0]()
        assert (await task)["active_connections"] == 0

    asyncio.run(ask())


def test_several_loops_ask_at_once(manager: WebSocketManager) -> None:
    rooms = [f"r{n}" for n in range(8)]
    for n, room in enumerate(rooms):
        for _ in range(n):
            manager.send_to_room(room, {})
    begun = threading.Barrier(len(rooms))
    found: dict[str, list[int]] = {}

    def thread(room: str) -> None:
        async def ask() -> list[int]:
            return [(await manager.aposition(room))["offset"] for _ in range(50)]

        begun.wait()
        found[room] = asyncio.run(ask())

    threads = [threading.Thread(target=thread, args=(room,)) for room in rooms]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == {room: [n] * 50 for n, room in enumerate(rooms)}
    assert not _waiting(manager)


def test_who_is_cancelled_leaves_nothing(
    manager: WebSocketManager, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = _no_answers(monkeypatch)

    async def ask() -> None:
        task = asyncio.create_task(manager.astats())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not _waiting(manager)
        asked.pop()()  # its answer comes now, and finds nobody
        monkeypatch.undo()
        assert (await manager.aposition("r"))["offset"] == 0

    asyncio.run(ask())
    assert not _errors(caplog)


@pytest.mark.parametrize("cancels", [True, False])
def test_a_loop_that_has_gone_is_no_error(
    manager: WebSocketManager, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, cancels: bool
) -> None:
    asked = _no_answers(monkeypatch)
    manager.start()  # its events come on a thread
    loop = asyncio.new_event_loop()
    task = loop.create_task(manager.astats())
    loop.run_until_complete(asyncio.sleep(0))
    if cancels:
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
    task._log_destroy_pending = False  # type: ignore[attr-defined] # that would be an error of ours
    loop.close()
    asked.pop()()
    monkeypatch.undo()
    assert asyncio.run(_get(manager.astats))["active_connections"] == 0
    assert not _errors(caplog)


def test_a_stop_answers_those_that_wait(manager: WebSocketManager, monkeypatch: pytest.MonkeyPatch) -> None:
    _no_answers(monkeypatch)

    async def ask() -> None:
        tasks = [asyncio.create_task(manager.aposition("r")) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.to_thread(manager.stop, 0)
        for task in tasks:
            with pytest.raises(NotRunning, match="start"):
                await task
        with pytest.raises(NotRunning, match="start"):
            await manager.astats()

    asyncio.run(ask())


def test_so_many_may_be_asked_at_once(manager: WebSocketManager) -> None:
    async def ask() -> None:
        answers = await asyncio.gather(*(manager.aposition("r") for _ in range(PLACES + 1)), return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, BaseException)]
        assert [type(error) for error in refused] == [Overloaded]
        assert "1024 questions" in str(refused[0])
        assert (await manager.aposition("r"))["offset"] == 0  # they have been answered, and there is room again

    asyncio.run(ask())


def test_no_answer_in_time_is_an_error(manager: WebSocketManager, monkeypatch: pytest.MonkeyPatch) -> None:
    _no_answers(monkeypatch)
    monkeypatch.setattr(_questions, "TIMEOUT", 0.01)
    with pytest.raises(QueryTimeout, match="busy"):
        asyncio.run(_get(manager.astats))
    assert not _waiting(manager)


def test_the_module_has_them() -> None:
    for name in ("history", "position", "presence", "stats", "connections", "subscribers", "bans", "metrics"):
        assert getattr(ws_manager, f"a{name}") == getattr(ws_manager.ws_manager, f"a{name}")


def _errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def _get(call: Callable[[], Awaitable[Any]]) -> Any:
    return await call()


def _waiting(manager: WebSocketManager) -> dict[int, Any]:
    assert manager._dispatcher is not None
    return manager._dispatcher.questions._waiting


def _no_answers(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """The runtime gets questions only when the test says so: what it would have been asked."""
    asked: list[Callable[[], None]] = []
    ask = _questions.Questions.ask

    class Slow:
        def __init__(self, runtime: Runtime) -> None:
            self._runtime = runtime

        def query_later(self, *args: Any, **question: Any) -> None:
            asked.append(lambda: self._runtime.query_later(*args, **question))

    def slowly(self: _questions.Questions, runtime: Runtime, kind: int, **question: Any) -> Any:
        return ask(self, Slow(runtime), kind, **question)  # type: ignore[arg-type]

    monkeypatch.setattr(_questions.Questions, "ask", slowly)
    return asked
