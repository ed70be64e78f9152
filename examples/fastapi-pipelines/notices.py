"""Notifications: what somebody should know who was not looking. The demo has no users: they are everybody's."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal

import ws_manager

KEPT = 50


class Notices:
    """The last ones, newest first, and what was read of them. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._list: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self._life = secrets.token_hex(4)  # ids of one life of the server are none of another's
        self._numbers = itertools.count(1)

    def add(
        self,
        kind: Literal["info", "success", "warning", "error"],
        title: str,
        message: str,
        action: dict[str, Any] | None = None,
    ) -> None:
        """Keep one and send it to everybody. `action`: {"type", "label", "payload"}, for a button."""
        notice = {
            "id": f"{self._life}-{next(self._numbers)}",
            "type": kind,
            "title": title,
            "message": message,
            "read": False,
            "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "action": action,
        }
        with self._lock:
            self._list.appendleft(notice)
        ws_manager.notify_notification(notice)

    def restore(self, messages: Iterable[dict[str, Any]]) -> None:
        """Take over those that a room has kept, oldest first; to be called before the first is added."""
        for message in messages:
            if message.get("type") == "notification":
                self._list.appendleft(message["data"])

    def mark_read(self, ids: Iterable[object]) -> int:
        """How many of them had not been read."""
        wanted = {notice_id for notice_id in ids if isinstance(notice_id, str)}
        with self._lock:
            found = [notice for notice in self._list if notice["id"] in wanted and not notice["read"]]
            for notice in found:
                notice["read"] = True
        return len(found)

    def snapshot(self) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(notice) for notice in self._list]
