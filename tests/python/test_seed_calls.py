"""Code of home-made managers, as it stands in five applications, runs unchanged but for its imports."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import urllib.request
from collections.abc import Callable
from typing import Any, Optional

import pytest
from support import Calls, Client, run_python

import ws_manager as package
from ws_manager import (
    EventType,
    WebSocketManager,
    connection_manager,
    notify_new_log,
    notify_pipeline_update,
    ws_manager,
)

pytestmark = pytest.mark.anyio


async def client(manager: WebSocketManager, path: str) -> Client:
    return await asyncio.to_thread(Client, manager.port, path)


# ---- a CV platform: a service between the pipelines and the sockets ----


async def test_pipeline_service_initialized_at_startup(default: WebSocketManager) -> None:
    class PipelineManager:
        def __init__(self) -> None:
            self.callbacks: dict[str, Callable[..., Any]] = {}

        def register_callback(self, event: str, callback: Callable[..., Any]) -> None:
            self.callbacks[event] = callback

    pipeline_manager = PipelineManager()
    pipeline_websocket_service = package.PipelineWebSocketService(pipeline_manager)
    logger = logging.getLogger("app")

    async def startup_event() -> None:
        logger.info("Inicializando aplicação...")

        # Inicializar serviço WebSocket para pipelines
        pipeline_websocket_service.initialize()

        logger.info("Aplicação inicializada com sucesso!")

    await startup_event()
    viewer = await client(default, "/ws/notifications")
    await asyncio.to_thread(pipeline_manager.callbacks["error"], "pipe-1", "camera lost")
    message = await asyncio.to_thread(viewer.next, "pipeline_error_update")
    assert message["data"]["pipeline_id"] == "pipe-1"
    assert message["data"]["error_message"] == "camera lost"


# ---- Synapse: callbacks that are taken for coroutine functions ----


class StatusManager:
    """As such managers call an asynchronous callback: from the loop, or from a thread into the loop."""

    def __init__(self) -> None:
        self.async_callback: Callable[..., Any] | None = None
        self.loop = asyncio.get_running_loop()

    def set_async_callback(self, callback: Callable[..., Any]) -> None:
        self.async_callback = callback

    def update_status(self, status: dict[str, Any]) -> None:
        assert self.async_callback is not None
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run_coroutine_threadsafe(self.async_callback(status), self.loop).result(10)
        else:
            self.task = asyncio.create_task(self.async_callback(status))


class JsonLogger:
    def __init__(self) -> None:
        self.async_callback: Callable[..., Any] | None = None

    def set_async_callback(self, callback: Callable[..., Any]) -> None:
        self.async_callback = callback

    async def log(self, level: str, message: str) -> None:
        if self.async_callback:
            await self.async_callback({"level": level, "message": message})


async def test_async_callbacks_of_a_status_manager_and_a_logger(default: WebSocketManager) -> None:
    status_manager = StatusManager()
    logger = JsonLogger()

    async def startup_event() -> None:
        status_manager.set_async_callback(notify_pipeline_update)
        logger.set_async_callback(notify_new_log)

    await startup_event()
    updates = await client(default, "/ws/updates")
    assert updates.greeting["type"] == "connected"
    status_manager.update_status({"pipeline_id": "p", "status": "running"})
    await status_manager.task
    await asyncio.to_thread(status_manager.update_status, {"pipeline_id": "p", "status": "stopped"})
    await logger.log("success", "✅ pronto")
    messages = [await asyncio.to_thread(updates.next) for _ in range(3)]
    assert [message["type"] for message in messages] == ["pipeline_update", "pipeline_update", "log_entry"]
    assert [message["data"]["status"] for message in messages[:2]] == ["running", "stopped"]
    assert messages[2]["data"]["message"] == "✅ pronto"


# ---- Renum: a class WebSocketManager with asynchronous methods ----


async def test_the_methods_of_a_manager_class(default: WebSocketManager) -> None:
    manager = ws_manager
    manager.authenticate(lambda request: request.query.get("user"))
    try:
        ana, rui = await client(default, "/ws?user=ana"), await client(default, "/ws?user=rui")
        await manager.subscribe("ana", "execution:1")
        await manager.publish_to_channel("execution:1", {"type": "execution_update", "payload": {"progress": 50}})
        await manager.send_personal_message({"type": "notification", "payload": {"title": "Olá"}}, "rui")
        await manager.broadcast({"type": "system_event", "payload": {}}, exclude=["ana"])
        await manager.broadcast({"type": "system_event", "payload": None})
        await manager.broadcast(message={"type": "command"}, exclude=None)
        seen_by_ana = [(await asyncio.to_thread(ana.next))["type"] for _ in range(4)]
        seen_by_rui = [(await asyncio.to_thread(rui.next))["type"] for _ in range(4)]
        assert seen_by_ana == ["subscribed", "execution_update", "system_event", "command"]
        assert seen_by_rui == ["notification", "system_event", "system_event", "command"]
    finally:
        manager._handlers.authenticator = None
        manager._want()


# ---- Z-Stack: typed events, sessions, a progress callback ----


async def test_typed_events_and_the_progress_callback(default: WebSocketManager) -> None:
    from pydantic import BaseModel

    class ProcessingProgress(BaseModel):
        event_type: str = "processing_progress"
        image_id: str
        progress: float
        current_step: str
        eta_seconds: Optional[float] = None  # noqa: UP045

    class ZStackAnalyzer:
        def __init__(self, progress_callback: Callable[..., Any]) -> None:
            self.progress_callback = progress_callback

        async def analyze(self) -> None:
            await self.progress_callback(45.5, "Running 3D segmentation model", 2.3)

    image_id = "abc123"

    async def progress_callback(progress: float, step: str, eta: Optional[float]):  # noqa: UP045
        event = ProcessingProgress(image_id=image_id, progress=progress, current_step=step, eta_seconds=eta)
        await connection_manager.broadcast(event)

    tab = await client(default, "/ws?session_id=s1")
    event = ProcessingProgress(image_id="i", progress=1, current_step="x")
    await ZStackAnalyzer(progress_callback=progress_callback).analyze()
    await connection_manager.send_to_session("s1", event)
    await connection_manager.send_to_client(tab.client_id, event)
    message = await asyncio.to_thread(tab.next)
    assert message["event_type"] == "processing_progress"
    assert (message["image_id"], message["progress"], message["eta_seconds"]) == ("abc123", 45.5, 2.3)
    assert (await asyncio.to_thread(tab.next))["image_id"] == "i"
    assert (await asyncio.to_thread(tab.next))["image_id"] == "i"


async def test_the_simulated_analysis(default: WebSocketManager) -> None:
    from pydantic import BaseModel

    class ProcessingProgress(BaseModel):
        event_type: str = "processing_progress"
        image_id: str
        progress: float
        current_step: str
        eta_seconds: float | None = None

    async def simulate_analysis(image_id: str) -> None:
        async def emit_progress(p: float, step: str, eta: float) -> None:
            await connection_manager.broadcast(
                ProcessingProgress(image_id=image_id, progress=p, current_step=step, eta_seconds=eta)
            )

        await emit_progress(0, "Starting", 5)
        await emit_progress(25, "Loading data", 4)
        await emit_progress(50, "Processing", 2)
        await emit_progress(75, "Finalizing", 1)
        await emit_progress(100, "Complete", 0)

    viewer = await client(default, "/ws")
    await simulate_analysis("img")
    assert [(await asyncio.to_thread(viewer.next))["progress"] for _ in range(5)] == [0, 25, 50, 75, 100]


# ---- Plataforma E: calls without await, and one with it ----


async def test_calls_of_the_platform(default: WebSocketManager) -> None:
    project = await client(default, "/ws/project/PROJ-001")
    everything = await client(default, "/ws/notifications")
    logs = await client(default, "/ws/logs?level=info")
    assert [one.greeting["type"] for one in (project, everything, logs)] == ["connection"] * 3

    # Notificar story criada
    ws_manager.notify_story_created(story_id="STR-0001", title="Implementar login", project_id="PROJ-001")

    # Notificar task completada
    ws_manager.notify_task_completed(task_id="STSK-0001", title="Criar endpoint", story_id="STR-0001")

    # Broadcast para projeto
    await ws_manager.send_to_project(
        project_id="PROJ-001",
        event_type=EventType.NOTIFICATION,
        data={"title": "Aviso", "message": "Deploy concluido"},
    )

    # Log em tempo real
    ws_manager.notify_log("info", "Build iniciado", source="CI/CD")

    story = await asyncio.to_thread(project.next)
    assert story["type"] == "story_created"
    assert story["data"] == {"story_id": "STR-0001", "title": "Implementar login", "project_id": "PROJ-001"}
    assert (story["project_id"], story["story_id"]) == ("PROJ-001", "STR-0001")
    assert (await asyncio.to_thread(project.next))["data"] == {"title": "Aviso", "message": "Deploy concluido"}
    types = [(await asyncio.to_thread(everything.next))["type"] for _ in range(3)]
    assert types == ["story_created", "task_completed", "notification"]
    log = await asyncio.to_thread(logs.next)
    assert (log["type"], log["data"]["message"], log["data"]["source"]) == ("log_message", "Build iniciado", "CI/CD")


async def test_commands_of_the_platforms_client(default: WebSocketManager) -> None:
    one = await client(default, "/ws/notifications")
    await asyncio.to_thread(one.send, "ping")
    assert (await asyncio.to_thread(one.next))["type"] == "pong"
    for action, answer in (("ping", "pong"), ("subscribe", "subscribed"), ("unsubscribe", "unsubscribed")):
        await asyncio.to_thread(one.send, {"action": action, "project_id": "PROJ-001"})
        assert (await asyncio.to_thread(one.next))["type"] == answer
    await asyncio.to_thread(one.send, {"action": "stats"})
    stats = await asyncio.to_thread(one.next)
    assert stats["type"] == "stats"
    assert stats["data"]["active_connections"] == 1


async def test_rest_calls_of_the_platform_on_the_own_port(default: WebSocketManager) -> None:
    one = await client(default, "/ws/project/PROJ-001")

    def call(path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"http://localhost:{default.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    stats = await asyncio.to_thread(call, "/api/ws/stats")
    for key in ("active_connections", "active_projects", "total_connections", "total_messages_sent"):
        assert key in stats
    assert stats["connections_per_project"] == {"PROJ-001": 1}
    assert await asyncio.to_thread(call, "/ws/stats")
    assert (await asyncio.to_thread(call, "/api/ws/connections"))["active_connections"] == 1
    subscribers = await asyncio.to_thread(call, "/api/ws/project/PROJ-001/subscribers")
    assert subscribers == {"project_id": "PROJ-001", "subscribers": 1}
    answer = await asyncio.to_thread(
        call,
        "/api/ws/broadcast",
        {
            "event_type": "notification",
            "data": {"title": "Aviso", "message": "Manutencao em 5 minutos"},
            "project_id": "PROJ-001",
        },
    )
    assert answer["recipients"] == 1
    assert (await asyncio.to_thread(one.next))["message_id"] == answer["message_id"]


def test_the_imports_that_they_use() -> None:
    from ws_manager import EventType, connection_manager, router, ws_manager  # noqa: F401
    from ws_manager import router as ws_router
    from ws_manager import ws_manager as manager

    assert manager is connection_manager
    assert ws_router is router
    assert {route.path for route in router.routes} >= {"/ws", "/ws/notifications", "/api/ws/stats"}


def test_localhost_is_reached_over_ipv6_and_ipv4(default: WebSocketManager) -> None:
    for family, address in ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")):
        with socket.socket(family) as plain:
            plain.connect((address, default.port))


def test_calls_before_anything_was_started(python: Any) -> None:
    """As in a script, or while modules are being imported."""
    out = run_python(
        """
        from ws_manager import ws_manager, EventType
        ws_manager.notify_story_created(story_id="STR-0001", title="Implementar login", project_id="PROJ-001")
        print(ws_manager.running)
        """
    )
    assert out.strip() == "True"


async def test_a_handler_that_answers_the_seeds_client(default: WebSocketManager) -> None:
    seen = Calls()

    @package.on_command("cancel_analysis")
    async def cancel(connection: package.Connection, data: Any) -> dict[str, Any]:
        seen(data)
        return {"cancelled": data["image_id"]}

    one = await client(default, "/ws")
    await asyncio.to_thread(one.send, {"action": "cancel_analysis", "image_id": "abc123"})
    assert (await asyncio.to_thread(one.next))["data"] == {"cancelled": "abc123"}
    assert seen.all == [{"image_id": "abc123"}]
    assert os.getpid() == default._dispatcher.pid  # type: ignore[union-attr]
