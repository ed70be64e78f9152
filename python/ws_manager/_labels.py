"""What of a request may stand in a log: the route, never what may be a token in it, and nothing that forges a line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from ws_manager._offers import Manager

__all__ = ["UNKNOWN_PATH", "route_label", "visible"]

UNKNOWN_PATH = "(a path of the application)"

PLAIN = re.compile(r"[A-Za-z0-9._-]{1,16}\Z")
"""What an id looks like as a rule: as in the core (wsm_endpoint_label)."""

SECRET_NAME = re.compile("token|ticket|secret|key|password|code", re.IGNORECASE)

HIDDEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]")
"""Marks and letters of Unicode that cannot be seen; str.isprintable() knows the others."""


def visible(text: object) -> str:
    """Text that clients may have had a hand in, on one line, with what cannot be seen spelled out."""
    return "".join(
        c if c.isprintable() and not HIDDEN.match(c) else c.encode("unicode_escape").decode("ascii") for c in str(text)
    )


def route_label(manager: Manager | None, scope: Mapping[str, Any]) -> str:
    """The path of a route of the application's own, with the names of its parameters for what may be a token.

    manager: whose clients come there; None where nobody knows: then no value of a parameter is shown.
    """
    params = scope.get("path_params")
    if not isinstance(params, Mapping):
        return UNKNOWN_PATH
    hide = manager is None or manager._hides_paths() or any(SECRET_NAME.search(name) for name in params)
    names = {part: name for name, value in params.items() for part in str(value).split("/")}
    parts = []
    for part in str(scope["path"]).split("/"):
        name = names.get(part) if part else None
        parts.append(quote(part, safe="@:") if name is None or (not hide and PLAIN.match(part)) else f"{{{name}}}")
    return "/".join(parts)
