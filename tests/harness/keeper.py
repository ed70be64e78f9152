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
DISK_RULES = ("project:r*:store=disk", "@user:*:store=disk")


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
    """Room, offset and blob of every message that is kept."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        names = {number: name.decode() for number, name in database.execute("SELECT id, CAST(name AS BLOB) FROM rooms")}
        for place, blob in database.execute("SELECT id, blob FROM messages ORDER BY id"):
            yield names[place >> OFFSET_BITS], place & ((1 << OFFSET_BITS) - 1), blob


def column(file: Path, name: str) -> dict[str, Any]:
    """A column of the rooms, by their names."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as database:
        found = database.execute(f"SELECT CAST(name AS BLOB), {name} FROM rooms").fetchall()
    return {room.decode(): value for room, value in found}


def acknowledged(journal: Path) -> dict[tuple[str, int], str]:
    """Message ids, by room and offset. ValueError: one offset is two messages. A last line without an end was not said."""
    found: dict[tuple[str, int], str] = {}
    *lines, _ = journal.read_text().split("\n")
    for line in lines:
        room, _, offset, message = line.split(" ")
        if found.setdefault((room, int(offset)), message) != message:
            raise ValueError(f"offset {offset} of {room} was acknowledged for two messages")
    return found


def check_file(settings: Settings) -> tuple[list[str], int, int]:
    """What is wrong with the file, beside what was acknowledged; how many rows it has, and how many were looked for."""
    problems: list[str] = []
    try:
        promised = acknowledged(settings.folder / "journal")
    except ValueError as error:
        return [str(error)], 0, 0
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    kept, sought = 0, 0
    for room, offset, blob in rows(settings.file):
        kept += 1
        if offset != last.get(room, offset - 1) + 1:
            problems.append(f"{room}: {offset} stands behind {last[room]}")
        first.setdefault(room, offset)
        last[room] = offset
        message = promised.get((room, offset))
        if message is not None:
            sought += 1
            if message.encode() not in blob:
                problems.append(f"{room}: offset {offset} was acknowledged as {message}, and is another")
    for room, offset in promised:
        if offset > last.get(room, 0):
            problems.append(f"{room}: {offset} was acknowledged, and the file ends at {last.get(room, 0)}")
    return problems[:5], kept, sought
