"""progress_callback: what an analysis reports, plainly or awaited, at most ten times a second."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from ws_manager import WebSocketManager, progress_callback


def test_plain_calls_from_a_thread(manager: WebSocketManager, connect: Any) -> None:
    client = connect()
    report = progress_callback("img-1", manager)
    thread = threading.Thread(target=report, args=(45.5, "Running", 2.3))
    thread.start()
    thread.join()
    message = client.next()
    assert message["event_type"] == "processing_progress"
    assert (message["image_id"], message["progress"]) == ("img-1", 45.5)
    assert (message["current_step"], message["eta_seconds"]) == ("Running", 2.3)


def test_awaited(manager: WebSocketManager, connect: Any) -> None:
    client = connect()
    report = progress_callback("img-1", manager)

    async def analyze(progress: Any) -> None:
        await progress(0, "Starting", None)
        await asyncio.create_task(progress(100, "Complete", 0))

    asyncio.run(analyze(report))
    assert client.next()["progress"] == 0
    assert client.next()["progress"] == 100


def test_each_image_has_a_rate_of_its_own() -> None:
    calls: list[Any] = []

    class Recorder:
        def notify_processing_progress(self, *fields: Any, **options: Any) -> None:
            calls.append((fields, options))

    progress_callback("a", Recorder())(1, "step", 2)  # type: ignore[arg-type]
    progress_callback("b", Recorder(), max_rate=2, room="r")(1)  # type: ignore[arg-type]
    assert calls == [
        (("a", 1, "step", 2), {}),  # rate and key are the catalogue's
        (("b", 1, "", None), {"max_rate": 2, "room": "r"}),
    ]


def test_no_progress_comes_after_the_end(manager: WebSocketManager, connect: Any) -> None:
    client = connect()
    report = progress_callback("img-1", manager)
    for progress in (10, 20, 30):
        report(progress, "step")
    manager.notify_processing_complete(image_id="img-1", result_id="r-1", processing_time_seconds=0.1)
    seen = []
    while (message := client.next())["event_type"] == "processing_progress":
        seen.append(message["progress"])
    assert message["event_type"] == "processing_complete"
    assert seen in ([10, 30], [30])  # the first may have waited long enough to be replaced
    manager.broadcast({"type": "the next"})
    assert client.next()["type"] == "the next"


def test_at_most_ten_a_second_and_the_last_one_arrives(manager: WebSocketManager, connect: Any) -> None:
    client = connect()
    first, second = progress_callback("a", manager), progress_callback("b", manager)
    for step in range(101):
        first(step, "step", 0)
        second(step, "step", 0)
    seen: dict[str, list[float]] = {"a": [], "b": []}
    while not all(progress and progress[-1] == 100 for progress in seen.values()):
        message = client.next()
        seen[message["image_id"]].append(message["progress"])
    for progress in seen.values():
        assert progress[0] == 0
        assert len(progress) <= 5
        assert progress == sorted(progress)
