"""REST through the router: the same answers as the core gives on its own port."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI, HTTPException
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient

from ws_manager import WebSocketManager
from ws_manager._core import rest_routes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def both() -> Iterator[tuple[WebSocketManager, TestClient, httpx.Client]]:
    """A manager, a client of its router, and a client of its own port."""
    manager = WebSocketManager(host="127.0.0.1", port=0)
    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(manager.router)
    with (
        TestClient(app) as routed,
        httpx.Client(base_url=f"http://127.0.0.1:{manager.port}", timeout=20) as direct,
    ):
        yield manager, routed, direct


CALLS = [
    ("GET", "/api/ws/stats", None),
    ("GET", "/ws/stats", None),
    ("GET", "/api/ws/connections", None),
    ("GET", "/api/ws/bans", None),
    ("GET", "/api/ws/project/PROJ-001/subscribers", None),
    ("GET", "/api/ws/project/a%20b/subscribers", None),
    ("GET", "/api/ws/history?room=pipeline:7", None),
    ("GET", "/api/ws/history?room=pipeline:7&since=1&limit=1", None),
    ("GET", "/api/ws/history?room=@all&limit=nonsense", None),
    ("GET", "/api/ws/history", None),
    ("GET", "/api/ws/history?room=*", None),
    ("POST", "/api/ws/stats", None),
    ("DELETE", "/api/ws/broadcast", None),
    ("GET", "/api/ws/broadcast", None),
    ("POST", "/api/ws/broadcast", b""),
    ("POST", "/api/ws/broadcast", b"{"),
    ("POST", "/api/ws/broadcast", b"[]"),
    ("POST", "/api/ws/broadcast", b'{"data": {}}'),
    ("POST", "/api/ws/broadcast", b'{"event_type": "x", "data": {}, "room": "@all\\n"}'),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS, ids=lambda value: str(value)[:60])
def test_answers_are_those_of_the_own_port(both: Any, method: str, path: str, body: bytes | None) -> None:
    manager, routed, direct = both
    for n in range(3):
        manager.send_to_room("pipeline:7", {"type": "step", "n": n})
    manager.stats()  # After what was queued.
    expected = direct.request(method, path, content=body)
    answer = routed.request(method, path, content=body)
    assert answer.status_code == expected.status_code
    assert answer.headers["content-type"] == expected.headers["content-type"]
    assert steady(answer) == steady(expected)


def steady(answer: httpx.Response) -> Any:
    """What does not change from one call to the next."""
    content = answer.json()
    if isinstance(content, dict):
        content = {key: value for key, value in content.items() if "uptime" not in key and "time" not in key}
    return content


def test_metrics(both: Any) -> None:
    _, routed, direct = both
    expected, answer = direct.get("/metrics"), routed.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == expected.headers["content-type"]
    names = [line.split()[2] for line in answer.text.splitlines() if line.startswith("# TYPE")]
    assert names == [line.split()[2] for line in expected.text.splitlines() if line.startswith("# TYPE")] != []


def test_broadcast_of_seed_systems(both: Any) -> None:
    _, routed, direct = both
    body = {
        "event_type": "notification",
        "data": {"title": "Notice", "message": "Maintenance in 5 minutes"},
        "project_id": "PROJ-001",
    }
    with routed.websocket_connect("/ws/project/PROJ-001") as socket:
        assert socket.receive_json()["type"] == "connection"
        for one in (routed, direct):
            answer = one.post("/api/ws/broadcast", json=body)
            assert answer.status_code == 200, answer.text
            assert answer.json()["recipients"] == 1
            message = socket.receive_json()
            assert (message["type"], message["data"]["title"]) == ("notification", "Notice")
            assert message["message_id"] == answer.json()["message_id"]
            assert message["project_id"] == "PROJ-001"
        assert routed.get("/api/ws/project/PROJ-001/subscribers").json() == {
            "project_id": "PROJ-001",
            "subscribers": 1,
        }
        stats = routed.get("/api/ws/stats").json()
        assert stats["active_connections"] == 1
        assert stats["active_projects"] == 1
        assert stats["connections_per_project"] == {"PROJ-001": 1}
        assert stats["total_broadcasts"] >= 2


def test_body_over_the_limit(both: Any) -> None:
    _, routed, direct = both
    body = b'{"event_type": "x", "data": "%s"}' % (b"y" * (1024 * 1024))
    answer, expected = routed.post("/api/ws/broadcast", content=body), direct.post("/api/ws/broadcast", content=body)
    assert answer.status_code == expected.status_code == 413


def test_writing_from_outside_needs_the_key() -> None:
    manager = WebSocketManager(api_key="0123456789abcdef0123456789abcdef")
    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(manager.router)
    body = {"event_type": "notification", "data": {"title": "t", "message": "m"}}
    with TestClient(app, client=("192.0.2.1", 1234)) as outside:
        assert outside.post("/api/ws/broadcast", json=body).status_code == 401
        wrong = outside.post("/api/ws/broadcast", json=body, headers={"x-api-key": "wrong"})
        assert wrong.status_code == 401
        for header in (
            {"x-api-key": "0123456789abcdef0123456789abcdef"},
            {"authorization": "Bearer 0123456789abcdef0123456789abcdef"},
        ):
            assert outside.post("/api/ws/broadcast", json=body, headers=header).status_code == 200


def test_a_name_that_resolves_to_loopback_is_not_local() -> None:
    manager = WebSocketManager()
    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(manager.router)
    with (
        TestClient(app, client=("127.0.0.1", 1234), base_url="http://evil.example:8000") as rebound,
        TestClient(app, client=("127.0.0.1", 1234), base_url="http://localhost:8000") as local,
    ):
        assert rebound.get("/api/ws/stats").status_code == 401
        assert rebound.get("/api/ws/health").status_code == 200
        assert local.get("/api/ws/stats").status_code == 200


def test_prefix_and_dependencies_of_the_inclusion() -> None:
    manager = WebSocketManager()

    def only_with_word(connection: HTTPConnection) -> None:
        if connection.query_params.get("word") != "sesame":
            raise HTTPException(403, "closed")

    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(manager.router, prefix="/v1", dependencies=[Depends(only_with_word)])
    with TestClient(app) as browser:
        assert browser.get("/v1/api/ws/connections").status_code == 403
        assert browser.get("/v1/api/ws/connections?word=sesame").json() == {"active_connections": 0}
        assert browser.get("/v1/api/ws/project/7/subscribers?word=sesame").json()["project_id"] == "7"
        assert browser.get("/api/ws/connections").status_code == 404


def test_stopped_runtime_answers_503(both: Any) -> None:
    manager, routed, _ = both
    manager.stop()
    answer = routed.get("/api/ws/stats")
    assert answer.status_code == 503
    assert "stopped" in answer.text


def test_schema_lists_the_calls_once() -> None:
    manager = WebSocketManager()
    app = FastAPI()
    app.include_router(manager.router)
    paths = app.openapi()["paths"]
    assert {path: sorted(methods) for path, methods in paths.items()} == {
        "/api/ws/stats": ["get"],
        "/ws/stats": ["get"],
        "/api/ws/connections": ["get"],
        "/api/ws/health": ["get"],
        "/api/ws/live": ["get"],
        "/api/ws/bans": ["get"],
        "/api/ws/project/{project_id}/subscribers": ["get"],
        "/api/ws/broadcast": ["post"],
        "/api/ws/history": ["get"],
        "/metrics": ["get"],
    }


def test_schema_has_their_parameters() -> None:
    manager = WebSocketManager()
    app = FastAPI()
    app.include_router(manager.router)
    paths = app.openapi()["paths"]

    def parameters(path: str) -> list[tuple[str, str]]:
        return [(each["in"], each["name"]) for each in paths[path]["get"].get("parameters", ())]

    assert parameters("/api/ws/history") == [("query", "room"), ("query", "since"), ("query", "limit")]
    assert parameters("/api/ws/project/{project_id}/subscribers") == [("path", "project_id")]
    assert parameters("/metrics") == []
    body = paths["/api/ws/broadcast"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert list(body["properties"]) == ["event_type", "data", "project_id", "room", "once"]


def test_the_pages_have_what_the_table_has() -> None:
    """Each call, and its parameters."""
    protocol, panel = ((ROOT / "docs" / name).read_text() for name in ("protocol.md", "admin.md"))
    for _, method, path, parameters, caller, _ in rest_routes():
        lines = [line for line in protocol.splitlines() if re.search(rf"`{method} {re.escape(path)}[?`]", line)]
        where = panel if caller == "admin" else lines[0]
        assert path in where
        for name in filter(None, parameters.split(",")):
            assert re.search(rf"[\"?&`]{name}[\"=]", where), (path, name)


def test_endpoints_that_the_host_adds_are_routed() -> None:
    manager = WebSocketManager()
    manager.endpoint("/ws/early/{n}", rooms=["early:{n}"], greeting="hi")
    app = FastAPI(lifespan=manager.lifespan)
    manager.endpoint("/ws/updates", rooms=["@all"], greeting="changed")
    router = manager.router
    manager.endpoint("/ws/late", rooms=["late"], greeting="hello")
    app.include_router(router)
    with TestClient(app) as browser:
        for path, greeting in (("/ws/early/7", "hi"), ("/ws/late", "hello"), ("/ws/updates", "changed")):
            with browser.websocket_connect(path) as socket:
                assert socket.receive_json()["type"] == greeting
