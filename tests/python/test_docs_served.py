"""The programs of the documents, served and used as they say: the README's application, the browser's client."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parents[2]

PAGE_APP = '''
import asyncio

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
import ws_manager

app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)


@app.get("/")
def page():
    return HTMLResponse("""<!doctype html><title>client</title><script>
window.shown = []; window.reloaded = []
function show(message) { window.shown.push(message.n) }
function reload(room) { window.reloaded.push(room) }
CLIENT
connect()
</script>""")


@app.post("/send/{n}")
async def send(n: int):
    return (await ws_manager.send_to_room("project:7", {"n": n})).recipients


@app.post("/cut/{n}")
async def cut(n: int):
    for connection in ws_manager.connections():
        ws_manager.disconnect(connection["client_id"], code=1001, reason="cut by the test")
    while ws_manager.subscribers("project:7"):
        await asyncio.sleep(0)
    return (await ws_manager.send_to_room("project:7", {"n": n})).recipients
'''


def block(page: Path, info: str, holding: str) -> str:
    """The one block of that kind which holds the words."""
    found = [
        code for code in re.findall(rf"^```{info}\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S) if holding in code
    ]
    assert len(found) == 1, (page.name, holding, len(found))
    return found[0]


@contextlib.contextmanager
def served(folder: Path, port: int = 0) -> Iterator[int]:
    """`python -m ws_manager run main:app` in a folder; its port, once it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ws_manager", "run", "main:app", "--port", str(port)],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if match := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                yield int(match[1])
                break
        else:
            pytest.fail("the server ended before it listened")
    finally:
        process.kill()
        process.communicate()


def post(port: int, path: str) -> object:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_the_readme_s_application_pushes_its_update(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(block(ROOT / "README.md", "python", "FastAPI("), "utf-8")
    with served(tmp_path) as port, connect(f"ws://127.0.0.1:{port}/ws/updates") as ws:
        assert json.loads(ws.recv(10))["type"] == "connected"
        assert post(port, "/pipelines/7/start") == {"ok": True}
        message = json.loads(ws.recv(10))
        assert message["type"] == "pipeline_update"
        assert message["data"]["pipeline_id"] == "7"


@pytest.fixture
def browser_page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        yield browser.new_page()
        browser.close()


def test_the_documented_client_resumes_and_notices_a_restart(tmp_path: Path, browser_page: Page) -> None:
    client = block(ROOT / "docs" / "protocol.md", "js", "function connect()")
    (tmp_path / "main.py").write_text(PAGE_APP.replace("CLIENT", client.replace("\\", "\\\\")), "utf-8")
    page = browser_page
    with served(tmp_path) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        numbers = iter(range(1, 1000))
        while post(port, f"/send/{next(numbers)}") == 0:  # until it is connected
            assert next(numbers) < 900
        page.wait_for_function("() => shown.length > 0")
        first = page.evaluate("shown[0]")
        # What is sent while it is away is there after the reconnection, in order and once.
        n = next(numbers)
        assert post(port, f"/cut/{n}") == 0
        page.wait_for_function(f"() => shown.includes({n})")
        post(port, f"/send/{n + 1}")
        page.wait_for_function(f"() => shown.includes({n + 1})")
        assert page.evaluate("shown") == list(range(first, n + 2))
        assert page.evaluate("reloaded") == []
    # Another server on the same port has another epoch: the client is told to load its state again.
    with served(tmp_path, port):
        post(port, "/send/5000")
        page.wait_for_function("() => reloaded.includes('project:7')", timeout=60000)
