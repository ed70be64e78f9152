"""What becomes of a handler's result, and of what it raises: the answer to whoever is waiting for one."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ._core import InvalidRoom, Refused
from ._names import client_fault, words_of
from ._parameters import BadRequest

if TYPE_CHECKING:
    from ._connection import Request
    from ._core import Runtime
    from ._encode import Encoder

INTERNAL_ERROR = 1011
"""Close code where a handler failed that had to decide (RFC 6455, 7.4.1)."""


MEMBERS = ("user_id", "session_id", "rooms", "subscribe", "publish", "welcome", "state")
"""What an authenticate handler may say."""


class Outcome:
    """Of a handler that nobody waits for an answer of: on_connect, on_disconnect."""

    __slots__ = ()
    answers = False
    """Whether the result is wanted. It may be a Receipt then, which is awaited."""

    def done(self, value: Any) -> None:
        """The handler's result."""

    def failed(self) -> None:
        """It raised, or was cancelled."""

    def refused(self, error: Exception) -> bool:  # noqa: ARG002 - those below look at it
        """Whether the exception meant a refusal, which has been answered then."""
        return False


NOBODY = Outcome()


class Message(Outcome):
    """A client's message. It is answered only if something is wrong."""

    __slots__ = ("_action", "_conn", "_id", "_runtime")

    def __init__(self, runtime: Runtime, conn: int, action: str, id: bytes) -> None:
        self._runtime = runtime
        self._conn = conn
        self._action = action
        self._id = id

    def _error(self, code: str, sentence: str) -> None:
        self._runtime.reply(self._conn, self._action, self._id, sentence, code)

    def failed(self) -> None:
        self._error("internal", "the server failed to handle this message")

    def refused(self, error: Exception) -> bool:
        meant = objection(error)
        if meant is not None:
            self._error(*meant)
        return meant is not None


class Command(Message):
    """A client's command, whose result goes back."""

    __slots__ = ("_encoder",)
    answers = True

    def __init__(self, runtime: Runtime, conn: int, action: str, id: bytes, encoder: Encoder) -> None:
        super().__init__(runtime, conn, action, id)
        self._encoder = encoder

    def done(self, value: Any) -> None:
        text = self._encoder.dumps(value, f"the result of the command {self._action!r}")
        self._runtime.reply(self._conn, self._action, self._id, text)

    def failed(self) -> None:
        self._error("internal", "the handler of this command failed")


Keep = Callable[[Mapping[str, Any] | None], None]
"""Takes what is to become the connection.state; None for nothing."""


class Who(Outcome, ABC):
    """The question who somebody is."""

    __slots__ = ("_request",)
    answers = True

    def __init__(self, request: Request) -> None:
        self._request = request

    @abstractmethod
    def _admit(self, grants: dict[str, Any]) -> None:
        """Lets them in."""

    @abstractmethod
    def _refuse(self, code: int = 0, reason: str = "") -> None:
        """Turns them away."""

    def done(self, value: Any) -> None:
        if value is None or value is False:
            self._refuse()
            return
        grants = decision(value)
        asked = self._request
        words = words_of(asked.path, asked.path_params, asked.query.pairs, asked.headers.items())
        fault = client_fault(grants, words)
        if fault is not None:
            self._refuse(4400, f"authenticate: {fault}")  # The core's line has it.
        else:
            self._admit(grants)

    def failed(self) -> None:
        self._refuse(INTERNAL_ERROR, "The authentication handler failed.")

    def refused(self, error: Exception) -> bool:
        meant = refusal(error)
        if meant is not None:
            self._refuse(*meant)
        return meant is not None


class Authentication(Who):
    """Of a client that wants to come in by a socket."""

    __slots__ = ("_encoder", "_keep", "_runtime", "_ticket")

    def __init__(self, request: Request, runtime: Runtime, ticket: int, keep: Keep, encoder: Encoder) -> None:
        super().__init__(request)
        self._runtime = runtime
        self._ticket = ticket
        self._keep = keep
        self._encoder = encoder

    def _admit(self, grants: dict[str, Any]) -> None:
        grants["welcome"] = self._encoder.welcome(grants.get("welcome"))
        self._keep(grants.pop("state", None))
        self._runtime.authenticated(self._ticket, True, **grants)

    def _refuse(self, code: int = 0, reason: str = "") -> None:
        self._keep(None)
        self._runtime.authenticated(self._ticket, False, code=code, reason=reason)


