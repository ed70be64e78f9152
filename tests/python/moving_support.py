"""The programs of docs/moving: before and after, served as the pages say, and used by real clients."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "node" / "dist"

CLIENT = """<!doctype html><title>client</title>
<button id="move">move</button>
<script>window.shown = []; function show(what) { shown.push(what) }</script>
<script type="importmap">{"imports": {"ws_manager/client": "/ws_manager/client/index.js"}}</script>
<script type="module">
CODE
</script>"""


def program(page: str, kind: str) -> str:
    """The one block of a page that its fence names so: "python before server"."""
    text = (ROOT / "docs" / "moving" / f"{page}.md").read_text("utf-8")
    for name in (kind, re.sub(" (before|after) client", " client", kind)):
        if found := re.findall(rf"^```{name}\n(.*?)^```$", text, re.M | re.S):
            (code,) = found
            return str(code)
    raise LookupError(f"{page}.md has no block {kind}")


@contextlib.contextmanager
def serving(folder: Path, page: str, when: str, **environment: str) -> Iterator[int]:
    """A page's Python server (or a program of several lines), run as it is meant to be; its port, once it listens."""
    code = page if "\n" in page else program(page, f"python {when} server")
    (folder / "main.py").write_text(code, "utf-8")
    command = ["uvicorn"] if when == "before" else ["ws_manager", "run"]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "main:app", "--port", "0"],
        cwd=folder,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if match := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
                yield int(match[1])
                break
        else:
            pytest.fail(f"the server ended before it listened: {said}")
    finally:
        process.kill()
        process.communicate()


def open_client(browser: Browser | BrowserContext, port: int, page: str, when: str) -> Page:
    """A page of the server's origin that runs the browser side; `shown` is what it was told to show."""
    opened = browser.new_page()
    html = CLIENT.replace("CODE", program(page, f"js {when} client"))
    opened.route("**/ws_manager/**", _module)
    # Of the server itself, if only its 404: a page that comes from nowhere may not connect to loopback.
    opened.goto(f"http://127.0.0.1:{port}/page-of-the-test")
    opened.set_content(html)
    return opened


def _module(route: Route) -> None:
    path = route.request.url.partition("/ws_manager/")[2]
    route.fulfill(body=(DIST / path).read_text("utf-8"), content_type="text/javascript")


def until_shown(page: Page, expected: list[Any]) -> None:
    """Waits until as much is shown, and demands that it is that, in this order."""
    page.wait_for_function(f"() => shown.length >= {len(expected)}")
    assert page.evaluate("shown") == expected, json.dumps(expected)


class Line:
    """A network between clients and a server: it can be cut, and mended."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._sockets: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.port = 0
        self.mend()

    def mend(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Nobody is connected and nobody can connect when this returns."""
        assert self._listener is not None
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def post(port: int, path: str) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()
