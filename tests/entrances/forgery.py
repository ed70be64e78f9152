"""Messages whose authors say what only the server may say."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from typing import Any

from raw.peer import Unexpected

from entrances.attack import FETCH, SOCKETS, Attacks, demand, inside
from entrances.hearing import Listener
from entrances.http import call
from entrances.names import said
from entrances.server import Server

forgery = Attacks("messages", "open")
FLAT = (
    *("processing_started", "processing_progress", "processing_complete", "processing_failed"),
    *("validation_required", "system_status"),
)
CORE = (
    *("gap", "connected", "connection", "heartbeat", "ping", "pong", "subscribed", "unsubscribed", "authenticated"),
    *("token_expiring", "reply", "stats", "history", "presence", "presence_join", "presence_leave", "presence_changed"),
    *("server_draining", "published", "error"),
)
ENVELOPE: dict[str, Any] = {
    "type": "x",
    "event_type": "gap",
    "room": "news",
    "epoch": "z",
    "offset": 10**15,
    "timestamp": "1999-01-01T00:00:00.000Z",
    "message_id": "forged",
    "from": {"user_id": "admin", "client_id": "forged"},
    "@position": {"room": "news", "epoch": "z", "offset": 10**15},
    "@other": 1,
    "id": 7,
    "recovered": False,
    "missed": 5,
}
NUMBER = itertools.count(1)


class Chat:
    """Somebody who writes to a room of their own, somebody who reads it, and somebody who reads `news`."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.room = f"chat:{next(NUMBER)}"
        self.writer = inside(server, "/ws")
        self.reader = inside(server, "/ws")
        self.news = inside(server, "/ws")
        for listener, room in ((self.reader, self.room), (self.news, "news")):
            listener.say({"action": "subscribe", "room": room})
            said_until(listener)
        self.offset = 0
        self.seen: list[dict[str, Any]] = []

    def __enter__(self) -> Chat:
        return self

    def __exit__(self, *_: object) -> None:
        for listener in (self.writer, self.reader, self.news):
            listener.peer.close()

    def publish(self, fields: dict[str, Any] | str) -> str:
        """`bad_request` or another code, or `published`, after a look at what the others have got."""
        message: Any = {"action": "publish", "room": self.room, **fields} if isinstance(fields, dict) else fields
        self.writer.peer.send(as_frame(message))
        answers = [answer for answer in said_until(self.writer) if answer.get("type") in ("published", "error")]
        got = said_until(self.reader)
        elsewhere = said_until(self.news)
        demand(not elsewhere, f"{short(message)} is heard in another room: {short(elsewhere)}")
        if not answers or answers[-1]["type"] == "error":
            code = answers[-1]["data"]["code"] if answers else "no answer"
            demand(not got, f"{short(message)}: {code}, but heard: {short(got)}")
            return str(code)
        demand(len(got) == 1, f"{short(message)}: published, heard: {short(got)}")
        self.judge(got[0], message)
        return "published"

    def judge(self, got: dict[str, Any], message: Any) -> None:
        """What the reader believes of the envelope is true."""
        self.offset += 1
        shown = short(got)
        position = got.get("@position", got)
        demand(position.get("room") == self.room, f"room: {shown}")
        demand(position.get("offset") == self.offset, f"offset, which should be {self.offset}: {shown}")
        demand(position.get("epoch") != "z", f"epoch: {shown}")
        demand(got.get("message_id") != "forged" and bool(got.get("message_id")), f"message_id: {shown}")
        moment = datetime.fromisoformat(str(got.get("timestamp")))
        demand(abs((datetime.now(UTC) - moment).total_seconds()) < 600, f"timestamp: {shown}")
        kind = got.get("type", got.get("event_type"))
        demand(kind not in CORE, f"a type of the core's: {shown}")
        if isinstance(message, dict):
            demand(kind == message.get("type"), f"type: {shown}")
            demand("event_type" not in got or got["event_type"] == message.get("type"), f"event_type: {shown}")
        author = got.get("from")
        demand(isinstance(author, dict), f"it does not say from whom it is: {shown}")
        assert isinstance(author, dict)
        demand(author.get("client_id") not in (None, "forged") and author.get("user_id") is None, f"from: {shown}")
        strange = [name for name in got if name.startswith("@") and name != "@position"]
        demand(not strange, f"{strange}: {shown}")


def as_frame(message: Any) -> bytes:
    from raw.frames import text

    return text(message if isinstance(message, str) else json.dumps(message))


def said_until(listener: Listener) -> list[dict[str, Any]]:
    listener.say({"action": "ping", "id": "end"})
    return [
        message for message in said(listener, "end") if message.get("type") not in ("heartbeat", "subscribed", "ping")
    ]


