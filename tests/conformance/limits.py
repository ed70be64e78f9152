"""Sizes and counts (section 10.4): of the echo endpoint, and of an endpoint as users have it."""

from __future__ import annotations

from dataclasses import dataclass

from raw.frames import BINARY, binary, fragments, frame, more, pieces, text
from raw.peer import Peer

from conformance.case import Case, Fails, Step, Table, fails, next_frame, says_binary

MIB = 1 << 20

limits = Table("limits")
over = binary(bytes(16 * MIB + 1))
limits.add("10.4", "16 MiB and a byte", over, fails(1009))
for length in (16 * MIB + 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**62, 2**63 - 1):
    limits.add("10.4", f"a frame that declares {length:,} bytes", binary(b"x", length=length), fails(1009))
limits.add("10.4", "17 fragments of 1 MiB", fragments(BINARY, [bytes(MIB)] * 17), fails(1009))
limits.add(
    "10.4",
    "a small fragment, then one that declares too much",
    binary(b"x", fin=False),
    more(b"x", length=16 * MIB),
    fails(1009),
)
limits.add(
    "10.4",
    "many messages, more than 16 MiB together",
    *(step for _ in range(20) for step in (binary(bytes(MIB)), says_binary(bytes(MIB)))),
)
limits.add("10.4", "40,000 fragments of a byte", fragments(BINARY, [b"f"] * 40000), says_binary(b"f" * 40000))


@dataclass(frozen=True)
class Greeted(Step):
    """An endpoint of users says something first."""

    def run(self, peer: Peer) -> str:
        next_frame(peer)
        return ""


def user_case(name: str, *steps: Step | bytes) -> Case:
    return Case("limits", f"/ws: {name}", "10.4", (Greeted(), *steps), path="/ws")


USERS = [
    user_case("a message of 65,537 bytes", text(b"x" * 65537), fails(1009)),
    user_case("a frame that declares 65,537 bytes", text(b"x", length=65537), fails(1009)),
    user_case("a frame that declares 2^62 bytes", text(b"x", length=2**62), fails(1009)),
    user_case("two fragments of 40,000 bytes", fragments(1, pieces(b"x" * 80000, 40000)), fails(1009)),
    user_case("1,025 fragments of a byte", fragments(1, [b"x"] * 1025), fails(1008)),
    user_case("a megabyte of fragments of a byte", fragments(1, [b"x"] * MIB), Fails((1008,))),
    user_case("endless empty fragments", text(fin=False) + more(fin=False) * 5000, fails(1008)),
    user_case("a binary message", binary(b"x"), fails(1003)),
    user_case("a reserved opcode", frame(5), fails(1002)),
]
