"""Requests that want in where they should not, or that want too much of the one who reads them."""

from __future__ import annotations

from raw.frames import ping
from raw.peer import Unexpected, request

from attacks.attack import MIB, Attacks, Scene

PROTOCOL = "Sec-WebSocket-Protocol"
EXTENSIONS = "Sec-WebSocket-Extensions"

origins = Attacks("Origin")
FOREIGN = {
    "another site": "https://evil.example",
    "null, as of a sandboxed frame or a file": "null",
    "our address as a subdomain": "http://127.0.0.1.evil.example",
    "our address before an @": "http://127.0.0.1@evil.example",
    "our address as a user and a port": "http://127.0.0.1:80@evil.example",
    "our address in the fragment": "http://evil.example#127.0.0.1",
    "our address in the path": "http://evil.example/127.0.0.1",
    "our address in the query": "http://evil.example?http://127.0.0.1",
    "another site, behind a backslash": "http://evil.example\\@127.0.0.1",
    "a file": "file://",
    "an extension": "chrome-extension://aaaaaaaaaaaaaaaa",
    "data": "data:text/html,x",
    "JavaScript": "javascript:alert(1)",
    "localhost with a letter of another script": "http://l\xf3calhost",
    "localhost in Punycode": "http://xn--lcalhost-v4a",
    "a name that begins like localhost": "http://localhost.evil.example",
    "a name that ends like localhost": "http://evil-localhost",
    "a port that is none": "http://127.0.0.1:99999",
    "a port that is text": "http://127.0.0.1:http",
    "an octal address": "http://0177.0.0.01",
    "an address as one number": "http://2130706434",
    "no scheme": "127.0.0.1",
    "two Origins in one": "http://127.0.0.1 https://evil.example",
    "a list": "http://127.0.0.1, https://evil.example",
    "an empty host": "http://",
    "only a scheme": "http:",
    "8 KiB": "http://" + "a" * 8192,
}
for what, origin in FOREIGN.items():
    origins.add(
        what,
        "cross-site WebSocket hijacking",
        Scene.refused,
        request("/ws", extra=[f"Origin: {origin}"]),
        403,
        400,
        431,
    )


@origins("two Origin headers, the first is ours", "cross-site WebSocket hijacking")
def two_origins(scene: Scene) -> str:
    return scene.refused(request("/ws", extra=["Origin: http://127.0.0.1", "Origin: https://evil.example"]))


@origins("two Origin headers, the second is ours", "cross-site WebSocket hijacking")
def two_origins_turned(scene: Scene) -> str:
    return scene.refused(request("/ws", extra=["Origin: https://evil.example", "Origin: http://127.0.0.1"]))


@origins("our own Origin is let in", "the honest side")
def own_origin(scene: Scene) -> None:
    with scene.user(extra=["Origin: http://127.0.0.1"]) as user:
        user.alive()


upgrades = Attacks("Upgrade")
for value in (
    "h2c",
    "foo",
    "websocket/13",
    "websocket;",
    "TLS/1.0",
    "h2c, websocket2",
    "websocket\x0b",
    "\xffwebsocket",
    "web socket",
    "none",
):
    upgrades.add(
        f"Upgrade: {value!r}",
        "libwebsockets 4.1.6 answers h2c with 101",
        Scene.refused,
        request("/ws", change={"Upgrade": value}),
    )


@upgrades("h2c with the preface of HTTP/2 behind it", "libwebsockets: HPACK parser before authentication")
def h2c_and_frames(scene: Scene) -> str:
    preface = (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + bytes.fromhex("000000040000000000")
        + bytes.fromhex("00000401050000000182868441")
    )
    head = request(
        "/ws",
        change={"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings"},
        extra=["HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"],
    )
    return scene.refused(head + preface)


heads = Attacks("heads")


def served(scene: Scene, *lines: str) -> str:
    """The request with further lines is refused, or works without an extension; the answer has nothing of the lines."""
    with scene.connect() as peer:
        peer.send(request("/ws", extra=lines))
        answer = peer.answer()
        if answer and answer.status == 101:
            if answer["sec-websocket-extensions"] or answer["x-injected"]:
                raise Unexpected(f"the answer has {answer.headers}")
            peer.send(ping(b"p"))
            peer.frame()
        return str(answer.status if answer else "ended")


