"""The demo in a real browser: its server as `make demo` starts it, and Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from websockets.sync.client import connect

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "fastapi-pipelines"))

import clip

DEMO = Path(clip.__file__).parent

PATIENCE = 60_000  # ms; for slow machines, nothing here is about speed
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A sanitizer that is preloaded into this Python is for the server too, but not for the browser and its driver.
ENVIRONMENT = dict(os.environ)
PRELOADS = ("LD_PRELOAD", "ASAN_OPTIONS", "UBSAN_OPTIONS", "PYTHONMALLOC")


class Server:
    """The demo's server, on one port over several lives."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.process: subprocess.Popen[str] | None = None
        self.output: list[str] = []

    def start(self) -> None:
        inherited = {k: v for k, v in ENVIRONMENT.items() if not k.startswith(("DEMO_", "WEBSOCKET_"))}
        self.process = subprocess.Popen(
            [sys.executable, str(DEMO / "run.py"), "--port", str(self.port)],
            env={**inherited, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = []
        ready = threading.Event()
        self.reader = threading.Thread(target=self._read, args=(self.process, ready))
        self.reader.start()
        assert ready.wait(60), "the demo's server does not start"
        assert self.process.poll() is None, "the demo's server did not start:\n" + "".join(self.output)

    def _read(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        """Keep what the server prints, so that it never waits for a reader."""
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line)
            if "running on" in line:
                ready.set()
        process.wait()
        ready.set()

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.reader.join()

    def stop(self) -> int:
        """End it as Ctrl+C would; its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.reader.join(60)
        assert self.process.returncode is not None, "the demo's server does not end"
        return self.process.returncode


@pytest.fixture
def server() -> Iterator[Server]:
    clip.fetch()
    server = Server()
    server.start()
    yield server
    if server.process is not None and server.process.poll() is None:
        server.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        for name in PRELOADS:
            patch.delenv(name, raising=False)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
            yield browser
            browser.close()


@pytest.fixture
def page(server: Server, browser: Browser) -> Iterator[Page]:
    """The demo's page, connected; fails the test at the end if the page had an error."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.url)
    expect(page.locator("#connection")).to_have_attribute("data-state", "connected")
    expect(page.locator(".card")).to_have_count(4)
    yield page
    context.close()
    assert errors == []


def card(page: Page, name: str) -> Any:
    return page.locator(f"#card-{name}")


def expect_status(page: Page, name: str, status: str) -> None:
    expect(card(page, name)).to_have_attribute("data-status", status)


def test_people_are_counted_and_seen(page: Page) -> None:
    expect(card(page, "people").locator("[data-value=count] dd")).to_have_text(re.compile("^[1-9]"))
    expect(card(page, "motion").locator("[data-value=count] dd")).to_have_text(re.compile("^[1-9]"))
    expect(page.locator("#total-people")).to_have_text(re.compile("^[1-9]"))
    for name in ("people", "crossing", "intrusion", "motion"):
        expect_status(page, name, "running")
        expect(card(page, name).locator(".rate")).to_have_text(re.compile(r"^\d+\.\d fps$"))
        picture = card(page, name).locator("img.picture")
        expect(picture).to_be_visible()
        page.wait_for_function("image => image.naturalWidth > 100", arg=picture.element_handle())
    expect(card(page, "people").locator("rect.box").first).to_be_attached()
    expect(card(page, "crossing").locator(".shape.line")).to_be_attached()
    expect(card(page, "intrusion").locator(".shape.zone")).to_be_attached()
    expect(page.locator("#load-process dd")).to_have_text(re.compile(r"cores$"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_log_is_filtered_searched_paused_and_counted(page: Page) -> None:
    lines = page.locator("#log-lines .line:visible")
    info = page.locator(".level-button[data-level=info]")
    expect(lines.filter(has_text="Demo started with 4 pipelines")).to_have_count(1)
    expect(info.locator("b")).to_have_text(re.compile("^[1-9]"))

    card(page, "motion").get_by_role("button", name="Break").click()
    expect(page.locator(".level-button[data-level=error] b")).to_have_text("1")
    info.click()
    expect(info).to_have_attribute("aria-pressed", "false")
    expect(lines.filter(has_text="Demo started")).to_have_count(0)
    expect(page.locator("#log-lines .line[data-level=error]:visible")).to_have_count(1)
    info.click()
    expect(lines.filter(has_text="Demo started")).to_have_count(1)

    page.keyboard.press("/")
    page.keyboard.type("on purpose")
    expect(lines).to_have_count(1)
    page.keyboard.press("Escape")
    expect(lines.filter(has_text="Demo started")).to_have_count(1)

    pause = page.locator("#log-pause")
    pause.click()
    card(page, "motion").get_by_role("button", name="Restart").click()
    expect(pause).to_have_text(re.compile(r"Resume · [1-9]\d* new"))
    expect(lines.filter(has_text="motion Running")).to_have_count(1)
    pause.click()
    expect(lines.filter(has_text="motion Running")).to_have_count(2)


def test_a_broken_pipeline_shows_its_error_and_can_be_restarted(page: Page) -> None:
    expect_status(page, "crossing", "running")
    card(page, "crossing").get_by_role("button", name="Break").click()
    expect_status(page, "crossing", "error")
    expect(card(page, "crossing").locator(".veil")).to_contain_text("Broken on purpose")
    alert = page.get_by_role("alert").filter(has_text="Line crossing failed")
    expect(alert).to_be_visible()
    expect(page.locator("#total-running-note")).to_have_text("1 failed")
    expect_status(page, "people", "running")
    alert.get_by_role("button", name="Restart").click()
    expect_status(page, "crossing", "running")
    expect(alert).to_have_count(0)


def test_a_pipeline_stops_and_starts(page: Page) -> None:
    expect_status(page, "motion", "running")
    card(page, "motion").get_by_role("button", name="Stop").click()
    expect_status(page, "motion", "stopped")
    expect(page.locator("#total-running")).to_have_text("3 / 4")
    card(page, "motion").get_by_role("button", name="Start").click()
    expect_status(page, "motion", "running")


def test_a_source_that_is_none_is_refused_with_a_reason(page: Page) -> None:
    page.locator("#source-button").click()
    page.locator("#source-input").fill("/no/such/video.mp4")
    page.locator("#source-submit").click()
    expect(page.locator("#source-problem")).to_contain_text("There is no file /no/such/video.mp4")
    page.keyboard.press("Escape")
    expect_status(page, "people", "running")


def test_a_dropped_connection_resumes_with_what_was_missed(page: Page) -> None:
    expect(page.locator("#total-rate")).to_have_text(re.compile("^[1-9]"))
    page.locator("#connection").click()
    page.locator("#drop").click()
    expect(page.locator("#connection")).to_have_attribute("data-state", "reconnecting")
    expect(card(page, "people").get_by_role("button", name="Stop")).to_be_disabled()
    expect(page.locator("#connection-text")).to_have_text(re.compile(r"^Resumed: [1-9]\d* messages? recovered$"))
    expect(card(page, "people").get_by_role("button", name="Stop")).to_be_enabled()
    expect(page.locator("#log-lines .divider").filter(has_text="Resumed")).to_have_count(1)


def test_the_page_survives_a_killed_and_restarted_server(page: Page, server: Server) -> None:
    expect(page.locator("#total-people")).to_have_text(re.compile("^[1-9]"))
    server.kill()
    expect(page.locator("#connection")).to_have_attribute("data-state", "reconnecting")
    expect(page.locator("#connection-text")).to_have_text(re.compile("^Reconnecting"))
    server.start()
    expect(page.locator("#connection")).to_have_attribute("data-state", re.compile("gap|resumed|connected"))
    expect(page.locator("#log-lines .divider").filter(has_text="state reloaded")).to_have_count(1)
    expect(page.locator("#log-lines .line").filter(has_text="Demo started with 4 pipelines")).to_have_count(2)
    for name in ("people", "crossing", "intrusion", "motion"):
        expect_status(page, name, "running")
    expect(card(page, "people").locator("[data-value=count] dd")).to_have_text(re.compile("^[1-9]"))
    card(page, "people").get_by_role("button", name="Stop").click()
    expect_status(page, "people", "stopped")


def test_the_page_fits_a_narrow_window_and_both_themes(page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 860})
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    page.emulate_media(color_scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def post(url: str, **headers: str) -> int:
    request = urllib.request.Request(url, method="POST", headers=headers)
    with contextlib.closing(urllib.request.urlopen(request, timeout=30)) as answer:
        return int(answer.status)


def test_rest_does_what_the_buttons_do_but_not_for_other_sites(page: Page, server: Server) -> None:
    expect_status(page, "motion", "running")
    assert post(f"{server.url}api/pipelines/motion/stop", Origin=server.url.rstrip("/")) == 200
    expect_status(page, "motion", "stopped")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        post(f"{server.url}api/pipelines/motion/start", Origin="http://elsewhere.example")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        post(f"{server.url}api/pipelines/none/start")


def test_the_simulated_analysis_is_reported_to_its_end(server: Server) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/ws", open_timeout=60) as client:
        assert post(f"{server.url}demo/simulate-analysis/img-1") == 202
        seen = []
        while not seen or seen[-1]["event_type"] != "processing_complete":
            message = json.loads(client.recv(60))
            if message.get("image_id") == "img-1":
                seen.append(message)
    progress = [message["progress"] for message in seen[1:-1]]
    assert seen[0]["event_type"] == "processing_started"
    assert progress == sorted(progress)
    assert progress[-1] == 100
    assert len(progress) < 200  # of 400 reports


def test_ctrl_c_ends_the_server_cleanly_while_a_page_watches(page: Page, server: Server) -> None:
    expect_status(page, "people", "running")
    assert server.stop() in (0, -signal.SIGINT, 130)
    expect(page.locator("#connection")).to_have_attribute("data-state", "reconnecting")
