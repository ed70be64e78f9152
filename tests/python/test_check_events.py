"""Publishing what the catalogue does not allow: told once for each fault, an error where that is wished."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from support import Client

from ws_manager import WebSocketManager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INCOMPLETE = {"pipeline_id": "7", "frame_data": {"frame_id": 1}}


def eventually(look: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not look():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_each_fault_is_told_once_and_the_event_is_sent(
    manager: WebSocketManager, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect()
    with caplog.at_level("WARNING", "ws_manager"):
        for _ in range(3):
            manager.notify_pipeline_frame(INCOMPLETE)
        manager.notify("pipeline_frame_update", {**INCOMPLETE, "frame_data": None})
        manager.notify_story_created(story_id="s", title="complete")
        manager.notify("order_paid", INCOMPLETE)
        assert client.next("pipeline_frame_update")["data"] == INCOMPLETE
        manager.notify_log("info", "x", source=5)
        eventually(lambda: any("log_message" in text for text in caplog.messages))
    assert [text.split(":")[0] + ":" + text.split(":")[1] for text in caplog.messages] == [
        'event "pipeline_frame_update": frame_data.timestamp is missing, not a number',
        'event "pipeline_frame_update": frame_data is null, not an object',
        'event "log_message": source is a number, not a text',
    ]


@pytest.fixture
def strict() -> Iterator[WebSocketManager]:
    made = WebSocketManager(port=0, check_events="error")
    made.start()
    yield made
    made.stop(deadline=1.0)


def test_an_error_where_that_is_wished(strict: WebSocketManager) -> None:
    with pytest.raises(ValueError, match=r"frame_data\.timestamp is missing, not a number"):
        strict.notify_pipeline_frame(INCOMPLETE)
    strict.notify("order_paid", INCOMPLETE)


def test_off(caplog: pytest.LogCaptureFixture) -> None:
    manager = WebSocketManager(port=0, check_events="off")
    manager.start()
    try:
        with contextlib.closing(Client(manager.port)) as client, caplog.at_level("WARNING", "ws_manager"):
            manager.notify_pipeline_frame(INCOMPLETE)
            assert client.next("pipeline_frame_update")["data"] == INCOMPLETE
    finally:
        manager.stop(deadline=1.0)
    assert caplog.messages == []


def test_a_word_that_is_none_of_them() -> None:
    with pytest.raises(ValueError, match='option check_events: "loud" is none of off, warn, error'):
        WebSocketManager(port=0, check_events="loud").start()
