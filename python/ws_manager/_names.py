"""Names of rooms that an application makes of what a client says: `rooms=[f"board:{board}"]` for /live/{board}.

A client that names no room is refused for it (4400); it is no error of the application's. And a star that a client
brings must not become a pattern. Ids are somebody's, and come from outside as a rule: one that nobody can have refuses
the client that it was found for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ws_manager._core import WsManagerError, id_valid, room_valid

BAD_NAME = "a parameter of the request makes no valid name of a room"
IDS = ("user_id", "session_id", "client_id")

BAD_PATTERN = "a parameter of the request must not be empty, nor have a * in it"


def client_fault(
    grants: Mapping[str, Any], path_params: Mapping[str, object], query: Iterable[tuple[str, str]]
) -> str | None:
    """Why a client is to be refused with 4400 for what its request makes of the rooms; None if there is no reason.

    grants: `rooms`, `subscribe`, `publish`, and ids. Names of rooms that are wrong without the client's help are left
    to InvalidRoom.
    """
    bad = next((name for name in IDS if not _may_be_id(name, grants.get(name))), None)
    if bad is not None:
        return f"{bad} must be 1 to 128 bytes of UTF-8 without control characters"
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


def _may_be_id(name: str, value: str | None) -> bool:
    """Whether an id is one, or was left out. An empty user_id is no way to say nobody, as clients may bring it."""
    if value is None or (not value and name != "user_id"):
        return True
    try:
        return id_valid(value)
    except (ValueError, WsManagerError):  # half of a surrogate pair
        return False


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
