"""Names of rooms that an application makes of what a client says: `rooms=[f"board:{board}"]` for /live/{board}.

A client that names no room is refused for it (4400); it is no error of the application's. And a star that a client
brings must not become a pattern. Nobody sees what the application does with a word on the way (cuts it out of a list,
makes it small), so that characters are looked for, not words. Ids are somebody's, and come from outside as a rule: one
that nobody can have refuses the client that it was found for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from ws_manager._core import WsManagerError, id_valid, room_valid

BAD_NAME = "a parameter of the request makes no valid name of a room"
IDS = ("user_id", "session_id", "client_id")

BAD_PATTERN = "a parameter of the request must not be empty, nor have a * in it"

HALF = 2
"""A word of at least one part in so many of a name has made it too long."""


class Words(NamedTuple):
    """What a client has said in its request."""

    said: list[str]
    """The path, its parameters, and the values of the query: all of them the client's choice."""
    kept: list[str]
    """Cookies and fields of the application's own (X-...): the client's as a rule."""
    empty: list[str]
    """Parameters of the query without a value; "" for one of the path."""


def words_of(
    path: str, params: Mapping[str, object], query: Iterable[tuple[str, str]], headers: Iterable[tuple[str, str]]
) -> Words:
    """The words of a request. path, params, query: decoded. headers: names in lower case."""
    pairs = list(query)
    from_path = [str(value) for value in params.values()]
    said = [path, *from_path, *(value for _, value in pairs)]
    empty = [name for name, value in pairs if not value] + ["" for value in from_path if not value]
    kept: list[str] = []
    for name, value in headers:
        if name == "cookie":
            kept += [pair.partition("=")[2].strip(' "') for pair in value.split(";")]
        elif name.startswith("x-") and not name.startswith("x-forwarded"):
            kept.append(value)
    return Words([*said, *map(unquote, said)], [*kept, *map(unquote, kept)], empty)


def client_fault(grants: Mapping[str, Any], words: Words) -> str | None:
    """Why a client is to be refused with 4400 for what its request makes of the rooms; None if there is no reason.

    grants: `rooms`, `subscribe`, `publish`, and ids. Names of rooms that are wrong without the client's help are left
    to InvalidRoom.
    """
    bad = next((name for name in IDS if not _may_be_id(name, grants.get(name))), None)
    if bad is not None:
        return f"{bad} must be 1 to 128 bytes of UTF-8 without control characters"
    kept = [*words.kept, *(id for name in IDS if (id := grants.get(name)))]
    patterns = [*grants.get("subscribe", ()), *grants.get("publish", ())]
    if any(_grown(pattern, words.said, kept, words.empty) for pattern in patterns):
        return BAD_PATTERN
    everything = [*words.said, *kept]
    spoilt = any(_spoilt(name, everything) for name in grants.get("rooms", ()))
    return BAD_NAME if spoilt or any(_spoilt(pattern, everything, pattern=True) for pattern in patterns) else None


def _may_be_id(name: str, value: str | None) -> bool:
    """Whether an id is one, or was left out. An empty user_id is no way to say nobody, as clients may bring it."""
    if value is None or (not value and name != "user_id"):
        return True
    try:
        return id_valid(value)
    except (ValueError, WsManagerError):  # half of a surrogate pair
        return False


def _grown(pattern: str, said: list[str], kept: list[str], empty: list[str]) -> bool:
    """Whether a client may have made a pattern larger: by a star, or by saying nothing.

    A star in what it has chosen is enough; cookies and ids may have one by chance, so that they must stand in the
    pattern. `f"{board}*"` with ?board= grants all, `f"board:{board}*"` all boards: it can be known where nothing is
    left of the pattern, or only the parameter's name.
    """
    if not pattern.endswith("*"):
        return False
    small = pattern.casefold()
    if any("*" in word for word in said) or any("*" in word and word.strip().casefold() in small for word in kept):
        return True
    if "" in empty:
        return True
    words = re.findall("[A-Za-z0-9]+", pattern)
    return bool(empty) if not words else words[-1] in empty and not pattern[-2].isalnum()


def _spoilt(name: str, words: list[str], *, pattern: bool = False) -> bool:
    """Whether a name is wrong by a client's words: they have a character that no name may have, or are long.

    An empty name is a client's that has said nothing.
    """
    if _valid(name, pattern):
        return False
    odd = {char for char in name.removesuffix("*" if pattern else "") if not _valid(f"a{char}")}
    odd |= set(name[:1]) & {"@"}
    if odd:
        return any(char in word for word in words for char in odd)
    return not name or any(len(word) * HALF >= len(name) for word in words)


def _valid(name: str, pattern: bool = False) -> bool:
    try:
        return room_valid(name, pattern)
    except (ValueError, WsManagerError):  # half of a surrogate pair
        return False
