"""`python -m ws_manager store`: what a store holds, and what is done to it without a server."""

from __future__ import annotations

import fcntl
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

OFFSET_BITS = 39

# As version 1 of the schema makes it (csrc/store/schema.c): a file of that version must be read by every later one.
SCHEMA_1 = """
PRAGMA application_id = 2004053297;
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE rooms(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, epoch TEXT NOT NULL, top INTEGER NOT NULL,
 bytes INTEGER NOT NULL, sent INTEGER NOT NULL, changed INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0);
CREATE TABLE messages(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, level INTEGER, type BLOB, key BLOB,
 blob BLOB NOT NULL);
CREATE TABLE once(room INTEGER, id BLOB, place INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY(room, id))
 WITHOUT ROWID;
CREATE INDEX once_until ON once(until);
CREATE TABLE items(kind BLOB, key BLOB, value BLOB NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY(kind, key))
 WITHOUT ROWID;
PRAGMA user_version = 1;
INSERT INTO meta VALUES ('state', 'clean'), ('mode', 'normal');
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Ten messages of an hour ago and two of now in one room, one of now in another."""
    path = tmp_path / "ws.db"
    now = int(time.time() * 1000)
    with sqlite3.connect(path) as db:
        db.executescript(SCHEMA_1)
        for number, (name, times) in enumerate(
            {b"orders:1": [now - 3_600_000] * 10 + [now] * 2, b"chat": [now]}.items(), 1
        ):
            db.execute("INSERT INTO rooms VALUES (?, ?, 'epoch', 0, 0, 0, 0, 0)", (number, name))
            rows = [((number << OFFSET_BITS) + offset, at) for offset, at in enumerate(times, 1)]
            db.executemany("INSERT INTO messages(id, at, blob) VALUES (?, ?, x'616263')", rows)
    db.close()
    return path


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", "ws_manager", "store", *map(str, words)]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60)


def said(*words: str | Path) -> str:
    result = command(*words)
    assert result.returncode == 0, result.stderr
    return result.stdout


def numbers(path: Path, sql: str) -> list[int]:
    with sqlite3.connect(path) as db:
        found = [row[0] for row in db.execute(sql)]
    db.close()
    return found


def test_info(store: Path) -> None:
    found = json.loads(said("info", "--json", store))
    assert found["path"] == str(store)
    assert (found["rooms"], found["messages"], found["bytes"]) == (2, 13, 39)
    assert (found["state"], found["sync"], found["used_by"], found["schema"]) == ("clean", "normal", "", 1)
    assert found["file_bytes"] == store.stat().st_size
    text = said("info", store)
    assert "messages:    13 (39 bytes)" in text
    assert "used by:     nobody" in text


def test_check(store: Path) -> None:
    assert said("check", store) == f"{store} is whole\n"
    with sqlite3.connect(store) as db:
        db.execute("DELETE FROM messages WHERE id = ?", ((1 << OFFSET_BITS) + 5,))
    db.close()
    result = command("check", store)
    assert result.returncode == 1
    assert "messages are missing in the middle of room orders:1" in result.stderr


def test_backup(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "backup.db"
    for _ in range(2):
        assert said("backup", store, copy).startswith(f"{copy} is a backup of {store} (")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert json.loads(said("info", "--json", copy))["state"] == "backup"
    assert "it is a backup" in said("info", copy)
    assert "is the store itself" in command("backup", store, store).stderr


def test_new_epoch(store: Path) -> None:
    assert said("new-epoch", store).startswith("2 rooms have new epochs")
    assert numbers(store, "SELECT count(DISTINCT epoch) FROM rooms WHERE epoch != 'epoch'") == [2]


def test_prune(store: Path) -> None:
    assert said("prune", store, "--older-than", "2h") == "0 messages have gone\n"
    assert said("prune", store, "--older-than", "30m", "--room", "chat") == "0 messages have gone\n"
    assert said("prune", store, "--older-than", "30m", "--room", "orders:*") == "10 messages have gone\n"
    assert numbers(store, "SELECT id & 549755813887 FROM messages ORDER BY id") == [11, 12, 1]
    assert numbers(store, "SELECT top FROM rooms ORDER BY id") == [12, 1]
    assert said("prune", store, "--older-than", "0s") == "3 messages have gone\n"
    assert numbers(store, "SELECT top FROM rooms ORDER BY id") == [12, 1]


@pytest.mark.parametrize("words", [("new-epoch",), ("prune", "--older-than", "1d")])
def test_what_changes_it_needs_it_alone(store: Path, words: tuple[str, ...]) -> None:
    with Path(f"{store}-lock").open("w") as lock:
        lock.write("process 7 on elsewhere\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = command(*words, store)
        assert result.returncode == 1
        assert "belongs to process 7 on elsewhere" in result.stderr
        assert json.loads(said("info", "--json", store))["used_by"] == "process 7 on elsewhere"


def test_files_that_are_no_store(tmp_path: Path) -> None:
    missing, text, empty = tmp_path / "missing", tmp_path / "text", tmp_path / "empty"
    text.write_text("not a database, and long enough to be asked about it\n" * 30)
    empty.touch()
    for path, why in ((missing, "there is no file"), (text, "is no store"), (empty, "is empty")):
        for words in (("info",), ("check",), ("new-epoch",), ("prune", "--older-than", "1d")):
            result = command(*words, path)
            assert (result.returncode, why in result.stderr) == (1, True), result.stderr
            assert "Traceback" not in result.stderr
    assert not missing.exists()


@pytest.mark.parametrize("words", [(), ("vacuum", "x"), ("prune", "x"), ("prune", "x", "--older-than", "30")])
def test_wrong_arguments(words: tuple[str, ...]) -> None:
    result = command(*words)
    assert result.returncode == 2
    assert "usage: python -m ws_manager store" in result.stderr


def test_help() -> None:
    assert "backup" in said("--help")
    assert "replaced once the copy is whole" in said("backup", "--help")
