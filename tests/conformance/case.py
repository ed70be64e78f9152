"""Cases as data: what is sent, and what must come back.

A case is a list of steps: bytes are sent; everything else is a demand on what the server does next. Unless a step says
how the connection ends, it must still work at the end: a closing handshake follows.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from raw.frames import BINARY, CLOSE, PONG, TEXT, close
from raw.peer import Frame, Peer, Unexpected
from raw.report import Result
from raw.server import Server


class Step(ABC):
    ends = False
    """Whether the connection is over after it."""

    @abstractmethod
    def run(self, peer: Peer) -> str:
        """Raises Unexpected; otherwise what has happened."""


@dataclass(frozen=True)
class Chopped(Step):
    """Sends the bytes in segments of `size`."""

    data: bytes
    size: int = 1

    def run(self, peer: Peer) -> str:
        peer.send(self.data, self.size)
        return ""


@dataclass(frozen=True)
class Says(Step):
    """One message, in one frame."""

    opcode: int
    payload: bytes

    def run(self, peer: Peer) -> str:
        found = next_frame(peer)
        wanted = Frame(self.opcode, self.payload)
        if found != wanted:
            raise Unexpected(f"{found} instead of {wanted}")
        return ""


def says_text(payload: str | bytes) -> Says:
    return Says(TEXT, payload.encode() if isinstance(payload, str) else payload)


def says_binary(payload: bytes) -> Says:
    return Says(BINARY, payload)


def answers(payload: bytes = b"") -> Says:
    """A pong."""
    return Says(PONG, payload)


@dataclass(frozen=True)
class AnswersSome(Step):
    """Pongs for some of these pings, in order, and for the last of them (section 5.5.3)."""

    payloads: Sequence[bytes]

    def run(self, peer: Peer) -> str:
        left = list(self.payloads)
        seen = 0
        while left:
            found = next_frame(peer)
            if found.opcode != PONG or found.payload not in left:
                raise Unexpected(f"{found} instead of a pong")
            seen += 1
            left = left[left.index(found.payload) + 1 :]
        return f"{seen} of {len(self.payloads)} answered"


@dataclass(frozen=True)
class Fails(Step):
    """The server closes with one of the codes; its close is answered, and the connection ends (section 7.1.7)."""

    codes: tuple[int, ...]
    ends = True

    def run(self, peer: Peer) -> str:
        found = next_frame(peer)
        if found.opcode != CLOSE or found.code not in self.codes:
            raise Unexpected(f"{found} instead of close {' or '.join(map(str, self.codes))}")
        peer.send(close(found.code if found.payload else None))
        peer.read_end()
        return f"close {found.code}" if len(self.codes) > 1 else ""


def fails(*codes: int) -> Fails:
    return Fails(codes)


@dataclass(frozen=True)
class Closed(Step):
    """The server answers our close, with one of the codes (1005: none), and ends the connection (section 7.1.1)."""

    codes: tuple[int, ...]
    ends = True

    def run(self, peer: Peer) -> str:
        found = next_frame(peer)
        if found.opcode != CLOSE or found.code not in self.codes:
            raise Unexpected(f"{found} instead of close {' or '.join(map(str, self.codes))}")
        try:
            found.payload[2:].decode()
        except UnicodeDecodeError:
            raise Unexpected("the reason is not UTF-8") from None
        peer.read_end()
        return f"close {found.code}" if len(self.codes) > 1 else ""


def closed(*codes: int) -> Closed:
    return Closed(codes)


@dataclass(frozen=True)
class Ends(Step):
    """The connection ends without a word."""

    ends = True

    def run(self, peer: Peer) -> str:
        peer.read_end()
        return ""


@dataclass(frozen=True)
class Finish(Step):
    """The client has sent its last byte, and goes on reading."""

    def run(self, peer: Peer) -> str:
        peer.finish()
        return ""


@dataclass(frozen=True)
class MessageOrFailure(Step):
    """What the RFC leaves open: the message is echoed, or the connection fails with one of the codes."""

    message: Says
    failure: Fails

    def run(self, peer: Peer) -> str:
        peer.wait()
        if peer.buffer and peer.buffer[0] & 0x0F == CLOSE:
            self.failure.run(peer)
            return "refused"
        self.message.run(peer)
        peer.send(close())
        closed(1000).run(peer)
        return "accepted"

    ends = True


@dataclass(frozen=True)
class Case:
    category: str
    name: str
    section: str
    steps: tuple[Step | bytes, ...]
    path: str = "/echo"

    def play(self, server: Server) -> Result:
        began = time.monotonic()
        try:
            with server.open(self.path, timeout=5.0) as peer:
                seen, passed = self._play(peer), True
        except (Unexpected, EOFError) as error:
            seen, passed = str(error), False
        return Result(
            server.kind, self.category, self.name, self.section, passed, seen, round(time.monotonic() - began, 4)
        )

    def _play(self, peer: Peer) -> str:
        seen = ""
        step: Step | bytes = b""
        for step in self.steps:
            if isinstance(step, bytes):
                peer.send(step)
            else:
                seen = step.run(peer) or seen
        if isinstance(step, bytes) or not step.ends:
            peer.send(close(1000))
            closed(1000).run(peer)
        return seen


def next_frame(peer: Peer) -> Frame:
    try:
        return peer.frame()
    except EOFError as error:
        raise Unexpected(f"{error} without a frame") from None


class Table:
    """Collects the cases of one category."""

    def __init__(self, category: str) -> None:
        self.category = category
        self.cases: list[Case] = []

    def add(self, section: str, name: str, *steps: Step | bytes) -> None:
        self.cases.append(Case(self.category, name, section, steps))
