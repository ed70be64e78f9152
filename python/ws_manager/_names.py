"""Names of rooms that an application makes of what a client says: `rooms=[f"board:{board}"]` for /live/{board}.

A client that names no room is refused for it (4400); it is no error of the application's. And a star that a client
brings must not become a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ws_manager._core import room_valid

BAD_NAME = "a parameter of the request makes no valid name of a room"
BAD_PATTERN = "a parameter of the request must not be empty, nor have a * in it"


def client_fault(
    grants: Mapping[str, Any], path_params: Mapping[str, object], query: Iterable[tuple[str, str]]
) -> str | None:
    """Why a client is to be refused with 4400 for what its request makes of the rooms; None if there is no reason.

    grants: `rooms`, `subscribe`, `publish`. Names that are wrong without the client's help are left to InvalidRoom.
    """
    from_path = [str(value) for value in path_params.values()]
    pairs = list(query)
    values = [*from_path, *(value for _, value in pairs)]
    empty = [name for name, value in pairs if not value]
    if any(_spoilt(name, values) for name in grants.get("rooms", ())):
        return BAD_NAME
    patterns = [*grants.get("subscribe", ()), *grants.get("publish", ())]
    if any("*" in value and value in pattern for pattern in patterns for value in values):
        return BAD_PATTERN
    if "" in from_path and any(pattern.endswith("*") for pattern in patterns):
        return BAD_PATTERN
    if any(_grown(pattern, empty) for pattern in patterns):
        return BAD_PATTERN
    return BAD_NAME if any(_spoilt(pattern, values, pattern=True) for pattern in patterns) else None


def _grown(pattern: str, empty: list[str]) -> bool:
    """Whether a pattern has grown because a client has said nothing in one of these parameters of the query.

    `f"{board}*"` with ?board= grants all, `f"board:{board}*"` all boards. It can be known where nothing is left of the
    pattern, or only the parameter's name.
    """
    if not pattern.endswith("*"):
        return False
    words = re.findall("[A-Za-z0-9]+", pattern)
    return bool(empty) if not words else words[-1] in empty and not pattern[-2].isalnum()


def _spoilt(name: str, values: list[str], *, pattern: bool = False) -> bool:
    """Whether a name is wrong, and would be right with another value in the place of one of the client's."""
    if room_valid(name, pattern):
        return False
    return any(
        value == name if not value else value in name and room_valid(name.replace(value, "x"), pattern)
        for value in values
    )
