"""`python -m ws_manager run main:app [options of uvicorn]`, and `check main:app`: what it lets whom do."""

from __future__ import annotations

import sys
from pathlib import Path

from ws_manager import _config
from ws_manager._core import VERSION

PROTOCOL = "ws_manager.uvicorn:WebSocketProtocol"

USAGE = """\
usage: python -m ws_manager run APP [OPTIONS]        (or: ws-manager run APP [OPTIONS])
       python -m ws_manager check APP [--room ROOM]...
       python -m ws_manager store info|check|backup|new-epoch|prune FILE
       python -m ws_manager --version

  run APP   Serve an ASGI application ("main:app") by uvicorn; WebSockets of ws_manager's endpoints are handed over to
            its runtime, which then carries them without Python. OPTIONS are uvicorn's: --host, --port, --reload,
            --workers ... ("python -m ws_manager run --help" shows them all). Messages are not compressed unless you say
            --ws-per-message-deflate true: uvicorn would inflate them before a limit of ws_manager holds.
  check APP Say, without serving it, which endpoints the application has and behind what, which of its routes are never
            called, whether rooms are open or granted and why, and who hears ROOM.
  store ... What the file of option store holds; check it, copy it while it is in use ("store --help" says more).
"""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] in (["--version"], ["-V"]):
        print(f"ws_manager {VERSION}")
        return 0
    if arguments[:1] in (["--help"], ["-h"]):
        print(USAGE, end="")
        return 0
    if arguments[:1] == ["check"]:
        from ws_manager._check import main as check

        return check(arguments[1:])
    if arguments[:1] == ["store"]:
        from ws_manager._store import main as store

        return store(arguments[1:])
    if arguments[:1] != ["run"]:
        what = f"unknown command {arguments[0]!r}" if arguments else "a command is missing"
        print(f"{what}\n\n{USAGE}", end="", file=sys.stderr)
        return 2
    return _serve(arguments[1:])


def namesake(folder: Path) -> Path | None:
    """A file or folder of the application's that has this package's name, so that Python finds it in our place."""
    ours = Path(__file__).parent.resolve()
    for found in (folder / "ws_manager.py", folder / "ws_manager" / "__init__.py"):
        if found.is_file() and found.parent.resolve() != ours:
            return found if found.name == "ws_manager.py" else found.parent
    return None


def _app_dir(arguments: list[str]) -> Path:
    """Where uvicorn looks for the application."""
    for at, argument in enumerate(arguments):
        if argument == "--app-dir" and at + 1 < len(arguments):
            return Path(arguments[at + 1])
        if argument.startswith("--app-dir="):
            return Path(argument.partition("=")[2])
    return Path()


def _serve(arguments: list[str]) -> int:
    for folder in (Path(), _app_dir(arguments)):
        hiding = namesake(folder.absolute())
        if hiding is not None:
            print(
                f"{hiding} has the name of the package ws_manager, and the application would import the one where it "
                "means the other: rename it",
                file=sys.stderr,
            )
            return 1
    try:
        from uvicorn import __version__
        from uvicorn.main import main as uvicorn_main
    except ImportError:
        print("uvicorn is not installed: pip install uvicorn", file=sys.stderr)
        return 1
    if tuple(map(int, __version__.split(".")[:2])) < (0, 36):
        print(f"this command needs uvicorn 0.36 or later, not {__version__}; ws_manager.run() works", file=sys.stderr)
        return 1
    more: list[str] = []
    if not _says(arguments, "--ws"):
        more += ["--ws", PROTOCOL]
    elif not _says(arguments, "--ws-max-size"):
        more += ["--ws-max-size", _config.value({}, "max_message_size")]  # Our class sees to it by itself.
    if not _says(arguments, "--ws-per-message-deflate"):
        more += ["--ws-per-message-deflate", "false"]
    uvicorn_main.main(args=[*arguments, *more], prog_name="python -m ws_manager run")
    return 0


def _says(arguments: list[str], option: str) -> bool:
    return any(argument == option or argument.startswith(f"{option}=") for argument in arguments)


if __name__ == "__main__":
    sys.exit(main())
