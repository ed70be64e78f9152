"""What comes from outside and lands in names and patterns of an endpoint of the application's own."""

from __future__ import annotations

from itertools import zip_longest

from entrances.attack import SOCKETS, Attacks, demand, inside, leaked
from entrances.hearing import let_in
from entrances.server import Server

names = Attacks("names", "hurried")
WRONG_PATH = (
    *(
        "*",
        "%2A",
        "%2a",
        "a*",
        "*a",
        "7*",
        "%20",
        "a%20b",
        "%0a",
        "a%0ab",
        "a%0d",
        "%09",
        "%7f",
        "%1b%5b2J",
    ),
    *("%c2%85", "a" * 200, "%e2%80%a8%20"),
)
RIGHT_PATH = (
    "7",
    "%37",
    "%C3%A9",
    "@all",
    "a.b",
    "..a",
    "a;b",
    "a:b",
    "%25",
    "%3Cb%3E",
    "__proto__",
    "constructor",
    "0",
    "null",
)
WRONG_QUERY = (
    *(
        "*",
        "%2A",
        "**",
        "a*",
        "a%20b",
        "a+b",
        "%0a",
        "@all",
        "@user:u2",
        "@client:x",
        "@session:s",
        "%40user:u2",
        "@",
    ),
    *("a" * 129,),
)
WRONG_PATTERN = ("*", "%2A", "a*", "**", "%20", "a%20b", "%0a", "@user", "@client", "@", "%40session")


def refused(server: Server, paths: list[str], fields: tuple[str, ...] = ()) -> str:
    """Each by 4400: after the upgrade, so that a page sees it. fields: a header for each path, or none."""
    found = {}
    for path, field in zip_longest(paths, fields, fillvalue=""):
        listener, answer = let_in(server, path, [field] if field else None)
        if listener:
            listener.peer.close()
        found[path + field] = answer
    leaked(found)
    bad = {path: answer for path, answer in found.items() if answer != "4400"}
    demand(not bad, f"not 4400 for {len(bad)} of {len(found)}: {dict(list(bad.items())[:6])}")
    demand(server.alive, "THE SERVER HAS ENDED")
    return f"4400: {len(found)}"


@names("a parameter of the path in a room", "4400", absent=[SOCKETS])
def in_path(server: Server) -> str:
    return refused(server, [f"/live/{name}" for name in WRONG_PATH])


@names("a parameter of the query as a room", "4400", absent=[SOCKETS])
def in_query(server: Server) -> str:
    return refused(server, [f"/bare?board={name}" for name in WRONG_QUERY])


@names("a parameter of the path in a pattern of grants", "4400", absent=[SOCKETS])
def in_pattern(server: Server) -> str:
    return refused(server, [f"/team/{name}" for name in WRONG_PATTERN])


@names("a parameter of the query in a pattern of publications", "4400", absent=[SOCKETS])
def in_publish(server: Server) -> str:
    return refused(server, [f"/write?board={name}" for name in ("*", "%2A", "a*", "a%20b", "@user:", "@")])


@names("a parameter that the application takes apart or changes", "4400", absent=[SOCKETS])
def changed(server: Server) -> str:
    lists = [f"/several?boards={boards}" for boards in ("7,*", "7,a%20b", "7,A%20B", "7,a%0ab", "7," + "A" * 200)]
    patterns = [f"/inboxes?teams={teams}" for teams in ("7,*", "A*", "slug-*", "%252A,*", "x,a%20b")]
    return refused(server, lists + patterns)


@names("a header or a cookie in a room or a pattern", "4400", absent=[SOCKETS])
def kept(server: Server) -> str:
    fields = ("X-Nick: *", "X-Nick: a b", "X-Nick: A*", "Cookie: nick=*", "Cookie: lang=en; nick=a b")
    return refused(server, ["/inboxes"] * len(fields), fields)


@names("nothing at all in a room or a pattern", "4400", absent=[SOCKETS])
def nothing(server: Server) -> str:
    return refused(server, ["/bare?board=", "/write?board="])


@names("bytes that are no UTF-8, and NUL", "let in by another name, 4400, 400 or 404", absent=[SOCKETS])
def no_utf8(server: Server) -> str:
    found = {}
    for name in ("%ff", "%00", "a%00", "%c0%80", "%ed%a0%80", "%f4%90%80%80", "\xff", "%e2%80"):
        for path in (f"/live/{name}", f"/bare?board={name}", f"/team/{name}"):
            listener, found[path] = let_in(server, path)
            if listener:
                listener.peer.close()
    bad = {path: answer for path, answer in found.items() if answer not in ("let in", "4400", "400", "404")}
    demand(not bad, str(bad))
    return leaked(found, "500")


@names("names that are odd and good", "let in, and granted nothing more", absent=[SOCKETS])
def odd(server: Server) -> str:
    for name in RIGHT_PATH:
        listener = inside(server, f"/live/{name}")
        for room in ("board:secret", "board:*", "*", "board:", "board:7x"):
            listener.say({"action": "subscribe", "room": room})
            listener.say({"action": "publish", "room": room, "type": "x", "data": {}})
        listener.say({"action": "ping", "id": "end"})
        answers = said(listener, "end")
        bad = [answer for answer in answers if answer.get("type") in ("subscribed", "published")]
        demand(not bad, f"/live/{name}: {bad}")
        listener.peer.close()
    return f"{len(RIGHT_PATH)} names"


@names("a parameter that grants", "its own rooms, and no other", absent=[SOCKETS])
def granted(server: Server) -> str:
    listener = inside(server, "/team/red")
    for room in ("red:1", "red:", "blue:1", "red", "redder:1", "@user:red"):
        listener.say({"action": "subscribe", "room": room, "id": room})
    listener.say({"action": "ping", "id": "end"})
    got = {answer.get("id") for answer in said(listener, "end") if answer.get("type") == "subscribed"}
    listener.peer.close()
    demand(got == {"red:1", "red:"}, f"subscribed to {sorted(map(str, got))}")
    return "red:1 and red:"


def said(listener: object, end: str) -> list[dict[str, object]]:
    """All messages up to a pong of that id."""
    import json

    from raw.frames import CLOSE, TEXT
    from raw.peer import Unexpected

    found: list[dict[str, object]] = []
    while True:
        frame = listener.peer.frame()  # type: ignore[attr-defined]
        if frame.opcode == CLOSE:
            raise Unexpected(f"{frame} instead of answers")
        if frame.opcode == TEXT:
            message = json.loads(frame.payload)
            if message.get("type") == "pong" and message.get("id") == end:
                return found
            found.append(message)


ALL = (names,)
