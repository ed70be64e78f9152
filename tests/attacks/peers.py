"""Addresses: who is behind a proxy, who only says so, and who is turned away."""

from __future__ import annotations

import base64
import json

from raw.frames import CLOSE, frame, more, text
from raw.peer import Unexpected, request

from attacks.attack import MIB, Attacks, Scene, until
from attacks.rest import call

BODY = b'{"event_type":"x","data":{}}'

proxies = Attacks("proxies")


def seen_as(scene: Scene, *lines: str) -> str:
    """The address that the server has for a connection with these headers."""
    with scene.user(extra=lines) as user:
        user.alive()
        known = {row["ip"] for row in scene.server.do("connections")["rows"]}
    known.discard("127.0.0.1")
    if len(known) > 1:
        raise Unexpected(f"{known}")
    return str(known.pop()) if known else "127.0.0.1"


def is_seen_as(scene: Scene, address: str, *lines: str) -> str:
    found = seen_as(scene, *lines)
    if found != address:
        raise Unexpected(f"{found} instead of {address}")
    return found


proxies.add(
    "a trusted proxy names the client", "docs/limits.md", is_seen_as, "203.0.113.9", "X-Forwarded-For: 203.0.113.9"
)
for name, address, lines in (
    ("what the client has put in front does not count", "203.0.113.9", ["X-Forwarded-For: 127.0.0.1, 203.0.113.9"]),
    ("nor a longer list of it", "203.0.113.9", ["X-Forwarded-For: 10.0.0.1, 127.0.0.1, ::1, 203.0.113.9"]),
    ("nor in a line of its own", "203.0.113.9", ["X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 203.0.113.9"]),
    ("IPv4 inside IPv6 is the same address", "203.0.113.9", ["X-Forwarded-For: ::ffff:203.0.113.9"]),
    ("Forwarded", "203.0.113.9", ["Forwarded: for=127.0.0.1, for=203.0.113.9;proto=https"]),
):  # fmt: skip
    proxies.add(name, "forwarding headers that are believed", is_seen_as, address, *lines)

WRITES = {
    "outside, behind a proxy": ["X-Forwarded-For: 203.0.113.9"],
    "outside, and says that it is loopback": ["X-Forwarded-For: 127.0.0.1, 203.0.113.9"],
    "outside, twice": ["X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 203.0.113.9"],
    "outside, Forwarded": ["Forwarded: for=203.0.113.9"],
    "outside, Forwarded says loopback before": ["Forwarded: for=127.0.0.1, for=203.0.113.9"],
    "two headers that differ": ["X-Forwarded-For: 127.0.0.1", "Forwarded: for=203.0.113.9"],
    "two headers that differ, the other way round": ["X-Forwarded-For: 203.0.113.9", "Forwarded: for=127.0.0.1"],
    "a quotation that stays open": ['Forwarded: for="127.0.0.1'],
    "outside, with a port": ["X-Forwarded-For: 203.0.113.9:1234"],
    "outside, IPv6 in brackets": ["X-Forwarded-For: [2001:db8::7]:443"],
}
for name, lines in WRITES.items():
    proxies.add(
        f"no writing over REST: {name}",
        "attack table: X-Forwarded-For",
        Scene.refused,
        call("POST", "/api/ws/broadcast", BODY, *lines),
        401,
        400,
        kinds=("own",),
    )


@proxies("no statistics for outside", "attack table: statistics", kinds=("own",))
def statistics(scene: Scene) -> str:
    for path in ("/api/ws/stats", "/ws/stats", "/metrics", "/api/ws/connections", "/api/ws/bans"):
        scene.refused(call("GET", path, b"", "X-Forwarded-For: 203.0.113.9"), 401)
    return "401"


@proxies("5,000 addresses that come once", "memory by forged addresses", kinds=("own",))
def many_addresses(scene: Scene) -> str:
    with scene.flat(16 * MIB) as seen:
        for number in range(5000):
            address = f"198.{18 + number // 65536}.{number // 256 % 256}.{number % 256}"
            scene.refused(request("/nowhere", extra=[f"X-Forwarded-For: {address}"]), 404)
    return seen[0]


distrust = Attacks("proxies", "distrust")
for name, lines in (
    ("X-Forwarded-For is nothing", ["X-Forwarded-For: 203.0.113.9"]),
    ("Forwarded is nothing", ["Forwarded: for=203.0.113.9"]),
    ("X-Real-IP is nothing", ["X-Real-IP: 203.0.113.9"]),
    ("CF-Connecting-IP is nothing", ["CF-Connecting-IP: 203.0.113.9"]),
):
    distrust.add(f"without a trusted proxy, {name}", "attack table: X-Forwarded-For", is_seen_as, "127.0.0.1", *lines)

