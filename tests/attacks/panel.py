"""The admin panel: nobody sees or does anything without the key, and nobody holds the others up through it."""

from __future__ import annotations

import json
from urllib.parse import quote

from raw.peer import Unexpected

from attacks.attack import MIB, Attacks, Scene
from attacks.rest import JSON, call

KEY = "the-key-of-the-panel"
STATE = "/api/ws/admin/state"
WITH_KEY = f"X-API-Key: {KEY}"
panel = Attacks("admin panel", scene="panel")


def ban(ip: object = "192.0.2.9", seconds: object = 60) -> bytes:
    return json.dumps({"ip": ip, "seconds": seconds}).encode()


def refused(scene: Scene, data: bytes, *expect: int) -> str:
    """One of the statuses, and nobody is banned."""
    status = scene.status(data)
    if status not in expect:
        raise Unexpected(f"{status or 'no answer'} instead of {expect}")
    if scene.stat("banned"):
        raise Unexpected("somebody is banned")
    return str(status or "ended")


for name, data, expect in (
    ("the state without a key, from this machine", call("GET", STATE), (401,)),
    ("the state with a wrong key", call("GET", STATE, b"", "X-API-Key: wrong"), (401,)),
    ("the state with the key's beginning", call("GET", STATE, b"", f"X-API-Key: {KEY[:-1]}"), (401,)),
    ("the state with an empty key", call("GET", STATE, b"", "X-API-Key: "), (401,)),
    ("the state with the key as a parameter", call("GET", f"{STATE}?api_key={KEY}&key={KEY}"), (401,)),
    ("the state with the key in a cookie", call("GET", STATE, b"", f"Cookie: X-API-Key={KEY}"), (401,)),
    ("a ban without a key", call("POST", "/api/ws/admin/ban", ban(), JSON), (401,)),
    ("a ban by a foreign page", call("POST", "/api/ws/admin/ban", ban(), JSON, "Origin: https://evil.example"), (401,)),
    ("a ban by a form", call("POST", "/api/ws/admin/ban", ban(), WITH_KEY, "Content-Type: text/plain"), (415,)),
    ("a ban by GET", call("GET", "/api/ws/admin/ban?ip=192.0.2.9&seconds=60", b"", WITH_KEY), (405,)),
    ("a ban that claims to be vouched for", call("POST", "/api/ws/admin/ban", ban(), JSON, "Vouched: true"), (401,)),
    ("another path to it", call("GET", "/api/ws/admin/../admin/state"), (400, 404)),
    ("another path to it, encoded", call("GET", "/api/ws/%61dmin/state"), (401, 404)),
    ("a ban of nothing", call("POST", "/api/ws/admin/ban", ban(""), JSON, WITH_KEY), (400,)),
    ("a ban of an object", call("POST", "/api/ws/admin/ban", ban({}), JSON, WITH_KEY), (400,)),
    ("a ban for -1 s", call("POST", "/api/ws/admin/ban", ban(seconds=-1), JSON, WITH_KEY), (400,)),
    ("a ban for 10^300 s", call("POST", "/api/ws/admin/ban", ban(seconds=1e300), JSON, WITH_KEY), (400,)),
    ("a ban that is no JSON", call("POST", "/api/ws/admin/ban", b"x" * 100, JSON, WITH_KEY), (400,)),
    ("a body 20,000 deep", call("POST", "/api/ws/admin/ban", b'{"ip":' + b"[" * 20000, JSON, WITH_KEY), (400,)),
    ("a limit of 2^64", call("GET", f"{STATE}?view=connections&limit={2**64}", b"", WITH_KEY), (400,)),
    ("an offset below 0", call("GET", f"{STATE}?view=connections&offset=-1", b"", WITH_KEY), (400,)),
    ("a search of 10,000 bytes", call("GET", f"{STATE}?view=rooms&search={'a' * 10000}", b"", WITH_KEY), (400,)),
    ("a search with NUL", call("GET", f"{STATE}?view=connections&search=%00", b"", WITH_KEY), (400,)),
    (
        "since 2^64 and after 2^64",
        call("GET", f"{STATE}?view=events&since={2**64}&after={2**64}", b"", WITH_KEY),
        (200,),
    ),
):
    panel.add(name, "docs/admin.md", refused, data, *expect)


@panel("the page has no data in it", "docs/admin.md", kinds=("own",))
def page(scene: Scene) -> str:
    with scene.user("/ws?session_id=session-of-somebody"), scene.connect() as peer:
        peer.send(call("GET", "/ws/admin", b"", "Connection: close", length=""))
        answer = peer.answer()
        if answer is None or answer.status != 200 or "frame-ancestors 'none'" not in answer["content-security-policy"]:
            raise Unexpected(str(answer))
        text = peer.read(int(answer["content-length"])).decode()
        if "session-of-somebody" in text or KEY in text or "127.0.0.1" in text:
            raise Unexpected("the page tells of somebody")
    return f"{len(text)} bytes"


@panel("texts of clients come as JSON, whatever is in them", "docs/admin.md", kinds=("own",))
def texts(scene: Scene) -> None:
    hostile = '</script><img src=x onerror=alert(1)>"\\u0000\u2028'
    with (
        scene.user(f"/ws?session_id={quote(hostile)}", extra=["User-Agent: \xff\xfe</script>\"'"]),
        scene.connect() as peer,
    ):
        peer.send(call("GET", f"{STATE}?view=connections", b"", WITH_KEY, length=""))
        answer = peer.answer()
        if answer is None or answer.status != 200 or answer["content-type"] != "application/json":
            raise Unexpected(str(answer))
        found = json.loads(peer.read(int(answer["content-length"])))["connections"]["rows"]
        if hostile not in [row["session"] for row in found]:
            raise Unexpected(f"not found among {found}")


@panel("500 searches in one packet", "docs/admin.md", kinds=("own",))
def searches(scene: Scene) -> str:
    path = f"{STATE}?view=connections&search=o&sort=-agent&limit=1"
    with scene.flat(16 * MIB) as seen, scene.connect() as peer:
        peer.send(call("GET", path, b"", WITH_KEY, length="") * 500)
        for _ in range(500):
            answer = peer.answer()
            if answer is None or answer.status != 200:
                raise Unexpected(str(answer))
            peer.read(int(answer["content-length"]))
        scene.honest.check()
    return seen[0]


@panel("states whose answers are not read", "docs/admin.md", kinds=("own",))
def unread(scene: Scene) -> str:
    with scene.flat(16 * MIB) as seen, scene.connect() as peer:
        peer.send(call("GET", f"{STATE}?view=events", b"", WITH_KEY, length="") * 300)
        scene.honest.check()
    return seen[0]


ALL = (panel,)
