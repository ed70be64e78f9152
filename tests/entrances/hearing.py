"""Finds out who hears what: each somebody tries every way that there is, and what comes by any of them was heard."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt
from raw.frames import CLOSE, PING, PONG, TEXT, frame, text
from raw.peer import Peer, Unexpected, request

from entrances.http import Reply, call
from entrances.server import Server

SECRET = "the-secret-of-the-entrances-" + "x" * 32
KEY = "the-operators-key-of-the-entrances"
FAR = ("X-Forwarded-For: 203.0.113.9",)
PREFIXES = ("", "/v1")
PATHS = (
    *("/ws", "/ws/updates", "/ws/notifications", "/ws/project/7", "/ws/logs", "/ws/c00kie", "/ws/board:7"),
    *("/live/7", "/live/8", "/live/*", "/ws?session_id=u1&user_id=u1&user=u1&client_id=u1", "/ws/", "//ws", "/WS"),
)
STATISTICS = (
    *("/api/ws/stats", "/ws/stats", "/metrics", "/api/ws/connections", "/api/ws/bans", "/api/ws/project/7/subscribers"),
)
ASKED = (
    {"action": "subscribe", "room": "board:7"},
    {"action": "subscribe", "channel": "board:7"},
    {"action": "subscribe", "room": "board:*"},
    {"action": "subscribe", "room": "*"},
    {"action": "subscribe", "room": "@user:u1"},
    {"action": "history", "room": "board:7"},
    {"action": "presence", "room": "board:7"},
)


def token(user: str, rooms: list[str]) -> str:
    return jwt.encode({"sub": user, "exp": int(time.time()) + 3600, "rooms": rooms}, SECRET, "HS256")


def headers(who: str, application: str) -> list[str]:
    """What they say about themselves."""
    if who == "anonymous":
        return []
    if who == "key":
        return [f"X-API-Key: {KEY}"]
    if application == "tokens":
        return [f"Authorization: Bearer {token(who, {'u1': ['board:7'], 'u2': ['board:8']}[who])}"]
    return [f"x-user: {who}"]


@dataclass
class Listener:
    """A connection that was let in. heard: the markers that came, with the room that each was sent to."""

    way: str
    peer: Peer
    heard: set[str] = field(default_factory=set)
    statistics: bool = False

    def say(self, message: dict[str, Any]) -> None:
        self.peer.send(text(json.dumps(message)))

    def until(self, wanted: str) -> bool:
        """Reads until a pong of that id; False if the server closes before."""
        while True:
            try:
                found = self.peer.frame()
            except EOFError:
                return False
            if found.opcode == CLOSE:
                return False
            if found.opcode == PING:
                self.peer.send(frame(PONG, found.payload))
            if found.opcode == TEXT and self._take(found.payload, wanted):
                return True

    def _take(self, payload: bytes, wanted: str) -> bool:
        message = json.loads(payload)
        kind = message.get("type")
        if kind == "pong":
            return bool(message.get("id") == wanted)
        if kind == "mark":
            self.heard.add(message["data"]["to"])
        elif kind == "history":
            self.heard |= {past["data"]["to"] for past in message["data"]["messages"] if past.get("type") == "mark"}
        elif kind == "stats":
            self.statistics = True
        return False


def begin(server: Server, path: str, lines: list[str]) -> Peer:
    """A connection that has asked for an upgrade."""
    peer = server.connect()
    peer.send(request(path, extra=lines))
    return peer


def greeted(peer: Peer, way: str = "") -> tuple[Listener | None, str]:
    """A listener that was greeted, or what the answer was: a status, a close code, or that it ended."""
    try:
        answer = peer.answer()
        if answer is None or answer.status != 101:
            peer.close()
            return None, str(answer.status if answer else "ended")
        first = peer.frame()
        while first.opcode == PING:
            first = peer.frame()
        if first.opcode == TEXT and json.loads(first.payload).get("type") in ("connected", "connection"):
            return Listener(way, peer), "let in"
        peer.close()
        return None, str(first.code if first.opcode == CLOSE else first)
    except EOFError:
        peer.close()
        return None, "ended"


def let_in(server: Server, path: str, lines: list[str] | None = None) -> tuple[Listener | None, str]:
    """Both of them."""
    return greeted(begin(server, path, lines or []), path)


SERIAL = itertools.count(1)


class Somebody:
    """Tries everything; then what is published is heard or not."""

    def __init__(self, server: Server, who: str, application: str) -> None:
        self.server = server
        self.lines = headers(who, application)
        self.answers: dict[str, str] = {}

    def find(self) -> dict[str, tuple[bool, str]]:
        """Column -> whether, and how."""
        listeners = list(self._enter())
        try:
            for listener in listeners:
                for number, message in enumerate(ASKED):
                    listener.say({**message, "id": number})
                listener.say({"action": "stats"})
                listener.say({"action": "ping", "id": "asked"})
            inside = [listener for listener in listeners if listener.until("asked")]
            marks = self._publish()
            for listener in inside:
                listener.say({"action": "ping", "id": "heard"})
            ended = [listener.way for listener in inside if not listener.until("heard")]
            if ended:
                raise Unexpected(f"ended while they listened: {ended}")
            return self._columns(inside, marks)
        finally:
            for listener in listeners:
                listener.peer.close()

    def _enter(self) -> Iterator[Listener]:
        begun = [
            (prefix + path, begin(self.server, prefix + path, self.lines))
            for prefix, path in itertools.product(PREFIXES, PATHS)
        ]
        for path, peer in begun:
            listener, self.answers[path] = greeted(peer, path)
            if listener:
                yield listener

    def _publish(self) -> dict[str, str]:
        """Marks that were sent to @all, board:7, the user u1, and a room that nobody was given."""
        marks = {}
        for to in ("@all", "board:7", "@user:u1", "board:secret"):
            marks[to] = f"{to} {next(SERIAL)}"
            self.server.do("publish", to=to, message={"type": "mark", "data": {"to": marks[to]}})
        return marks

    def _columns(self, inside: list[Listener], marks: dict[str, str]) -> dict[str, tuple[bool, str]]:
        def heard(to: str) -> tuple[bool, str]:
            ways = [listener.way for listener in inside if marks[to] in listener.heard]
            return bool(ways), ", ".join(ways[:3])

        asked = [listener.way for listener in inside if listener.statistics]
        return {
            "@all": heard("@all"),
            "board:7": heard("board:7"),
            "@user:u1": heard("@user:u1"),
            "history": self._rest(("/api/ws/history?room=board:7",), marks["board:7"]),
            "firehose": heard("board:secret"),
            "statistics": self._rest(STATISTICS, "", *FAR),
            "action stats": (bool(asked), ", ".join(asked[:3])),
        }

    def _rest(self, paths: tuple[str, ...], mark: str, *more: str) -> tuple[bool, str]:
        found: dict[str, Reply] = {
            prefix + path: call(self.server, "GET", prefix + path, *self.lines, *more)
            for prefix, path in itertools.product(PREFIXES, paths)
        }
        good = [path for path, reply in found.items() if reply.status == 200 and mark in reply.text and reply.ours]
        return bool(good), ", ".join(good[:3]) or ", ".join(f"{path} {reply.status}" for path, reply in found.items())
