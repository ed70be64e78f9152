"""`python -m ws_manager store …`: what a store (option `store`) holds, and what is done to it from outside."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ws_manager import _core

if TYPE_CHECKING:
    from collections.abc import Sequence

DESCRIPTION = "What is kept on disk for rooms whose rule says so: the file of option store."
STATUS = "Exit status: 0; 1 where it did not work, with a sentence that says why; 2 for wrong arguments."

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def age(text: str) -> float:
    """Seconds of "30d", "12h", "90m", "45s", "2w"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no age; write a number and s, m, h, d or w, as 30d")
    return float(match[1]) * _SECONDS[match[2]]


def size(count: int) -> str:
    """Bytes as people read them."""
    amount = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def when(unix_ms: int) -> str:
    """A time of a message; "-" if there is none."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="seconds") if unix_ms else "-"


def info(arguments: argparse.Namespace) -> None:
    """Prints what is in the file."""
    text = _core.store_info(arguments.file)
    if arguments.json:
        print(text)
        return
    found = json.loads(text)
    rows = {
        "file": found["path"],
        "used by": found["used_by"] or "nobody",
        "stopped": {
            "running": "-" if found["used_by"] else "no: its process has died, and the next one goes on from here",
            "backup": "it is a backup: its rooms get new epochs when it is opened",
        }.get(found["state"], "cleanly"),
        "store_sync": found["sync"],
        "schema": found["schema"],
        "rooms": found["rooms"],
        "messages": f"{found['messages']} ({size(found['bytes'])})",
        "from, to": f"{when(found['oldest'])}, {when(found['newest'])}",
        "on disk": f"{size(found['file_bytes'])}, and {size(found['wal_bytes'])} of its log",
    }
    for name, value in rows.items():
        print(f"{name + ':':12} {value}")


def check(arguments: argparse.Namespace) -> None:
    """Reads all of it."""
    _core.store_check(arguments.file)
    print(f"{arguments.file} is whole")


def backup(arguments: argparse.Namespace) -> None:
    """Copies it."""
    _core.store_backup(arguments.file, arguments.to)
    print(f"{arguments.to} is a backup of {arguments.file} ({size(arguments.to.stat().st_size)})")


def new_epoch(arguments: argparse.Namespace) -> None:
    """Gives all rooms new epochs."""
    rooms = _core.store_new_epoch(arguments.file)
    print(f"{rooms} rooms have new epochs: clients that come back are told that they may have missed something")


def prune(arguments: argparse.Namespace) -> None:
    """Lets old messages go."""
    before = time.time() - arguments.older_than
    messages = _core.store_prune(arguments.file, arguments.room, max(1, int(before * 1000)))
    print(f"{messages} messages have gone")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m ws_manager store", description=DESCRIPTION, epilog=STATUS)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, epilog=STATUS)
        made.set_defaults(run=run)
        made.add_argument("file", metavar="FILE", type=Path, help="the file of option store")
        return made

    command("info", info, "Say what is in it, and who has it; also while it is in use.").add_argument(
        "--json", action="store_true", help="as one JSON object"
    )
    command("check", check, "Read it from end to end, and say what is damaged; also while it is in use.")
    command("backup", backup, "Copy it to another file, in one step; also while it is in use.").add_argument(
        "to", metavar="TO", type=Path, help="the backup; replaced once the copy is whole"
    )
    command("new-epoch", new_epoch, "Give every room a new epoch: after the file was restored by other means.")
    made = command("prune", prune, "Let messages go that are older than an age; the server must be stopped.")
    made.add_argument("--older-than", required=True, type=age, metavar="AGE", help="30d, 12h, 90m, 45s, 2w")
    made.add_argument("--room", default="", help='of this room, or of those that begin so ("orders:*")')
    return top


def main(words: Sequence[str]) -> int:
    """Runs it; returns the exit status."""
    arguments = parser().parse_args(words)
    try:
        arguments.run(arguments)
    except _core.WsManagerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
