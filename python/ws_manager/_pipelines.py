"""PipelineWebSocketService: the callbacks of a pipeline manager become messages."""

from __future__ import annotations

import dataclasses
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from ._manager import default_manager

if TYPE_CHECKING:
    from ._manager import WebSocketManager

logger = logging.getLogger("ws_manager")

EVENTS = ("status", "frame", "analytics", "error")


class PipelineCallbacks(Protocol):
    """What PipelineWebSocketService wants of a pipeline manager.

    It calls register_callback() once for each of the events "status", "frame", "analytics" and "error". The callbacks
    are plain functions `callback(pipeline_id, data)`, may be called from any thread, return at once and never raise
    because of who listens. `data` is
      status: the status word, or a mapping {"status": ..., "detailed_status": {...}}
      frame: a mapping {"frame_id", "timestamp", "detections_count", "processing_time", "fps", "node_results"}
      analytics: a mapping {"node_id", "node_type", "people_count", ..., "results"}
      error: a text, an exception, or a mapping {"error_message": ..., "severity": ...}
    """

    def register_callback(self, event: str, callback: Callable[[str, Any], Any], /) -> Any:
        """Have callback(pipeline_id, data) called for each `event`."""


class PipelineWebSocketService:
    """Registers callbacks on a pipeline manager and sends its events as those of the catalogue.

    pipeline_manager: as PipelineCallbacks says. Where it has no register_callback(event, callback), these are looked
    for, for each event: add_callback(event, cb), add_EVENT_callback(cb), register_EVENT_callback(cb),
    set_EVENT_callback(cb), on_EVENT(cb).
    manager: who sends; the process's default manager if None.
    room: where the events go, "{pipeline_id}" standing for the pipeline's id; everybody ("@all") if None.

    Example: PipelineWebSocketService(pipeline_manager, room="pipeline:{pipeline_id}").initialize()
    """

    def __init__(
        self, pipeline_manager: object, manager: WebSocketManager | None = None, *, room: str | None = None
    ) -> None:
        self._pipelines = pipeline_manager
        self._manager = manager
        self._room = room
        self._initialized = False

    @property
    def manager(self) -> WebSocketManager:
        """Who sends."""
        return self._manager or default_manager()

    def initialize(self) -> None:
        """Registers the callbacks; a second call does nothing. TypeError if there is no way to register any."""
        if self._initialized:
            return
        senders: dict[str, Callable[..., None]] = {
            "status": self._status,
            "frame": self._frame,
            "analytics": self._analytics,
            "error": self._error,
        }
        missing = [event for event in EVENTS if not self._register(event, senders[event])]
        if len(missing) == len(EVENTS):
            looked_for = ["register_callback(event, cb)", "add_callback(event, cb)"]
            looked_for += [f"{pattern.format('EVENT')}(cb)" for pattern in _PATTERNS]
            raise TypeError(
                f"{type(self._pipelines).__name__} has no way to register callbacks; looked for "
                f"{', '.join(looked_for)}, where EVENT is status, frame, analytics or error"
            )
        if missing:
            logger.info("%s has no callbacks for: %s", type(self._pipelines).__name__, ", ".join(missing))
        self._initialized = True

    def _register(self, event: str, callback: Callable[..., None]) -> bool:
        for name in ("register_callback", "add_callback"):
            register = getattr(self._pipelines, name, None)
            if callable(register) and _takes_two(register):
                register(event, callback)
                return True
        for pattern in _PATTERNS:
            register = getattr(self._pipelines, pattern.format(event), None)
            if callable(register):
                register(callback)
                return True
        return False

    # What a pipeline calls. Its thread must not suffer from a value that can't be sent.

    def _status(self, pipeline_id: Any, data: Any = None) -> None:
        self._send("pipeline_status_update", "status", pipeline_id, data)

    def _frame(self, pipeline_id: Any, data: Any = None) -> None:
        self._send("pipeline_frame_update", "frame_data", pipeline_id, data)

    def _analytics(self, pipeline_id: Any, data: Any = None) -> None:
        self._send("pipeline_analytics_update", "analytics", pipeline_id, data)

    def _error(self, pipeline_id: Any, data: Any = None) -> None:
        if isinstance(data, BaseException):
            data = str(data) or type(data).__name__
        self._send("pipeline_error_update", "error_message", pipeline_id, data, severity="error")

    def _send(self, type: str, field: str, pipeline_id: Any, data: Any, **defaults: Any) -> None:
        try:
            event = _event(field, pipeline_id, data, defaults)
            if self._room is None:
                self.manager.notify(type, event)
            else:
                self.manager.notify(type, event, room=self._room.replace("{pipeline_id}", event["pipeline_id"]))
        except Exception:
            # The caller is a pipeline: it has no use for our errors.
            logger.exception("%s of pipeline %s could not be sent", type, pipeline_id)


_PATTERNS = ("add_{}_callback", "register_{}_callback", "set_{}_callback", "on_{}")


def _takes_two(register: Callable[..., Any]) -> bool:
    try:
        inspect.signature(register).bind("event", print)
    except TypeError:
        return False
    except ValueError:  # Built in C, without a signature: assume what the Protocol says.
        return True
    return True


def _event(field: str, pipeline_id: Any, data: Any, defaults: dict[str, Any]) -> dict[str, Any]:
    """The event's data: `field` is the member that holds what the callback got, unless that is named in it."""
    if data is None:  # callback(event) with everything in one object
        whole = _mapping(pipeline_id)
        if whole is None or "pipeline_id" not in whole:
            raise TypeError(f"a pipeline callback got {pipeline_id!r}: it wants (pipeline_id, data)")
        data = dict(whole)
        pipeline_id = data.pop("pipeline_id")
    members = _mapping(data)
    if members is None or (field not in members and field in ("frame_data", "analytics")):
        members = {field: data}
    elif field not in members:
        raise TypeError(f"a pipeline callback got a mapping without {field!r}: {sorted(map(str, members))}")
    return {"pipeline_id": str(pipeline_id), **defaults, **members}


def _mapping(value: Any) -> dict[str, Any] | None:
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "model_dump"):
        return cast("dict[str, Any]", value.model_dump())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None
