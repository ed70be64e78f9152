"""Many of them, and slow ones: what a server holds for clients that do not do their part."""

from __future__ import annotations

import contextlib
import socket
import time

from raw.frames import CONTINUATION, PONG, TEXT, frame, more, ping, text
from raw.peer import Peer, Unexpected, request

from attacks.attack import MIB, Attacks, Scene, until

HEAD = request("/ws")

slow = Attacks("slow heads", "slow", kinds=("own",))


@slow("1,000 half handshakes, 50 that send a byte now and then, 50 that send nothing", "slowloris")
def half_handshakes(scene: Scene) -> str:
    """They are closed in time, whatever they send; nothing is held for them afterwards."""
    base = scene.server.descriptors()
    peers: list[Peer] = []
    began = time.monotonic()
    with scene.flat(20 * MIB) as seen:
        for number in range(1100):
            peer = scene.connect()
            peers.append(peer)
            if number < 1000:
                peer.send(HEAD[: 10 + number % (len(HEAD) - 12)])
        until(lambda: scene.server.descriptors() >= base + 1000)
        for _ in range(10):
            scene.honest.check()
        drops = peers[1000:1050]
        position = 0
        while any(not peer.ended for peer in peers) and time.monotonic() < began + 25:
            for peer in drops:
                if not peer.ended:
                    peer.send(HEAD[position : position + 1] if position < len(HEAD) - 4 else b"x")
            position += 1
            for peer in peers:
                if not peer.ended:
                    peer.wait(0)
            time.sleep(0.25)
        left = sum(not peer.ended for peer in peers)
        for peer in peers:
            peer.close()
        if left:
            raise Unexpected(f"{left} are still open after 25 s")
    until(lambda: scene.server.descriptors() <= base + 2)
    return f"all closed after {time.monotonic() - began:.0f} s, {seen[0]}"


@slow("200 bodies of REST that never come", "slowloris (R.U.D.Y.)")
def slow_bodies(scene: Scene) -> str:
    """Announced, begun, not finished: none is waited for without end."""
    head = b"POST /api/ws/broadcast HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50000\r\n\r\n{"
    peers = [scene.connect() for _ in range(200)]
    began = time.monotonic()
    for peer in peers:
        peer.send(head)
    while any(not peer.ended for peer in peers) and time.monotonic() < began + 40:
        for peer in peers:
            if not peer.ended:
                peer.wait(0)
        time.sleep(0.25)
    left = sum(not peer.ended for peer in peers)
    for peer in peers:
        peer.close()
    if left:
        raise Unexpected(f"{left} are still open after 40 s")
    return f"all closed after {time.monotonic() - began:.0f} s"


