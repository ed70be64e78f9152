"""A plain JavaScript client with reconnection, as applications have it, in a real browser and unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from test_demo_browser import CHROMIUM, CHROMIUM_ARGS, PRELOADS

from ws_manager import EventType, WebSocketManager

CLIENT = Path(__file__).parent / "pages" / "websocket_client.js"
PATIENCE = 60_000


@pytest.fixture
def page() -> Iterator[Page]:
    with pytest.MonkeyPatch.context() as patch:
        for name in PRELOADS:
            patch.delenv(name, raising=False)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
            opened = browser.new_page()
            opened.set_default_timeout(PATIENCE)
            yield opened
            browser.close()


def connect(page: Page, port: int, path: str) -> None:
    """Makes a client of the class whose messages are kept in `seen`, on a page of the same host."""
    page.goto(f"http://localhost:{port}/api/ws/connections")
    page.add_script_tag(content=CLIENT.read_text())
    page.evaluate(
        """(path) => {
            window.seen = []
            const client = new WebSocketClient(`ws://${location.host}${path}`)
            const handle = client.handleMessage.bind(client)
            client.handleMessage = data => { seen.push(data); handle(data) }
            client.connect()
            window.client = client
        }""",
        path,
    )
    wait_for(page, "connection")


def wait_for(page: Page, kind: str, count: int = 1) -> None:
    page.wait_for_function("([kind, n]) => seen.filter(m => m.type === kind).length >= n", arg=[kind, count])


def test_the_client_gets_events_and_answers_heartbeats(page: Page) -> None:
    manager = WebSocketManager(port=0, heartbeat_interval=0.2, timeout=5)
    manager.start()
    connect(page, manager.port, "/ws/notifications")
    manager.notify_story_created(story_id="STR-0001", title="Implementar login", project_id="PROJ-001")
    manager.notify_log("info", "not for this endpoint")
    manager.send_to_project("PROJ-001", EventType.NOTIFICATION, {"title": "Aviso", "message": "Deploy"})
    wait_for(page, "notification")
    wait_for(page, "pong")  # its answer to a heartbeat was understood
    page.evaluate("client.send({action: 'subscribe', project_id: 'PROJ-001'})")
    wait_for(page, "subscribed")
    page.evaluate("client.send({action: 'stats'})")
    wait_for(page, "stats")
    seen = page.evaluate("seen")
    manager.stop()
    (story,) = (message for message in seen if message["type"] == "story_created")
    assert story["data"] == {"story_id": "STR-0001", "title": "Implementar login", "project_id": "PROJ-001"}
    assert (story["project_id"], story["story_id"]) == ("PROJ-001", "STR-0001")
    assert not [message for message in seen if message["type"] in ("log_message", "error")]


def test_the_client_comes_back_after_a_restart_of_the_server(page: Page) -> None:
    first = WebSocketManager(port=0)
    first.start()
    port = first.port
    connect(page, port, "/ws/project/PROJ-001")
    first.stop()
    second = WebSocketManager(port=port)
    second.start()
    wait_for(page, "connection", 2)
    second.notify_task_completed(task_id="STSK-1", title="Criar endpoint", story_id="STR-1", project_id="PROJ-001")
    wait_for(page, "task_completed")
    second.stop()
