"""Data frames: lengths in all their forms, masks, and how TCP may cut them (sections 5.1 to 5.3, 5.6)."""

from __future__ import annotations

from raw.frames import BINARY, CONTINUATION, PING, TEXT, binary, close, frame, masked, more, ping, pong, text

from conformance.case import Chopped, MessageOrFailure, Table, answers, fails, says_binary, says_text

KIB = 1024
MIB = 1024 * KIB

lengths = Table("lengths")
for size in (
    0,
    1,
    2,
    124,
    125,
    126,
    127,
    128,
    255,
    256,
    4096,
    65534,
    65535,
    65536,
    65537,
    262144,
    MIB,
    4 * MIB,
    16 * MIB,
):
    shown = f"{size // MIB} MiB" if size >= MIB else f"{size} bytes"
    lengths.add("5.2", f"text of {shown}", text(b"*" * size), says_text(b"*" * size))
    payload = (bytes(range(256)) * (size // 256 + 1))[:size]
    lengths.add("5.2", f"binary of {shown}", binary(payload), says_binary(payload))

# "the minimal number of bytes MUST be used to encode the length": Chrome fails such frames, most servers do not look.
for size, form in ((0, 16), (5, 16), (125, 16), (0, 64), (5, 64), (125, 64), (126, 64), (65535, 64)):
    for make, says in ((text, says_text), (binary, says_binary)):
        lengths.add(
            "5.2",
            f"{make.__name__}: {size} in a length of {form} bits",
            make(b"x" * size, form=form),
            MessageOrFailure(says(b"x" * size), fails(1002)),
        )
for length in (2**63, 2**63 + 5, 2**64 - 1):
    lengths.add("5.2", f"length {length:#x}: the highest bit must be 0", text(b"x", length=length), fails(1002, 1009))

segments = Table("segments")
for size in (1, 2, 3, 5, 7, 13):
    segments.add("5.2", f"text in segments of {size}", Chopped(text("Hello, world"), size), says_text("Hello, world"))
for size in (1, 997, 4096):
    data = bytes(range(256)) * 16
    segments.add("5.2", f"4 KiB in segments of {size}", Chopped(binary(data), size), says_binary(data))
for length in (200, 70000):
    message = text(b"y" * length)
    for cut in (1, 2, 3, 4, 6, 9, 10, 11, 13, 14, 15):
        segments.add(
            "5.2",
            f"{length} bytes, cut after byte {cut}",
            Chopped(message[:cut], len(message)),
            Chopped(message[cut:], len(message)),
            says_text(b"y" * length),
        )
segments.add("5.4", "a thousand messages in one segment", text("m") * 1000, *(says_text("m") for _ in range(1000)))
segments.add(
    "5.4",
    "text, binary, ping, text in one segment",
    text("1") + binary(b"2") + ping(b"3") + text("4"),
    says_text("1"),
    says_binary(b"2"),
    answers(b"3"),
    says_text("4"),
)
segments.add(
    "5.2",
    "the end of one message and the beginning of the next in one segment",
    text("first")[:5],
    text("first")[5:] + binary(b"second")[:3],
    says_text("first"),
    binary(b"second")[3:],
    says_binary(b"second"),
)
for size in (64, 1000):
    segments.add(
        "5.4", f"1 MiB in segments of {size} KiB", Chopped(binary(bytes(MIB)), size * KIB), says_binary(bytes(MIB))
    )

masks = Table("masking")
for opcode, what in ((TEXT, "text"), (BINARY, "binary"), (PING, "a ping"), (10, "a pong"), (8, "a close")):
    for content in (b"", b"\x03\xe8" if opcode == 8 else b"bare"):
        masks.add(
            "5.1", f"{what} of {len(content)} bytes without a mask", frame(opcode, content, mask=None), fails(1002)
        )
masks.add(
    "5.1", "text without a mask after a message with one", text("a"), says_text("a"), text("b", mask=None), fails(1002)
)
masks.add("5.1", "a continuation without a mask", text("a", fin=False), more("b", mask=None), fails(1002))
masks.add("5.1", "70,000 bytes without a mask", binary(bytes(70000), mask=None), fails(1002))
for mask in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"Hell", b"\x80\0\0\x01"):
    masks.add("5.3", f"mask {mask.hex()}", text("Hello there", mask=mask), says_text("Hello there"))
    masks.add(
        "5.3",
        f"mask {mask.hex()}, binary",
        binary(masked(b"abcdefg", mask), mask=mask),
        says_binary(masked(b"abcdefg", mask)),
    )
masks.add(
    "5.3",
    "another mask in each fragment",
    text("He", fin=False, mask=b"1234") + more("ll", fin=False, mask=b"\0\0\0\0") + more("o", mask=b"abcd"),
    says_text("Hello"),
)
masks.add(
    "5.3",
    "another mask in a ping between fragments",
    text("He", fin=False, mask=b"1234") + ping(b"now", mask=b"\xff\0\xff\0") + more("y", mask=b"1234"),
    answers(b"now"),
    says_text("Hey"),
)
for length in range(1, 9):
    masks.add(
        "5.3",
        f"{length} bytes, cut in the middle of the mask",
        Chopped(binary(b"12345678"[:length]), 4),
        says_binary(b"12345678"[:length]),
    )

bits = Table("reserved bits")
KINDS = {"text": TEXT, "binary": BINARY, "a ping": PING, "a pong": 10, "a close": 8}
for rsv in range(1, 8):
    for what, opcode in KINDS.items():
        content = b"\x03\xe8" if opcode == 8 else b"bits"
        bits.add("5.2", f"RSV {rsv:03b} in {what}", frame(opcode, content, rsv=rsv), fails(1002))
    bits.add("5.2", f"RSV {rsv:03b} in a continuation", text("a", fin=False), more("b", rsv=rsv), fails(1002))
    bits.add("5.2", f"RSV {rsv:03b} after a message", text("a"), text("b", rsv=rsv), says_text("a"), fails(1002))
bits.add("5.2", "RSV 001 in an empty text", text(rsv=1), fails(1002))
bits.add("5.2", "RSV 100 in a first fragment", text("a", fin=False, rsv=4), fails(1002))
bits.add("5.2", "RSV 100 in a frame that is sent byte by byte", Chopped(text("abc", rsv=4)), fails(1002))

opcodes = Table("opcodes")
for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
    opcodes.add("5.2", f"opcode {opcode}, empty", frame(opcode), fails(1002))
    opcodes.add("5.2", f"opcode {opcode} with a payload", frame(opcode, b"reserved"), fails(1002))
    opcodes.add("5.2", f"opcode {opcode} after a message", text("a") + frame(opcode, b"b"), says_text("a"), fails(1002))
    opcodes.add(
        "5.2", f"opcode {opcode} between fragments", text("a", fin=False), frame(opcode), more("b"), fails(1002)
    )
    opcodes.add("5.2", f"opcode {opcode} without FIN", frame(opcode, b"x", fin=False), fails(1002))
opcodes.add("5.2", "opcode 3 byte by byte, with a close behind it", Chopped(frame(3, b"x") + close()), fails(1002))
opcodes.add("5.4", "a continuation as the first frame", frame(CONTINUATION, b"x"), fails(1002))
opcodes.add("5.5.3", "a pong as the first frame", pong(b"x") + text("a"), says_text("a"))

TABLES = (lengths, segments, masks, bits, opcodes)