bans = Attacks("bans", "bans")


def turned_away(scene: Scene, address: str) -> bool:
    """Whether an upgrade from there is answered by a status, or by a close in place of a greeting."""
    with scene.connect() as peer:
        peer.send(request("/ws", extra=[f"X-Forwarded-For: {address}"]))
        answer = peer.answer()
        if answer is None or answer.status != 101:
            return answer is None or answer.status in (403, 429, 503)
        return peer.frame().opcode == CLOSE


def banned_after(scene: Scene, address: str, offence: bytes) -> str:
    """The address is turned away after some offences; others are not, and it may come back when its ban has ended."""
    count = 0
    while not any(ban["ip"].startswith(address) for ban in scene.server.do("bans")["rows"]):
        if count >= 60:
            raise Unexpected(f"no ban after {count} offences")
        with scene.user(extra=[f"X-Forwarded-For: {address}"]) as user:
            user.peer.send(offence)
            user.peer.close_code()
        count += 1
    if not turned_away(scene, address):
        raise Unexpected("the list has it, and it is let in")
    with scene.user(extra=["X-Forwarded-For: 203.0.113.200"]) as user:
        user.alive()
    until(lambda: not turned_away(scene, address), 30)
    return f"banned after {count} offences, back after its ban"


for number, (name, offence) in enumerate(
    (
        ("reserved opcodes", frame(5)),
        ("frames without a mask", text("x", mask=None)),
        ("bad UTF-8", text(b"\xff")),
        ("too many fragments", text("", fin=False) + more("", fin=False) * 1100),
        ("floods", text("ping") * 500),
    )
):
    bans.add(name, "attack table: bans", banned_after, f"203.0.113.{20 + number}", offence)


arrivals = Attacks("bans", "arrivals")


@arrivals("more new connections than one address may open in a second", "attack table: floods")
def arriving(scene: Scene) -> str:
    refused = sum(turned_away(scene, "203.0.113.30") for _ in range(40))
    if not refused:
        raise Unexpected("all 40 are let in")
    return f"{refused} of 40 refused"


@bans("the list of bans tells no one outside", "attack table: statistics", kinds=("own",))
def ban_list(scene: Scene) -> str:
    return scene.refused(call("GET", "/api/ws/bans", b"", "X-Forwarded-For: 203.0.113.40"), 401)


access = Attacks("access", "access")


@access("what nobody may", "docs/access.md")
def nobody(scene: Scene) -> str:
    with scene.user() as user:
        for action in ("subscribe", "history", "presence", "publish", "unsubscribe"):
            code = (
                user.error({"action": action, "room": "closed:7", "data": {}}, "forbidden")
                if action != "unsubscribe"
                else ""
            )
        user.error({"action": "subscribe", "project_id": "9"}, "forbidden")
        user.error({"action": "publish", "room": "news", "data": {}}, "forbidden")
        user.error({"action": "publish", "room": "@all", "data": {}}, "forbidden", "room_invalid")
        user.error({"action": "publish", "room": "closed:", "data": {}}, "forbidden")
    return code or "forbidden"


@access("history and positions of a room whose history is closed", "docs/access.md")
def closed_history(scene: Scene) -> None:
    scene.server.do("send", room="quiet:1", type="secret", data={"x": 1})
    with scene.user() as user:
        user.error({"action": "history", "room": "quiet:1"}, "forbidden")
        user.say({"action": "subscribe", "room": "quiet:1", "since": {"epoch": "x", "offset": 0}})
        answer = user.next()
        if answer["type"] != "subscribed" or answer["data"]["recovered"]:
            raise Unexpected(json.dumps(answer))
        user.alive()


@access("resume names rooms that are closed", "docs/access.md")
def resume(scene: Scene) -> None:
    scene.server.do("send", room="closed:7", type="secret", data={"x": 1})
    position = base64.urlsafe_b64encode(b'{"closed:7":["x",0],"@user:ana":["x",0],"@all":["x",0]}').decode().rstrip("=")
    with scene.server.open(f"/ws?resume={position}") as peer:
        greeting = json.loads(peer.frame().payload)
        if set(greeting["data"]["rooms"]) - {"@all"}:
            raise Unexpected(json.dumps(greeting))


@access("endpoints of rooms that are closed", "docs/access.md")
def closed_endpoint(scene: Scene) -> str:
    return scene.closed(4403, "/ws/project/9")


ALL = (proxies, distrust, bans, arrivals, access)