class Identification(Who):
    """Of who makes a call over HTTP; the answer is in keywords of Runtime.rest()."""

    __slots__ = ("_answered",)

    def __init__(self, request: Request, answered: asyncio.Future[dict[str, Any]]) -> None:
        super().__init__(request)
        self._answered = answered

    def _answer(self, **said: Any) -> None:
        if not self._answered.done():
            self._answered.set_result(said)

    def _admit(self, grants: dict[str, Any]) -> None:
        names = ("user_id", "rooms", "subscribe")
        self._answer(admitted=True, **{name: grants[name] for name in names if name in grants})

    def _refuse(self, code: int = 0, reason: str = "") -> None:
        self._answer(refused=True, code=code, reason=reason)


class Authorization(Outcome):
    """The question whether a client may do something."""

    __slots__ = ("_runtime", "_ticket")
    answers = True

    def __init__(self, runtime: Runtime, ticket: int) -> None:
        self._runtime = runtime
        self._ticket = ticket

    def done(self, value: Any) -> None:
        self._runtime.authorized(self._ticket, bool(value))

    def failed(self) -> None:
        self._runtime.authorized(self._ticket, False)

    def refused(self, error: Exception) -> bool:
        meant = refusal(error)
        if meant is not None:
            self.failed()
        return meant is not None


def refusal(error: Exception) -> tuple[int, str] | None:
    """The close code and reason that an exception means, None if it is an error and no refusal.

    PermissionError, and what FastAPI's users raise: WebSocketException(code, reason), HTTPException(401 or 403). Not
    the operating system's PermissionError, which is a failure and names a file.
    """
    if isinstance(error, PermissionError):
        return (4403, str(error)) if error.errno is None else None
    code = getattr(error, "code", None)
    if isinstance(code, int) and (3000 <= code <= 4999 or code == 1008):
        return (code if code != 1008 else 4403), str(getattr(error, "reason", "") or "")
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        return 4000 + int(status), str(getattr(error, "detail", "") or "")
    return None


def objection(error: Exception) -> tuple[str, str] | None:
    """Code and sentence of the error that a client gets for an exception which is its business; None for others."""
    if isinstance(error, BadRequest | InvalidRoom):
        return "bad_request", str(error)
    if isinstance(error, Refused):
        return "forbidden", str(error)
    meant = refusal(error)
    if meant is not None:
        return "forbidden", meant[1] or "this is not allowed"
    status, detail = getattr(error, "status_code", None), getattr(error, "detail", None)
    if isinstance(status, int) and 400 <= status < 500:  # an HTTPException
        return "bad_request", detail if isinstance(detail, str) else "bad request"
    return None


def decision(value: Any) -> dict[str, Any]:
    """The keywords of Runtime.authenticated(), and `state`, for what an authenticate handler has returned.

    Without user_id: nobody in particular.
    """
    if value is True:
        return {}
    if not isinstance(value, Mapping):
        if isinstance(value, (str, int)) or type(value).__name__ == "UUID":
            return {"user_id": str(value)}
        raise TypeError(
            f"an authenticate handler must return a user id, a dict ({', '.join(MEMBERS)}), True or None, "
            f"not {type(value).__name__}"
        )
    unknown = set(value) - set(MEMBERS)
    if unknown:
        names = ", ".join(MEMBERS)
        raise TypeError(f"an authenticate handler returned a dict with {sorted(unknown)!r}; it may have {names}")
    user = {} if value.get("user_id") is None else {"user_id": str(value["user_id"])}
    return {
        **user,
        "session_id": "" if value.get("session_id") is None else str(value["session_id"]),
        "rooms": listed(value.get("rooms")),
        "subscribe": listed(value.get("subscribe")),
        "publish": listed(value.get("publish")),
        "welcome": value.get("welcome"),
        "state": dict(value.get("state") or {}),
    }


def listed(rooms: Any) -> list[str]:
    """One room, several, or None."""
    if isinstance(rooms, Mapping):
        raise TypeError(f"rooms must be a name or several, not {type(rooms).__name__}")
    return [rooms] if isinstance(rooms, str) else list(rooms or ())
