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

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
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

    def __init__(self, store: Path) -> None:
        self.store = store
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.process: subprocess.Popen[str] | None = None
        self.output: list[str] = []

    def start(self) -> None:
        inherited = {k: v for k, v in ENVIRONMENT.items() if not k.startswith(("DEMO_", "WEBSOCKET_"))}
        self.process = subprocess.Popen(
            [sys.executable, str(DEMO / "run.py"), "--port", str(self.port)],
            env={**inherited, "PYTHONUNBUFFERED": "1", "WEBSOCKET_STORE": str(self.store)},
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
        with process.stdout as output:
            for line in output:
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
def server(tmp_path: Path) -> Iterator[Server]:
    clip.fetch()
    server = Server(tmp_path / "rooms.db")
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
    page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
    page.goto(server.url)
    expect_state(page, "connected")
    expect(page.locator(".cards [data-status]:is(section)")).to_have_count(4)
    yield page
    context.close()
    assert errors == []


def expect_state(page: Page, *states: str) -> None:
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", re.compile("|".join(states)))


NAMES = {
    "people": "People count",
    "crossing": "Line crossing",
    "intrusion": "Intrusion zone",
    "motion": "Motion",
}


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=f"Pipeline {NAMES[name]}")


def figure(within: Locator, label: str) -> Locator:
    """The value that stands below a label."""
    return within.locator("div", has=within.page.locator(f"dt:text-is('{label}')")).locator("dd").last


def total(page: Page, label: str) -> Locator:
    return page.get_by_test_id(f"total-{label}").locator("b")


def log(page: Page) -> Locator:
    return page.get_by_role("log").locator(".wsm-line")


def expect_status(page: Page, name: str, status: str) -> None:
    expect(card(page, name)).to_have_attribute("data-status", status)


