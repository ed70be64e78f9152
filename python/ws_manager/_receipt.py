"""Receipts: the Python half of `_core.Receipt`, which is written in C because every sending call makes one."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, Protocol

from . import _core
from ._core import Receipt
from ._types import Delivery, DeliveryReport

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Completed", "Host", "Receipt", "complete"]

_lock = threading.Lock()  # of the lists of waiters


class Host(Protocol):
    """Who takes the events of a runtime (Runtime.host)."""

    pid: int

    def ensure(self) -> None:
        """Makes sure that events are being taken."""


def _suspend(receipt: Receipt) -> asyncio.Future[None]:
    """What a Receipt yields to the event loop that waits for it: a future that complete() will set."""
    loop = asyncio.get_running_loop()
    runtime = receipt.runtime
    host: Host | None = runtime.host if runtime is not None else None
    if host is not None:
        if host.pid != os.getpid():
            raise _core.Forked("this Receipt belongs to the parent process: its outcome can't be known here")
        host.ensure()
    future: asyncio.Future[None] = loop.create_future()
    with _lock:
        waiters = receipt.waiters
        if waiters is not None and not receipt.done():
            waiters.append(future)
        elif waiters is None:
            receipt.waiters = [future]
            if not receipt.watch():
                future.set_result(None)
        else:
            future.set_result(None)
    # The mark by which a task knows that it was yielded by an await (PEP 3156's `yield from future`).
    future._asyncio_future_blocking = True
    return future


def complete(receipt: Receipt) -> None:
    """Wakes all who wait for a receipt. Any thread; called once per EVENT_RECEIPT."""
    with _lock:
        waiters, receipt.waiters = receipt.waiters, []
    _wake_all(waiters)


def complete_report(receipt: Receipt) -> None:
    """Wakes all who wait for the report of a receipt. Any thread; called once per EVENT_REPORT."""
    with _lock:
        waiters, receipt.report_waiters = receipt.report_waiters, []
    _wake_all(waiters)


async def _report(receipt: Receipt, timeout: float | None) -> DeliveryReport:
    """Receipt.report()."""
    receipt.figures()  # without report=True there is nothing to wait for
    await receipt
    future: asyncio.Future[None] | None = None
    with _lock:
        if not receipt.figures().settled:
            if receipt.report_waiters is None:
                receipt.report_waiters = []
                watched = receipt.watch_report()
            else:
                watched = True
            if watched:
                future = asyncio.get_running_loop().create_future()
                receipt.report_waiters.append(future)
    if future is not None:
        if receipt.runtime is not None and receipt.runtime.host is not None:
            receipt.runtime.host.ensure()
        try:
            await asyncio.wait((future,), timeout=timeout)
        finally:
            with _lock:
                waiters = receipt.report_waiters
                if waiters and future in waiters:
                    waiters.remove(future)
    return receipt.figures()


def _wake_all(waiters: list[asyncio.Future[None]] | None) -> None:
    for future in waiters or ():
        loop = future.get_loop()
        try:
            if loop is asyncio._get_running_loop():
                _wake(future)
            else:
                loop.call_soon_threadsafe(_wake, future)
        except RuntimeError:
            continue  # That loop is closed: nobody waits any more.


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.Lock()


class Completed:
    """What calls return that have nothing to report: may be ignored, awaited (None), or made a task."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield

    def send(self, value: None, /) -> Any:  # noqa: ARG002
        raise StopIteration(None)

    def throw(self, typ: Any, val: Any = None, tb: Any = None, /) -> Any:  # noqa: ARG002
        raise typ

    def close(self) -> None:
        return


COMPLETED = Completed()

_core.set_hooks(Delivery, _suspend, DeliveryReport, _report)
os.register_at_fork(after_in_child=_after_fork_in_child)
