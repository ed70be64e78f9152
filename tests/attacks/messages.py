"""What an open connection may say: JSON that is none or too much, names that are no rooms, wishes not granted."""

from __future__ import annotations

import json
from typing import Any

from raw.frames import text
from raw.peer import Unexpected

from attacks.attack import MIB, Attacks, Scene

bad_json = Attacks("JSON")


def answered(scene: Scene, message: str | bytes, *codes: str) -> str:
    with scene.user() as user:
        return user.error(message, *codes)


for name, message in {
    "30,000 arrays deep": '{"action":"ping","x":' + "[" * 30000 + "]" * 30000 + "}",
    "10,000 objects deep": '{"a":' * 10000 + "1" + "}" * 10000,
    "60,000 opening brackets": "[" * 60000,
    "33 deep": '{"x":' + "[" * 33 + "]" * 33 + "}",
    "a number of 60,000 digits": '{"action":"ping","id":' + "9" * 60000 + "}",
    "1e99999": '{"action":"x","n":1e99999}',
    "-1e99999": '{"action":"x","n":-1e99999}',
    "NaN": '{"action":"ping","n":NaN}',
    "Infinity": '{"action":"ping","n":Infinity}',
    "a leading zero": '{"action":"ping","n":012}',
    "hexadecimal": '{"action":"ping","n":0x12}',
    "duplicate keys": '{"action":"ping","action":"subscribe","room":"x"}',
    "duplicate keys, one with escapes": '{"action":"ping","\\u0061ction":"stats"}',
    "a NUL as an escape": '{"action":"pi\\u0000ng"}',
    "a NUL in a key": '{"action\\u0000x":"ping"}',
    "a NUL as a byte": b'{"action":"pi\0ng"}',
    "a NUL behind it": b'{"action":"ping"}\0',
    "a lone high surrogate": '{"action":"ping","x":"\\ud800"}',
    "a lone low surrogate": '{"action":"ping","x":"\\udc00"}',
    "surrogates the wrong way round": '{"action":"ping","x":"\\udc00\\ud800"}',
    "an escape that is none": '{"action":"\\x70ing"}',
    "single quotes": "{'action':'ping'}",
    "no quotes": "{action:1}",
    "a comma too many": '{"action":"ping",}',
    "a comment": '{"action":"ping"/**/}',
    "not closed": '{"action":"ping"',
    "something behind it": '{"action":"ping"}{"action":"ping"}',
    "a byte order mark": b'\xef\xbb\xbf{"action":"ping"}',
    "a control character in text": b'{"action":"a\x01b"}',
    "a line end in text": '{"action":"a\nb"}',
    "a tab as white space of another kind": b'{\x0b"action":"ping"}',
    "no-break spaces": '{\u00a0"action":"ping"}',
}.items():
    bad_json.add(name, "attack table; JSONTestSuite", answered, message, "bad_json")
for name, message in {
    "an empty message": "",
    "an array": '[{"action":"ping"}]',
    "a text": '"ping"',
    "a number": "1",
    "null": "null",
    "spaces": "   ",
    "PING": "PING",
    "an engine.io probe": "2probe",
    "an engine.io packet of many": "4" * 20000,
    "a socket.io event": '42["x",{}]',
    "a socket.io event with attachments": '451-["x",{"_placeholder":true,"num":"splice"}]',
    "1,000,000 attachments": '459999999-["x",{"_placeholder":true,"num":0}]',
    "a socket.io event whose name is an object": '2[{"toString":"foo"}]',
    "60,000 bytes of one character": "a" * 60000,
}.items():
    bad_json.add(name, "socket.io-parser CVE-2022-2421, CVE-2023-32695", answered, message, "bad_json", "bad_request")
for name, value in {
    "an object": {"toString": "foo"},
    "an array": ["subscribe"],
    "a number": 1,
    "null": None,
    "true": True,
    "nothing": "",
}.items():
    bad_json.add(
        f"action is {name}",
        "CVE-2023-32695, CVE-2023-30591",
        answered,
        json.dumps({"action": value, "room": "x"}),
        "bad_request",
        "unknown_action",
    )