def short(what: Any) -> str:
    return json.dumps(what)[:160]


def refused(chat: Chat, forged: list[dict[str, Any]], code: str = "bad_request") -> str:
    bad: list[str] = []
    for fields in forged:
        try:
            found = chat.publish(fields)
        except Unexpected as error:
            found = str(error)
        if found != code:
            bad.append(f"{short(fields)}: {found}")
    demand(not bad, f"{len(bad)} of {len(forged)} not refused: {' ; '.join(bad[:3])}")
    return f"{len(forged)} refused"


@forgery("types of the core's own", "bad_request", absent=[SOCKETS])
def types(server: Server) -> str:
    with Chat(server) as chat:
        return refused(
            chat, [{"type": kind, "data": data} for kind in CORE for data in ({}, {"room": "news", "offset": 9})]
        )


@forgery("flat types whose data has members of the envelope", "bad_request", absent=[SOCKETS])
def flat(server: Server) -> str:
    with Chat(server) as chat:
        forged = [{"type": kind, "data": dict(ENVELOPE)} for kind in FLAT]
        forged += [
            {"type": kind, "data": {"image_id": "1", name: value}}
            for kind, (name, value) in itertools.product(FLAT[:2], ENVELOPE.items())
            if name not in ("id", "recovered", "missed")
        ]
        return refused(chat, forged)


@forgery("data whose own type is one of the core's", "bad_request", absent=[SOCKETS])
def types_inside(server: Server) -> str:
    with Chat(server) as chat:
        forged = [
            {"type": kind, "data": {name: core}}
            for kind in FLAT
            for name, core in (
                ("event_type", "gap"),
                ("type", "gap"),
                ("type", "connected"),
                ("event_type", "published"),
            )
        ]
        return refused(chat, forged)


@forgery("other data with members of the envelope", "refused, or heard with a true envelope", absent=[SOCKETS])
def other(server: Server) -> str:
    found: dict[str, int] = {}
    with Chat(server) as chat:
        for fields in (
            {"type": "note", "data": dict(ENVELOPE)},
            {**ENVELOPE, "type": "note", "data": {}, "room": chat.room},
            {"type": "note", "data": {}, "channel": "news"},
            {"type": "note", "data": {}, "project_id": "news"},
            {"type": "note", "data": {}, "rooms": ["news"]},
            {"type": "note", "data": [ENVELOPE]},
            {"type": "note", "data": json.dumps(ENVELOPE)},
            {"type": "note", "data": None},
            {"type": "note", "data": 7},
            {"type": "note"},
            {"type": "story_created", "data": {"project_id": "P", "story_id": "S", **ENVELOPE}},
            {"type": "log_message", "data": {"level": "critical", "message": "x", **ENVELOPE}},
            {"type": "notification", "data": {"user_id": "admin", "title": "x", "message": "y"}},
            {"type": "note", "data": {"__proto__": ENVELOPE, "constructor": {"prototype": ENVELOPE}}},
            {"type": 'x","room":"news', "data": {}},
            {"type": "x\\u0022", "data": {}},
            {"type": "a\nb", "data": {}},
            {"type": "x" * 5000, "data": {}},
            {"type": "Gap", "data": {}},
            {"type": "gap ", "data": {}},
            {"type": "g\u0430p", "data": {}},
            {"type": "@gap", "data": {}},
        ):
            answer = chat.publish(fields)
            found[answer] = found.get(answer, 0) + 1
    return str(found)


@forgery("types that are none", "an error", absent=[SOCKETS])
def no_types(server: Server) -> str:
    with Chat(server) as chat:
        values: tuple[Any, ...] = ("", 7, True, [], {}, ["gap"], {"type": "gap"}, "\u0000", "gap\u0000")
        found = {chat.publish({"type": value, "data": {}}) for value in values}
        demand("published" not in found, f"{found}")
        return str(sorted(found))


@forgery("JSON that says things twice", "an error", absent=[SOCKETS])
def twice(server: Server) -> str:
    with Chat(server) as chat:
        found = set()
        for forged in (
            f'{{"action":"publish","room":"{chat.room}","room":"news","type":"x","data":{{}}}}',
            f'{{"action":"publish","room":"{chat.room}","type":"x","type":"gap","data":{{}}}}',
            f'{{"action":"publish","room":"{chat.room}","type":"x","data":{{"a":1,"a":2}}}}',
            f'{{"action":"publish","room":"{chat.room}","type":"x","data":{{}},"data":{{"room":"news"}}}}',
            f'{{"action":"publish","action":"subscribe","room":"{chat.room}","type":"x","data":{{}}}}',
            f'{{"action":"publish","room":"{chat.room}","type":"system_status","data":{{"\\u0072oom":"news"}}}}',
        ):
            found.add(chat.publish(forged))
        demand("published" not in found, f"{found}")
        return str(sorted(found))


