"""docs/moving: each page's programs, before and after, say the same to the same clients."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from moving_support import Line, open_client, post, serving, until_shown
from playwright.sync_api import Browser, Page, sync_playwright

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
        page.wait_for_function("ws.readyState === 1")
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