for name in (
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
    "__class__",
    "__init__",
    "eval",
    "ping\u200b",
    "PING",
    "a" * 60000,
    "\u202eping",
    "%s%s%s%n",
    "../ping",
    "ping;stats",
):
    bad_json.add(
        f"action {name[:20]!r}",
        "prototype pollution and its kin",
        answered,
        json.dumps({"action": name}),
        "unknown_action",
    )
for name, message in {
    "__proto__ as a member": '{"action":"x","__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}',
    "_placeholder": '{"action":"x","data":{"_placeholder":true,"num":0}}',
    "5,000 members": json.dumps({"action": "x", **{f"k{n}": n for n in range(4000)}}),
    "5,000 members whose names are long": json.dumps({"action": "x", **{"k" * 10 + str(n): n for n in range(2500)}}),
}.items():
    bad_json.add(name, "CVE-2022-2421; hash floods", answered, message, "unknown_action")
for name, value in {
    "an object": {"a": 1},
    "an array": [1],
    "true": True,
    "a number of 300 digits": 10**300,
}.items():
    bad_json.add(
        f"id is {name}",
        "docs/protocol.md",
        answered,
        json.dumps({"action": "ping", "id": value}),
        "bad_request",
        "bad_json",
    )
for name, message in {
    "since is text": {"action": "subscribe", "room": "x", "since": "all"},
    "since without an epoch": {"action": "subscribe", "room": "x", "since": {"offset": 1}},
    "an offset below 0": {"action": "subscribe", "room": "x", "since": {"epoch": "e", "offset": -1}},
    "an offset of 2^64": {"action": "subscribe", "room": "x", "since": {"epoch": "e", "offset": 2**64}},
    "an offset that is a fraction": {"action": "subscribe", "room": "x", "since": {"epoch": "e", "offset": 1.5}},
    "a limit below 0": {"action": "history", "room": "x", "limit": -1},
    "a limit of 2^63": {"action": "history", "room": "x", "limit": 2**63},
    "a limit that is text": {"action": "history", "room": "x", "limit": "all"},
    "a level that is none": {"action": "subscribe", "room": "x", "level": "__proto__"},
    "a room that is a list": {"action": "subscribe", "room": ["x"]},
    "a room that is an object": {"action": "subscribe", "room": {"x": 1}},
    "no room": {"action": "subscribe"},
    "a token where none is taken": {"action": "auth", "token": "x"},
    "auth without a token": {"action": "auth"},
}.items():
    bad_json.add(name, "docs/protocol.md", answered, json.dumps(message), "bad_request", "bad_json", "unauthenticated")

rooms = Attacks("rooms")
for name in (
    "",
    " ",
    "@all",
    "@user:ana",
    "@session:1",
    "@client:x",
    "@",
    "@@all",
    "*",
    "project:*",
    "a*b",
    "a b",
    "a\tb",
    "a\nb",
    "a\r\nb",
    "\x7f",
    "a\x1fb",
    "a\x85b",
    "x" * 129,
    "\u00e9" * 65,
):
    for action in ("subscribe", "unsubscribe", "history", "presence", "publish"):
        rooms.add(
            f"{action} {name[:20]!r}" + (f" ({len(name.encode())} bytes)" if len(name) > 20 else ""),
            "docs/protocol.md",
            answered,
            json.dumps({"action": action, "room": name, "data": {}}),
            "room_invalid",
            "bad_request",
        )
for project in ("", "*", "a b", "x" * 121, "\n"):
    rooms.add(
        f"project_id {project[:20]!r}",
        "docs/protocol.md",
        answered,
        json.dumps({"action": "subscribe", "project_id": project}),
        "room_invalid",
        "bad_request",
    )


