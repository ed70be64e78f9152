"""Ends of processes: interpreter exit in every situation, fork, daemon threads, sub-interpreters."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_script_that_only_sends_ends_at_once(python: Any) -> None:
    python("import ws_manager\nfor n in range(1000): ws_manager.broadcast({'n': n})")


def test_import_alone_starts_nothing(python: Any) -> None:
    out = python(
        """
        import threading, ws_manager
        print(ws_manager.ws_manager.running, threading.active_count(), len(__import__("os").listdir("/proc/self/task")))
        """
    )
    assert out.split() == ["False", "1", "1"]


@pytest.mark.parametrize("way", ["sys.exit(0)", "os._exit(0)", "os.kill(os.getpid(), 15)", "raise SystemExit"])
def test_exit_in_a_callback(python: Any, way: str) -> None:
    python(
        f"""
        import os, signal, sys, threading
        import ws_manager
        from websockets.sync.client import connect
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

        @ws_manager.on_connect
        def connected(connection):
            {way}

        ws_manager.configure(port=0)
        ws_manager.start()
        socket = connect(f"ws://127.0.0.1:{{ws_manager.ws_manager.port}}/ws").__enter__()
        threading.Event().wait(0.2)
        """
    )


def test_exit_while_other_threads_send(python: Any) -> None:
    python(
        """
        import threading, ws_manager
        started = threading.Barrier(5)

        def send():
            started.wait()
            while True:
                ws_manager.broadcast({"text": "x" * 300})

        for _ in range(4):
            threading.Thread(target=send, daemon=True).start()
        started.wait()
        ws_manager.broadcast({})
        """
    )


def test_exit_while_receipts_are_awaited(python: Any) -> None:
    python(
        """
        import asyncio, threading, ws_manager
        ready = threading.Event()

        async def main():
            while True:
                await asyncio.gather(*(ws_manager.broadcast({}) for _ in range(50)))
                ready.set()

        threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
        ready.wait()
        """
    )


def test_exit_with_connected_clients_that_do_not_read(python: Any) -> None:
    python(
        """
        import socket, ws_manager
        ws_manager.configure(port=0, max_queue=1048576)
        ws_manager.start()
        sockets = []
        for _ in range(20):
            s = socket.create_connection(("127.0.0.1", ws_manager.ws_manager.port))
            s.sendall(b"GET /ws HTTP/1.1\\r\\nHost: localhost\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
                      b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\nSec-WebSocket-Version: 13\\r\\n\\r\\n")
            assert s.recv(12) == b"HTTP/1.1 101"
            sockets.append(s)
        for _ in range(100):
            ws_manager.broadcast("x" * 10000)
        """
    )


def test_fork_then_notify_gets_a_runtime_of_its_own(python: Any) -> None:
    out = python(
        """
        import asyncio, logging, os, sys
        import ws_manager
        logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
        ws_manager.configure(port=0)
        ws_manager.start()
        port = ws_manager.ws_manager.port
        before = ws_manager.broadcast({})
        pid = os.fork()
        if pid == 0:
            assert not ws_manager.ws_manager.running
            assert asyncio.run(ws_manager.broadcast({})).room == "@all"
            assert ws_manager.ws_manager.running and ws_manager.ws_manager.port == 0
            ws_manager.notify_log("info", "again")
            assert ws_manager.stats()["active_connections"] == 0
            ws_manager.stop(0)
            sys.stdout.flush()
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        assert ws_manager.ws_manager.running and ws_manager.ws_manager.port == port
        assert asyncio.run(before).room == "@all"
        from websockets.sync.client import connect
        with connect(f"ws://127.0.0.1:{port}/ws") as socket:
            ws_manager.broadcast("still here")
            socket.recv()
            assert socket.recv() == "still here"
        """
    )
    assert out.count("was forked from one whose ws_manager ran") == 1


def test_a_receipt_of_the_parent_cannot_be_awaited_in_a_child(python: Any) -> None:
    out = python(
        """
        import asyncio, os, sys
        import ws_manager

        ws_manager.start()
        receipts = [ws_manager.broadcast({}) for _ in range(5000)]
        pid = os.fork()
        if pid == 0:
            pending = [receipt for receipt in receipts if not receipt.done()]
            for receipt in pending[:3]:
                try:
                    asyncio.run(receipt)
                except ws_manager.Forked as error:
                    print(error.code)
            if not pending:
                print("forked")
            sys.stdout.flush()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        """
    )
    assert "forked" in out


def test_fork_before_the_start_is_nothing_special(python: Any) -> None:
    out = python(
        """
        import asyncio, os, sys, ws_manager
        pid = os.fork()
        if pid == 0:
            assert asyncio.run(ws_manager.broadcast({})).room == "@all"
            sys.exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        """
    )
    assert "forked" not in out


def test_fork_in_a_thread_while_others_send(python: Any) -> None:
    python(
        """
        import asyncio, os, signal, threading, warnings
        import ws_manager
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork() in a process with threads, since 3.12
        stop = threading.Event()

        def send():
            while not stop.is_set():
                ws_manager.broadcast({"text": "x"})

        ws_manager.start()
        threads = [threading.Thread(target=send) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                signal.alarm(20)
                asyncio.run(ws_manager.broadcast({}))
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        stop.set()
        for thread in threads:
            thread.join()
        """
    )


def test_multiprocessing_workers(python: Any) -> None:
    python(
        """
        import multiprocessing, ws_manager

        def work(n):
            ws_manager.broadcast({"n": n})
            return ws_manager.stats()["total_broadcasts"]

        if __name__ == "__main__":
            ws_manager.start()
            with multiprocessing.get_context("fork").Pool(2) as pool:
                assert all(count >= 1 for count in pool.map(work, range(4)))
        """
    )


def test_a_spawned_process_that_only_sends_says_so_once(python: Any, tmp_path: Any) -> None:
    (tmp_path / "job.py").write_text(
        "import ws_manager\n\n\ndef work():\n    ws_manager.broadcast({})\n"
        "    ws_manager.broadcast({})\n    ws_manager.stats()\n"
    )
    out = python(
        f"""
        import logging, multiprocessing, os, sys
        sys.path.insert(0, {str(tmp_path)!r})
        import job, ws_manager

        if __name__ == "__main__":
            ws_manager.start()
            os.dup2(1, 2)
            child = multiprocessing.get_context("spawn").Process(target=job.work)
            child.start()
            child.join()
            assert child.exitcode == 0
        """
    )
    assert out.count("sends a message and has no clients, and nothing connects") == 1, out


def test_subprocesses_do_not_inherit_descriptors(python: Any) -> None:
    out = python(
        """
        import os, subprocess, sys, ws_manager
        ws_manager.configure(port=0)
        ws_manager.start()
        code = "import os; print(sorted(os.listdir('/proc/self/fd'), key=int))"
        print(subprocess.run([sys.executable, "-c", code], close_fds=False, capture_output=True, text=True).stdout)
        """
    )
    assert out.strip() == "['0', '1', '2', '3']"


def test_signals_go_to_the_main_thread(python: Any) -> None:
    out = python(
        """
        import os, signal, threading, ws_manager
        ws_manager.start()
        seen = threading.Event()
        signal.signal(signal.SIGUSR1, lambda *_: (print(threading.current_thread().name), seen.set()))
        os.kill(os.getpid(), signal.SIGUSR1)
        seen.wait(10)
        """
    )
    assert out.strip() == "MainThread"


def test_the_extension_in_a_subinterpreter(python: Any) -> None:
    """It works there or is refused clearly; the main interpreter goes on in any case."""
    out = python(
        """
        import sys, asyncio
        import ws_manager
        try:
            import _xxsubinterpreters as subinterpreters
        except ImportError:
            import _interpreters as subinterpreters
        interpreter = subinterpreters.create()
        code = '''
        from ws_manager import _core
        runtime = _core.Runtime({}, False)
        runtime.start()
        runtime.publish(_core.TO_ALL, None, None, b"{}")
        runtime.stop(0)
        '''
        import textwrap
        try:
            subinterpreters.run_string(interpreter, textwrap.dedent(code))
        except Exception as error:
            print("refused:", error)
        subinterpreters.destroy(interpreter)
        assert asyncio.run(ws_manager.broadcast({})).room == "@all"
        print("alive")
        """
    )
    assert "alive" in out


COUNT = """
import os, time

def count():
    # The kernel lists a thread for a moment after it was joined.
    end = time.monotonic() + 10
    while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < end:
        os.sched_yield()
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
"""


def test_a_hundred_starts_and_stops(python: Any) -> None:
    python(
        COUNT
        + """
import asyncio, ws_manager
from websockets.sync.client import connect
manager = ws_manager.WebSocketManager(port=0)
for n in range(100):
    manager.start()
    with connect(f"ws://127.0.0.1:{manager.port}/ws") as socket:
        asyncio.run(manager.broadcast({}))
        manager.stop(1)
    socket.recv_events_thread.join()
    if n == 0:
        first = count()
assert first == count(), (first, count())
assert first[1] == 1
"""
    )


def test_managers_that_are_dropped_end_their_threads(python: Any) -> None:
    python(
        COUNT
        + """
import gc, ws_manager

def once():
    manager = ws_manager.WebSocketManager()
    manager.broadcast({})
    manager.stop(0)

once(); gc.collect()
before = count()
for _ in range(20):
    once()
gc.collect()
assert before == count(), (before, count())
"""
    )


def test_managers_that_are_dropped_while_they_run(python: Any) -> None:
    """Whoever forgets stop() finds no threads of it left once the object is gone."""
    python(
        COUNT
        + """
import gc, ws_manager

def once():
    runtime = ws_manager._core.Runtime({}, False)
    runtime.start()

once()  # libuv keeps two descriptors of its own for the process
before = count()
for _ in range(10):
    once()
gc.collect()
assert before == count(), (before, count())
"""
    )