@slow("200 connections that have had an answer and say nothing more", "keep-alive")
def idle_connections(scene: Scene) -> str:
    peers = [scene.connect() for _ in range(200)]
    began = time.monotonic()
    for peer in peers:
        peer.send(b"GET /api/ws/connections HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    while any(not peer.ended for peer in peers) and time.monotonic() < began + 40:
        for peer in peers:
            if not peer.ended:
                peer.wait(0)
        time.sleep(0.25)
    left = sum(not peer.ended for peer in peers)
    for peer in peers:
        peer.close()
    if left:
        raise Unexpected(f"{left} are still open after 40 s")
    return f"all closed after {time.monotonic() - began:.0f} s"


resets = Attacks("resets")


def quiet(scene: Scene) -> bool:
    return bool(scene.stat("active_connections") <= 1)


def in_waves(scene: Scene, count: int, what: bytes, how: str) -> str:
    count = count if scene.kind == "own" else count // 3  # uvicorn needs as much longer
    base = scene.server.descriptors()
    with scene.flat(16 * MIB, settle=lambda: scene.server.descriptors() <= base + 2 and quiet(scene)) as seen:
        for _ in range(count // 50):
            wave = []
            for _ in range(50):
                peer = scene.connect()
                if what:
                    peer.send(what)
                wave.append(peer)
            for peer in wave:
                if how == "reset":
                    peer.reset()
                else:
                    peer.close()
            scene.honest.check()
    return seen[0]


resets.add("3,000 connections that end at once", "undici, libwebsockets: leaks", in_waves, 3000, b"", "close")
resets.add("3,000 resets at once", "undici, libwebsockets: leaks", in_waves, 3000, b"", "reset")
resets.add("3,000 resets in the middle of a head", "libwebsockets: header table", in_waves, 3000, HEAD[:80], "reset")
resets.add("3,000 resets behind a head", "libwebsockets: use after free at the end", in_waves, 3000, HEAD, "reset")
resets.add("3,000 ends behind a head", "libwebsockets: use after free at the end", in_waves, 3000, HEAD, "close")
resets.add(
    "3,000 resets in the middle of a message",
    "libwebsockets: leaks",
    in_waves,
    3000,
    HEAD + text(b"x" * 5000, fin=False) + more(b"x" * 5000)[:3000],
    "reset",
)
resets.add(
    "1,000 bad frames, then a reset", "ws CVE-2021-32640 and others", in_waves, 1000, HEAD + frame(5, b"x") * 3, "reset"
)


unread = Attacks("never reads")


def blocked(peer: Peer, data: bytes, most: int) -> int:
    """Sends as long as the server takes it, without reading; how many bytes that were."""
    sent = 0
    view = memoryview(data)
    peer.socket.settimeout(0.3)
    with contextlib.suppress(TimeoutError, BlockingIOError, ConnectionError):
        while sent < most:
            at = sent % len(data)
            sent += peer.socket.send(view[at : at + 65536])
    return sent


def tight(peer: Peer) -> None:
    """A small window, so that little fits into the kernel's buffers."""
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)


@unread("100,000 pings whose pongs are not read", "nghttp2 CVE-2019-9512 (ping flood)")
def unread_pongs(scene: Scene) -> str:
    with scene.flat(20 * MIB) as seen, scene.user() as user:
        tight(user.peer)
        sent = blocked(user.peer, ping(b"p" * 125) * 100, 100000 * 131)
    return f"{sent / MIB:.1f} MiB taken, {seen[0]}"


@unread("100,000 commands whose answers are not read", "socket.io: unbounded buffers")
def unread_answers(scene: Scene) -> str:
    with scene.flat(20 * MIB) as seen, scene.user() as user:
        tight(user.peer)
        sent = blocked(user.peer, text('{"action":"stats","id":1}') * 100, 100000 * 31)
    return f"{sent / MIB:.1f} MiB taken, {seen[0]}"


@unread("20 clients that do not read 30 MiB of messages", "Centrifugo, socket.io: slow consumers")
def unread_messages(scene: Scene) -> str:
    """The history of the room (16 MiB at most) is filled before, so that the growth is the clients' own."""
    scene.server.do("flood", room="loud", count=2000, size=16000)
    with contextlib.ExitStack() as stack, scene.flat(30 * MIB) as seen:
        for _ in range(20):
            user = stack.enter_context(scene.user())
            tight(user.peer)
            user.say({"action": "subscribe", "room": "loud"})
            user.next()
        scene.server.do("flood", room="loud", count=2000, size=16000)
        scene.honest.check()
    return seen[0]


@unread("50 handshakes whose answers are not read", "slow readers")
def unread_handshakes(scene: Scene) -> str:
    with scene.flat(10 * MIB) as seen:
        peers = [scene.connect() for _ in range(50)]
        for peer in peers:
            tight(peer)
            peer.socket.send(HEAD)
        scene.honest.check()
        for peer in peers:
            peer.close()
    return seen[0]


busy = Attacks("busy host", "busy")


@busy("380 MiB of messages, more than the application has time for", "queues that count messages, not bytes")
def unhandled(scene: Scene) -> str:
    """What does not fit into the queue of events is refused; the connection goes on, and memory stays bounded."""
    data = text(b"m" * 65000)
    refused = 0
    with scene.flat(200 * MIB) as seen:
        peers = [scene.server.open("/ws") for _ in range(8)]
        for _ in range(96):
            for peer in peers:
                peer.send(data * 8)
        for peer in peers:
            peer.send(ping(b"end"))
            while (found := peer.frame()).opcode != PONG:
                refused += b"does not keep up" in found.payload
        scene.honest.check()
        seen.append(f"{refused} of {96 * 8 * 8} refused")
        for peer in peers:
            peer.close()
    if not refused:
        raise Unexpected("none is refused")
    return ", ".join(seen)


endless = Attacks("endless messages")


def close_codes(scene: Scene, data: bytes, codes: tuple[int, ...], bound: int = 8 * MIB) -> str:
    with scene.flat(bound) as seen, scene.server.open("/ws", timeout=10) as peer:
        peer.send(data)
        code = peer.close_code()
        if code not in codes:
            raise Unexpected(f"close {code} instead of {codes}")
    return f"close {code}, {seen[0]}"


for what, data, codes in (
    ("a message of 65,537 bytes", text(b"x" * 65537), (1009,)),
    ("a frame that declares 2^63 bytes", frame(TEXT, b"x", length=2**63), (1002, 1009)),
    ("a frame that declares 2^64 - 1 bytes", frame(TEXT, b"x", length=2**64 - 1), (1002, 1009)),
    ("a frame that declares 2^62 bytes, and sends 4 MiB of it", frame(TEXT, b"x" * 4 * MIB, length=2**62), (1009,)),
    ("a megabyte of fragments of a byte", text(b"x", fin=False) + frame(CONTINUATION, b"x", fin=False) * MIB, (1008,)),
    ("100,000 empty fragments", text(b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 100000, (1008,)),
    ("fragments that grow over the limit", text(b"x" * 60000, fin=False) + more(b"x" * 60000), (1009,)),
):
    endless.add(what, "undici CVE-2026-1528; attack table", close_codes, data, codes)


@endless("500 connections that stop in the middle of a message of 64 KiB", "unfinished messages")
def unfinished(scene: Scene) -> str:
    """What is held for them is what they have sent, and it is given back."""
    data = HEAD + text(b"x" * 65000)[:-1]
    before = scene.server.memory()
    peers = [scene.connect() for _ in range(500)]
    for peer in peers:
        peer.send(data)
    until(lambda: scene.stat("active_connections") >= 500)
    scene.honest.check()
    held = scene.server.memory() - before
    for peer in peers:
        peer.close()
    until(lambda: quiet(scene))
    if held > 80 * MIB:
        raise Unexpected(f"{held / MIB:.1f} MiB for 32 MiB of unfinished messages")
    return f"{held / MIB:+.1f} MiB for 31 MiB"


rates = Attacks("rates", "limits")


@rates("a client that sends without pause is told, then closed", "attack table: floods")
def one_flood(scene: Scene) -> str:
    with scene.user() as user:
        user.peer.send(text('{"action":"ping"}') * 2000)
        told = 0
        while (found := user.peer.frame()).opcode != 8:
            told += b'"rate_limited"' in found.payload
        if found.code != 4429 or not told:
            raise Unexpected(f"{found} after {told} warnings")
        return f"{told} warnings, close 4429"


@rates("the same in one frame after another, byte by byte", "attack table: floods")
def chopped_flood(scene: Scene) -> str:
    with scene.user() as user:
        data = text("ping") * 400
        user.peer.send(data, 7)
        code = user.peer.close_code()
        if code != 4429:
            raise Unexpected(f"close {code}")
        return f"close {code}"


@rates("more connections from one address than allowed", "attack table: floods")
def many_connections(scene: Scene) -> str:
    peers = []
    refused = 0
    try:
        for _ in range(60):
            peer = scene.server.open("/ws")
            peers.append(peer)
            found = peer.frame()
            refused += found.opcode == 8 and found.code == 1013
    finally:
        for peer in peers:
            peer.close()
    until(lambda: scene.stat("active_connections") <= 1)
    if refused < 10:
        raise Unexpected(f"only {refused} of 60 are refused")
    return f"{refused} of 60 refused with 1013"


@rates("3,000 refused connections", "attack table: floods", kinds=("own",))
def refused_by_the_thousand(scene: Scene) -> str:
    data = request("/ws", extra=["Origin: https://evil.example"])
    with scene.flat(8 * MIB) as seen:
        for _ in range(3000):
            scene.refused(data, 403)
    return f"3,000 refused, {seen[0]}"


ALL = (slow, resets, unread, busy, endless, rates)