for name, value in {
    "constructor": "constructor",
    "__proto__": "__proto__",
    "toString; valueOf=1": "toString; valueOf=1",
    ",;constructor": ",;constructor",
    "a window of 1,000 bits": "permessage-deflate; server_max_window_bits=1000",
    "a window of 0 bits": "permessage-deflate; client_max_window_bits=0",
    "the same parameter twice": "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    "an open quotation": 'permessage-deflate; server_max_window_bits="1',
    "1,000 offers": "permessage-deflate, " * 1000 + "x",
    "5,000 parameters": "permessage-deflate" + "; a" * 5000,
    "20 KiB of spaces": "permessage-deflate" + " " * 20000 + ";",
    "nothing but commas": "," * 10000,
}.items():
    heads.add(
        f"extensions: {name}",
        "ws: crash by names of Object.prototype; undici CVE-2026-2229",
        served,
        f"{EXTENSIONS}: {value}",
    )
for name, value in {
    "b, 30,000 spaces, x": "b" + " " * 30000 + "x",
    "10,000 commas": "," * 10000,
    "5,000 names": ", ".join(f"p{n}" for n in range(5000)),
    "one of 20 KiB": "p" * 20000,
    "line ends": "chat\x0b\x0cX-Injected: 1",
    "__proto__": "__proto__, constructor",
    "a bearer that is no token": "ws_manager.v1, wsm.bearer." + "x" * 9000,
}.items():
    heads.add(f"subprotocols: {name}", "ws CVE-2021-32640 (backtracking)", served, f"{PROTOCOL}: {value}")


def flood_of_headers(scene: Scene, lines: list[str]) -> str:
    """Refused, whether or not all of it was taken; memory stays as it was."""
    data = request("/ws", extra=lines)
    with scene.flat(8 * MIB) as seen, scene.connect() as peer:
        peer.send(data)
        answer = peer.answer()
        if answer and answer.status == 101:
            raise Unexpected("such a request is served")
    return f"{answer.status if answer else 'ended'}, {seen[0]}"


heads.add("101 headers", "ws CVE-2024-37890", flood_of_headers, [f"X-{n}: 1" for n in range(101)])
heads.add("2,001 headers", "ws CVE-2024-37890", flood_of_headers, [f"X-{n}: 1" for n in range(2001)])
heads.add("20,000 headers", "ws CVE-2024-37890", flood_of_headers, [f"X-{n}: 1" for n in range(20000)])
heads.add("a header of 1 MiB", "RFC 6585 5", flood_of_headers, ["X-Big: " + "x" * MIB])
heads.add("a header name of 100 KiB", "RFC 6585 5", flood_of_headers, ["X" * 100000 + ": x"])
heads.add("500 cookies of 100 bytes", "RFC 6585 5", flood_of_headers, ["Cookie: " + "c" * 100] * 500)
heads.add(
    "line ends of 100 KiB",
    "RFC 9112 2.2",
    lambda scene: scene.refused(b"\r\n" * 50000 + request("/ws")),
    kinds=("own",),
)


@heads("an endless request line", "RFC 9112 3", kinds=("own",))
def endless_line(scene: Scene) -> str:
    with scene.flat(8 * MIB) as seen, scene.connect() as peer:
        for _ in range(64):
            if not peer.send(b"G" * 65536) or peer.ended:
                break
        else:
            raise Unexpected("4 MiB of a request line are taken")
    return seen[0]


def smuggled(scene: Scene, data: bytes) -> str:
    """Whatever the answer, the second request inside must not be carried out."""
    before = scene.stat("total_broadcasts")
    with scene.connect() as peer:
        peer.send(data)
        peer.finish()
        answers = []
        while (answer := peer.answer()) is not None:
            answers.append(answer.status)
            peer.read(min(int(answer["content-length"] or 0), len(peer.buffer)))
    if scene.stat("total_broadcasts") != before:
        raise Unexpected(f"a smuggled request was carried out: {answers}")
    return str(answers)


