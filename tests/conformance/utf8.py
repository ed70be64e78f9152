"""Text is UTF-8, however it is cut, and what is not fails the connection with 1007 (section 8.1, RFC 3629)."""

from __future__ import annotations

from raw.frames import TEXT, binary, close, fragments, more, pieces, text

from conformance.case import Chopped, Table, closed, fails, says_binary, says_text

VALID = {
    "ASCII": b"plain",
    "several scripts": "Größe κόσμε мир 世界 שלום 🌍".encode(),
    "NUL": b"\0",
    "DEL": b"\x7f",
    "U+0080, the first of two bytes": b"\xc2\x80",
    "U+07FF, the last of two bytes": b"\xdf\xbf",
    "U+0800, the first of three bytes": b"\xe0\xa0\x80",
    "U+D7FF, before the surrogates": b"\xed\x9f\xbf",
    "U+E000, after the surrogates": b"\xee\x80\x80",
    "U+FEFF, the byte order mark": b"\xef\xbb\xbf",
    "U+FFFD, the replacement character": b"\xef\xbf\xbd",
    "U+FFFE, no character": b"\xef\xbf\xbe",
    "U+FFFF, no character": b"\xef\xbf\xbf",
    "U+FDD0, no character": b"\xef\xb7\x90",
    "U+10000, the first of four bytes": b"\xf0\x90\x80\x80",
    "U+1FFFF, no character": b"\xf0\x9f\xbf\xbf",
    "U+3FFFF, no character": b"\xf0\xbf\xbf\xbf",
    "U+10FFFF, the last": b"\xf4\x8f\xbf\xbf",
    "combining characters": "e\u0301\u0323\u200d".encode(),
}
INVALID = {
    "80, a continuation alone": b"\x80",
    "bf, a continuation alone": b"\xbf",
    "a continuation after ASCII": b"abc\x80",
    "64 continuations": bytes(range(0x80, 0xC0)),
    "c2 without its continuation": b"\xc2",
    "c2 followed by ASCII": b"\xc2a",
    "e0 a0 without the last byte": b"\xe0\xa0",
    "e1 80 followed by ASCII": b"\xe1\x80a",
    "f0 90 80 without the last byte": b"\xf0\x90\x80",
    "f1 80 80 followed by ASCII": b"\xf1\x80\x80a",
    "c0 80, NUL too long": b"\xc0\x80",
    "c0 af, a slash too long": b"\xc0\xaf",
    "c1 bf, DEL too long": b"\xc1\xbf",
    "e0 80 af, a slash too long": b"\xe0\x80\xaf",
    "e0 9f bf, U+07FF too long": b"\xe0\x9f\xbf",
    "f0 80 80 af, a slash too long": b"\xf0\x80\x80\xaf",
    "f0 8f bf bf, U+FFFF too long": b"\xf0\x8f\xbf\xbf",
    "f8 88 80 80 80, five bytes": b"\xf8\x88\x80\x80\x80",
    "fc 84 80 80 80 80, six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "fe": b"\xfe",
    "ff": b"\xff",
    "ed a0 80, the first surrogate": b"\xed\xa0\x80",
    "ed af bf, the last high surrogate": b"\xed\xaf\xbf",
    "ed b0 80, the first low surrogate": b"\xed\xb0\x80",
    "ed bf bf, the last surrogate": b"\xed\xbf\xbf",
    "ed a0 80 ed b0 80, a pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "f4 90 80 80, U+110000": b"\xf4\x90\x80\x80",
    "f5 80 80 80, U+140000": b"\xf5\x80\x80\x80",
    "f7 bf bf bf, U+1FFFFF": b"\xf7\xbf\xbf\xbf",
    "latin-1": "Größe".encode("latin-1"),
    "UTF-16": "text".encode("utf-16"),
    "a bad byte after much that is good": "κόσμε".encode() * 1000 + b"\xff",
}

valid = Table("UTF-8, valid")
for what, data in VALID.items():
    valid.add("8.1", what, text(data), says_text(data))
    valid.add("8.1", f"{what}: a fragment per byte", fragments(TEXT, pieces(data, 1) or [b""]), says_text(data))
    valid.add("8.1", f"{what}: a segment per byte", Chopped(text(data)), says_text(data))
several = VALID["several scripts"]
for cut in range(1, len(several), 3):
    valid.add(
        "8.1",
        f"two fragments, cut after byte {cut}",
        fragments(TEXT, [several[:cut], several[cut:]]),
        says_text(several),
    )
valid.add("8.1", "an empty fragment inside a character", fragments(TEXT, [b"\xe2\x82", b"", b"\xac"]), says_text("€"))
valid.add("8.1", "1 MiB of three-byte characters", text("€" * 349525), says_text("€" * 349525))
valid.add(
    "8.1",
    "1 MiB of four-byte characters in fragments of 1021",
    fragments(TEXT, pieces("🌍".encode() * 262144, 1021)),
    says_text("🌍" * 262144),
)
for what, data in list(INVALID.items())[:12]:
    valid.add("5.6", f"binary may be anything: {what}", binary(data), says_binary(data))

invalid = Table("UTF-8, invalid")
for what, data in INVALID.items():
    invalid.add("8.1", what, text(data), fails(1007))
    invalid.add("8.1", f"{what}: a fragment per byte", fragments(TEXT, [*pieces(data, 1), b""]), fails(1007))
    invalid.add("8.1", f"{what}: a segment per byte", Chopped(text(data)), fails(1007))
    invalid.add(
        "8.1", f"{what}, after a good message", text("good") + text(b"and " + data), says_text("good"), fails(1007)
    )
invalid.add(
    "8.1", "a character that is cut off by the end of the message", fragments(TEXT, [b"ok\xe2\x82", b""]), fails(1007)
)
invalid.add(
    "8.1",
    "two halves of characters that do not belong together",
    fragments(TEXT, [b"\xe2\x82", b"\xe2\x82\xac"]),
    fails(1007),
)
invalid.add(
    "8.1", "a message that ends in the middle; the next goes on", text(b"\xe2\x82") + text(b"\xac"), fails(1007)
)
invalid.add("8.1", "a bad reason of a close", close(1000, b"\xff\xfe"), closed(1007, 1002))

# The RFC does not demand it, but nobody has to wait for the end of what can no longer become text.
early = Table("UTF-8, at once")
for what, data in (
    ("ff", b"\xff"),
    ("f4 90", b"\xf4\x90"),
    ("ed a0", b"\xed\xa0"),
    ("c0", b"\xc0"),
    ("e0 80", b"\xe0\x80"),
    ("f5", b"\xf5"),
    ("ASCII where a continuation should be", b"\xe2a"),
):
    early.add("8.1", f"{what} in a first fragment", text(b"good " + data, fin=False), fails(1007))
    early.add("8.1", f"{what} in a second fragment", text(b"good", fin=False) + more(data, fin=False), fails(1007))
    early.add("8.1", f"{what} in an unfinished frame", text(b"good " + data + b"x" * 100)[:-100], fails(1007))
early.add(
    "8.1",
    "a bad byte in 1 MiB that is not sent to its end",
    text(b"x" * 1000 + b"\xff" + b"x" * 1000000)[:5000],
    fails(1007),
)
early.add(
    "8.1",
    "the second half of a character in another fragment",
    text(b"\xf4", fin=False) + more(b"\x90", fin=False),
    fails(1007),
)

TABLES = (valid, invalid, early)
