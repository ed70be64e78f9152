"""Pings and pongs (sections 5.5, 5.5.2, 5.5.3)."""

from __future__ import annotations

from raw.frames import PING, PONG, close, frame, ping, pong, text

from conformance.case import AnswersSome, Chopped, Table, answers, fails, says_text

control = Table("ping and pong")
for payload, what in (
    (b"", "empty"),
    (b"Hello", "text"),
    (b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", "no UTF-8"),
    (b"\xed\xa0\x80", "a surrogate"),
    (b"p" * 124, "124 bytes"),
    (b"\xfe" * 125, "125 bytes"),
):
    control.add("5.5.2", f"ping: {what}", ping(payload), answers(payload))
    control.add("5.5.2", f"ping byte by byte: {what}", Chopped(ping(payload)), answers(payload))
    control.add("5.5.3", f"pong that nobody asked for: {what}", pong(payload) + text("a"), says_text("a"))
for opcode, name in ((PING, "ping"), (PONG, "pong")):
    for size in (126, 127, 65535, 65536):
        control.add("5.5", f"{name} of {size} bytes", frame(opcode, b"p" * size), fails(1002))
    for size, form in ((0, 16), (5, 16), (5, 64), (125, 16)):
        control.add(
            "5.5",
            f"{name} of {size} bytes in a length of {form} bits",
            frame(opcode, b"p" * size, form=form),
            fails(1002),
        )
    control.add("5.5", f"{name} that declares 2^62 bytes", frame(opcode, b"p", length=2**62), fails(1002, 1009))
    control.add("5.5", f"{name} without FIN", frame(opcode, b"p", fin=False), fails(1002))
    control.add("5.5", f"empty {name} without FIN", frame(opcode, fin=False), fails(1002))
    control.add(
        "5.5",
        f"{name} without FIN, between fragments",
        text("a", fin=False) + frame(opcode, b"p", fin=False),
        fails(1002),
    )
control.add("5.5.3", "an unasked pong, then a ping", pong(b"unasked") + ping(b"asked"), answers(b"asked"))
control.add("5.5.3", "ten unasked pongs, then a ping", pong(b"x") * 10 + ping(b"asked"), answers(b"asked"))
ten = [f"payload-{number}".encode() for number in range(10)]
control.add("5.5.3", "ten pings in flight", b"".join(map(ping, ten)), AnswersSome(ten))
control.add("5.5.3", "ten pings in flight, byte by byte", Chopped(b"".join(map(ping, ten))), AnswersSome(ten))
control.add(
    "5.5.3", "ten pings, each answered before the next", *(step for each in ten for step in (ping(each), answers(each)))
)
control.add(
    "5.5.3",
    "a thousand pings in flight",
    b"".join(ping(str(number).encode()) for number in range(1000)),
    AnswersSome([str(number).encode() for number in range(1000)]),
)
control.add("5.5.2", "a ping before a message", ping(b"p") + text("a"), answers(b"p"), says_text("a"))
control.add("5.5.2", "a ping after a message", text("a") + ping(b"p"), says_text("a"), answers(b"p"))
control.add("5.5.2", "a ping that is too long, then a close", ping(b"p" * 126) + close(), fails(1002))

TABLES = (control,)
