"""Takes the pictures of the README and the docs from the running demos: docs/images/*.png.

    make screenshots                        # all of them, about three minutes
    make screenshots ARGS="pipelines"       # pipelines, next or admin

The demos run as `make demo` and `make demo-next` run them. Frames of the video are blurred: it is not ours to show.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
SCHEMES = ("dark", "light")
BLUR = "img.picture { filter: blur(9px) }"
WARM_UP = 50  # seconds, for charts that show something
CLIENTS = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def server(command: list[str], folder: Path, url: str, **environment: str) -> Iterator[str]:
    """Runs a server, in a group of its own, until the end of the block. Yields its address once it answers."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(600):
            with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=5):
                break
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
            time.sleep(0.1)
        else:
            raise SystemExit(f"{url} does not answer")
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def open_page(browser: Browser, url: str, scheme: str, height: int) -> Page:
    context = browser.new_context(
        viewport={"width": 1440, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
        bypass_csp=True,  # for the blur
    )
    page = context.new_page()
    page.goto(url)
    page.add_style_tag(content=BLUR)
    return page


def take(page: Page, name: str) -> None:
    path = IMAGES / f"{name}.png"
    page.mouse.move(1, 1)
    page.screenshot(path=path)
    page.context.close()
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} KiB", flush=True)


def take_pipelines(browser: Browser, url: str) -> None:
    for scheme in SCHEMES:
        take_view(browser, f"{url}#/", scheme, f"pipelines-{scheme}", 820)
    take_view(browser, f"{url}#/pipeline/crossing", "dark", "pipeline-dark", 1000)


def take_view(browser: Browser, url: str, scheme: str, name: str, height: int) -> None:
    page = open_page(browser, url, scheme, height)
    page.locator("img.picture").first.wait_for()
    page.wait_for_timeout(6000)  # frames, rates, lines of the log
    take(page, name)


def take_next(browser: Browser, url: str) -> None:
    """Two jobs that are over and one that runs, in front of a page."""
    page = open_page(browser, url, "dark", 1000)
    page.get_by_text("GB").first.wait_for()
    chooser = page.locator('input[type="file"]').first
    for label, file, size in (("SHA-256", "holiday.raw", 40_000_000), ("Compress", "measurements.csv", 24_000_000)):
        page.get_by_text(label, exact=True).first.click()
        chooser.set_input_files({"name": file, "mimeType": "text/plain", "buffer": os.urandom(size)})
        page.get_by_test_id("job").filter(has_text=file).get_by_text("completed").wait_for(timeout=120_000)
    for title in ("Join first data and live data", "Show who is watching"):
        page.get_by_label("Title of a new story").fill(title)
        page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("Compress", exact=True).first.click()
    page.wait_for_timeout(WARM_UP * 1000)
    for scheme in SCHEMES:
        view = open_page(browser, url, scheme, 1000)
        view.wait_for_timeout(4000)
        chooser = page.locator('input[type="file"]').first
        chooser.set_input_files(
            {"name": f"backup-{scheme}.tar", "mimeType": "text/plain", "buffer": os.urandom(48_000_000)}
        )
        view.get_by_test_id("job").filter(has_text=f"backup-{scheme}.tar").wait_for()
        view.wait_for_timeout(1500)
        take(view, f"next-{scheme}")
    page.context.close()


VISITORS = """([count, rooms]) => {
  window.visitors = Array.from({ length: count }, (_, n) => {
    const socket = new WebSocket(`/ws/project/${rooms[n % rooms.length]}?session_id=visitor-${n % 40}`)
    socket.onopen = () => setInterval(() => socket.send('{"action":"ping"}'), 2000 + 37 * n)
    return socket
  })
}"""


def take_admin(browser: Browser, url: str) -> None:
    """The panel of the pipelines demo, with visitors who come and go."""
    crowd = open_page(browser, f"{url}#/", "dark", 900)
    crowd.evaluate(VISITORS, [CLIENTS // 2, ["shop", "orders", "support"]])
    for part in range(6):
        crowd.wait_for_timeout(WARM_UP * 1000 // 6)
        crowd.evaluate(VISITORS, [CLIENTS // 12, [f"team-{part}"]])
    for scheme in SCHEMES:
        page = open_page(browser, f"{url}ws/admin", scheme, 1000)
        page.wait_for_timeout(5000)
        take(page, f"admin-{scheme}")
    crowd.context.close()


def main() -> None:
    wanted = sys.argv[1:] or ["pipelines", "admin", "next"]
    shots: dict[str, Callable[[Browser, str], None]] = {
        "pipelines": take_pipelines,
        "admin": take_admin,
        "next": take_next,
    }
    if unknown := [name for name in wanted if name not in shots]:
        raise SystemExit(f"{unknown[0]!r} is none of {', '.join(shots)}")
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright, contextlib.ExitStack() as stack:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM"), args=["--no-sandbox", "--disable-gpu"]
        )
        stack.callback(browser.close)
        if {"pipelines", "admin"} & set(wanted):
            port = free_port()
            command = [sys.executable, "examples/fastapi-pipelines/run.py", "--port", str(port)]
            url = stack.enter_context(server(command, ROOT, f"http://127.0.0.1:{port}/", WEBSOCKET_ADMIN="1"))
            time.sleep(WARM_UP)
            for name in ("pipelines", "admin"):
                if name in wanted:
                    shots[name](browser, url)
        if "next" in wanted:
            port = free_port()
            node = subprocess.run([".ci/find-node-for-next"], cwd=ROOT, check=True, capture_output=True, text=True)
            command = [f"{node.stdout.strip()}/node", "node_modules/next/dist/bin/next", "start", "--port", str(port)]
            url = stack.enter_context(server(command, ROOT / "build/next-app", f"http://127.0.0.1:{port}/"))
            take_next(browser, url)


if __name__ == "__main__":
    main()
