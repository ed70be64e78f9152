"""Endpoints with a check of the application's own, while clients reset, leave, hurry and come in crowds."""

from __future__ import annotations

import itertools
import time

from raw.frames import text
from raw.peer import Peer, request

from entrances.attack import NEVER_TOLD, SOCKETS, TLS, Attacks, demand, inside, leaked, serves, settled
from entrances.hearing import begin, greeted
from entrances.server import Server

checks = Attacks("checks", "hurried")
MANY = 30
HYPERCORN = (("hypercorn",), NEVER_TOLD)
IMPATIENT = 0.1
"""Seconds after which a client of /slow, whose check takes 0.3, does what it does."""


REFUSING = ("raises", "refuses", "closes", "returns")


def ask(server: Server, how: str) -> tuple[str, list[str]]:
    """The path and lines of a request whose check is slow, raises, refuses, closes or returns nothing."""
    return ("/ws", [f"x-how: {how}"]) if server.application == "slow_check" else (f"/{how}", [])


def while_slow(server: Server, do: object, more: bytes = b"") -> str:
    """Many ask, and do something while the check thinks; then the server serves, and holds nothing of them."""
    serves(server)
    inside(server, *ask(server, "slow")).peer.close()
    base = server.descriptors()
    peers = []
    for _ in range(MANY):
        peer = begin(server, *ask(server, "slow"))
        peer.send(more)
        peers.append(peer)
    time.sleep(IMPATIENT)
    for peer in peers:
        do(peer)  # type: ignore[operator]
    serves(server)
    inside(server, *ask(server, "slow")).peer.close()
    found = settled(server, base)
    demand(server.alive, "THE SERVER HAS ENDED")
    return found


@checks("a reset while the check thinks", "served on, nothing left open", absent=[SOCKETS])
def reset(server: Server) -> str:
    return while_slow(server, Peer.reset)


@checks("an end while the check thinks", "served on, nothing left open", absent=[SOCKETS])
def end(server: Server) -> str:
    return while_slow(server, Peer.close)


@checks("a half-closed connection while the check thinks", "served on, nothing left open", absent=[SOCKETS])
def half(server: Server) -> str:
    peers: list[Peer] = []

    def finish(peer: Peer) -> None:
        if not server.tls:
            peer.finish()
        peers.append(peer)

    serves(server)
    base = server.descriptors()
    begun = [begin(server, *ask(server, "slow")) for _ in range(MANY)]
    time.sleep(IMPATIENT)
    for peer in begun:
        finish(peer)
    found = [greeted(peer)[1] for peer in begun]
    for peer in begun:
        peer.close()
    serves(server)
    return f"{settled(server, base)}, {sorted(set(found))}"


@checks("messages before the answer, then a reset", "served on, nothing left open", absent=[SOCKETS, HYPERCORN])
def early(server: Server) -> str:
    return while_slow(server, Peer.reset, text('{"action":"ping"}') * 50)


@checks("200 KB before the answer, then a reset", "served on, nothing left open", absent=[SOCKETS, HYPERCORN])
def much(server: Server) -> str:
    return while_slow(server, Peer.reset, text("x" * 50_000) * 4)


@checks("a second request before the answer, then a reset", "served on, nothing left open", absent=[SOCKETS, HYPERCORN])
def second(server: Server) -> str:
    return while_slow(server, Peer.reset, request("/slow"))


@checks("resets before, during and after the request", "served on, nothing left open", absent=[SOCKETS])
def phases(server: Server) -> str:
    serves(server)
    base = server.descriptors()
    path, lines = ask(server, "slow")
    whole = request(path, extra=lines)
    for part, wait in itertools.product((0, 10, len(whole) - 2, len(whole)), (0, 0.02, 0.28, 0.3, 0.32)):
        with server.connect() as peer:
            peer.send(whole[:part])
            time.sleep(wait)
            peer.reset()
    serves(server)
    return settled(server, base)


@checks("checks that raise, refuse, close or return nothing", "refused, served on, nothing left open", absent=[SOCKETS])
def refusing(server: Server) -> str:
    serves(server)
    base = server.descriptors()
    begun = {f"{how} {number}": begin(server, *ask(server, how)) for how in REFUSING for number in range(8)}
    found = {way: greeted(peer)[1] for way, peer in begun.items()}
    for peer in begun.values():
        peer.close()
    serves(server)
    return f"{leaked(found)}; {settled(server, base)}"


@checks("refused clients that stay", "their descriptors are given back", absent=[SOCKETS, TLS])
def staying(server: Server) -> str:
    serves(server)
    base = server.descriptors()
    begun = [begin(server, *ask(server, how)) for how in REFUSING for _ in range(12)]
    try:
        for peer in begun:
            peer.answer()
        return settled(server, base)
    finally:
        for peer in begun:
            peer.close()


@checks("resets while the check is about to raise or refuse", "served on, nothing left open", absent=[SOCKETS])
def reset_refused(server: Server) -> str:
    serves(server)
    base = server.descriptors()
    for how in REFUSING:
        for wait in (0, 0.03, 0.05, 0.06):
            peers = [begin(server, *ask(server, how)) for _ in range(5)]
            time.sleep(wait)
            for peer in peers:
                peer.reset()
    serves(server)
    return settled(server, base)


@checks("forty at once", "each is let in", absent=[SOCKETS])
def crowd(server: Server) -> str:
    begun = [begin(server, *ask(server, "slow")) for _ in range(40)]
    found = [greeted(peer) for peer in begun]
    for peer in begun:
        peer.close()
    answers = {answer for _, answer in found}
    demand(answers == {"let in"}, f"{answers}")
    return "40"


checks.again("slow check", "by authenticate")
checks.again("handOver", "by handOver()")
ALL = (checks,)