def test_people_are_counted_and_seen(page: Page) -> None:
    expect(figure(card(page, "people"), "People")).to_have_text(re.compile("^[1-9]"))
    expect(figure(card(page, "motion"), "Moving")).to_have_text(re.compile("^[1-9]"))
    expect(total(page, "In view")).to_have_text(re.compile("^[1-9]"))
    for name in NAMES:
        expect_status(page, name, "running")
        expect(card(page, name).locator(".rate")).to_have_text(re.compile(r"^\d+\.\d fps$"))
        picture = card(page, name).locator("img.picture")
        expect(picture).to_be_visible()
        page.wait_for_function("image => image.naturalWidth > 100", arg=picture.element_handle())
    expect(card(page, "people").locator("rect.box").first).to_be_attached()
    expect(card(page, "crossing").locator(".shape.line")).to_be_attached()
    expect(card(page, "intrusion").locator(".shape.zone")).to_be_attached()
    expect(page.get_by_test_id("load-This server")).to_contain_text(re.compile(r"\d cores"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_one_pipeline_in_depth(page: Page) -> None:
    card(page, "crossing").get_by_role("link", name="Line crossing").click()
    expect(page).to_have_url(re.compile("#/pipeline/crossing$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Line crossing")
    picture = page.get_by_role("region", name="Live picture").locator("img.picture")
    # Whole pictures come for those who look at one pipeline; cards have small ones.
    page.wait_for_function("image => image.naturalWidth > 600", arg=picture.element_handle())
    expect(page.get_by_role("region", name="Nodes").get_by_text("MOG2 motion detector")).to_be_visible()
    plot = page.get_by_role("group", name=re.compile("^Moving things in view, last three minutes"))
    expect(plot.locator(".stroke").first).to_be_attached()
    plot.focus()
    page.keyboard.press("ArrowLeft")
    expect(plot.locator(".cursor")).to_be_attached()
    expect(log(page).filter(has_text="Running").first).to_be_visible()
    expect(log(page).filter(has_text="demo.people")).to_have_count(0)

    page.get_by_role("button", name="Break").click()
    expect(page.get_by_test_id("status")).to_have_text("error")
    expect(page.get_by_role("region", name="Errors")).to_contain_text("Broken on purpose")
    page.get_by_role("button", name="Restart", exact=True).first.click()
    expect(page.get_by_test_id("status")).to_have_text("running")
    page.get_by_role("link", name="All pipelines").click()
    expect(card(page, "crossing")).to_be_visible()


def test_an_unknown_pipeline_is_said_to_be_none(page: Page) -> None:
    page.evaluate("location.hash = '#/pipeline/none'")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no pipeline “none”")
    page.get_by_role("link", name="All pipelines").click()
    expect(card(page, "people")).to_be_visible()


LISTEN = """() => {
    const pill = document.querySelector('[data-testid="connection"]')
    window.said = []
    const all = { subtree: true, childList: true, characterData: true }
    new MutationObserver(() => window.said.push(pill.textContent)).observe(pill, all)
}"""
"""Keeps what the connection's pill says: some of it stands there for a moment only."""


READ = """async (title) => {
    for (;;) {
        const { notifications } = await (await fetch('/api/state')).json()
        if (notifications.some((each) => each.title === title && each.read)) return
    }
}"""
"""Waits until the server knows that a notification was read."""


def break_(server: Server, name: str) -> None:
    assert post(f"{server.url}api/pipelines/{name}/break") == 200


def test_the_log_is_filtered_searched_paused_and_counted(page: Page, server: Server) -> None:
    level = page.get_by_role("group", name="Least level").get_by_role("button")
    expect(log(page).filter(has_text="Demo started with 4 pipelines")).to_have_count(1)
    expect(level.filter(has_text="info")).to_have_text(re.compile("[1-9]"))
    expect_status(page, "motion", "running")

    break_(server, "motion")
    expect(level.filter(has_text="error")).to_have_text("error 1")
    level.filter(has_text="error").click()
    expect(log(page)).to_have_count(1)
    expect(log(page)).to_contain_text("Broken on purpose")
    level.filter(has_text="debug").click()
    expect(log(page).filter(has_text="Demo started")).to_have_count(1)

    find = page.get_by_role("searchbox", name="Find in Log")
    find.fill("on purpose")
    expect(log(page)).to_have_count(1)
    find.fill("")
    expect(log(page).filter(has_text="Demo started")).to_have_count(1)

    page.get_by_role("button", name="Pause").click()
    card(page, "motion").get_by_role("button", name="Restart").click()
    expect(page.get_by_role("button", name=re.compile(r"^Newest · [1-9]"))).to_be_visible()
    expect(log(page).filter(has_text="demo.motion").filter(has_text="Running")).to_have_count(1)
    page.get_by_role("button", name=re.compile("^Newest")).click()
    expect(log(page).filter(has_text="demo.motion").filter(has_text="Running")).to_have_count(2)


def test_a_broken_pipeline_shows_its_error_and_can_be_restarted(page: Page, server: Server) -> None:
    expect_status(page, "crossing", "running")
    break_(server, "crossing")
    expect_status(page, "crossing", "error")
    expect(card(page, "crossing").locator(".veil")).to_contain_text("Broken on purpose")
    toast = page.locator("[data-sonner-toast]").filter(has_text="Line crossing failed")
    expect(toast).to_be_visible()
    expect(page.get_by_test_id("total-Running")).to_contain_text("1 failed")
    expect_status(page, "people", "running")
    toast.get_by_role("button", name="Restart").click()
    expect_status(page, "crossing", "running")
    expect(toast).to_have_count(0)

    # Somebody may enter a zone of the film at any time: only this one notification is looked at.
    page.get_by_role("button", name=re.compile("^Notifications, [1-9]")).click()
    notices = page.get_by_role("region", name="Notifications", exact=True)
    failed = notices.get_by_role("listitem").filter(has_text="Line crossing failed")
    expect(failed).to_contain_text("unread")
    notices.get_by_role("button", name="Mark all as read").click()
    expect(failed).not_to_contain_text("unread")
    page.evaluate(READ, "Line crossing failed")  # The page may not go before its command has.
    page.reload()
    expect_state(page, "connected")
    page.get_by_role("button", name=re.compile("^Notifications")).click()
    expect(failed).to_be_visible()
    expect(failed).not_to_contain_text("unread")


def test_a_pipeline_stops_and_starts(page: Page) -> None:
    expect_status(page, "motion", "running")
    card(page, "motion").get_by_role("button", name="Stop").click()
    expect_status(page, "motion", "stopped")
    expect(total(page, "Running")).to_have_text("3 / 4")
    card(page, "motion").get_by_role("button", name="Start").click()
    expect_status(page, "motion", "running")


def test_a_source_that_is_none_is_refused_with_a_reason(page: Page) -> None:
    page.get_by_role("button", name="Video source").click()
    dialog = page.get_by_role("dialog", name="Video source")
    dialog.get_by_role("textbox").fill("/no/such/video.mp4")
    dialog.get_by_role("button", name="Use it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("There is no file /no/such/video.mp4")
    page.keyboard.press("Escape")
    expect_status(page, "people", "running")


def test_an_analysis_is_followed_and_cancelled(page: Page) -> None:
    page.get_by_role("button", name="Simulate analysis").click()
    bar = page.get_by_role("progressbar")
    page.wait_for_function("bar => Number(bar.getAttribute('aria-valuenow')) > 2", arg=bar.element_handle())
    analyses = page.get_by_role("region", name="Image analyses")
    expect(analyses).to_contain_text(re.compile(r"\d+ s left"))
    page.get_by_role("button", name="Cancel").click()
    expect(analyses.locator(".wsm-step")).to_have_text("Cancelled")
    expect(log(page).filter(has_text="is cancelled")).to_have_count(1)
    expect(bar).to_have_count(0)  # it goes out of view by itself


def test_a_dropped_connection_resumes_with_what_was_missed(page: Page) -> None:
    expect(total(page, "Messages / s")).to_have_text(re.compile("^[1-9]"))
    page.get_by_role("button", name="Connection details").click()
    page.get_by_role("button", name="Go offline").click()
    expect_state(page, "disconnected")
    expect(card(page, "people").get_by_role("button", name="Stop")).to_be_disabled()
    page.get_by_role("button", name="Connection details").click()
    page.get_by_role("button", name="Connect now").click()
    expect(page.get_by_test_id("connection")).to_contain_text(re.compile(r"Resumed · \d+ recovered"))
    expect(card(page, "people").get_by_role("button", name="Stop")).to_be_enabled()

    page.get_by_role("button", name="Connection details").click()
    page.get_by_role("button", name="Drop connection").click()
    expect(log(page).filter(has_text="Connection lost")).to_have_count(1)
    expect(log(page).filter(has_text="Connected again")).to_have_count(1)
    expect_state(page, "connected")


def test_the_page_survives_a_killed_and_restarted_server(page: Page, server: Server) -> None:
    expect(total(page, "In view")).to_have_text(re.compile("^[1-9]"))
    page.get_by_role("button", name="Simulate analysis").click()
    expect(page.get_by_role("progressbar")).to_have_count(1)
    page.evaluate(LISTEN)
    server.kill()
    expect_state(page, "reconnecting", "degraded")
    server.start()
    expect_state(page, "connected")
    page.wait_for_function("() => said.some((text) => /Resumed · [1-9]\\d* recovered/.test(text))")
    assert not page.evaluate("said.some((text) => text.includes('State reloaded'))")
    expect(log(page).filter(has_text="Lines may be missing here")).to_have_count(0)
    # What died with the process is told by the next one.
    step = page.get_by_role("region", name="Image analyses").locator(".wsm-step")
    expect(step).to_have_text("The server was restarted")
    expect(log(page).filter(has_text="Demo started with 4 pipelines")).to_have_count(2)
    for name in NAMES:
        expect_status(page, name, "running")
    expect(figure(card(page, "people"), "People")).to_have_text(re.compile("^[1-9]"))
    card(page, "people").get_by_role("button", name="Stop").click()
    expect_status(page, "people", "stopped")


def test_the_page_fits_a_narrow_window_and_both_themes(page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 860})
    for view in ("#/", "#/pipeline/crossing"):
        page.evaluate("hash => { location.hash = hash }", view)
        expect(page.locator("img.picture").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.emulate_media(color_scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Switch between dark and light").click()
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
        assert post(f"{server.url}demo/simulate-analysis/img-1?seconds=4") == 202
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
    expect_state(page, "reconnecting", "degraded")
