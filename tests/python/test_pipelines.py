"""PipelineWebSocketService: callbacks of a pipeline manager become the catalogue's events."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import pytest

from ws_manager import PipelineWebSocketService, WebSocketManager

FRAME = {
    "frame_id": 1,
    "timestamp": 2.0,
    "detections_count": 3,
    "processing_time": 0.01,
    "fps": 25.0,
    "node_results": {},
}


class Pipelines:
    """As the Protocol wants it."""

    def __init__(self) -> None:
        self.callbacks: dict[str, list[Callable[..., Any]]] = {}

    def register_callback(self, event: str, callback: Callable[[str, Any], Any]) -> None:
        self.callbacks.setdefault(event, []).append(callback)

    def emit(self, event: str, *args: Any) -> None:
        for callback in self.callbacks[event]:
            assert callback(*args) is None


def test_each_event_in_its_form(manager: WebSocketManager, connect: Any) -> None:
    pipelines = Pipelines()
    PipelineWebSocketService(pipelines, manager=manager).initialize()
    client = connect("/ws/notifications")
    pipelines.emit("status", "7", {"status": "running", "detailed_status": {"stats": {}, "nodes": {}}})
    message = client.next("pipeline_status_update")
    assert message["data"]["pipeline_id"] == "7"
    assert message["data"]["detailed_status"] == {"stats": {}, "nodes": {}}
    pipelines.emit("frame", "7", FRAME)
    assert client.next("pipeline_frame_update")["data"] == {"pipeline_id": "7", "frame_data": FRAME}
    pipelines.emit("analytics", "7", {"node_id": "n", "node_type": "counter", "people_count": 2, "results": None})
    assert client.next("pipeline_analytics_update")["data"]["analytics"]["people_count"] == 2
    pipelines.emit("error", "7", {"error_message": "no camera", "severity": "critical"})
    assert client.next("pipeline_error_update")["data"]["severity"] == "critical"


def test_the_short_forms(manager: WebSocketManager, connect: Any) -> None:
    pipelines = Pipelines()
    PipelineWebSocketService(pipelines, manager=manager).initialize()
    client = connect("/ws/notifications")
    pipelines.emit("status", 7, "stopped")
    assert client.next("pipeline_status_update")["data"] == {"pipeline_id": "7", "status": "stopped"}
    pipelines.emit("error", 7, ValueError("bad frame"))
    assert client.next("pipeline_error_update")["data"] == {
        "pipeline_id": "7",
        "severity": "error",
        "error_message": "bad frame",
    }
    pipelines.emit("status", {"pipeline_id": "8", "status": "running"})
    assert client.next("pipeline_status_update")["data"] == {"pipeline_id": "8", "status": "running"}

    @dataclasses.dataclass
    class Status:
        status: str

    pipelines.emit("status", "9", Status("paused"))
    assert client.next("pipeline_status_update")["data"] == {"pipeline_id": "9", "status": "paused"}


@pytest.mark.parametrize("pattern", ["add_{}_callback", "register_{}_callback", "set_{}_callback", "on_{}"])
def test_managers_with_a_method_for_each_event(manager: WebSocketManager, connect: Any, pattern: str) -> None:
    class Other:
        def __init__(self) -> None:
            self.callbacks: dict[str, Callable[..., Any]] = {}

        def __getattr__(self, name: str) -> Any:
            for event in ("status", "frame", "error"):
                if name == pattern.format(event):
                    return lambda callback: self.callbacks.__setitem__(event, callback)
            raise AttributeError(name)

    other = Other()
    PipelineWebSocketService(other, manager=manager).initialize()
    assert set(other.callbacks) == {"status", "frame", "error"}
    client = connect("/ws/notifications")
    other.callbacks["status"]("7", "running")
    assert client.next("pipeline_status_update")["data"]["status"] == "running"


def test_a_manager_without_callbacks_is_told_what_was_looked_for() -> None:
    with pytest.raises(TypeError, match=r"object has no way.*register_callback\(event, cb\).*on_EVENT"):
        PipelineWebSocketService(object()).initialize()


def test_initialize_twice_registers_once(manager: WebSocketManager) -> None:
    pipelines = Pipelines()
    service = PipelineWebSocketService(pipelines, manager=manager)
    service.initialize()
    service.initialize()
    assert all(len(callbacks) == 1 for callbacks in pipelines.callbacks.values())


def test_what_cannot_be_sent_does_not_reach_the_pipeline(
    manager: WebSocketManager, caplog: pytest.LogCaptureFixture
) -> None:
    pipelines = Pipelines()
    PipelineWebSocketService(pipelines, manager=manager).initialize()
    with caplog.at_level(logging.ERROR, "ws_manager"):
        pipelines.emit("frame", "7", {"node_results": object()})
        pipelines.emit("status", "7", {"no": "status"})
        pipelines.emit("status", "7")
    assert len(caplog.records) == 3
    assert 'data["frame_data"]["node_results"]: object' in caplog.text


def test_events_go_to_the_room_of_their_pipeline(manager: WebSocketManager, connect: Any) -> None:
    pipelines = Pipelines()
    PipelineWebSocketService(pipelines, manager=manager, room="pipeline:{pipeline_id}").initialize()
    client = connect()
    client.ask(action="subscribe", room="pipeline:7")
    pipelines.emit("status", "8", "running")
    pipelines.emit("status", "7", "running")
    message = client.next()
    assert (message["room"], message["data"]["pipeline_id"]) == ("pipeline:7", "7")
