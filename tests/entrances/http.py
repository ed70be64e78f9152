"""HTTP requests as bytes, and what is answered to them."""

from __future__ import annotations

from dataclasses import dataclass

from raw.peer import Peer, Unexpected

from entrances.server import Server


@dataclass(frozen=True)
class Reply:
    """status: 0 where the connection ended without an answer."""

    status: int
    text: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def ours(self) -> bool:
        """Not a page of the application's own."""
        return self.text not in ("the application", "my application", "mine", '"the application"')


def request(method: str, path: str, *lines: str, body: bytes = b"", host: str = "127.0.0.1") -> bytes:
    """Content-Length is added where there is a body."""
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}", *lines]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def read(peer: Peer, method: str = "GET") -> Reply:
    """One answer, with its body."""
    answer = peer.answer()
    while answer is not None and answer.status == 100:
        answer = peer.answer()
    if answer is None:
        return Reply(0)
    if method == "HEAD" or answer.status in (101, 204, 304):
        body = b""
    elif answer["content-length"]:
        body = peer.read(int(answer["content-length"]))
    elif answer["transfer-encoding"] == "chunked":
        body = chunks(peer)
    else:
        while not peer.ended:
            if not peer.wait():
                raise Unexpected("an answer without a length does not end")
        body = peer.read(len(peer.buffer))
    return Reply(answer.status, body.decode(errors="replace"), tuple(answer.headers))


def chunks(peer: Peer) -> bytes:
    body = b""
    while True:
        line = b""
        while not line.endswith(b"\r\n"):
            line += peer.read(1)
        size = int(line.split(b";")[0], 16)
        body += peer.read(size)
        peer.read(2)
        if not size:
            return body


def call(server: Server, method: str, path: str, *lines: str, body: bytes = b"", host: str = "127.0.0.1") -> Reply:
    """One request on a connection of its own."""
    with server.connect() as peer:
        peer.send(request(method, path, *lines, "Connection: close", body=body, host=host))
        try:
            return read(peer, method)
        except EOFError:
            return Reply(0)
