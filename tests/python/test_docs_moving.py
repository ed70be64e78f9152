"""docs/moving: each page's programs, before and after, say the same to the same clients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from moving_support import Line, open_client, post, program, serving, until_shown
from playwright.sync_api import Browser, Page, sync_playwright
from websockets.sync.client import connect

both = pytest.mark.parametrize("when", ["before", "after"])


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@both
def test_the_tutorial_s_manager(tmp_path: Path, browser: Browser, when: str) -> None:
    def join(name: str) -> Page:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/?{name}")
        page.wait_for_function("() => ws.readyState === 1")
        return page

    def said(page: Page, expected: list[str]) -> None:
        page.wait_for_function(f"said.children.length >= {len(expected)}")
        assert page.locator("#said li").all_text_contents() == expected

    with serving(tmp_path, "fastapi", when) as port:
        ana, ben = join("ana"), join("ben")
        ana.fill("#text", "hello")
        ana.press("#text", "Enter")
        said(ana, ["You said: hello", "ana: hello"])
        said(ben, ["ana: hello"])
        ben.close()
        said(ana, ["You said: hello", "ana: hello", "ben has left"])


@both
def test_server_sent_events_and_what_was_missed(tmp_path: Path, browser: Browser, when: str) -> None:
    with serving(tmp_path, "sse", when) as port:
        line = Line(port)
        page = open_client(browser, line.port, "sse", when)
        until_shown(page, ["live"])
        post(port, "/price/100")
        until_shown(page, ["live", 100])
        line.cut()
        post(port, "/price/101")
        post(port, "/price/102")
        line.mend()
        until_shown(page, ["live", 100, "live", 101, 102])
        post(port, "/price/103")
        until_shown(page, ["live", 100, "live", 101, 102, 103])
        line.cut()


WHOLE_LINES = """import os, runpy, sys
def say(*words):
    os.write(1, (" ".join(map(str, words)) + chr(10)).encode())
del sys.argv[0]
runpy.run_path(sys.argv[0], {"print": say}, "__main__")
"""
"""Runs a program whose print() writes a line at once: two threads of it may print at the same time."""


class Spoken:
    """A page's client in Python, in a process of its own: what it prints, and what it is told to say."""

    def __init__(self, folder: Path, page: str, when: str, *arguments: str) -> None:
        code = folder / f"client-{arguments[-1]}.py"
        code.write_text(program(page, f"python {when} client"), "utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-c", WHOLE_LINES, code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Spoken:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        with self.process:  # closes what is still open
            pass

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()

    def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def prints(self, *expected: str) -> None:
        """In any order: a client may print its events and its answers in different threads."""
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline().rstrip("\n") for _ in expected]
        assert sorted(lines) == sorted(expected)


@both
def test_python_socketio(tmp_path: Path, when: str) -> None:
    with serving(tmp_path, "python-socketio", when) as port:
        url = f"http://127.0.0.1:{port}"

        def join(token: str) -> Spoken:
            return Spoken(tmp_path, "python-socketio", when, url, token)

        with join("token-of-ana") as ana, join("token-of-ben") as ben, join("none") as nobody:
            assert nobody.process.communicate(timeout=60) == ("", "refused\n")
            ana.prints("joined")
            ben.prints("joined")
            ana.say("hello")
            ana.prints("ana: hello", "5")
            ben.prints("ana: hello")
            post(port, "/close/chat:1")
            ana.prints("closed")
            ben.prints("closed")
            ben.leave()
            ana.prints("ben has left")


@both
def test_django_channels(tmp_path: Path, browser: Browser, when: str) -> None:
    with serving(tmp_path, "django-channels", when) as port:

        def join(name: str | None) -> Page:
            context = browser.new_context()
            if name is not None:
                assert context.request.get(f"http://127.0.0.1:{port}/login/{name}").ok
            return open_client(context, port, "django-channels", when)

        ana, ben = join("ana"), join("ben")
        until_shown(ana, ["welcome, ana"])
        until_shown(ben, ["welcome, ben"])
        until_shown(join(None), ["closed"])
        ben.click("#move")
        until_shown(ana, ["welcome, ana", "ben moved c1"])
        until_shown(ben, ["welcome, ben", "ben moved c1"])
        assert ana.context.request.get(f"http://127.0.0.1:{port}/archive/7").ok
        until_shown(ana, ["welcome, ana", "ben moved c1", "archived"])
        ben.close()
        until_shown(ana, ["welcome, ana", "ben moved c1", "archived", "ben has left"])


def test_python_socketio_and_ours_in_one_process(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text(program("python-socketio", "python before server"), "utf-8")
    (tmp_path / "new.py").write_text(program("python-socketio", "python after server"), "utf-8")
    main = "import new, old, socketio\napp = socketio.ASGIApp(old.sio, new.app)\n"
    with serving(tmp_path, main, "after") as port:
        for when in ("before", "after"):
            with Spoken(tmp_path, "python-socketio", when, f"http://127.0.0.1:{port}", "token-of-ana") as ana:
                ana.prints("joined")
                ana.say("hello")
                ana.prints("ana: hello", "5")


def test_django_channels_and_ours_in_one_process(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text(program("django-channels", "python before server"), "utf-8")
    new = program("django-channels", "python after server").partition("from importlib")
    main = "import old\nfrom django.conf import settings\n" + new[1] + new[2]
    for was, becomes in (("/boards/", "/live/boards/"), ('Mount("/", get_asgi_application())', 'Mount("/", old.app)')):
        assert main.count(was) == 1
        main = main.replace(was, becomes)
    with serving(tmp_path, main, "after") as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/login/ana", timeout=60) as answer:
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        for path in ("/boards/7", "/live/boards/7"):
            headers = {"Cookie": cookie, "Origin": f"http://127.0.0.1:{port}"}
            with connect(f"ws://127.0.0.1:{port}{path}", additional_headers=headers) as ws:
                assert "welcome" in {json.loads(ws.recv(60))["type"] for _ in range(1 if path == "/boards/7" else 2)}
