"""A Receipt can be ignored, awaited, or handed to whatever takes a coroutine, in any thread and on any loop."""

from __future__ import annotations

import asyncio
import collections.abc
import gc
import threading
import warnings
from typing import Any

import pytest

from ws_manager import (
    Delivery,
    DeliveryReport,
    InvalidArgument,
    InvalidRoom,
    NotRunning,
    Overloaded,
    Receipt,
    WebSocketManager,
    _receipt,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def started(manager: WebSocketManager) -> WebSocketManager:
    manager.start()
    return manager


def test_is_what_asyncio_takes_for_a_coroutine(started: WebSocketManager) -> None:
    receipt = started.broadcast({})
    assert isinstance(receipt, Receipt)
    assert isinstance(receipt, collections.abc.Coroutine)
    assert isinstance(receipt, collections.abc.Awaitable)
    assert asyncio.iscoroutine(receipt)


def test_ignored_it_warns_of_nothing(started: WebSocketManager) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(100):
            started.broadcast({})
        gc.collect()


async def test_awaited_it_yields_the_delivery(started: WebSocketManager) -> None:
    delivery = await started.send_to_room("a", {"n": 1})
    assert isinstance(delivery, Delivery)
    assert delivery.recipients == 0
    assert delivery.room == "a"
    assert delivery.offset == 1
    assert delivery.epoch
    assert delivery.message_id
    assert not delivery.superseded


async def test_awaited_again_it_yields_the_same(started: WebSocketManager) -> None:
    receipt = started.send_to_room("a", {})
    assert await receipt == await receipt
    assert receipt.done()
    assert receipt.delivery() == await receipt


async def test_awaited_long_after_it_was_done(started: WebSocketManager) -> None:
    receipt = started.send_to_room("a", {})
    await started.send_to_room("a", {})
    assert receipt.done()
    assert (await receipt).offset == 1


async def test_as_a_task(started: WebSocketManager) -> None:
    task = asyncio.create_task(started.send_to_room("a", {}))
    assert "Receipt" in repr(task)
    assert (await task).room == "a"


async def test_in_gather_wait_for_ensure_future_and_a_task_group(started: WebSocketManager) -> None:
    assert len(await asyncio.gather(*(started.broadcast({}) for _ in range(10)))) == 10
    assert await asyncio.wait_for(started.broadcast({}), 10)
    assert await asyncio.ensure_future(started.broadcast({}))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(started.broadcast({}))
    assert task.result().room == "@all"
    async with asyncio.timeout(10):
        await started.broadcast({})


async def test_many_tasks_wait_for_one_receipt(started: WebSocketManager) -> None:
    receipt = started.send_to_room("a", {})

    async def wait() -> Delivery:
        return await receipt

    deliveries = await asyncio.gather(receipt, receipt, *(wait() for _ in range(20)))
    assert {delivery.offset for delivery in deliveries} == {1}


async def test_a_cancelled_task_does_not_spoil_it_for_others(started: WebSocketManager) -> None:
    offset, cancelled = 0, False
    while not cancelled:  # once again where the runtime was faster, and nobody waited any more
        offset += 1
        receipt = started.send_to_room("a", {})
        task = asyncio.ensure_future(receipt)
        other = asyncio.ensure_future(receipt)
        await asyncio.sleep(0)
        cancelled = task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await other).offset == offset
    assert (await receipt).offset == offset


def test_as_the_main_coroutine_of_a_loop(started: WebSocketManager) -> None:
    assert asyncio.run(started.broadcast({})).room == "@all"