@forgery("rooms of the server's own, and of others", "refused", absent=[SOCKETS])
def rooms(server: Server) -> str:
    with Chat(server) as chat:
        found = {}
        for room in (
            "@all",
            "@user:u1",
            "@client:x",
            "@session:s",
            "news",
            "*",
            "chat:*",
            "",
            "chat:1 ",
            " chat:1",
            None,
            7,
            ["chat:1"],
        ):
            found[str(room)] = chat.publish({"room": room, "type": "x", "data": {}})
        demand("published" not in found.values(), str(found))
        return str(sorted(set(found.values())))


@forgery("what history says of them", "the same as was heard", absent=[SOCKETS])
def kept(server: Server) -> str:
    with Chat(server) as chat:
        for fields in ({"type": "note", "data": dict(ENVELOPE)}, {"type": "system_status", "data": dict(ENVELOPE)}):
            chat.writer.say({"action": "publish", "room": chat.room, **fields})
        said_until(chat.writer)
        reply = call(server, "GET", f"/api/ws/history?room={chat.room}")
        demand(reply.status == 200, f"{reply.status}")
        for message in json.loads(reply.text)["messages"]:
            chat.judge(message, None)
        return f"{chat.offset} kept"


HOST: tuple[tuple[str, dict[str, Any]], ...] = (
    ("its own room", {"type": "note", "room": "kitchen", "data": {}}),
    ("its own offset", {"type": "note", "offset": 5, "data": {}}),
    ("its own epoch", {"type": "note", "epoch": "bronze", "data": {}}),
    ("all of them", {"type": "note", "room": "kitchen", "epoch": "bronze", "offset": 5}),
    ("no type", {"room": "kitchen", "text": "hello"}),
)


@forgery("objects of the host's that have a room, an epoch or an offset", "stay as they are; @position beside them")
def host(server: Server) -> str:
    room = f"mine:{next(NUMBER)}"
    for number, (what, message) in enumerate(HOST, 1):
        server.do("publish", to=room, message=message)
        reply = call(server, "GET", f"/api/ws/history?room={room}")
        demand(reply.status == 200, f"history: {reply.status}")
        got = json.loads(reply.text)["messages"][-1]
        kept_all = all(got.get(name) == value for name, value in message.items())
        demand(kept_all, f"{what}: {short(got)}")
        position = got.get("@position")
        demand(isinstance(position, dict), f"{what}: no @position: {short(got)}")
        demand(position["room"] == room and position["offset"] == number, f"{what}: {short(got)}")
    return f"{len(HOST)}"


@forgery("objects of the host's with members that begin with @", "refused at the call")
def host_reserved(server: Server) -> str:
    for message in ({"@position": {"room": "x"}}, {"type": "x", "@other": 1, "data": {}}, {"@": 1}):
        for to in ("mine:reserved", "@all", "@user:u1"):
            answer = server.attempt("publish", to=to, message=message)
            demand("error" in answer, f"{message} to {to} was taken")
    return "refused"


@forgery("the same by REST broadcast", "400", absent=[FETCH])
def rest_reserved(server: Server) -> str:
    for body in (
        {"event_type": "system_status", "data": {"@position": {"room": "x"}}},
        {"event_type": "processing_progress", "data": {"image_id": "1", "@other": 1}},
    ):
        reply = call(
            server, "POST", "/api/ws/broadcast", "Content-Type: application/json", body=json.dumps(body).encode()
        )
        demand(reply.status == 400, f"{short(body)}: {reply.status} {reply.text[:80]}")
    return "400"


@forgery("REST broadcast of a flat type with a room of its own", "@position says where it is", absent=[FETCH])
def rest_flat(server: Server) -> str:
    room = f"mine:{next(NUMBER)}"
    body = {"event_type": "processing_complete", "room": room, "data": {"room": "kitchen", "offset": 5, "epoch": "z"}}
    listener = inside(server, "/ws")
    listener.say({"action": "subscribe", "room": room})
    said_until(listener)
    sent = call(server, "POST", "/api/ws/broadcast", "Content-Type: application/json", body=json.dumps(body).encode())
    if sent.status == 400:
        return "400"
    demand(sent.status == 200, f"{sent.status} {sent.text[:80]}")
    got = said_until(listener)[-1]
    listener.peer.close()
    position = got.get("@position", got)
    demand(position.get("room") == room and position.get("offset") == 1 and position.get("epoch") != "z", short(got))
    return "true"


ALL = (forgery,)
