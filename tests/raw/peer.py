"""One TCP connection to a server: says what it is told to, and reads frames strictly."""

from __future__ import annotations

import base64
import hashlib
import select
import socket
import ssl
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType

from raw.frames import CLOSE, NAMES, frame

TIMEOUT = 10.0
"""Seconds after which what is waited for has not come."""

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""Section 1.3: the answer to that key."""


class Unexpected(Exception):
    """The server did something else than what was waited for."""


def accept_of(key: str) -> str:
    """Section 4.2.2, step 5.4."""
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    return base64.b64encode(digest).decode()


@dataclass(frozen=True)
class Frame:
    """A frame from the server."""

    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0

    def __str__(self) -> str:
        shown = self.payload if len(self.payload) <= 40 else self.payload[:40] + b"..."
        kind = NAMES.get(self.opcode, f"opcode {self.opcode}")
        if self.opcode == CLOSE:
            return f"close {self.code}{' ' + repr(self.payload[2:]) if self.payload[2:] else ''}"
        bits = ("" if self.fin else " without FIN") + (f" RSV {self.rsv}" if self.rsv else "")
        return f"{kind}{bits} of {len(self.payload)} {shown!r}"

    @property
    def code(self) -> int:
        """Of a close frame; 1005 where it has none (section 7.1.5)."""
        return struct.unpack("!H", self.payload[:2])[0] if len(self.payload) >= 2 else 1005


@dataclass(frozen=True)
class Answer:
    """The head of an HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    version: str = "HTTP/1.1"

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def __getitem__(self, name: str) -> str:
        return ", ".join(self.all(name))


def request(
    path: str = "/echo",
    *,
    method: str = "GET",
    version: str = "HTTP/1.1",
    change: dict[str, str | None] | None = None,
    extra: Iterable[str] = (),
) -> bytes:
    """An upgrade request. `change`: values in place of the usual ones, None leaves one out; `extra`: more lines."""
    headers: dict[str, str | None] = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
        **(change or {}),
    }
    lines = [
        f"{method} {path} {version}",
        *(f"{name}: {value}" for name, value in headers.items() if value is not None),
    ]
    return "\r\n".join([*lines, *extra, "", ""]).encode("latin-1")


class Peer:
    """A connection. Bytes that come while something is being sent wait in the buffer: neither side blocks the other."""

    def __init__(self, port: int, timeout: float = TIMEOUT, tls: ssl.SSLContext | None = None) -> None:
        self.timeout = timeout
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.socket.setblocking(False)
        self.buffer = bytearray()
        self.ended = False  # the server has sent its last byte
        self.was_reset = False

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # ---- bytes

    def send(self, data: bytes, chop: int = 0) -> bool:
        """All of it, in segments of `chop` bytes if that is not 0; False if the server does not take it all."""
        if not chop:
            return self._send(memoryview(data))
        return all(self._send(memoryview(data)[i : i + chop]) for i in range(0, len(data), chop))

    def _send(self, data: memoryview) -> bool:
        deadline = time.monotonic() + self.timeout
        while data:
            if self.was_reset:
                return False
            wanted = select.POLLOUT | (0 if self.ended else select.POLLIN)
            readable, writable = self._poll(wanted, max(0.0, deadline - time.monotonic()))
            if readable:
                self._take()
            if writable:
                try:
                    data = data[self.socket.send(data) :]
                    deadline = time.monotonic() + self.timeout
                except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    pass
                except OSError:
                    self.was_reset = True
            if not readable and not writable:
                raise Unexpected(f"the server takes no more: {len(data)} bytes wait")
        return True

    def _take(self) -> None:
        try:
            got = self.socket.recv(1 << 18)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except ssl.SSLEOFError:
            got = b""
        except OSError:
            self.was_reset = self.ended = True
            return
        self.buffer += got
        self.ended = not got

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until something comes, or the end; False if neither."""
        if self.ended:
            return True
        readable, _ = self._poll(select.POLLIN, self.timeout if timeout is None else timeout)
        if readable:
            self._take()
        return readable

    def _poll(self, wanted: int, timeout: float) -> tuple[bool, bool]:
        """Whether it can be read from, and written to. (Not select(): there may be thousands of sockets.)"""
        if isinstance(self.socket, ssl.SSLSocket) and wanted & select.POLLIN and self.socket.pending():
            return True, False
        poll = select.poll()
        poll.register(self.socket, wanted)
        events = dict(poll.poll(timeout * 1000)).get(self.socket.fileno(), 0)
        broken = events & (select.POLLERR | select.POLLHUP)
        return bool(events & select.POLLIN or (broken and not self.ended)), bool(events & select.POLLOUT or broken)

    def read(self, count: int) -> bytes:
        while len(self.buffer) < count:
            if self.ended:
                raise EOFError("the connection ended" + (" by a reset" if self.was_reset else ""))
            if not self.wait():
                raise Unexpected(f"nothing came for {self.timeout:g} s")
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def read_end(self, timeout: float | None = None) -> None:
        """Waits for the end of the connection, which must be the next thing."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not self.ended and not self.buffer:
            if not self.wait(max(0.0, deadline - time.monotonic())):
                raise Unexpected("the server does not end the connection")
        if self.buffer:
            raise Unexpected(f"more bytes came: {bytes(self.buffer[:40])!r}")

    def finish(self) -> None:
        """Says that nothing more will be sent; still reads."""
        if isinstance(self.socket, ssl.SSLSocket):
            socket.socket.shutdown(self.socket, socket.SHUT_WR)  # of TCP: TLS has no such thing before 1.3
        else:
            self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Ends the connection by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    # ---- HTTP

    def answer(self) -> Answer | None:
        """The head of the server's answer; None if the connection ended without one."""
        while b"\r\n\r\n" not in self.buffer:
            if self.ended:
                return None
            if not self.wait():
                raise Unexpected(f"no answer for {self.timeout:g} s")
        end = self.buffer.index(b"\r\n\r\n")
        first, *lines = bytes(self.buffer[:end]).decode("latin-1").split("\r\n")
        del self.buffer[: end + 4]
        version, status, *_ = first.split(" ")
        headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        return Answer(int(status), headers, version)

    def open(self, path: str = "/echo", **how: object) -> Answer:
        """Upgrades; the answer must be 101."""
        self.send(request(path, **how))  # type: ignore[arg-type]
        answer = self.answer()
        if answer is None or answer.status != 101:
            raise Unexpected(f"no 101 but {answer and answer.status}")
        return answer

    # ---- frames

    def frame(self) -> Frame:
        """The next frame; EOFError at the end. A masked one, or a length not in its shortest form, is unexpected."""
        first, second = self.read(2)
        if second & 0x80:
            raise Unexpected("the server masks (section 5.1)")
        length = second
        if length == 126:
            length = struct.unpack("!H", self.read(2))[0]
            if length < 126:
                raise Unexpected("a 16 bit length below 126 (section 5.2)")
        elif length == 127:
            length = struct.unpack("!Q", self.read(8))[0]
            if length < 65536:
                raise Unexpected("a 64 bit length below 65536 (section 5.2)")
        return Frame(first & 0x0F, self.read(length), bool(first & 0x80), first >> 4 & 7)

    def close_code(self) -> int:
        """Reads to the close frame, answers it, and waits for the end. 1006 if the connection ended without one."""
        try:
            while (found := self.frame()).opcode != CLOSE:
                pass
        except EOFError:
            return 1006
        self.send(frame(CLOSE, found.payload[:2]))
        self.read_end()
        return found.code
