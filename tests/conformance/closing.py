"""The closing handshake (sections 5.5.1, 7)."""

from __future__ import annotations

from raw.frames import CLOSE, binary, close, frame, more, ping, pong, text

from conformance.case import Chopped, Ends, Finish, Table, answers, closed, fails, says_binary, says_text

closing = Table("closing")
closing.add("5.5.1", "without a code", close(None), closed(1005, 1000))
closing.add("5.5.1", "a payload of one byte", frame(CLOSE, b"\x03"), closed(1002))
for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
    closing.add("7.4", f"code {code}", close(code), closed(code))
for code in (1012, 1013, 1014):
    closing.add("7.4, IANA", f"code {code}, registered later", close(code), closed(code, 1002))
for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 32768, 65535):
    closing.add("7.4", f"code {code} must not be sent", close(code), closed(1002))
    closing.add("7.4", f"code {code} must not be sent, with a reason", close(code, b"because"), closed(1002))
for reason, what in (
    (b"done", "4 bytes"),
    ("Größe, 世界".encode(), "in UTF-8"),
    (b"r" * 122, "122 bytes"),
    (b"r" * 123, "123 bytes"),
    ("🌍".encode() * 30, "of four-byte characters"),
    (b"\0", "a NUL"),
):
    closing.add("5.5.1", f"reason: {what}", close(1000, reason), closed(1000))
closing.add("5.5", "a reason of 124 bytes: a payload of 126", close(1000, b"r" * 124), fails(1002))
closing.add("5.5", "a reason of 65,536 bytes", close(1000, b"r" * 65536), fails(1002))
closing.add("5.5", "a length of 16 bits", close(1000, b"r", form=16), fails(1002))
closing.add("5.5", "without FIN", close(1000, fin=False), fails(1002))
closing.add("5.5", "declares 2^62 bytes", close(1000, length=2**62), fails(1002, 1009))
for reason in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"ok \xe2\x82", b"\xf4\x90\x80\x80"):
    closing.add("5.5.1", f"reason {reason.hex(' ')} is not UTF-8", close(1000, reason), closed(1007, 1002))
closing.add("5.5.1", "byte by byte", Chopped(close(1000, b"slowly")), closed(1000))
closing.add(
    "5.5.1", "a message in front of it is answered first", text("last") + close(1000), says_text("last"), closed(1000)
)
closing.add("5.5.1", "a ping in front of it is answered first", ping(b"p") + close(1000), answers(b"p"), closed(1000))
closing.add(
    "5.5.1",
    "a message of 1 MiB in front of it",
    binary(bytes(1 << 20)) + close(1000),
    says_binary(bytes(1 << 20)),
    closed(1000),
)
closing.add("5.5.1", "a message behind it is not looked at", close(1000) + text("late"), closed(1000))
closing.add("5.5.1", "a ping behind it is not answered", close(1000) + ping(b"late"), closed(1000))
closing.add("5.5.1", "a pong behind it", close(1000) + pong(b"late"), closed(1000))
closing.add("5.5.1", "a second close behind it", close(1000) + close(1001), closed(1000))
closing.add("5.5.1", "garbage behind it", close(1000) + b"\xff" * 1000, closed(1000))
closing.add("5.5.1", "half a frame behind it", close(1000) + text("late")[:4], closed(1000))
closing.add(
    "5.5.1", "in the middle of a fragmented message", text("a", fin=False) + close(1000) + more("b"), closed(1000)
)
closing.add("7.1.1", "then the client's end of the connection", close(1000), Finish(), closed(1000))
closing.add("7.1.5", "the client's end of the connection without a close", text("a"), says_text("a"), Finish(), Ends())
closing.add("7.1.5", "the client's end in the middle of a frame", text("abc")[:7], Finish(), Ends())
closing.add("7.1.5", "the client's end in the middle of a message", text("abc", fin=False), Finish(), Ends())
closing.add("7.1.7", "both sides at once: an error, and a close behind it", text("x", rsv=1) + close(1000), fails(1002))
closing.add("7.1.7", "an error, then much more data", frame(3) + binary(bytes(100000)), fails(1002))
closing.add("7.1.7", "an error, then pings that are not answered", frame(3) + ping(b"late") * 100, fails(1002))

TABLES = (closing,)
