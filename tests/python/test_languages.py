"""docs/languages.md names what the package has, and nothing else; languages.test.mjs looks at the other side."""

from __future__ import annotations

import re
from pathlib import Path

import ws_manager
from ws_manager import WebSocketManager

PAGE = Path(__file__).parents[2] / "docs" / "languages.md"
CLASSES = {"Receipt", "Connection", "Request"}


def rows() -> list[tuple[str, str, str, str]]:
    """(Python, Node, also, why) of each row, "" for what one side does not have."""
    found = []
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| `") and not line.startswith("| – |"):
            continue
        python, node, also = ("" if cell == "–" else cell.strip("`") for cell in cells[:3])
        found.append((python, node, also, cells[3]))
    return found


def camel(name: str) -> str:
    return re.sub(r"(?<=[a-z])_([a-z])", lambda match: match[1].upper(), name)


def test_the_page_names_all_that_the_package_has() -> None:
    named = {python for python, *_ in rows()}
    public = {name for name in dir(WebSocketManager) if not name.startswith("_")} | set(ws_manager.__all__)
    assert sorted(public - named) == []
    for owner in ("Connection", "Request"):
        source = (PAGE.parents[1] / "python" / "ws_manager" / "_connection.py").read_text("utf-8")
        text = re.search(rf"^class {owner}:.*?(?=^class |\Z)", source, re.M | re.S)
        assert text is not None
        members = set(re.findall(r"self\.([a-z]\w*)(?::.*?)? = |    def ([a-z]\w*)\(", text[0]))
        assert sorted({f"{owner}.{a or b}" for a, b in members} - named) == []


def test_the_package_has_all_that_the_page_names() -> None:
    for python, *_ in rows():
        owner, _, name = python.rpartition(".")
        if owner in ("Connection", "Request") or not python:
            continue  # theirs are set by their constructors: above
        if owner:
            assert owner in CLASSES, python
            assert hasattr(getattr(ws_manager, owner), name), python
        else:
            assert hasattr(ws_manager, python) or hasattr(WebSocketManager, python), python


def test_names_correspond_and_differences_have_a_reason() -> None:
    page = rows()
    assert len(page) > 120
    for python, node, also, why in page:
        if not python or not node:
            assert why, f"{python or node} is on one side only, and nothing says why"
        elif python != "__version__":
            assert node == camel(python), python
            if "." not in python:
                assert also == ("" if node == python else python), python
