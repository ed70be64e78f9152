"""The REST calls of the runtime's own port."""

from __future__ import annotations

import json

from raw.peer import Unexpected

from attacks.attack import MIB, Attacks, Scene

BODY = b'{"event_type":"x","data":{}}'
rest = Attacks("REST", kinds=("own",))


def call(
    method: str = "POST", path: str = "/api/ws/broadcast", body: bytes = b"", *lines: str, length: str | None = None
) -> bytes:
    size = str(len(body)) if length is None else length
    head = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *([f"Content-Length: {size}"] if size else []),
        *lines,
        "",
        "",
    ]
    return "\r\n".join(head).encode("latin-1") + body


def answered(scene: Scene, data: bytes, *expect: int) -> str:
    """One of the statuses, and nothing is published."""
    before = scene.stat("total_broadcasts")
    status = scene.status(data)
    if status not in expect:
        raise Unexpected(f"{status or 'no answer'} instead of {expect}")
    if scene.stat("total_broadcasts") != before:
        raise Unexpected("it was published")
    return str(status or "ended")


JSON = "Content-Type: application/json"
for name, data, expect in (
    ("a foreign Origin", call("POST", "/api/ws/broadcast", BODY, JSON, "Origin: https://evil.example"), (401, 403)),
    (
        "a foreign Origin and a simple type, as forms send",
        call("POST", "/api/ws/broadcast", BODY, "Content-Type: text/plain", "Origin: https://evil.example"),
        (401, 403),
    ),
    ("Origin null", call("POST", "/api/ws/broadcast", BODY, JSON, "Origin: null"), (401, 403)),
    ("only X-Forwarded-Proto", call("POST", "/api/ws/broadcast", BODY, JSON, "X-Forwarded-Proto: https"), (401,)),
    ("X-Forwarded-For: 127.0.0.1", call("POST", "/api/ws/broadcast", BODY, JSON, "X-Forwarded-For: 127.0.0.1"), (401,)),
    ("a header of another proxy", call("POST", "/api/ws/broadcast", BODY, JSON, "CF-Connecting-IP: 127.0.0.1"), (401,)),
    (
        "history for a page whose name resolves to 127.0.0.1",
        call("GET", "/api/ws/history?room=x").replace(b"Host: 127.0.0.1", b"Host: evil.example"),
        (401, 403),
    ),
    ("no body", call(), (400, 411)),
    ("a body that is no JSON", call(body=b"x" * 100), (400,)),
    ("a body 20,000 deep", call(body=b'{"event_type":"x","data":' + b"[" * 20000 + b"]" * 20000 + b"}"), (400,)),
    ("duplicate keys", call(body=b'{"event_type":"x","event_type":"y","data":{}}'), (400,)),
    ("an event_type that is an object", call(body=b'{"event_type":{},"data":{}}'), (400,)),
    ("a room of ours", call(body=b'{"event_type":"x","data":{},"room":"@user:ana"}'), (400,)),
    ("every room", call(body=b'{"event_type":"x","data":{},"room":"*"}'), (400,)),
    ("bad UTF-8", call(body=b'{"event_type":"x","data":"\xff"}'), (400,)),
    ("Content-Length -1", call(body=BODY, length="-1"), (400, 413, 0)),
    ("Content-Length 2^64", call(body=BODY, length=str(2**64)), (400, 413, 0)),
    ("Content-Length 10^30", call(body=BODY, length="9" * 30), (400, 411, 413, 0)),
    ("Content-Length 1e3", call(body=BODY, length="1e3"), (400, 413, 0)),
    ("Content-Length of 1 GiB", call(body=BODY, length=str(1 << 30)), (413, 400, 0)),
    ("chunked, a length of 2^64", call(body=b"FFFFFFFFFFFFFFFFF\r\n" + BODY, length=""), (400, 411, 413, 501, 0)),
    ("an unknown path", call("GET", "/api/ws/secrets"), (404, 405)),
    ("a path that leaves", call("GET", "/api/ws/../../etc/passwd"), (400, 404, 405)),
    ("a path that leaves, encoded", call("GET", "/api/ws/%2e%2e/%2e%2e/etc/passwd"), (400, 404, 405)),
    ("DELETE", call("DELETE", "/api/ws/stats"), (405, 404, 400, 501, 0)),
    ("TRACE", call("TRACE", "/api/ws/stats"), (405, 404, 403, 400, 501, 0)),
    ("a method of 20,000 letters", call("A" * 20000, "/api/ws/stats"), (400, 403, 405, 431, 414, 501, 0)),
    ("history of a room of ours", call("GET", "/api/ws/history?room=@user:ana"), (400, 401, 403)),
    ("history of a room of ours, encoded", call("GET", "/api/ws/history?room=%40user%3Aana"), (400, 401, 403)),
    ("history of every room", call("GET", "/api/ws/history?room=*"), (400, 401, 403)),
    ("history with a limit below 0", call("GET", "/api/ws/history?room=x&limit=-1"), (400,)),
    ("history with a limit of 2^64", call("GET", f"/api/ws/history?room=x&limit={2**64}"), (400,)),
    ("history since 2^64", call("GET", f"/api/ws/history?room=x&since={2**64}"), (400,)),
    ("subscribers of a project that is none", call("GET", "/api/ws/project/%0a/subscribers"), (400, 404)),
):
    rest.add(name, "docs/protocol.md, REST", answered, data, *expect)


@rest("1,000 broadcasts whose answers are not read", "pipelining")
def pipelined(scene: Scene) -> str:
    with scene.flat(16 * MIB) as seen, scene.connect() as peer:
        peer.send(call("GET", "/api/ws/stats", length="") * 300)
        scene.honest.check()
    return seen[0]


@rest("statistics tell no names", "attack table: statistics")
def statistics(scene: Scene) -> None:
    with scene.user("/ws?session_id=session-of-somebody") as user:
        user.say({"action": "subscribe", "room": "name-of-a-room"})
        user.next()
        for path in ("/api/ws/stats", "/ws/stats", "/metrics", "/api/ws/connections"):
            with scene.connect() as peer:
                peer.send(call("GET", path, b"", "Connection: close", length=""))
                answer = peer.answer()
                if answer is None or answer.status != 200:
                    raise Unexpected(f"{path}: {answer}")
                found = peer.read(int(answer["content-length"])).decode()
            for secret in ("session-of-somebody", "name-of-a-room", json.dumps("127.0.0.1")):
                if secret in found:
                    raise Unexpected(f"{path} tells {secret}")


ALL = (rest,)
