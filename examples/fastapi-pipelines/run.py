"""Start the demo: check what it needs, say what is missing, then run the application.

    python run.py [--source FILE|URL|CAMERA] [--port 8000] [--host 127.0.0.1]

DEMO_SOURCE, PORT and HOST in the environment do the same.
"""

from __future__ import annotations

import argparse
import errno
import importlib.util
import os
import socket
import sys
from pathlib import Path

import clip

HERE = Path(__file__).resolve().parent
DIST = HERE / "web" / "dist"
CACHE = HERE / "cache"
NEEDED = {"ws_manager": "ws_manager", "fastapi": "fastapi", "uvicorn": "uvicorn", "cv2": "opencv-python-headless"}


class Problem(Exception):
    """Why the demo can't start, and what to do; for the terminal."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Computer-vision pipelines, live in the browser.")
    env = os.environ
    parser.add_argument("--source", default=env.get("DEMO_SOURCE", ""), help="video file, URL, or a camera's number")
    parser.add_argument("--port", default=env.get("PORT") or "8000", help="TCP port (8000)")
    parser.add_argument("--host", default=env.get("HOST") or "127.0.0.1", help="address to listen on (127.0.0.1)")
    return parser.parse_args()


def check_packages() -> None:
    missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise Problem(
            f"Not installed for {sys.executable}: {', '.join(missing)}.\n"
            "    `make demo` in the project's top folder installs all that is needed and starts this."
        )


def check_page() -> None:
    if not (DIST / "index.html").is_file():
        raise Problem(
            "Its page is not built yet.\n"
            "    `make demo` in the project's top folder builds it and starts this. By hand, with Node 18 or later:\n"
            "    README.md beside this program has the steps."
        )


def check_port(host: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise Problem(f"The port is {text!r}; it must be a number from 1 to 65535.")
    port = int(text)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise Problem(f"The host {host!r} is no address of this machine: {error}.") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Problem(
                    f"Port {port} is taken by another program. Choose another: make demo PORT={port + 1}"
                ) from error
            raise Problem(f"Can't listen on {host} port {port}: {error.strerror}.") from error
    return port


def video(source: str) -> str:
    """What to watch, with an absolute path if it is a file."""
    if source and not source.isdecimal() and "://" not in source:
        path = Path(source).expanduser().resolve()
        if not path.is_file():
            raise Problem(
                f"There is no file {path}.\n    --source takes a video file, a URL, or a camera's number such as 0."
            )
        return str(path)
    if not source:
        try:
            clip.fetch()
        except clip.NoClip as error:
            raise Problem(f"{error}\n    Or give a video of your own: make demo ARGS='--source walk.mp4'") from error
    return source


def store(port: int) -> Path:
    """Where the rooms are kept; a file is for one process at a time."""
    CACHE.mkdir(exist_ok=True)
    return CACHE / f"rooms-{port}.db"


def main() -> int:  # returns only if it could not start: else this process becomes the server
    options = arguments()
    try:
        check_packages()
        port = check_port(options.host, options.port)
        check_page()
        source = video(options.source)
    except Problem as problem:
        print(f"\n*** The demo can't start. {problem}\n", file=sys.stderr)
        return 1
    environment = dict(os.environ)
    environment.setdefault("WEBSOCKET_STORE", str(store(port)))
    if source:
        environment["DEMO_SOURCE"] = source
    shown = f"[{options.host}]" if ":" in options.host else options.host
    print(
        f"\n    Watching {source or clip.find()}\n    Open http://{shown}:{port}/ in a browser. Ctrl+C stops it.\n",
        flush=True,
    )
    os.chdir(HERE)
    command = [sys.executable, "-m", "ws_manager", "run", "app:app", "--host", options.host, "--port", str(port)]
    os.execve(sys.executable, command, environment)
    raise AssertionError("execve returned")


if __name__ == "__main__":
    sys.exit(main())
