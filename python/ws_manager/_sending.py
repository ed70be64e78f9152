"""The sending calls of a manager: they encode, say where a message goes, and return a Receipt.

They may be called from any thread and return at once. The common call (no options) does nothing but encode and hand
the bytes to the core.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from . import _core
from ._core import InvalidArgument
from ._encode import OPTIONS, PLAIN, Encoder, Hook
from ._event_data import OPTIONS as OPTION_NAMES
from ._events import EventMethods
from ._types import SendOptions

if TYPE_CHECKING:
    from typing import Unpack

    from ._core import Receipt
    from ._types import BroadcastOptions, RoomOptions

PRIORITIES: Final = {"critical": _core.CRITICAL, "normal": _core.NORMAL, "low": _core.LOW}

# As plain names: the sending calls look them up each time.
_dumps: Final = orjson.dumps
_AUTO: Final = _core.TO_AUTO
_ALL: Final = _core.TO_ALL
_ROOM: Final = _core.TO_ROOM

Id = str | int | Sequence[str]
"""A name, or several. Numbers (and UUIDs) are taken for their text."""

_UNSET: Final = object()


class Sending(EventMethods):
    """The sending half of WebSocketManager."""

    _publish: Callable[..., Receipt]
    """Runtime.publish of the runtime in use; before there is one, what makes it."""
    _encoder: Encoder = PLAIN
    _default: Hook = PLAIN.default
    """Its method; here it is found faster."""

    # ---- events in an envelope ----

    def _notify(self, type: str, data: object, options: Any) -> Receipt:
        try:
            payload = _dumps(data, self._default, OPTIONS)
        except TypeError:
            payload = self._encoder.again(data, "data")
        if options:
            return self._publish_with(_AUTO, None, type, payload, 0, options)
        return self._publish(_AUTO, None, type, payload)

    def notify(self, type: str, data: object = None, **members: Any) -> Receipt:
        """Sends an event of any type, in the envelope of the catalogue's events.

        type: name of the event. data: whatever JSON can say.
        members: options of the sending calls (SendOptions); all others stand at the top level of the message, beside
        `data`, and `project_id` among them sends it to that project.

        Example: ws_manager.notify("order_paid", {"total": 9.5}, project_id="PROJ-001")
        """
        if not members:
            return self._notify(type, data, None)
        options = {name: members.pop(name) for name in OPTION_NAMES & members.keys()}
        encoded = {name: self._encoder.dumps(value, name) for name, value in members.items()}
        return self._publish_with(_AUTO, None, type, self._encoder.dumps(data), 0, options, encoded)

    def send_to_project(
        self, project_id: Id, event_type: object, data: object = _UNSET, **options: Unpack[SendOptions]
    ) -> Receipt:
        """Sends an event to the room `project:<project_id>`.

        event_type: an EventType or any name; without `data`, the whole message instead.

        Example: await ws_manager.send_to_project("PROJ-001", EventType.NOTIFICATION, {"title": "Deploy"})
        """
        if data is _UNSET:
            return self._send(_core.TO_PROJECT, ids(project_id, "project_id"), event_type, options)
        return self._publish_with(
            _core.TO_PROJECT,
            ids(project_id, "project_id"),
            cast("str", event_type),
            self._encoder.dumps(data),
            0,
            options,
        )

    # ---- messages as they are ----

    def broadcast(
        self, message: object, exclude: str | Iterable[str] | None = None, **options: Unpack[BroadcastOptions]
    ) -> Receipt:
        """Sends to all connections that are in the room of all.

        message: dict, pydantic model, dataclass: as JSON; str as text; bytes as a binary message.
        exclude: user or client ids that do not get it.
        """
        if exclude is not None:
            return self._send(_ALL, None, message, {**options, "exclude": exclude})
        return self._send(_ALL, None, message, options)

    def send_to_room(self, room: str | Sequence[str], message: object, **options: Unpack[RoomOptions]) -> Receipt:
        """Sends to a room, or to each of several (with one message_id)."""
        return self._send(_ROOM, room, message, options)

    def publish_to_channel(
        self, channel: str | Sequence[str], message: object, **options: Unpack[RoomOptions]
    ) -> Receipt:
        """Sends to a room: another word for send_to_room()."""
        return self._send(_ROOM, channel, message, options)

    def send_to_user(self, user_id: Id, message: object, **options: Unpack[SendOptions]) -> Receipt:
        """Sends to every connection of a user."""
        return self._send(_core.TO_USER, ids(user_id, "user_id"), message, options)

    def send_personal_message(self, message: object, user_id: Id, **options: Unpack[SendOptions]) -> Receipt:
        """Sends to every connection of a user: send_to_user() the other way round."""
        return self._send(_core.TO_USER, ids(user_id, "user_id"), message, options)

    def send_to_session(self, session_id: Id, message: object, **options: Unpack[SendOptions]) -> Receipt:
        """Sends to every connection of a session (the tabs of one browser, say)."""
        return self._send(_core.TO_SESSION, ids(session_id, "session_id"), message, options)

    def send_to_client(self, client_id: Id, message: object, **options: Unpack[SendOptions]) -> Receipt:
        """Sends to one connection."""
        return self._send(_core.TO_CLIENT, ids(client_id, "client_id"), message, options)

    # ---- how ----

    def _send(
        self, target: int, to: str | Sequence[str] | None, message: object, options: Mapping[str, Any]
    ) -> Receipt:
        if message.__class__ is dict:
            flags = 0
            payload: bytes | str
            try:
                payload = _dumps(message, self._default, OPTIONS)
            except TypeError:
                payload = self._encoder.again(message, "message")
        else:
            payload, flags = self._encoder.message(message)
        if options or flags:
            return self._publish_with(target, to, None, payload, flags, options)
        return self._publish(target, to, None, payload)

    def _publish_with(
        self,
        target: int,
        to: str | Sequence[str] | None,
        type: str | None,
        payload: bytes | str,
        flags: int,
        options: Mapping[str, Any],
        members: dict[str, bytes] | None = None,
    ) -> Receipt:
        key = exclude = once = None
        rate = 0.0
        priority = level = 0
        for name, value in options.items():
            if value is None:
                continue
            if name == "room":
                target, to = (_ALL, None) if value == "@all" else (_ROOM, value)
            elif name == "exclude":
                exclude = ids(value, "exclude")
            elif name == "conflate":
                key = value
            elif name == "max_rate":
                rate = checked_rate(value)
            elif name == "priority":
                priority = checked_priority(value)
            elif name == "level":
                level = checked_level(value)
            elif name == "history":
                flags |= 0 if value else _core.NO_HISTORY
            elif name == "report":
                flags |= _core.REPORT if value else 0
            elif name == "once":
                once = checked_once(value)
            else:
                raise TypeError(f"{name!r} is no option of a sending call; those are {', '.join(sorted(OPTION_NAMES))}")
        return self._publish(target, to, type, payload, key, rate, priority, level, exclude, members, flags, once)


def _document(*classes: type) -> None:
    """Adds what `**options` are to the docstrings of the sending calls: help() shows nothing else of them."""
    words = (SendOptions.__doc__ or "").strip().splitlines()[1:]
    rows = {name.strip(): text for name, _, text in (line.partition(":") for line in words if line.strip())}
    for cls in classes:
        for name, call in vars(cls).items():
            if name.startswith("_") or not isinstance(call, FunctionType) or not call.__doc__:
                continue
            last = list(inspect.signature(call).parameters.values())[-1]
            if last.kind is not inspect.Parameter.VAR_KEYWORD:
                continue
            given = {*call.__annotations__, *(["room"] if "RoomOptions" in str(last.annotation) else [])}
            own = "".join(f"\n{option}:{text}" for option, text in rows.items() if option not in given)
            call.__doc__ = f"{inspect.cleandoc(call.__doc__)}\n\nOptions, each of which may be left out:\n{own}\n"


_document(Sending, EventMethods)


def ids(value: object, what: str) -> str | list[str]:
    """Ids as text: applications have numbers and UUIDs for users, too."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        return [one_id(item, what) for item in value]
    return one_id(value, what)


def one_id(value: object, what: str) -> str:
    if isinstance(value, str):
        return value
    if (isinstance(value, int) and not isinstance(value, bool)) or type(value).__name__ == "UUID":
        return str(value)
    raise TypeError(f"{what} must be str (or int, or UUID), not {type(value).__name__}")


def checked_once(value: object) -> str:
    text = one_id(value, "once")
    if not text:
        raise InvalidArgument("once is empty: leave it out (or None) where there is no id")
    return text


def checked_rate(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf"):
        return float(value)
    raise InvalidArgument(f"max_rate must be a positive number (messages per second and key), not {value!r}")


def checked_priority(value: object) -> int:
    try:
        return PRIORITIES[cast("str", value)]
    except (KeyError, TypeError):
        raise InvalidArgument(f'priority must be "critical", "normal" or "low", not {value!r}') from None


def checked_level(value: object) -> int:
    number = _core.level_parse(value) if isinstance(value, str) else -1
    if number < 0:
        raise InvalidArgument(
            f'level must be "debug", "info", "success", "warning", "error" or "critical", not {value!r}'
        )
    return number
