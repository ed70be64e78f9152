"""keeper.c: a server with rooms on disk; and what is in its file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from programs import Program, ProgramError, find

Answer = dict[str, Any]
OFFSET_BITS = 39  # of a row's key; the number of its room stands above
PRUNED = "project:r9"  # rooms that may have let something go
DISK_RULES = ("project:r*:store=disk", "@user:*:store=disk", "@user:*:history_size=1000000")


@dataclass
class Settings:
    """How a keeper is started, again and again."""

    folder: Path
    groups: tuple[str, ...]
    options: tuple[str, ...] = ()
    rules: tuple[str, ...] = DISK_RULES
    port: int = 0
    journal: bool = True
    arguments: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "ws.db"

    def command(self) -> list[str]:
        words = ["--store", str(self.file), "--option", f"port={self.port}", *self.arguments]
        if self.journal:
            words += ["--journal", str(self.folder / "journal")]
        for name, values in (("--group", self.groups), ("--option", self.options), ("--rule", self.rules)):
            for value in values:
                words += [name, value]
        return words


class Keeper(Program):
    port = 0

    @classmethod
    def begin(cls, settings: Settings) -> Self:
        """ProgramError: it cannot start; the text says why."""
        keeper = cls(find("keeper"), *settings.command())
        hello = keeper.read()
        if "error" in hello:
            keeper.close()
            raise ProgramError(hello["error"])
        keeper.port = settings.port = hello["port"]  # the next one has the same
        return keeper


def rows(file: Path) -> Iterator[tuple[str, int, bytes]]:
    """Room, offset and blob of every message that is kept, by their places."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        names = {number: name.decode() for number, name in database.execute("SELECT id, CAST(name AS BLOB) FROM rooms")}
        for place, blob in database.execute("SELECT id, blob FROM messages ORDER BY id"):
            yield names[place >> OFFSET_BITS], place & ((1 << OFFSET_BITS) - 1), blob


def column(file: Path, name: str) -> dict[str, Any]:
    """A column of the rooms, by their names."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as database:
        found = database.execute(f"SELECT CAST(name AS BLOB), {name} FROM rooms").fetchall()
    return {room.decode(): value for room, value in found}


def acknowledged(journal: Path) -> Iterator[tuple[str, int, bytes]]:
    """Room, offset and message id of every line, in their order. A last line without an end was not said."""
    with journal.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                room, _, offset, message = line.split()
                yield room.decode(), int(offset), message


def check_file(settings: Settings) -> tuple[list[str], int, int]:
    """What is wrong with the file, beside what was acknowledged; its rows, and how many of those were acknowledged."""
    problems: list[str] = []
    kept: dict[tuple[str, int], bytes] = {}
    last: dict[str, int] = {}
    for room, offset, blob in rows(settings.file):
        if offset != last.get(room, offset - 1) + 1:
            problems.append(f"{room}: {offset} stands behind {last[room]}")
        last[room] = offset
        kept[room, offset] = blob
    found = 0
    said: dict[str, int] = {}
    for room, offset, message in acknowledged(settings.folder / "journal"):
        if offset <= said.get(room, 0):
            problems.append(f"{room}: offset {offset} was acknowledged behind {said[room]}")
        said[room] = offset
        blob = kept.get((room, offset))
        found += blob is not None
        if blob is None and not room.startswith(PRUNED):
            problems.append(f"{room}: offset {offset} was acknowledged, and is not there")
        elif blob is not None and message not in blob:
            problems.append(f"{room}: offset {offset} was acknowledged as {message!r}, and is another")
    for room, offset in said.items():
        if offset > last.get(room, 0):
            problems.append(f"{room}: {offset} was acknowledged, and the file ends at {last.get(room, 0)}")
    return problems[:5], len(kept), found
