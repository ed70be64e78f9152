"""Questions to the runtime that are awaited: none holds up the event loop that asks."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import TYPE_CHECKING, Any

from . import _core
from ._core import NotRunning, QueryTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._core import Runtime

TIMEOUT = _core.QUERY_TIMEOUT_MS / 1000
"""Seconds that an answer may take, as those of the blocking calls may."""

Answer = tuple[int, str, bytes] | None
"""Minus the status, why it is one, and what it says; None: it will never come."""


class Questions:
    """Who waits for answers of one runtime: tasks of any number of event loops.

    Without a lock: each step is one operation of a dict. An answer to who has been cancelled meanwhile, or to a loop
    that has closed, goes nowhere.
    """

    def __init__(self) -> None:
        self._tickets = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}

    async def ask(self, runtime: Runtime, kind: int, **question: Any) -> bytes:
        """The answer to a query of that kind. Errors as of Runtime.query(); Overloaded."""
        return await self._answer(lambda ticket: runtime.query_later(ticket, kind, **question))

    async def move(self, runtime: Runtime, joins: bool, conn: int, room: str) -> None:
        """A connection joins a room, or leaves it. Errors as of Runtime.conn_join(); Overloaded."""
        move = runtime.conn_join_later if joins else runtime.conn_leave_later
        await self._answer(lambda ticket: move(ticket, conn, room))

    async def _answer(self, ask: Callable[[int], None]) -> bytes:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        ticket = next(self._tickets)
        self._waiting[ticket] = answer
        try:
            ask(ticket)
            await asyncio.wait((answer,), timeout=TIMEOUT)
        finally:
            self._waiting.pop(ticket, None)
        if not answer.done():
            raise QueryTimeout(f"the runtime, or the event loop that takes its events, was busy for {TIMEOUT:g} s")
        found = answer.result()
        if found is None:
            raise NotRunning("the runtime was stopped before it had answered; start() or lifespan() starts it again")
        code, why, data = found
        if code:
            _core.fail(code, why)
        return data

    def answered(self, ticket: int, answer: Answer) -> None:
        """An EVENT_ANSWER has come. Any thread."""
        future = self._waiting.pop(ticket, None)
        if future is None:
            return
        loop = future.get_loop()
        if loop is asyncio._get_running_loop():
            _settle(future, answer)
            return
        with contextlib.suppress(RuntimeError):  # That loop is closed: nobody waits any more.
            loop.call_soon_threadsafe(_settle, future, answer)

    def close(self) -> None:
        """No more answers come: the runtime has been stopped."""
        for ticket in list(self._waiting):
            self.answered(ticket, None)


def _settle(future: asyncio.Future[Answer], answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)
