"""Frames of RFC 6455 as a client builds them, right or wrong on purpose."""

from __future__ import annotations

import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NAMES = {CONTINUATION: "continuation", TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}
MASK = b"\x5a\x00\xff\x13"


def masked(payload: bytes, mask: bytes) -> bytes:
    """The payload under the mask, and back (section 5.3)."""
    if not payload:
        return b""
    key = mask * (len(payload) // 4 + 1)
    number = int.from_bytes(payload) ^ int.from_bytes(key[: len(payload)])
    return number.to_bytes(len(payload))


def length_field(length: int, form: int | None, mask_bit: int) -> bytes:
    """Second byte and extended length; `form` 7, 16 or 64 bits, the shortest that holds it if None (section 5.2)."""
    if form is None:
        form = 7 if length < 126 else 16 if length < 65536 else 64
    if form == 7:
        return bytes([mask_bit | length])
    if form == 16:
        return bytes([mask_bit | 126]) + struct.pack("!H", length)
    return bytes([mask_bit | 127]) + struct.pack("!Q", length)


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = MASK,
    length: int | None = None,
    form: int | None = None,
) -> bytes:
    """One frame. `rsv`: 0 to 7. `mask`: None for an unmasked one. `length`: what is declared, if not the payload's."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    declared = len(payload) if length is None else length
    head = bytes([first]) + length_field(declared, form, 0x80 if mask is not None else 0)
    return head + (payload if mask is None else mask + masked(payload, mask))


def text(payload: str | bytes = b"", **how: object) -> bytes:
    return frame(TEXT, payload.encode() if isinstance(payload, str) else payload, **how)  # type: ignore[arg-type]


def binary(payload: bytes = b"", **how: object) -> bytes:
    return frame(BINARY, payload, **how)  # type: ignore[arg-type]


def more(payload: str | bytes = b"", **how: object) -> bytes:
    """A continuation; the last one unless fin=False."""
    return frame(CONTINUATION, payload.encode() if isinstance(payload, str) else payload, **how)  # type: ignore[arg-type]


def ping(payload: bytes = b"", **how: object) -> bytes:
    return frame(PING, payload, **how)  # type: ignore[arg-type]


def pong(payload: bytes = b"", **how: object) -> bytes:
    return frame(PONG, payload, **how)  # type: ignore[arg-type]


def close(code: int | None = 1000, reason: bytes = b"", **how: object) -> bytes:
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason, **how)  # type: ignore[arg-type]


def fragments(opcode: int, parts: list[bytes]) -> bytes:
    """One message in that many frames."""
    last = len(parts) - 1
    return b"".join(frame(CONTINUATION if i else opcode, part, fin=i == last) for i, part in enumerate(parts))


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]
