"""An attack as a row of the table: what it is, on which application, and the one answer that is expected everywhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from raw.peer import Unexpected

from entrances.hearing import KEY, let_in
from entrances.http import call
from entrances.server import Server

MIB = 1 << 20

# Why a cell does not apply. Nothing else is accepted as a reason.
ROUTES_ONLY = "of ASGI applications alone: nothing else is routed"
NODE_ONLY = "handOver() is Node's"
NO_ENDPOINTS = "an endpoint with a check of the application's own needs a server of the application's"
SAME_SOCKETS = "its sockets are those of Node attach: only the REST calls differ"
SERVERS_OWN = "the server reads, inflates and ends by itself here: that is set by its own options"
NEVER_TOLD = "hypercorn never tells an application of the end of a client that spoke before it was answered"
TLS_OWN = "asyncio waits for the client's end of TLS by itself, 30 s long"
NO_ADDRESS = "fetch() is not told an address: what is the operator's needs the key"
NO_SOCKET = "fetch() sees no connection: how many of its requests are answered at a time is its server's (docs/node.md)"
NEVER_ASKED = "without our class the server does not ask us about a path that nobody routes"
ANOTHER_SERVER = "the server of the application is the one of `run`; the own port is in the column of that name"
REASONS = (
    ROUTES_ONLY,
    NODE_ONLY,
    NO_ENDPOINTS,
    SAME_SOCKETS,
    SERVERS_OWN,
    TLS_OWN,
    NEVER_TOLD,
    NO_ADDRESS,
    NO_SOCKET,
    NEVER_ASKED,
    ANOTHER_SERVER,
)

ASGI = ("run", "uvicorn, our class", "uvicorn, plain", "run, TLS", "hypercorn", "gunicorn")
BRIDGED = ("uvicorn, plain", "hypercorn", "gunicorn")


@dataclass(frozen=True)
class Scene:
    """The application that is attacked, by language, and its options."""

    asgi: str = ""
    own: str = ""
    node: str = ""
    options: dict[str, str] = field(default_factory=dict)
    absent: str = ""

    def module(self, entrance: str, language: str) -> str:
        if entrance == "run, own port":
            return ""
        if entrance in ("Node listen", "Node fetch") and self.node in ("hurried", "own_alone", "hurried_handed"):
            return ""
        return {"asgi": self.asgi, "own": self.own, "node": self.node}[language]

    def reason(self, entrance: str) -> str:
        if entrance == "run, own port":
            return ANOTHER_SERVER
        if entrance == "Node fetch" and self.node:
            return SAME_SOCKETS
        return NO_ENDPOINTS if entrance == "Node listen" and self.node else self.absent


KEYED = {"WEBSOCKET_API_KEY": KEY, "WEBSOCKET_AUTH_TIMEOUT": "2"}
SCENES = {
    "guarded": Scene("router_guarded", "authenticated", "authenticated", KEYED),
    "alone": Scene("own_alone", "", "own_alone", KEYED, NO_ENDPOINTS),
    "authenticated": Scene("authenticated", "authenticated", "authenticated", KEYED),
    "tokens": Scene("tokens", "tokens", "tokens", KEYED),
    "ten lines": Scene("readme", "readme", "open", KEYED),
    "hurried": Scene("hurried", "", "hurried", {}, NO_ENDPOINTS),
    "open": Scene("open_wide", "open_wide", "open_wide", {}),
    "slow check": Scene("slow_check", "slow_check", "slow_check", {}),
    "handOver": Scene("", "", "hurried_handed", {}, NODE_ONLY),
    "late check": Scene("late_check", "late_check", "late_check", KEYED),
    "late route": Scene("late_route", "", "", {}, ROUTES_ONLY),
    "no router": Scene("no_router", "", "", KEYED, ROUTES_ONLY),
}


@dataclass(frozen=True)
class Attack:
    fault: str
    name: str
    scene: str
    expected: str
    run: Callable[[Server], str | None]
    absent: dict[str, str]
    """Entrance -> reason."""

    def reason(self, entrance: str) -> str:
        return self.absent.get(entrance, "")


class Attacks:
    """Collects the attacks of one module."""

    def __init__(self, fault: str, scene: str) -> None:
        self.fault = fault
        self.scene = scene
        self.all: list[Attack] = []

    def __call__(
        self, name: str, expected: str, *, scene: str = "", absent: Iterable[tuple[Iterable[str], str]] = ()
    ) -> Callable[[Callable[[Server], str | None]], Callable[[Server], str | None]]:
        reasons = {entrance: reason for entrances, reason in absent for entrance in entrances}

        def register(run: Callable[[Server], str | None]) -> Callable[[Server], str | None]:
            self.all.append(Attack(self.fault, name, scene or self.scene, expected, run, reasons))
            return run

        return register

    def again(self, scene: str, more: str) -> None:
        """The attacks that there are, once more on another application."""
        again = [attack for attack in self.all if attack.scene == self.scene]
        self.all += [replace(attack, scene=scene, name=f"{attack.name} ({more})") for attack in again]


SOCKETS = (("Node fetch",), SAME_SOCKETS)
TLS = (("run, TLS",), TLS_OWN)
FETCH = (("Node fetch",), NO_ADDRESS)


def demand(what: bool, message: str) -> None:
    if not what:
        raise Unexpected(message)


def until(condition: Callable[[], Any], what: str | Callable[[], str], timeout: float = 12.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise Unexpected(f"in vain: {what()}" if callable(what) else f"in vain: {what}")
        time.sleep(0.03)


def serves(server: Server, path: str = "/api/ws/health") -> None:
    """It is there, and answers."""
    demand(server.alive, f"THE SERVER HAS ENDED: {server.last_words()}")
    reply = call(server, "GET", path)
    demand(reply.status == 200, f"GET {path}: {reply.status} afterwards")


def inside(server: Server, path: str, lines: list[str] | None = None) -> Any:
    """A listener; Unexpected if it was not let in."""
    listener, answer = let_in(server, path, lines)
    if listener is None:
        raise Unexpected(f"{path}: {answer} instead of being let in")
    return listener


def leaked(found: dict[str, str], what: str = "let in") -> str:
    """Unexpected if any answer is `what`; else the answers, counted."""
    bad = [way for way, answer in found.items() if answer == what]
    if bad:
        raise Unexpected(f"{what} by {len(bad)} of {len(found)}: {'; '.join(bad[:6])}")
    counted: dict[str, int] = {}
    for answer in found.values():
        counted[answer] = counted.get(answer, 0) + 1
    return ", ".join(f"{answer}: {count}" for answer, count in sorted(counted.items()))


def settled(server: Server, base: int, slack: int = 4) -> str:
    """Waits until no more descriptors are open than before, and the runtime has no connections."""
    until(
        lambda: server.do("connections")["connections"] == 0,
        lambda: f"the runtime has {server.do('connections')['connections']} connections of clients that are gone",
    )
    until(
        lambda: server.descriptors() <= base + slack,
        lambda: f"{server.descriptors()} descriptors are open, {base} before",
    )
    return f"{server.descriptors() - base:+d} descriptors"
