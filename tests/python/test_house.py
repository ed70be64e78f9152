"""The rules of the house (csrc/house.py), each broken in a copy of the core."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "csrc", tmp_path / "csrc", ignore=shutil.ignore_patterns("tests", "web"))
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/architecture.md", tmp_path / "docs")
    return tmp_path


def check(copy: Path) -> tuple[int, str]:
    command = [sys.executable, str(copy / "csrc/house.py"), "--check"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stderr


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_it_holds(copy):
    assert check(copy) == (0, "")


BREACHES = {
    "an include": ("wire/json.c", '#include "rooms/room.h"\n', "wire/json -> rooms/room: against the order"),
    "a call": (
        "host/queue.c",
        "void f(void)\n{\n\twsm__conn_close(0, 0, 0);\n}\n",
        "host/queue -> clients/conn: against the order (wsm__conn_close)",
    ),
    "a neighbour": ("rooms/room.c", '#include "policy/config.h"\n', "rooms/room -> policy/config: against the order"),
    "a circle": ("clients/ticket.c", '#include "clients/conn.h"\n', "circle clients/conn clients/ticket: "),
    "a header": (
        "clients/conn.h",
        "void wsm__drain_close(struct wsm__conn *conn);\n",
        "clients/conn.h for clients/drain: declares wsm__drain_close",
    ),
    "a function": (
        "base/clock.c",
        "static void f(void)\n{\n" + "\t;\n" * 60 + "}\n",
        "csrc/base/clock.c f: has 63 lines (60 at most)",
    ),
}


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_named(copy, name):
    file, text, said = BREACHES[name]
    append(copy / "csrc" / file, text)
    status, lines = check(copy)
    assert status == 1
    assert f"*** {said}" in lines


def test_a_folder_needs_a_place(copy):
    (copy / "csrc/broker").mkdir()
    (copy / "csrc/broker/broker.c").write_text("int x;\n")
    status, lines = check(copy)
    assert status == 1
    assert "*** broker/: has no place in the order" in lines


def test_the_picture_is_the_present_one(copy):
    append(copy / "csrc/admin/table.c", '#include "wire/json.h"\n')
    assert check(copy) == (0, "")
    append(copy / "csrc/events/check.c", '#include "base/clock.h"\n')
    (copy / "csrc/base/new.c").write_text("int x;\n")
    status, lines = check(copy)
    assert status == 1
    assert "docs/architecture.md has an old picture" in lines


def test_an_exception_that_is_mended_has_to_go(copy):
    script = copy / "csrc/house.py"
    text = script.read_text()
    script.write_text(
        text.replace("frozenset[str] = frozenset()", 'frozenset[str] = frozenset({"wire/json -> rooms/room"})')
    )
    status, lines = check(copy)
    assert status == 1
    assert "*** wire/json -> rooms/room: does not happen any more" in lines
    append(copy / "csrc/wire/json.c", '#include "rooms/room.h"\n')
    assert "wire/json -> rooms/room" not in check(copy)[1]