def test_on_several_loops_at_once(started: WebSocketManager) -> None:
    receipts = [started.send_to_room("a", {}) for _ in range(200)]
    results: list[Any] = []

    async def wait() -> None:
        results.append([(await receipt).offset for receipt in receipts])

    threads = [threading.Thread(target=lambda: asyncio.run(wait())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [list(range(1, 201))] * 4


async def test_made_in_a_thread_without_a_loop(started: WebSocketManager) -> None:
    receipt = await asyncio.to_thread(started.send_to_room, "a", {})
    assert (await receipt).room == "a"


async def test_from_another_thread_into_a_loop(started: WebSocketManager) -> None:
    loop = asyncio.get_running_loop()

    def send() -> Delivery:
        return asyncio.run_coroutine_threadsafe(started.send_to_room("a", {}), loop).result(10)

    assert (await asyncio.to_thread(send)).room == "a"


def test_a_loop_that_closes_while_it_waits_hurts_nobody(started: WebSocketManager) -> None:
    loop = asyncio.new_event_loop()
    waiting: list[asyncio.Task[Delivery]] = []

    async def begin() -> None:
        for _ in range(50):
            waiting.append(asyncio.ensure_future(started.broadcast({})))
        await asyncio.sleep(0)

    loop.run_until_complete(begin())
    for task in waiting:
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert asyncio.run(started.broadcast({})).room == "@all"


async def test_bad_arguments_raise_at_the_call(started: WebSocketManager) -> None:
    with pytest.raises(InvalidRoom) as caught:
        started.send_to_room("two words", {})
    assert caught.value.code == "room_invalid"
    with pytest.raises(InvalidRoom):
        started.send_to_room("@all", {})
    with pytest.raises(TypeError, match="room"):
        started.send_to_room(7, {})  # type: ignore[arg-type]


async def test_after_stop_only_awaiting_raises(started: WebSocketManager) -> None:
    await asyncio.to_thread(started.stop)
    receipt = started.broadcast({})
    assert receipt.done()
    with pytest.raises(NotRunning) as caught:
        await receipt
    assert caught.value.code == "not_running"


async def test_what_was_sent_before_stop_is_reported(started: WebSocketManager) -> None:
    receipts = [started.broadcast({"n": n}) for n in range(100)]
    await asyncio.to_thread(started.stop)
    assert [(await receipt).room for receipt in receipts] == ["@all"] * 100


async def test_overload_raises_only_when_awaited() -> None:
    manager = WebSocketManager(max_pending=4096, max_publish_size=4096)
    try:
        manager.start()
        receipts = [manager.broadcast({"text": "x" * 1000}) for _ in range(2000)]
        results = await asyncio.gather(*receipts, return_exceptions=True)
        dropped = [result for result in results if isinstance(result, Overloaded)]
        assert dropped
        assert dropped[0].code == "overloaded"
        assert len(dropped) < 2000
        assert manager.stats()["overloaded_publications"] == len(dropped)
    finally:
        manager.stop()


async def test_done_in_the_moment_it_is_watched() -> None:
    """The runtime may finish between the look at the outcome and the watch: no event comes then."""

    class Finished:
        runtime = None
        waiters: Any = None

        def done(self) -> bool:
            return False

        def watch(self) -> bool:
            return False

    assert _receipt._suspend(Finished()).done()  # type: ignore[arg-type]


async def test_outside_of_asyncio_it_says_so(started: WebSocketManager) -> None:
    for _ in range(1000):
        receipt = started.broadcast({})
        if not receipt.done():
            break
    found: list[BaseException] = []

    def step() -> None:
        try:
            receipt.send(None)
        except (RuntimeError, StopIteration) as error:
            found.append(error)

    thread = threading.Thread(target=step)
    thread.start()
    thread.join()
    assert isinstance(found[0], StopIteration) or "no running event loop" in str(found[0])


def test_send_throw_and_close_as_coroutines_have_them(started: WebSocketManager) -> None:
    receipt = started.broadcast({})
    asyncio.run(receipt)
    with pytest.raises(StopIteration) as stop:
        receipt.send(None)
    assert isinstance(stop.value.value, Delivery)
    with pytest.raises(KeyError):
        receipt.throw(KeyError("k"))
    with pytest.raises(KeyError):
        receipt.throw(KeyError, "k", None)
    receipt.close()
    assert asyncio.run(receipt).room == "@all"


# ---- reports ----


async def test_a_report_tells_what_became_of_each_delivery(started: WebSocketManager, connect: Any) -> None:
    first, second = await asyncio.to_thread(connect, "/ws"), await asyncio.to_thread(connect, "/ws")
    report = await started.broadcast({"n": 1}, report=True).report()
    assert report == DeliveryReport(2, 2, 0, 0, 0, 0, True)
    assert report.deliveries == report.written == 2
    assert report.settled
    assert first.next()["n"] == second.next()["n"] == 1
    assert (await started.send_to_room("nobody", {}, report=True).report()).deliveries == 0
    assert (await started.notify_log("info", "x", report=True).report()).settled


async def test_a_report_has_to_be_asked_for_when_sending(started: WebSocketManager) -> None:
    with pytest.raises(InvalidArgument, match="report=True"):
        await started.broadcast({}).report()
    with pytest.raises(InvalidArgument, match="report=True"):
        await started.broadcast({}, report=False).report()


async def test_a_report_of_what_was_never_sent(started: WebSocketManager) -> None:
    await asyncio.to_thread(started.stop)
    with pytest.raises(NotRunning):
        await started.broadcast({}, report=True).report()


async def test_a_report_that_is_not_settled_in_time_says_what_is_known(started: WebSocketManager, connect: Any) -> None:
    slow = await asyncio.to_thread(connect, "/ws")  # reads nothing until it is asked to
    filler = {"text": "x" * 400_000}
    receipt = started.broadcast(filler, report=True)
    await asyncio.to_thread(started.stats)  # what can be written has been
    while (report := await receipt.report(timeout=0)).settled:
        receipt = started.broadcast(filler, report=True)
        await asyncio.to_thread(started.stats)
    assert report.deliveries == 1
    assert report.pending + report.lagging == 1
    waiting = [asyncio.create_task(receipt.report(timeout=None)) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.to_thread(slow.close)
    reports = await asyncio.gather(*waiting)
    assert all(report.settled and report.deliveries == 1 for report in reports)
    assert await receipt.report() == reports[0]
