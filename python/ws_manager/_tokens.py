"""Tokens that are accepted no longer, and the keys that they are checked with."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

import orjson

from . import _config
from ._clients import Clients
from ._sending import Id, one_id
from ._types import Revocation

if TYPE_CHECKING:
    from collections.abc import Sequence

Time = datetime | float
"""A datetime with a time zone, or Unix time in seconds."""


class Tokens(Clients):
    """The part of a manager that takes tokens back."""

    def revoke(
        self,
        *,
        jti: str | None = None,
        user_id: Id | None = None,
        before: Time | None = None,
        until: Time | None = None,
    ) -> None:
        """Closes the connections of a token, or of a user, with 4401, and refuses such tokens from now on.

        jti: the token's id. user_id: all tokens of that user that were issued (`iat`) before `before`, now if None;
        also those that do not say when. Connections that an authenticate handler or connect() has let in as that user
        before then end too. until: when it may be forgotten, since those tokens have expired; after the option
        revocation_ttl if None. Kept in this process, also while the runtime is stopped. InvalidArgument, Overloaded
        (max_revocations).

        Example: ws_manager.revoke(user_id="user-1")          # signed out everywhere
        """
        with self._lock:
            self._any_runtime().revoke(jti or "", _user(user_id), _milliseconds(before), _milliseconds(until))

    def unrevoke(self, *, jti: str | None = None, user_id: Id | None = None) -> None:
        """Takes a revocation back. NotFound."""
        with self._lock:
            self._any_runtime().unrevoke(jti or "", _user(user_id))

    def revocations(self) -> list[Revocation]:
        """What is revoked; times are Unix milliseconds."""
        with self._lock:
            return cast("list[Revocation]", orjson.loads(self._any_runtime().revocations()))

    def reload_keys(
        self, *, jwt_secret: str | Sequence[str] | None = None, jwt_public_key: str | Sequence[str] | None = None
    ) -> None:
        """Exchanges the keys that tokens are checked with, while the runtime runs.

        As the options of the same names; several are in force at the same time. None: as configured, and where that is
        the path of a file, the file is read again. The algorithm stays, and so do live connections. ConfigError, and
        the old keys stay in force.

        Example: ws_manager.reload_keys(jwt_secret=[new, old])
        """
        given = {"jwt_secret": jwt_secret, "jwt_public_key": jwt_public_key}
        changed: dict[str, object] = {name: value for name, value in given.items() if value is not None}
        with self._lock:
            texts = _config.texts({name: self._config.get(name) for name in given} | changed)
            runtime = self._any_runtime()
        runtime.reload_keys(texts.get("jwt_secret"), texts.get("jwt_public_key"))
        with self._lock:
            self._config.update(changed)


def _user(user_id: Id | None) -> str:
    return "" if user_id is None else one_id(user_id, "user_id")


def _milliseconds(time: Time | None) -> int:
    if time is None:
        return 0
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise TypeError("a datetime needs a time zone here: datetime.now(UTC)")
        time = time.timestamp()
    return max(1, int(time * 1000))