@rooms("names that look like those of the server are others", "look-alikes")
def look_alikes(scene: Scene) -> None:
    """Other characters that look like @, and invisible ones: allowed, and nothing of the server's comes there."""
    with scene.user("/ws/project/alone") as user:
        for name in (
            "\uff20all",
            "\ufe6ball",
            "\u200b@all",
            "\u2060@all",
            "\u202e@all",
            "%40all",
            "&#64;all",
            "\\u0040all",
            "@all".encode("utf-16-le").decode("latin-1")[2:3] + "x",
        ):
            user.say({"action": "subscribe", "room": name})
            answer = user.next()
            if answer["type"] not in ("subscribed", "error"):
                raise Unexpected(f"{answer}")
        scene.server.do("send", room="@all", type="for-all", data={})
        scene.server.do("send", room="project:alone", type="mine", data={})
        if (found := user.next())["type"] != "mine":
            raise Unexpected(f"{found} has come")


@rooms("publish without a grant", "attack table: grants")
def publish(scene: Scene) -> str:
    with scene.user("/ws/project/alone") as user:
        return user.error(
            {"action": "publish", "room": "project:alone", "type": "story_created", "data": {}}, "forbidden"
        )


@rooms("100,000 subscriptions of one connection", "Centrifugo: channel limits")
def many_subscriptions(scene: Scene) -> str:
    with scene.flat(20 * MIB) as seen, scene.user() as user:
        before = scene.stat("rooms")
        for start in range(0, 100000, 1000):
            user.peer.send(
                b"".join(text(f'{{"action":"subscribe","room":"r:{n}"}}') for n in range(start, start + 1000))
            )
            codes: dict[Any, int] = {}
            for _ in range(1000):
                answer = user.next()
                code = answer["data"].get("code", answer["type"])
                codes[code] = codes.get(code, 0) + 1
            if set(codes) - {"subscribed", "too_many_rooms"} or (start and codes.get("subscribed")):
                raise Unexpected(f"{codes}")
        rooms_now = scene.stat("rooms") - before
        if rooms_now > 128:
            raise Unexpected(f"{rooms_now} rooms exist")
        user.alive()
    return f"{rooms_now} rooms, {seen[0]}"


@rooms("50,000 rooms, each left at once", "socket.io: rooms that stay")
def many_rooms_left(scene: Scene) -> str:
    with scene.flat(20 * MIB) as seen, scene.user() as user:
        for start in range(0, 50000, 500):
            user.peer.send(
                b"".join(
                    text(f'{{"action":"{action}","room":"left:{n}:{"x" * 100}"}}')
                    for n in range(start, start + 500)
                    for action in ("subscribe", "unsubscribe")
                )
            )
            for _ in range(1000):
                user.next()
        user.alive()
    if scene.stat("rooms") > 3000:
        raise Unexpected(f"{scene.stat('rooms')} rooms are left")
    return f"{scene.stat('rooms')} rooms are left, {seen[0]}"


@rooms("history and presence of 50,000 rooms that do not exist", "reading must not create")
def reading_creates_nothing(scene: Scene) -> str:
    before = scene.stat("rooms")
    with scene.flat(8 * MIB) as seen, scene.user() as user:
        for start in range(0, 20000, 500):
            user.peer.send(
                b"".join(
                    text(f'{{"action":"{action}","room":"none:{n}"}}')
                    for n in range(start, start + 500)
                    for action in ("history", "presence")
                )
            )
            for _ in range(1000):
                user.next()
    if scene.stat("rooms") > before:
        raise Unexpected(f"{scene.stat('rooms') - before} rooms exist")
    return seen[0]


@rooms("statistics tell clients no names", "attack table: statistics")
def statistics(scene: Scene) -> None:
    with scene.user("/ws?session_id=session-of-somebody") as user, scene.user() as other:
        user.say({"action": "subscribe", "room": "name-of-a-room"})
        user.next()
        other.say({"action": "stats"})
        found = json.dumps(other.next())
    for secret in ("session-of-somebody", "name-of-a-room", "127.0.0.1"):
        if secret in found:
            raise Unexpected(f"{secret} is told: {found[:300]}")


ALL = (bad_json, rooms)
