"""Messages in several frames, and control frames between them (sections 5.4, 5.5)."""

from __future__ import annotations

from raw.frames import BINARY, TEXT, binary, close, fragments, more, pieces, ping, pong, text

from conformance.case import AnswersSome, Chopped, Table, answers, closed, fails, says_binary, says_text

KIB = 1024
MIB = 1024 * KIB

fragmentation = Table("fragmentation")
for count in (2, 3, 100, 1000, 10000):
    parts = [b"a"] * count
    fragmentation.add("5.4", f"text in {count} fragments of a byte", fragments(TEXT, parts), says_text(b"a" * count))
    fragmentation.add(
        "5.4", f"binary in {count} fragments of a byte", fragments(BINARY, parts), says_binary(b"a" * count)
    )
for parts, what in (
    ([b"", b""], "all empty"),
    ([b"", b"", b"", b"", b""], "five empty"),
    ([b"", b"x"], "the first empty"),
    ([b"x", b"", b"y"], "the middle empty"),
    ([b"x", b""], "the last empty"),
    ([b"", b"x", b""], "the first and the last empty"),
):
    fragmentation.add("5.4", f"text, {what}", fragments(TEXT, parts), says_text(b"".join(parts)))
    fragmentation.add("5.4", f"binary, {what}", fragments(BINARY, parts), says_binary(b"".join(parts)))
for size in (125, 126, 65535, 65536):
    data = b"f" * (3 * size)
    fragmentation.add("5.4", f"three fragments of {size}", fragments(TEXT, pieces(data, size)), says_text(data))
for size in (64, 1024, 16384, 262144):
    data = bytes(MIB)
    fragmentation.add("5.4", f"1 MiB in fragments of {size}", fragments(BINARY, pieces(data, size)), says_binary(data))
fragmentation.add(
    "5.4", "16 MiB in fragments of 1 MiB", fragments(TEXT, [b"z" * MIB] * 16), says_text(b"z" * (16 * MIB))
)
for size in (1, 2, 3, 7):
    fragmentation.add(
        "5.4",
        f"fragments in segments of {size}",
        Chopped(fragments(TEXT, [b"frag", b"", b"ment", b"ed"]), size),
        says_text("fragmented"),
    )
fragmentation.add(
    "5.4",
    "two fragmented messages, one after the other, with different opcodes",
    fragments(TEXT, [b"a", b"b"]) + fragments(BINARY, [b"c", b"d"]),
    says_text("ab"),
    says_binary(b"cd"),
)
fragmentation.add(
    "5.4",
    "a whole message after a fragmented one",
    fragments(TEXT, [b"a", b"b"]) + text("c"),
    says_text("ab"),
    says_text("c"),
)
fragmentation.add(
    "5.5", "a ping between fragments", text("a", fin=False) + ping(b"p") + more("b"), answers(b"p"), says_text("ab")
)
fragmentation.add(
    "5.5",
    "a ping between fragments, answered before the message ends",
    text("a", fin=False) + ping(b"p"),
    answers(b"p"),
    more("b"),
    says_text("ab"),
)
fragmentation.add(
    "5.5",
    "a ping between all of five fragments",
    text("0", fin=False) + b"".join(ping(str(i).encode()) + more(str(i), fin=i == 4) for i in range(1, 5)),
    AnswersSome([b"1", b"2", b"3", b"4"]),
    says_text("01234"),
)
fragmentation.add(
    "5.5",
    "an empty ping between empty fragments",
    text(fin=False) + ping() + more(fin=False) + more(),
    answers(),
    says_text(""),
)
fragmentation.add("5.5", "a pong between fragments", text("a", fin=False) + pong(b"p") + more("b"), says_text("ab"))
fragmentation.add(
    "5.5",
    "ping and pong between fragments, byte by byte",
    Chopped(binary(b"a", fin=False) + ping(b"p") + pong(b"q") + more("b")),
    answers(b"p"),
    says_binary(b"ab"),
)
fragmentation.add("5.5.1", "a close between fragments", text("a", fin=False) + close(1000), closed(1000))

wrong = Table("wrong order")
for how, fin in (("the last one", True), ("not the last one", False)):
    for content in (b"", b"x"):
        size = "empty" if not content else "with a payload"
        wrong.add("5.4", f"continuation without a beginning, {how}, {size}", more(content, fin=fin), fails(1002))
        wrong.add(
            "5.4",
            f"continuation after a whole message, {how}, {size}",
            text("a") + more(content, fin=fin),
            says_text("a"),
            fails(1002),
        )
        wrong.add(
            "5.4",
            f"continuation after a fragmented message, {how}, {size}",
            fragments(TEXT, [b"a", b"b"]) + more(content, fin=fin),
            says_text("ab"),
            fails(1002),
        )
        wrong.add(
            "5.4",
            f"continuation after a ping, {how}, {size}",
            ping(b"p") + more(content, fin=fin),
            answers(b"p"),
            fails(1002),
        )
for first, first_name in ((text, "text"), (binary, "binary")):
    for second, second_name in ((text, "text"), (binary, "binary")):
        for fin, how in ((True, "whole"), (False, "fragmented")):
            wrong.add(
                "5.4",
                f"{how} {second_name} inside a fragmented {first_name}",
                first(b"a", fin=False) + second(b"b", fin=fin),
                fails(1002),
            )
wrong.add("5.4", "a new message after an empty first fragment", text(fin=False) + text("b"), fails(1002))
wrong.add(
    "5.4",
    "a new message after a ping between fragments",
    text("a", fin=False) + ping() + text("b"),
    answers(),
    fails(1002),
)
wrong.add("5.4", "continuation without a beginning, then a message", more("x") + text("a"), fails(1002))
wrong.add("5.4", "continuation without a beginning, byte by byte", Chopped(more("xyz")), fails(1002))

TABLES = (fragmentation, wrong)
