"""The admin panel: on the runtime's own port, through uvicorn, and behind the application's own check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Header, HTTPException
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from starlette.testclient import TestClient
from support import Client
from token_support import Serve

from ws_manager import WebSocketManager
from ws_manager import _admin as admin_module

KEY = {"x-api-key": "secret-key"}
STATE = "/api/ws/admin/state"


def test_page_state_and_buttons(serve: Serve) -> None:
    with (
        serve(admin=True, api_key="secret-key") as (_, port),
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        client = Client(port, "/ws/updates", user_agent_header="<img src=x onerror=alert(1)>")
        page = http.get("/ws/admin")
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert http.get(STATE).status_code == 401
        assert http.get(STATE, headers={"x-api-key": "wrong"}).status_code == 401
        state = http.get(STATE, params={"view": "connections"}, headers=KEY).json()
        (row,) = state["connections"]["rows"]
        assert row["agent"] == "<img src=x onerror=alert(1)>"
        assert row["path"] == "/ws/updates"
        assert http.post("/api/ws/admin/disconnect", json={"client_id": row["id"]}).status_code == 401
        closed = http.post("/api/ws/admin/disconnect", json={"client_id": row["id"]}, headers=KEY)
        assert closed.json() == {"closed": 1}
        assert client.ended()[0] == 4409
        banned = http.post("/api/ws/admin/ban", json={"ip": "192.0.2.7", "seconds": 60}, headers=KEY)
        assert banned.json() == {"banned": "192.0.2.7", "closed": 0}
        assert http.get(STATE, params={"view": "bans"}, headers=KEY).json()["bans"][0]["ip"] == "192.0.2.7"
        lifted = http.post("/api/ws/admin/unban", json={"ip": "192.0.2.7"}, headers=KEY)
        assert lifted.json() == {"lifted": True}


def test_it_is_off_and_says_how_to_switch_it_on(serve: Serve) -> None:
    with serve() as (_, port), httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        page = http.get("/ws/admin")
        assert page.status_code == 404
        assert "WEBSOCKET_ADMIN" in page.text
        assert http.get(STATE).status_code == 404


def staff_only(authorization: str = Header("")) -> str:
    if authorization != "Bearer staff":
        raise HTTPException(401, "staff only")
    return "alice"


@pytest.fixture
def behind() -> Iterator[Any]:
    """behind(check) -> client of an application whose panel is behind it, with a prefix; the router is there, too."""
    from starlette.testclient import TestClient

    opened = []

    def make(check: Any, **options: Any) -> TestClient:
        manager = WebSocketManager(**options)
        app = FastAPI(lifespan=manager.lifespan)
        app.include_router(manager.admin_router(check), prefix="/staff")
        app.include_router(manager.router)
        client = TestClient(app, base_url="https://app.example", client=("192.0.2.200", 4711))
        client.__enter__()
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.mark.parametrize("check", [staff_only, Depends(staff_only)], ids=["function", "Depends"])
def test_the_applications_check_lets_in(behind: Any, check: Any) -> None:
    client = behind(check)
    staff = {"authorization": "Bearer staff"}
    for path in ("/staff/ws/admin", "/staff" + STATE):
        assert client.get(path).status_code == 401
        assert client.get(path, headers=staff).status_code == 200
    ban = {"url": "/staff/api/ws/admin/ban", "json": {"ip": "192.0.2.7", "seconds": 60}}
    assert client.post(**ban).status_code == 401
    assert client.post(**ban, headers=staff).status_code == 200
    assert client.post(**ban, headers={**staff, "origin": "https://app.example"}).status_code == 200
    assert client.post(**ban, headers={**staff, "origin": "https://evil.example"}).status_code == 403
    form = {
        "url": ban["url"],
        "content": b'{"ip":"192.0.2.7","seconds":60}',
        "headers": {**staff, "content-type": "text/plain"},
    }
    assert client.post(**form).status_code == 415
    # Where the router has it too, it is not behind the check, but off.
    elsewhere = client.get("/ws/admin", headers=staff)
    assert elsewhere.status_code == 404
    assert "behind the application's own check" in elsewhere.text
    assert not any("admin" in path for path in client.get("/openapi.json").json()["paths"])


@pytest.mark.parametrize("answer", [None, False, ""])
def test_a_check_that_says_nothing_keeps_everybody_out(behind: Any, answer: object) -> None:
    client = behind(lambda: answer, admin=True, api_key="secret-key")
    refused = client.get("/staff" + STATE, headers=KEY)
    assert refused.status_code == 403
    assert "returning something true" in refused.json()["detail"]


def test_without_a_check_there_is_no_such_router() -> None:
    manager = WebSocketManager()
    with pytest.raises(TypeError):
        manager.admin_router()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="checks callers"):
        manager.admin_router(None)


@pytest.mark.parametrize("plain", [True, False])
def test_with_starlette_alone(plain: bool) -> None:
    from starlette.testclient import TestClient

    def check(request: Request) -> bool:
        return request.headers.get("x-staff") == "yes"

    async def check_async(request: Request) -> bool:
        return check(request)

    manager = WebSocketManager()
    router = admin_module._starlette_router(manager, check if plain else check_async)
    with TestClient(Starlette(routes=[Mount("/staff", router)], lifespan=manager.lifespan)) as client:
        assert client.get("/staff/ws/admin").status_code == 403
        assert client.get("/staff" + STATE).status_code == 403
        assert client.get("/staff" + STATE, headers={"x-staff": "yes"}).json()["status"] == "ok"


def test_the_page_brings_no_markup_out_of_texts() -> None:
    """What the browser enforces (trusted types) is not even written."""
    for file in (Path(__file__).parents[2] / "csrc" / "admin" / "web").glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", file.read_text()), file


def by_name(request):  # type: ignore[no-untyped-def]
    """As people write it."""
    return request.headers.get("x-user")


async def asynchronous(request, x_user: str = Header("")):  # type: ignore[no-untyped-def]
    """With another parameter beside it."""
    return request.headers.get("x-user") == x_user and x_user


@pytest.mark.parametrize("check", [by_name, asynchronous, lambda request: "x-user" in request.headers])
def test_a_check_without_an_annotation_gets_the_request(check: Any) -> None:
    manager = WebSocketManager()
    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(manager.admin_router(check))
    app.include_router(manager.router)
    with TestClient(app) as http:
        assert http.get(STATE, headers={"x-user": "alice"}).status_code == 200
        assert http.get(STATE).status_code == 403


class Checks:
    """A check that cannot be annotated from outside."""

    def check(self, request):  # type: ignore[no-untyped-def]
        return True


@pytest.mark.parametrize("check", [lambda key: key, lambda *_: True, Checks().check, lambda request, key: True])
def test_a_check_whose_parameters_would_be_looked_for_in_the_query_is_refused(check: Any) -> None:
    with pytest.raises(TypeError, match="request: Request"):
        WebSocketManager().admin_router(check)


@pytest.mark.parametrize("mounted", [False, True])
def test_fastapi_s_routers_in_a_bare_starlette(mounted: bool) -> None:
    manager = WebSocketManager()
    routers = (manager.admin_router(by_name), manager.router)
    routes = [route for router in routers for route in router.routes]
    app = Starlette(routes=[Mount("/in", routes=routes)] if mounted else routes, lifespan=manager.lifespan)
    prefix = "/in" if mounted else ""
    with TestClient(app) as http:
        assert http.get(f"{prefix}/api/ws/stats").json()["active_connections"] == 0
        assert http.post(f"{prefix}/api/ws/broadcast", json={"event_type": "x"}).status_code == 200
        assert http.get(f"{prefix}{STATE}", headers={"x-user": "alice"}).status_code == 200
        assert http.get(f"{prefix}{STATE}").status_code == 403
        with http.websocket_connect(f"{prefix}/ws") as socket:
            assert socket.receive_json()["type"] == "connected"
