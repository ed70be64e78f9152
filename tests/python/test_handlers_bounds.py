"""Bounds of handlers: what waits for them, to the message, and how long a stop waits, on a clock of the test."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ws_manager._chain import SIZE_UNIT, STOP_GRACE
from ws_manager._handlers import Handlers, Registered


class Clock(selectors.DefaultSelector):
    """A selector that does not wait: the time that it would have waited has passed then."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.turns = 0

    def select(self, timeout: float | None = None) -> Any:
        self.turns += 1
        assert self.turns < 100_000, "it waits for ever"
        assert timeout is not None, "nothing is going to happen any more"
        self.now += max(timeout, 0)
        return super().select(0)


def on_a_clock(main: Callable[[Clock], Coroutine[Any, Any, Any]]) -> Any:
    """Runs a coroutine on a loop whose time is the clock's."""
    clock = Clock()
    loop = asyncio.SelectorEventLoop(clock)
    loop.time = lambda: clock.now  # type: ignore[method-assign]
    loop.slow_callback_duration = float("inf")
    try:
        return loop.run_until_complete(asyncio.ensure_future(main(clock), loop=loop))
    finally:
        loop.close()


class Runtime:
    """What handlers say to clients."""

    def __init__(self) -> None:
        self.refused = 0

    def reply(self, conn: int, action: str, id: bytes, json: Any, code: str | None = None) -> None:
        assert code == "rate_limited"
        self.refused += 1


class Client:
    """A connection, as far as handlers look at it."""

    conn = 7
    client_id = "c"


async def nothing(*_: Any) -> None:
    """Takes a turn of the loop, so that it has to be waited for."""
    await asyncio.sleep(0)


class Scene:
    """Handlers that wait until they are let go."""

    def __init__(self, max_queue: int = 1000) -> None:
        self.handlers = Handlers()
        self.handlers.max_queue = max_queue
        self.handlers.timeout = 30.0
        self.runtime: Any = Runtime()
        self.client: Any = Client()
        self.gate = asyncio.Event()
        self.done: list[Any] = []

        async def handler(connection: Any, data: Any) -> None:
            await self.gate.wait()
            self.done.append(data)

        self.handlers.on_message.append(Registered(handler))
        self.handlers.commands["do"] = Registered(handler)

    def say(self, size: int = 0) -> None:
        self.handlers.message(self.runtime, self.client, b"x" * size, True, b"")

    async def until(self, count: int) -> None:
        while len(self.done) < count:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("bound", "size", "fit"),
    [
        (1, 0, 1),
        (10, 0, 10),
        (1000, 0, 1000),
        (10, SIZE_UNIT - 1, 10),
        (10, SIZE_UNIT, 5),
        (10, 3 * SIZE_UNIT, 2),
        (11, 3 * SIZE_UNIT, 2),
        (12, 3 * SIZE_UNIT, 3),
    ],
)
def test_so_much_waits_and_not_one_more(bound: int, size: int, fit: int) -> None:
    """Of empty messages as many as max_handler_queue; each KiB counts as a further one, the one in hand as well."""

    async def main(clock: Clock) -> None:
        scene = Scene(bound)
        for n in range(fit + 5):
            scene.say(size)
            assert scene.runtime.refused == max(0, n + 1 - fit)
        scene.gate.set()
        await scene.until(fit)
        await asyncio.sleep(1)
        assert not scene.handlers.busy
        scene.say(size)  # There is room again.
        assert scene.runtime.refused == 5
        await scene.until(fit + 1)

    on_a_clock(main)


def test_commands_have_the_same_bound() -> None:
    async def main(clock: Clock) -> None:
        scene = Scene(4)
        for n in range(6):
            data = b'{"action": "do", "data": %d}' % n
            scene.handlers.command(scene.runtime, scene.client, "do", data, b"")
        assert scene.runtime.refused == 2
        scene.gate.set()
        await scene.until(4)
        assert scene.done == [0, 1, 2, 3]

    on_a_clock(main)


def test_a_message_larger_than_the_bound_is_let_through_where_nothing_waits() -> None:
    """The bound is on what waits: max_message_size is another."""

    async def main(clock: Clock) -> None:
        scene = Scene(2)
        scene.say(10 * SIZE_UNIT)
        assert scene.runtime.refused == 0
        scene.say()
        assert scene.runtime.refused == 1
        scene.gate.set()
        await scene.until(1)

    on_a_clock(main)


# ---- a stop


def test_a_stop_waits_for_what_is_in_hand_and_for_what_comes_behind_it() -> None:
    """Each handler takes 0.4 s: a client's end one after the other, of which two fit into the grace before the cut."""

    async def main(clock: Clock) -> None:
        handlers = Handlers()
        handlers.max_queue = 1000
        handlers.timeout = 30.0
        done: list[int] = []

        async def handler(connection: Any, n: Any) -> None:
            await asyncio.sleep(0.4)
            done.append(n)

        handlers.on_message.append(Registered(handler))
        for conn in (1, 2):
            client: Any = Client()
            client.conn = conn
            for n in (1, 2):
                handlers.message(Runtime(), client, b"%d" % n, True, b"")  # type: ignore[arg-type]
        await handlers.finish()
        assert sorted(done) == [b"1", b"1", b"2", b"2"]
        assert not handlers.busy
        assert clock.now == pytest.approx(0.8)

    on_a_clock(main)


def test_a_stop_cancels_and_then_waits_for_who_cleans_up_but_for_nobody_for_ever() -> None:
    async def main(clock: Clock) -> None:
        handlers = Handlers()
        handlers.max_queue = 1000
        handlers.timeout = 30.0
        told: list[str] = []

        async def cleans_up(connection: Any, data: Any) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.5)
                told.append("clean")

        async def hears_nothing(connection: Any, data: Any) -> None:
            end = clock.now + 60
            while clock.now < end:
                try:
                    await asyncio.sleep(end - clock.now)
                except asyncio.CancelledError:
                    told.append("ignored")

        for conn, handler in ((1, cleans_up), (2, hears_nothing)):
            client: Any = Client()
            client.conn = conn
            handlers.on_message[:] = [Registered(handler)]
            handlers.message(Runtime(), client, b"", True, b"")  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await handlers.finish()
        assert sorted(told) == ["clean", "ignored"]
        assert STOP_GRACE + 0.5 <= clock.now <= 2 * STOP_GRACE
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(61)

    on_a_clock(main)


def test_a_stop_waits_for_on_disconnect_too_but_not_for_ever() -> None:
    """It is never cancelled; so nothing else than the time of finish() ends the wait for it."""

    async def main(clock: Clock) -> None:
        handlers = Handlers()
        handlers.timeout = 30.0
        done: list[int] = []

        async def goodbye(connection: Any, code: int, reason: str) -> None:
            await asyncio.sleep(code)
            done.append(code)
            clock.now += 2 * STOP_GRACE  # It holds up the loop, beyond the time of all.

        handlers.on_disconnect.append(Registered(goodbye))
        for conn, seconds in ((1, 1), (2, 60)):
            client: Any = Client()
            client.conn = conn
            handlers.disconnect(client, seconds, "")
        await handlers.finish()
        assert done == [1]
        assert clock.now == pytest.approx(1 + 2 * STOP_GRACE)
        await asyncio.sleep(60)
        assert len(done) == 2

    on_a_clock(main)
