"""When a runtime starts, where its events go, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from support import Calls, Client

from ws_manager import Receipt, WebSocketManager, _core

pytestmark = pytest.mark.anyio


async def client(manager: WebSocketManager, path: str = "/ws") -> Client:
    return await asyncio.to_thread(Client, manager.port, path)


async def test_lifespan_starts_and_stops(manager: WebSocketManager) -> None:
    assert not manager.running
    async with manager.lifespan(object()):
        assert manager.running
        assert manager.port > 0
    assert not manager.running


async def test_lifespan_composes(manager: WebSocketManager) -> None:
    @contextlib.asynccontextmanager
    async def mine(app: object) -> AsyncIterator[None]:
        async with manager.lifespan(app), manager.lifespan():
            yield

    async with manager.lifespan(None):
        async with mine(None):
            assert manager.running
        assert manager.running
    assert not manager.running


async def test_lifespan_can_be_entered_again(manager: WebSocketManager) -> None:
    for _ in range(3):
        async with manager.lifespan():
            assert (await manager.broadcast({})).room == "@all"


async def test_an_exception_inside_stops_it_too(manager: WebSocketManager) -> None:
    with pytest.raises(KeyError):
        async with manager.lifespan():
            raise KeyError
    assert not manager.running


async def test_clients_get_1001_and_what_was_sent_before(manager: WebSocketManager) -> None:
    async with manager.lifespan():
        one = await client(manager)
        manager.broadcast({"type": "last words"})
    assert (await asyncio.to_thread(one.next))["type"] == "last words"
    assert (await asyncio.to_thread(one.ended))[0] == 1001


async def test_handlers_run_on_the_loop_of_the_lifespan(manager: WebSocketManager) -> None:
    calls = Calls()
    loop = asyncio.get_running_loop()

    @manager.on_connect
    async def connected(connection: Any) -> None:
        await asyncio.sleep(0)
        calls(asyncio.get_running_loop() is loop)

    @manager.on_disconnect
    def disconnected(connection: Any, code: int, reason: str) -> None:
        calls(threading.current_thread() is threading.main_thread())

    async with manager.lifespan():
        one = await client(manager)
        await asyncio.to_thread(calls.wait, 1)
        await asyncio.to_thread(one.close)
        await asyncio.to_thread(calls.wait, 2)
    assert calls.all == [True, True]


async def test_handlers_hear_of_the_end_of_connections_at_the_end(manager: WebSocketManager) -> None:
    calls = Calls()

    @manager.on_disconnect
    def disconnected(connection: Any, code: int, reason: str) -> None:
        calls(code)

    async with manager.lifespan():
        clients = [await client(manager) for _ in range(3)]
        ending = [asyncio.create_task(asyncio.to_thread(one.ended)) for one in clients]
    assert calls.all == [1001] * 3
    assert [(await end)[0] for end in ending] == [1001] * 3


def test_without_a_loop_a_thread_takes_the_events(manager: WebSocketManager) -> None:
    calls = Calls()

    @manager.on_connect
    async def connected(connection: Any) -> None:
        calls(threading.current_thread().name)

    manager.start()
    Client(manager.port).close()
    assert calls.wait() == ["ws_manager-events"]


def test_when_the_loop_closes_a_thread_goes_on(manager: WebSocketManager) -> None:
    calls = Calls()

    @manager.on_connect
    def connected(connection: Any) -> None:
        calls(threading.current_thread().name)

    async def main() -> None:
        manager.start()
        (await client(manager)).close()
        await asyncio.to_thread(calls.wait, 1)

    asyncio.run(main())
    Client(manager.port).close()
    assert calls.wait(2) == ["MainThread", "ws_manager-events"]
    assert asyncio.run(manager.broadcast({})).room == "@all"


def test_when_the_loop_closes_without_ending_its_tasks(manager: WebSocketManager) -> None:
    loop = asyncio.new_event_loop()

    async def main() -> None:
        manager.start()

    loop.run_until_complete(main())
    loop.close()
    assert asyncio.run(manager.broadcast({})).room == "@all"


async def test_a_lifespan_takes_over_from_the_thread(manager: WebSocketManager) -> None:
    calls = Calls()

    @manager.on_connect
    def connected(connection: Any) -> None:
        calls(threading.current_thread().name)

    await asyncio.to_thread(manager.start)
    await client(manager)
    await asyncio.to_thread(calls.wait, 1)
    async with manager.lifespan():
        await client(manager)
        await asyncio.to_thread(calls.wait, 2)
    assert calls.all == ["ws_manager-events", "MainThread"]


def test_the_first_call_starts_it() -> None:
    manager = WebSocketManager()
    try:
        assert isinstance(manager.broadcast({}), Receipt)
        assert manager.running
    finally:
        manager.stop(0)


def test_after_stop_calls_do_not_start_it_again(manager: WebSocketManager, caplog: pytest.LogCaptureFixture) -> None:
    manager.start()
    manager.stop(0)
    with caplog.at_level(logging.WARNING, "ws_manager"):
        manager.broadcast({})
        manager.notify_log("info", "x")
        manager.disconnect_user("u")
    assert not manager.running
    assert [record.getMessage() for record in caplog.records if "stopped" in record.getMessage()] != []
    assert len(caplog.records) == 1
    manager.start()
    assert asyncio.run(manager.broadcast({})).room == "@all"


def test_starting_and_stopping_many_times(manager: WebSocketManager) -> None:
    for _ in range(30):
        manager.start()
        assert asyncio.run(manager.broadcast({})).room == "@all"
        manager.stop(0)
    assert not [thread for thread in threading.enumerate() if thread.name == "ws_manager-events"]


def test_two_managers_know_nothing_of_each_other(manager: WebSocketManager) -> None:
    other = WebSocketManager(port=0)
    try:
        other.start()
        manager.start()
        one, two = Client(manager.port), Client(other.port)
        manager.broadcast({"n": 1})
        other.broadcast({"n": 2})
        assert (one.next()["n"], two.next()["n"]) == (1, 2)
    finally:
        other.stop(0.5)


async def test_a_long_run_of_events_leaves_the_loop_turns_in_between(manager: WebSocketManager) -> None:
    async with manager.lifespan():
        dispatcher = manager._dispatcher
        assert dispatcher is not None
        left: list[int] = []
        log = (_core.EVENT_LOG, 0, 0, 1, 0, False, None, None, "line", b"", b"")
        dispatcher._queue.extend([log] * 1000)
        dispatcher._work()
        asyncio.get_running_loop().call_soon(lambda: left.append(len(dispatcher._queue)))
        while dispatcher._queue:
            await asyncio.sleep(0)
        assert left
        assert 0 < left[0] < 1000


def test_a_plain_program_is_told_at_the_start_who_may_hear(python: Any) -> None:
    """On stderr, without any set-up of logging; and not where somebody has said what he wants to see."""
    start = "import ws_manager; ws_manager.configure(port=0); ws_manager.start(); ws_manager.stats(); ws_manager.stop()"
    said = python(f"import contextlib, sys\nwith contextlib.redirect_stderr(sys.stdout):\n    {start}")
    assert "access: open: everyone may hear every public room" in said
    assert "which only this machine reaches" in said
    quiet = "import logging; logging.basicConfig(level='WARNING', stream=__import__('sys').stdout)"
    assert "access" not in python(f"{quiet}\n{start}")


async def test_an_own_port_beside_a_guard_is_warned_of(
    manager: WebSocketManager, caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI(dependencies=[Depends(lambda: None)])
    app.include_router(manager.router)
    async with manager.lifespan(app):
        pass
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "has no guard" in line
    assert "Depends(<lambda>)" in line
    assert "access=granted" in line


@pytest.mark.parametrize("options", [{"access": "granted"}, {"port": None}, {}])
async def test_an_own_port_is_not_warned_of_without_reason(
    options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    manager = WebSocketManager(**{"port": 0, **options})
    guards = [Depends(lambda: None)] if options else []
    app = FastAPI(dependencies=guards, middleware=[Middleware(CORSMiddleware, allow_origins=["*"])])
    app.include_router(manager.router)
    async with manager.lifespan(app):
        pass
    assert "no guard" not in caplog.text