INNER = b'POST /api/ws/broadcast HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 28\r\n\r\n{"event_type":"x","data":{}}'
BODY = b"0\r\n\r\n" + INNER
SMUGGLE = {
    "Content-Length and chunked": [f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"],
    "chunked, then Content-Length": ["Transfer-Encoding: chunked", f"Content-Length: {len(BODY)}"],
    "chunked, written strangely": ["Transfer-Encoding: xchunked", f"Content-Length: {len(BODY)}"],
    "chunked behind a tab": ["Transfer-Encoding:\tchunked", f"Content-Length: {len(BODY)}"],
    "two Content-Lengths": [f"Content-Length: {len(BODY)}", "Content-Length: 5"],
    "Content-Length with a sign": [f"Content-Length: +{len(BODY)}"],
    "Content-Length in hexadecimal": [f"Content-Length: 0x{len(BODY):x}"],
    "a list of Content-Lengths": [f"Content-Length: {len(BODY)}, {len(BODY)}"],
}
for name, lines in SMUGGLE.items():
    head = "\r\n".join(["GET /api/ws/connections HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()
    heads.add(f"smuggling, GET: {name}", "h11 CVE-2025-43859, RFC 9112 11.2", smuggled, head + BODY, kinds=("own",))
    heads.add(
        f"smuggling, upgrade: {name}", "h11 CVE-2025-43859, RFC 9112 11.2", smuggled, request("/ws", extra=lines) + BODY
    )


for name, refused in {
    "the version": request("/ws", change={"Sec-WebSocket-Version": "8"}),
    "the key": request("/ws", change={"Sec-WebSocket-Key": "x"}),
    "the Origin": request("/ws", extra=["Origin: https://evil.example"]),
    "the path": request("/nowhere"),
    "the subprotocol": request("/ws", extra=[f"{PROTOCOL}: chat"]),
    "Upgrade": request("/ws", change={"Upgrade": "h2c"}),
}.items():
    heads.add(
        f"a request behind an upgrade that is refused for {name}",
        "smuggling past proxies that believe in the upgrade",
        smuggled,
        refused + INNER,
    )


@heads("1,000 idle connections that have had an answer", "keep-alive", kinds=("own",))
def idle(scene: Scene) -> str:
    """They are few descriptors and little memory; strangers and friends come in all the same."""
    data = b"GET /api/ws/connections HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with scene.flat(16 * MIB) as seen:
        peers = [scene.connect() for _ in range(1000)]
        for peer in peers:
            peer.send(data)
        for peer in peers:
            peer.answer()
        with scene.user() as user:
            user.alive()
        open_still = sum(not peer.ended for peer in peers)
        for peer in peers:
            peer.close()
    return f"{open_still} were kept open, {seen[0]}"


@heads("Expect: 100-continue, and no body", "RFC 9110 10.1.1", kinds=("own",))
def expect(scene: Scene) -> str:
    data = b"POST /api/ws/broadcast HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n"
    with scene.connect() as peer:
        peer.send(data)
        peer.finish()
        answer = peer.answer()
        if answer and answer.status not in (100, 400, 408, 417):
            raise Unexpected(f"{answer.status}")
        return str(answer.status if answer else "ended")


@heads("line ends in the path", "RFC 9112 11.1")
def injected_path(scene: Scene) -> str:
    with scene.connect() as peer:
        peer.send(request("/ws/%0d%0aX-Injected:%201%0d%0a"))
        answer = peer.answer()
        if answer and (answer["x-injected"] or answer.status == 101):
            raise Unexpected(f"{answer}")
        return str(answer.status if answer else "ended")


@heads("escape sequences in the path do not reach a terminal", "uvicorn CVE-2020-7694")
def escapes_in_the_log(scene: Scene) -> str:
    status = scene.status(request("/ws/%1b[31m%1b]0;owned%07%c2%9b31m"))
    if "\x1b" in scene.server.logged() or "\x9b" in scene.server.logged():
        raise Unexpected("they stand in the log")
    return str(status or "ended")


for path in (
    "/ws/..%2f..%2fetc/passwd",
    "/ws/../../etc/passwd",
    "/ws/%00",
    "/ws/%ff%fe",
    "/ws/%",
    "/ws/%zz",
    "/%2e%2e/ws",
    "/ws/;/updates",
    "*",
    "//evil.example/ws",
    "/ws\\updates",
):
    heads.add(f"path {path}", "RFC 3986 7.3", Scene.refused, request(path))
for path in (
    "/ws?resume=%7b",
    "/ws?resume=" + "A" * 8000,
    "/ws?session_id=" + "s" * 500,
    "/ws?level=__proto__",
    "/ws/project/" + "p" * 200,
    "/ws/project/*",
    "/ws/project/%0a",
):
    heads.add(f"parameter {path[:40]}", "docs/protocol.md: 4400", Scene.closed, 4400, path)

ALL = (origins, upgrades, heads)
