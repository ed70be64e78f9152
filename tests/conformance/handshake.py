"""The opening handshake (section 4), and HTTP/1.1 as far as it concerns it (RFC 9110, RFC 9112)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from raw.frames import close, text
from raw.peer import ACCEPT, Answer, Peer, Unexpected, accept_of, request
from raw.report import Result
from raw.server import Server

from conformance.case import closed, says_text

NONE = 0
"""In place of a status: the connection ends without an answer."""


@dataclass(frozen=True)
class Handshake:
    name: str
    source: str
    data: bytes
    expect: tuple[int, ...]
    """Statuses that are right; 101 must also work as a connection."""
    hosted: tuple[int, ...] = ()
    """Where the head is read by uvicorn before it is handed over, and that differs."""
    chop: int = 0
    behind: bytes = b""
    """Sent in the same segment behind the head; it is text("hello") or nothing."""
    check: Callable[[Answer], None] | None = None
    finish: bool = False
    only: str = ""
    """The kind of server that it is for: uvicorn leaves some requests without an answer, and what comes early."""
    category: str = field(default="handshake", init=False)

    def play(self, server: Server) -> Result:
        began = time.monotonic()
        expect = self.hosted or self.expect if server.kind == "uvicorn" else self.expect
        try:
            with server.connect(timeout=5.0) as peer:
                seen, passed = self._play(peer, expect), True
        except (Unexpected, EOFError) as error:
            seen, passed = str(error), False
        seconds = round(time.monotonic() - began, 4)
        return Result(server.kind, self.category, self.name, self.source, passed, seen, seconds)

    def _play(self, peer: Peer, expect: tuple[int, ...]) -> str:
        peer.send(self.data + self.behind, self.chop)
        if self.finish:
            peer.finish()
        answer = peer.answer()
        status = answer.status if answer else NONE
        if status not in expect:
            raise Unexpected(
                f"{status or 'no answer'} instead of {' or '.join(str(one or 'no answer') for one in expect)}"
            )
        if answer and self.check:
            self.check(answer)
        if answer and status == 101:
            self._works(peer, answer)
        return str(status or "no answer") if len(expect) > 1 else ""

    def _works(self, peer: Peer, answer: Answer) -> None:
        if answer["upgrade"].lower() != "websocket" or "upgrade" not in answer["connection"].lower():
            raise Unexpected(f"the answer has Upgrade {answer['upgrade']!r} and Connection {answer['connection']!r}")
        if len(answer.all("sec-websocket-accept")) != 1 or answer["sec-websocket-extensions"]:
            raise Unexpected(f"the answer's headers: {answer.headers}")
        if not self.behind:
            peer.send(text("hello"))
        says_text("hello").run(peer)
        peer.send(close())
        closed(1000).run(peer)


def has(name: str, value: str) -> Callable[[Answer], None]:
    def check(answer: Answer) -> None:
        if answer[name] != value:
            raise Unexpected(f"{name}: {answer[name]!r} instead of {value!r}")

    return check


def head(*lines: str, end: str = "\r\n") -> bytes:
    return (end.join(lines) + end + end).encode("latin-1")


USUAL = ["Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
KEYED = [*USUAL, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
GET = "GET /echo HTTP/1.1"
ZEROS = "AAAAAAAAAAAAAAAAAAAAAA=="


def changed(name: str, value: str | None) -> bytes:
    return request(change={name: value})


REFUSED = (400, 403, 404, 405, 426, 431, 501, 505, NONE)
"""Anything but 101, where the RFC leaves open how."""

REBUILT = (101, *REFUSED)
"""uvicorn builds the request line anew, as HTTP/1.1."""

KEY_NAME = "Sec-WebSocket-Key"
VERSION_NAME = "Sec-WebSocket-Version"
PROTOCOL = "Sec-WebSocket-Protocol"

CASES = [
    # ---- as it should be
    Handshake("the RFC's example", "4.1", request(), (101,), check=has("sec-websocket-accept", ACCEPT)),
    Handshake(
        "another key", "4.2.2", changed(KEY_NAME, ZEROS), (101,), check=has("sec-websocket-accept", accept_of(ZEROS))
    ),
    Handshake("byte by byte", "4.1", request(), (101,), chop=1),
    Handshake("in segments of 7", "4.1", request(), (101,), chop=7),
    Handshake("a frame in the same segment", "4.1", request(), (101,), behind=text("hello"), only="own"),
    Handshake("a frame behind it, byte by byte", "4.1", request(), (101,), behind=text("hello"), chop=1, only="own"),
    Handshake(
        "header names in small letters",
        "4.2.1",
        head(GET, *(line.split(":")[0].lower() + ":" + line.split(":", 1)[1] for line in KEYED)),
        (101,),
    ),
    Handshake(
        "header names in capitals",
        "4.2.1",
        head(GET, *(line.split(":")[0].upper() + ":" + line.split(":", 1)[1] for line in KEYED)),
        (101,),
    ),
    Handshake("Upgrade: WebSocket", "4.2.1", changed("Upgrade", "WebSocket"), (101,)),
    Handshake("Upgrade: WEBSOCKET", "4.2.1", changed("Upgrade", "WEBSOCKET"), (101,)),
    Handshake("Upgrade: websocket among others", "4.2.1", changed("Upgrade", "foo/2, websocket"), (101, *REFUSED)),
    Handshake("Connection: upgrade", "4.2.1", changed("Connection", "upgrade"), (101,)),
    Handshake("Connection: UPGRADE", "4.2.1", changed("Connection", "UPGRADE"), (101,)),
    Handshake(
        "Connection: keep-alive, Upgrade (Firefox)", "4.2.1", changed("Connection", "keep-alive, Upgrade"), (101,)
    ),
    Handshake("Connection: Upgrade,keep-alive", "4.2.1", changed("Connection", "Upgrade,keep-alive"), (101,)),
    Handshake("Connection with empty elements", "RFC 9110 5.6.1", changed("Connection", ", ,Upgrade, ,"), (101,)),
    Handshake(
        "Connection in two lines", "RFC 9110 5.3", request(extra=["Connection: keep-alive"]), (101,), hosted=(101, 404)
    ),
    Handshake(
        "no space behind the colons", "RFC 9112 5", head(GET, *(line.replace(": ", ":") for line in KEYED)), (101,)
    ),
    Handshake(
        "spaces and tabs around the values",
        "RFC 9112 5",
        head(GET, *(line.replace(": ", ": \t ") + " \t" for line in KEYED)),
        (101,),
        hosted=(101, 404),
    ),
    Handshake("headers in another order", "4.1", head(GET, *reversed(KEYED)), (101,)),
    Handshake("fifty further headers", "4.1", request(extra=[f"X-Header-{n}: {n}" for n in range(50)]), (101,)),
    Handshake("the same header fifty times", "RFC 9110 5.3", request(extra=["X-Header: value"] * 50), (101,)),
    Handshake("a header of 4 KiB", "4.1", request(extra=["Cookie: " + "c" * 4096]), (101,)),
    Handshake("a header of 15 KiB", "4.1", request(extra=["Cookie: " + "c" * 15000]), (101,)),
    Handshake("a header without a value", "RFC 9110 5.5", request(extra=["X-Empty:"]), (101,)),
    Handshake("a header with bytes above 127", "RFC 9110 5.5", request(extra=["X-Latin: Gr\xf6\xdfe"]), (101,)),
    Handshake("a query", "4.1", request("/echo?a=b&c=d%20e"), (101,)),
    Handshake("an empty query", "4.1", request("/echo?"), (101,)),
    Handshake("a query of 2,000 bytes", "4.1", request("/echo?" + "q" * 2000), (101,)),
    Handshake("the path percent-encoded", "RFC 3986 6.2.2.2", request("/%65cho"), (101, 404)),
    Handshake(
        "the whole URI as the target", "4.2.1, RFC 9112 3.2.2", request("http://127.0.0.1/echo"), (101, *REFUSED)
    ),
    Handshake("Host with a port", "4.2.1", changed("Host", "127.0.0.1:8000"), (101,)),
    Handshake("Host is an IPv6 address", "4.2.1", changed("Host", "[::1]:8000"), (101,)),
    Handshake("Origin", "4.2.1", request(extra=["Origin: http://127.0.0.1"]), (101,)),
    Handshake(
        "permessage-deflate is not taken",
        "9.1",
        request(extra=["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"]),
        (101,),
    ),
    Handshake(
        "unknown extensions are not taken",
        "9.1",
        request(extra=["Sec-WebSocket-Extensions: foo, bar; baz=2", "Sec-WebSocket-Extensions: mux"]),
        (101,),
    ),
    Handshake(
        "no subprotocol is taken where none is offered",
        "4.2.2",
        request(),
        (101,),
        check=has("sec-websocket-protocol", ""),
    ),
    Handshake(
        "our subprotocol",
        "4.2.2",
        request(extra=[f"{PROTOCOL}: ws_manager.v1"]),
        (101,),
        check=has("sec-websocket-protocol", "ws_manager.v1"),
    ),
    Handshake(
        "our subprotocol, the second",
        "4.2.2",
        request(extra=[f"{PROTOCOL}: chat, ws_manager.v1"]),
        (101,),
        check=has("sec-websocket-protocol", "ws_manager.v1"),
    ),
    Handshake(
        "our subprotocol, in a second line",
        "4.2.1",
        request(extra=[f"{PROTOCOL}: chat", f"{PROTOCOL}: ws_manager.v1"]),
        (101, *REFUSED),
    ),
    Handshake("a subprotocol that nobody serves", "4.2.2", request(extra=[f"{PROTOCOL}: chat"]), (101, *REFUSED)),
    # ---- what is missing, doubled or wrong
    Handshake("no Host", "4.2.1", changed("Host", None), (400,)),
    Handshake("two Hosts", "RFC 9112 3.2", request(extra=["Host: elsewhere.example"]), (400, NONE)),
    Handshake("Host with a space", "RFC 9112 3.2", changed("Host", "127.0.0.1 elsewhere"), (400,), hosted=(400, 101)),
    Handshake("no Upgrade", "4.2.1", changed("Upgrade", None), REFUSED),
    Handshake("Upgrade: h2c", "4.2.1", changed("Upgrade", "h2c"), REFUSED),
    Handshake(
        "Upgrade: h2c with its settings",
        "4.2.1",
        request(
            change={"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings"},
            extra=["HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"],
        ),
        REFUSED,
    ),
    Handshake("Upgrade: websocket2", "4.2.1", changed("Upgrade", "websocket2"), REFUSED),
    Handshake("Upgrade: websocke", "4.2.1", changed("Upgrade", "websocke"), REFUSED),
    Handshake("an empty Upgrade", "4.2.1", changed("Upgrade", ""), REFUSED),
    Handshake("no Connection", "4.2.1", changed("Connection", None), REFUSED),
    Handshake("Connection: keep-alive", "4.2.1", changed("Connection", "keep-alive"), REFUSED),
    Handshake("Connection: close", "4.2.1", changed("Connection", "close"), REFUSED),
    Handshake("Connection: Upgraded", "4.2.1", changed("Connection", "Upgraded"), REFUSED),
    Handshake("no key", "4.2.1", changed(KEY_NAME, None), (400,)),
    Handshake("an empty key", "4.2.1", changed(KEY_NAME, ""), (400,)),
    Handshake("a key of 15 bytes", "4.2.1", changed(KEY_NAME, "AAAAAAAAAAAAAAAAAAAA"), (400,)),
    Handshake("a key of 17 bytes", "4.2.1", changed(KEY_NAME, "AAAAAAAAAAAAAAAAAAAAAAA="), (400,)),
    Handshake("a key of 18 bytes", "4.2.1", changed(KEY_NAME, "AAAAAAAAAAAAAAAAAAAAAAAA"), (400,)),
    Handshake("a key without its padding", "4.2.1", changed(KEY_NAME, "dGhlIHNhbXBsZSBub25jZQ"), (400,)),
    Handshake("a key that is no base64", "4.2.1", changed(KEY_NAME, "!!!!!!!!!!!!!!!!!!!!!!=="), (400,)),
    Handshake("a key with a space inside", "4.2.1", changed(KEY_NAME, "dGhlIHNhbXB sZSBub25jZ=="), (400,)),
    Handshake("a key of 4 KiB", "4.2.1", changed(KEY_NAME, "A" * 4096), (400, 431, NONE)),
    Handshake("two keys", "11.3.1", request(extra=[f"{KEY_NAME}: {ZEROS}"]), (400, NONE)),
    Handshake("the same key twice", "11.3.1", request(extra=[f"{KEY_NAME}: dGhlIHNhbXBsZSBub25jZQ=="]), (400, NONE)),
    Handshake("no version", "4.4", changed(VERSION_NAME, None), (400, 426)),
    *(
        Handshake(
            f"version {version or 'empty'}",
            "4.4",
            changed(VERSION_NAME, version),
            (426, 400),
            check=None if not version.isdigit() else has("sec-websocket-version", "13"),
        )
        for version in ("0", "7", "8", "12", "14", "25", "255", "256", "013", "13.0", "-13", "thirteen", "13, 8", "")
    ),
    Handshake("two versions", "11.3.5", request(extra=[f"{VERSION_NAME}: 8"]), (400, 426, NONE)),
    Handshake("POST", "4.2.1", request(method="POST"), (400, 405), hosted=REFUSED),
    Handshake("HEAD", "4.2.1", request(method="HEAD"), (400, 405), hosted=REFUSED),
    Handshake("PUT", "4.2.1", request(method="PUT"), REFUSED),
    Handshake("OPTIONS", "4.2.1", request(method="OPTIONS"), REFUSED),
    Handshake("CONNECT", "4.2.1", request(method="CONNECT"), REFUSED, only="own"),
    Handshake("get in small letters", "RFC 9110 9.1", request(method="get"), REFUSED),
    Handshake("HTTP/1.0", "4.2.1", request(version="HTTP/1.0"), REFUSED, hosted=REBUILT),
    Handshake("HTTP/0.9", "4.2.1", b"GET /echo\r\n\r\n", REFUSED),
    Handshake("HTTP/2.0", "RFC 9112 2.3", request(version="HTTP/2.0"), REFUSED, hosted=REBUILT),
    Handshake("HTTP/1.10", "RFC 9112 2.3", request(version="HTTP/1.10"), REFUSED, hosted=REBUILT),
    Handshake("http/1.1 in small letters", "RFC 9112 2.3", request(version="http/1.1"), REFUSED),
    Handshake("no version of HTTP", "RFC 9112 3", head("GET /echo", *KEYED), REFUSED, hosted=REBUILT),
    Handshake("no path", "RFC 9112 3", head("GET HTTP/1.1", *KEYED), REFUSED),
    Handshake("the preface of HTTP/2", "RFC 9113 3.4", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", REFUSED),
    Handshake("a fragment in the target", "3", request("/echo#there"), REFUSED, hosted=(101, *REFUSED)),
    Handshake("an unknown path", "4.2.2", request("/nowhere"), (404,), hosted=(403, 404)),
    Handshake("the path with a slash behind it", "4.2.2", request("/echo/"), (404,), hosted=(403, 404)),
    Handshake("the path in capitals", "4.2.2", request("/ECHO"), (404,), hosted=(403, 404)),
    Handshake("a NUL at the end of the path", "4.2.2", request("/echo%00"), (400, 404), hosted=(400, 403, 404)),
    Handshake("two slashes before the path", "4.2.2", request("//echo"), (400, 404), hosted=(400, 403, 404)),
    # ---- HTTP that is none
    Handshake("a space before a colon", "RFC 9112 5.1", head(GET, *KEYED[1:], "Host : 127.0.0.1"), (400, NONE)),
    Handshake("a line without a colon", "RFC 9112 5", request(extra=["nonsense"]), (400, NONE)),
    Handshake("a header without a name", "RFC 9112 5", request(extra=[": value"]), (400, NONE)),
    Handshake("a header name with a space", "RFC 9110 5.6.2", request(extra=["X Header: value"]), (400, NONE)),
    Handshake("a header name with a control character", "RFC 9110 5.6.2", request(extra=["X\x01: value"]), (400, NONE)),
    Handshake("a NUL in a value", "RFC 9110 5.5", request(extra=["X-Header: a\0b"]), (400, NONE)),
    Handshake("a bare CR in a value", "RFC 9112 2.2", request(extra=["X-Header: a\rb"]), (400, NONE)),
    Handshake(
        "a line that goes on in the next", "RFC 9112 5.2", request(extra=["X-Header: a", " b"]), (400, 101, NONE)
    ),
    Handshake("a line that goes on, first of all", "RFC 9112 2.2", head(GET, " X-Header: a", *KEYED), (400, NONE)),
    Handshake("lines that end in LF alone", "RFC 9112 2.2", head(GET, *KEYED, end="\n"), (400, 101, NONE), finish=True),
    Handshake("an empty line before the request", "RFC 9112 2.2", b"\r\n" + request(), (101, 400, NONE)),
    Handshake("a body of 5 bytes", "RFC 9112 6", request(extra=["Content-Length: 5"]), (400, 101, NONE), behind=b""),
    Handshake(
        "Transfer-Encoding: chunked", "RFC 9112 6.1", request(extra=["Transfer-Encoding: chunked"]), (400, 101, NONE)
    ),
    Handshake(
        "Content-Length and Transfer-Encoding",
        "RFC 9112 6.1",
        request(extra=["Content-Length: 5", "Transfer-Encoding: chunked"]),
        (400, 101, NONE),
    ),
    Handshake(
        "two Content-Lengths",
        "RFC 9112 6.3",
        request(extra=["Content-Length: 0", "Content-Length: 5"]),
        (400, NONE),
        hosted=(400, 101, NONE),
    ),
    Handshake("a header of 40 KiB", "RFC 6585 5", request(extra=["X-Header: " + "h" * 40000]), (431, 400, NONE)),
    Handshake(
        "a path of 40 KiB",
        "RFC 9110 15.5.15",
        request("/" + "p" * 40000),
        (414, 431, 400, NONE),
        only="own",
    ),
    Handshake("500 headers", "RFC 6585 5", request(extra=[f"X-{n}: {n}" for n in range(500)]), (431, 400, NONE)),
    Handshake("garbage", "RFC 9112 3", bytes(range(256)) * 4 + b"\r\n\r\n", (400, NONE)),
    Handshake(
        "the hello of TLS",
        "RFC 9112 3",
        bytes.fromhex("160301020001000001fc0303") + bytes(500) + b"\r\n\r\n",
        (400, NONE),
    ),
    Handshake("a frame without a handshake", "4", text("hello") * 10 + b"\r\n\r\n", (400, NONE)),
    Handshake("half a head, then the end", "4", request()[:60], (400, 408, NONE), finish=True),
    Handshake("nothing, then the end", "4", b"", (NONE,), finish=True),
]
