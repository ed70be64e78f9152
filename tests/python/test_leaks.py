"""References and memory: what a call takes it gives back."""

from __future__ import annotations

from typing import Any

import pytest

PRELUDE = """
import asyncio, gc, os, sys, tracemalloc
import ws_manager
from ws_manager import _core

ws_manager.start()
manager = ws_manager.ws_manager
runtime = manager._runtime

def rss():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def settle():
    ws_manager.stats()
    gc.collect()

def fails(error, call, *args):
    try:
        call(*args)
    except error:
        return
    raise AssertionError(error)

def flat(work, rounds=6, grows=1_500_000):
    '''
    work() twice to warm up; then memory must not grow from round to round. How deep queues get differs with what else
    the machine does, once or twice; what leaks grows each time.
    '''
    work(); work(); settle()
    grown = []
    while len(grown) < 4 and min(grown, default=grows) >= grows:
        before = rss()
        for _ in range(rounds):
            work()
        settle()
        grown.append(rss() - before)
    assert min(grown) < grows, f"grew by {grown} bytes"
"""


@pytest.mark.parametrize(
    "work",
    [
        "for _ in range(20000): ws_manager.broadcast({'text': 'x' * 300})\n    ws_manager.stats()",
        "for _ in range(5000): ws_manager.notify('a', {}, b=1, exclude=['a'] * 20, history=False)",
        "asyncio.run(many())",
        "for _ in range(5000): fails(ws_manager.InvalidRoom, ws_manager.send_to_room, 'a b', {})",
        "for _ in range(3000): fails(TypeError, ws_manager.broadcast, {'a': object()})",
        "for _ in range(3000): ws_manager.stats(); ws_manager.position('r'); _core.options()",
        "for _ in range(3000): fails(ws_manager.NotFound, runtime.endpoint_remove, '/none')",
    ],
    ids=["ignored", "options", "awaited", "refused", "unencodable", "questions", "not-found"],
)
def test_memory_stays(python: Any, work: str) -> None:
    python(
        PRELUDE
        + f"""
async def many():
    for _ in range(20):
        await asyncio.gather(*(ws_manager.broadcast({{'n': n}}) for n in range(200)))

def work():
    {work}

flat(work)
"""
    )


def test_references_are_given_back(python: Any) -> None:
    python(
        PRELUDE
        + """
key, room, exclude, type = "key-" + str(1), "room-" + str(1), ["u-" + str(1)], "type-" + str(1)
members = {"m-" + str(1): b"1"}
payload = b"{}" * 1 + b""
objects = [key, room, exclude, exclude[0], type, members, payload, runtime, manager]
async def go():
    receipt = runtime.publish(_core.TO_ROOM, room, type, payload, key, 0.0, 0, 0, exclude, members, 0)
    await receipt; await asyncio.gather(receipt, receipt)
asyncio.run(go()); settle()
before = [sys.getrefcount(thing) for thing in objects]
for _ in range(200):
    asyncio.run(go())
    for bad in ((_core.TO_ROOM, "", type, payload), (_core.TO_ROOM, [room, 3], type, payload),
                (99, room, type, payload), (_core.TO_ROOM, room, 3, payload), (_core.TO_ROOM, room, type, 3.5),
                (_core.TO_ALL, None, type, payload, key, 0.0, 0, 0, exclude, {"a": 3}, 0)):
        try:
            runtime.publish(*bad)
            raise AssertionError(bad)
        except (TypeError, ValueError):
            pass
del bad
settle()
after = [sys.getrefcount(thing) for thing in objects]
# A leak is one for each of the 200 rounds; the thread of the events may just be holding one or two.
assert all(now < then + 100 for then, now in zip(before, after)), (before, after)
"""
    )


def test_receipts_that_wait_are_collected_with_their_runtime(python: Any) -> None:
    python(
        """
        import gc, weakref
        from ws_manager import _core, _types

        def run():
            runtime = _core.Runtime({}, False)
            class Host: pid = 0
            runtime.host = host = Host()
            host.runtime = runtime  # a cycle, as the dispatcher makes one
            runtime.start()
            for _ in range(100):
                receipt = runtime.publish(_core.TO_ALL, None, None, b"{}")
                receipt.waiters = [receipt]
                receipt.watch()
            runtime.stop(0)
            return weakref.ref(host)

        reference = run()
        _ = [gc.collect() for _ in range(3)]
        print(reference())
        """
    )


def test_events_carry_their_references(python: Any) -> None:
    python(
        """
        import gc, sys, threading
        import ws_manager
        from websockets.sync.client import connect

        manager = ws_manager.WebSocketManager(port=0)
        seen = threading.Semaphore(0)
        gone = threading.Semaphore(0)

        @manager.on_message
        def message(connection, text):
            seen.release()

        @manager.on_disconnect
        def left(connection, code, reason):
            gone.release()

        manager.start()

        def round():
            with connect(f"ws://127.0.0.1:{manager.port}/ws") as socket:
                for n in range(20):
                    socket.send(f"text {n}")
                    assert seen.acquire(timeout=10)
            assert gone.acquire(timeout=10)

        round(); round(); gc.collect()
        def count():
            gc.collect()
            return sum(type(thing).__name__ == "Connection" and type(thing).__module__ == "ws_manager._connection"
                       for thing in gc.get_objects())
        for _ in range(10):
            round()
        assert count() <= 1, count()
        assert len(manager._dispatcher._known) == 0
        """
    )
