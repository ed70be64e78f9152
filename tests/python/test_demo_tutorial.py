"""The chat of FastAPI's tutorial, moved as docs/migrating.md says: its words, and such a page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.sync_api import expect, sync_playwright
from test_demo_browser import CHROMIUM, CHROMIUM_ARGS, PATIENCE
from test_docs import blocks
from web_support import Uvicorn, client

from ws_manager.uvicorn import WebSocketProtocol

MIGRATING = Path(__file__).parents[2] / "docs" / "migrating.md"

PAGE = """<!DOCTYPE html>
<title>Chat</title>
<h2>You are <span id="me"></span></h2>
<form onsubmit="say(event)"><input id="word" autocomplete="off"><button>Send</button></form>
<ul id="said"></ul>
<script>
  const number = Number(location.hash.slice(1))
  const socket = new WebSocket(`ws://${location.host}/ws/${number}`)
  document.getElementById('me').textContent = number
  socket.onmessage = (event) => {
    const line = document.createElement('li')
    line.append(event.data)
    document.getElementById('said').append(line)
  }
  function say(event) {
    const word = document.getElementById('word')
    socket.send(word.value)
    word.value = ''
    event.preventDefault()
  }
</script>
"""


@pytest.fixture(params=[True, False], ids=["hand-over", "bridge"])
def chat(request: pytest.FixtureRequest) -> Iterator[int]:
    """The application of the document, with the tutorial's kind of page."""
    ((line, code),) = blocks(MIGRATING, "python chat")
    names: dict[str, Any] = {}
    exec(compile("\n" * line + code, "migrating.md", "exec"), names)
    app: FastAPI = names["app"]

    @app.get("/")
    def page() -> HTMLResponse:
        return HTMLResponse(PAGE)

    with Uvicorn(app, **({"ws": WebSocketProtocol} if request.param else {})) as server:
        yield server.port


def test_the_tutorials_chat(chat: int) -> None:
    with client(chat, "/ws/2") as other:
        with client(chat, "/ws/1") as one:
            for word in ("hello", "ping", '{"a": [1]}', "[1]"):
                one.send(word)
                assert one.recv(20) == f"You wrote: {word}"
                for browser in (one, other):
                    assert browser.recv(20) == f"Client #1 says: {word}"
        assert other.recv(20) == "Client #1 left the chat"


def test_the_tutorials_page(chat: int) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{chat}/#5")
        page.fill("#word", "ping")
        page.press("#word", "Enter")
        expect(page.locator("#said li")).to_have_text(["You wrote: ping", "Client #5 says: ping"], timeout=PATIENCE)
        browser.close()
