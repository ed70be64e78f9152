"""Real-time push inside the web server that an application already has.

    import ws_manager

    app = FastAPI(lifespan=ws_manager.lifespan)
    app.include_router(ws_manager.router)

    ws_manager.notify_pipeline_update({"pipeline_id": "7", "status": "running"})

The functions here are the methods of the process's default manager, which is `ws_manager.ws_manager`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _core
from ._connection import Connection, Request
from ._core import (
    AddressInUse,
    ConfigError,
    Forked,
    InvalidArgument,
    InvalidJSON,
    InvalidRoom,
    MessageTooLarge,
    NotFound,
    NotRunning,
    OutOfMemory,
    Overloaded,
    QueryTimeout,
    Receipt,
    Refused,
    StoreLocked,
    StoreNotConfigured,
    SystemCallFailed,
    Unavailable,
    WsManagerError,
)
from ._events import EventType
from ._log_handler import LogHandler
from ._manager import WebSocketManager, default_manager
from ._options import Config
from ._pipelines import PipelineCallbacks, PipelineWebSocketService
from ._progress import progress_callback
from ._receipt import Completed
from ._run import run
from ._types import (
    Ban,
    ConnectionRow,
    Delivery,
    DeliveryReport,
    History,
    Level,
    Position,
    Presence,
    Priority,
    Revocation,
    SendOptions,
)

if TYPE_CHECKING:
    from fastapi import APIRouter

    router: APIRouter

__version__ = _core.VERSION

ws_manager = default_manager()
connection_manager = ws_manager
"""The name that some applications have for it."""

abans = ws_manager.abans
aconnections = ws_manager.aconnections
admin_router = ws_manager.admin_router
ahistory = ws_manager.ahistory
ametrics = ws_manager.ametrics
aposition = ws_manager.aposition
apresence = ws_manager.apresence
astats = ws_manager.astats
asubscribers = ws_manager.asubscribers
authenticate = ws_manager.authenticate
authorize = ws_manager.authorize
ban = ws_manager.ban
bans = ws_manager.bans
broadcast = ws_manager.broadcast
configure = ws_manager.configure
connect = ws_manager.connect
connections = ws_manager.connections
disconnect = ws_manager.disconnect
disconnect_user = ws_manager.disconnect_user
drain = ws_manager.drain
endpoint = ws_manager.endpoint
history = ws_manager.history
lifespan = ws_manager.lifespan
metrics = ws_manager.metrics
notify = ws_manager.notify
notify_chat_message = ws_manager.notify_chat_message
notify_command = ws_manager.notify_command
notify_error = ws_manager.notify_error
notify_execution_update = ws_manager.notify_execution_update
notify_job_completed = ws_manager.notify_job_completed
notify_job_failed = ws_manager.notify_job_failed
notify_job_progress = ws_manager.notify_job_progress
notify_job_started = ws_manager.notify_job_started
notify_log = ws_manager.notify_log
notify_new_log = ws_manager.notify_new_log
notify_notification = ws_manager.notify_notification
notify_pipeline_analytics = ws_manager.notify_pipeline_analytics
notify_pipeline_error = ws_manager.notify_pipeline_error
notify_pipeline_frame = ws_manager.notify_pipeline_frame
notify_pipeline_status = ws_manager.notify_pipeline_status
notify_pipeline_update = ws_manager.notify_pipeline_update
notify_processing_complete = ws_manager.notify_processing_complete
notify_processing_failed = ws_manager.notify_processing_failed
notify_processing_progress = ws_manager.notify_processing_progress
notify_processing_started = ws_manager.notify_processing_started
notify_profile_change = ws_manager.notify_profile_change
notify_story_created = ws_manager.notify_story_created
notify_story_deleted = ws_manager.notify_story_deleted
notify_story_moved = ws_manager.notify_story_moved
notify_story_updated = ws_manager.notify_story_updated
notify_system_event = ws_manager.notify_system_event
notify_system_status = ws_manager.notify_system_status
notify_task_completed = ws_manager.notify_task_completed
notify_task_created = ws_manager.notify_task_created
notify_task_deleted = ws_manager.notify_task_deleted
notify_task_updated = ws_manager.notify_task_updated
notify_validation_required = ws_manager.notify_validation_required
on_command = ws_manager.on_command
on_connect = ws_manager.on_connect
on_disconnect = ws_manager.on_disconnect
on_message = ws_manager.on_message
position = ws_manager.position
presence = ws_manager.presence
publish_to_channel = ws_manager.publish_to_channel
reload_keys = ws_manager.reload_keys
reload_tls = ws_manager.reload_tls
remove_endpoint = ws_manager.remove_endpoint
rest = ws_manager.rest
revocations = ws_manager.revocations
revoke = ws_manager.revoke
room = ws_manager.room
send_personal_message = ws_manager.send_personal_message
send_to_client = ws_manager.send_to_client
send_to_project = ws_manager.send_to_project
send_to_room = ws_manager.send_to_room
send_to_session = ws_manager.send_to_session
send_to_user = ws_manager.send_to_user
start = ws_manager.start
stats = ws_manager.stats
stop = ws_manager.stop
subscribe = ws_manager.subscribe
unban = ws_manager.unban
subscribers = ws_manager.subscribers
unrevoke = ws_manager.unrevoke
unsubscribe = ws_manager.unsubscribe


def __getattr__(name: str) -> Any:
    if name == "router":  # on demand: FastAPI is not needed for anything else
        return ws_manager.router
    import difflib  # for who has mistyped a name alone

    near = difflib.get_close_matches(name, __all__, 1)
    hint = f". Did you mean: {near[0]!r}?" if near else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")


__all__ = [
    "AddressInUse",
    "Ban",
    "Completed",
    "Config",
    "ConfigError",
    "Connection",
    "ConnectionRow",
    "Delivery",
    "DeliveryReport",
    "EventType",
    "Forked",
    "History",
    "InvalidArgument",
    "InvalidJSON",
    "InvalidRoom",
    "Level",
    "LogHandler",
    "MessageTooLarge",
    "NotFound",
    "NotRunning",
    "OutOfMemory",
    "Overloaded",
    "PipelineCallbacks",
    "PipelineWebSocketService",
    "Position",
    "Presence",
    "Priority",
    "QueryTimeout",
    "Receipt",
    "Refused",
    "Request",
    "Revocation",
    "SendOptions",
    "StoreLocked",
    "StoreNotConfigured",
    "SystemCallFailed",
    "Unavailable",
    "WebSocketManager",
    "WsManagerError",
    "__version__",
    "abans",
    "aconnections",
    "admin_router",
    "ahistory",
    "ametrics",
    "aposition",
    "apresence",
    "astats",
    "asubscribers",
    "authenticate",
    "authorize",
    "ban",
    "bans",
    "broadcast",
    "configure",
    "connect",
    "connection_manager",
    "connections",
    "disconnect",
    "disconnect_user",
    "drain",
    "endpoint",
    "history",
    "lifespan",
    "metrics",
    "notify",
    "notify_chat_message",
    "notify_command",
    "notify_error",
    "notify_execution_update",
    "notify_job_completed",
    "notify_job_failed",
    "notify_job_progress",
    "notify_job_started",
    "notify_log",
    "notify_new_log",
    "notify_notification",
    "notify_pipeline_analytics",
    "notify_pipeline_error",
    "notify_pipeline_frame",
    "notify_pipeline_status",
    "notify_pipeline_update",
    "notify_processing_complete",
    "notify_processing_failed",
    "notify_processing_progress",
    "notify_processing_started",
    "notify_profile_change",
    "notify_story_created",
    "notify_story_deleted",
    "notify_story_moved",
    "notify_story_updated",
    "notify_system_event",
    "notify_system_status",
    "notify_task_completed",
    "notify_task_created",
    "notify_task_deleted",
    "notify_task_updated",
    "notify_validation_required",
    "on_command",
    "on_connect",
    "on_disconnect",
    "on_message",
    "position",
    "presence",
    "progress_callback",
    "publish_to_channel",
    "reload_keys",
    "reload_tls",
    "remove_endpoint",
    "rest",
    "revocations",
    "revoke",
    "room",
    "router",
    "run",
    "send_personal_message",
    "send_to_client",
    "send_to_project",
    "send_to_room",
    "send_to_session",
    "send_to_user",
    "start",
    "stats",
    "stop",
    "subscribe",
    "subscribers",
    "unban",
    "unrevoke",
    "unsubscribe",
    "ws_manager",
]
