"""Attacks as data, the servers that they need, and the honest client that must not notice them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from raw.frames import CLOSE, TEXT, frame, text
from raw.peer import Peer, Unexpected
from raw.report import Result
from raw.server import TESTS, Certificate, Server

MIB = 1 << 20


class Honest:
    """raw.honest: a client in a process of its own, so that it waits for the server alone."""

    def __init__(self, server: Server, headers: Iterable[str], interval: float) -> None:
        authority = server.certificate.authority if server.certificate else ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "raw.honest", str(server.port), str(interval), authority, *headers],
            cwd=TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.slowest = 0.0
        self.answers = 0

    def check(self) -> float:
        """Raises unless it is served now; how long it had to wait for an answer since the last check, at most."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            found = json.loads(self.process.stdout.readline() or '{"error": "it has ended"}')
        except OSError as error:
            found = {"error": str(error)}
        if "error" in found:
            raise Unexpected(f"the honest client is not served any more: {found['error']}")
        self.answers = found["answers"]
        self.slowest = max(self.slowest, found["slowest"])
        slowest: float = found["slowest"]
        return slowest

    def stop(self) -> None:
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()
        self.process.wait(30)


class Scene:
    """A server with a configuration, and the honest client on it."""

    def __init__(self, kind: str, headers: Iterable[str], options: dict[str, object]) -> None:
        self.kind = kind
        self._files = ExitStack()
        certificate = self._files.enter_context(Certificate()) if options.pop("tls", False) else None
        self.server = Server(kind, certificate, **options)
        # Pings are messages, too: it keeps to the rate.
        self.honest = Honest(self.server, headers, 0.005 if options.get("rate") == 0 else 0.1)

    def stop(self) -> int:
        self.honest.stop()
        self._files.close()
        return self.server.stop()

    # ---- what attacks are made of

    def connect(self) -> Peer:
        return self.server.connect(timeout=10)

    @contextmanager
    def user(self, path: str = "/ws", **how: object) -> Iterator[User]:
        """A client of an endpoint that has been greeted."""
        with self.server.open(path, timeout=10, **how) as peer:
            user = User(peer)
            user.next()
            yield user

    def status(self, data: bytes, chop: int = 0) -> int:
        """The status of the answer; 0 if the connection ends without one."""
        with self.connect() as peer:
            peer.send(data, chop)
            answer = peer.answer()
            return answer.status if answer else 0

    def refused(self, data: bytes, *expect: int) -> str:
        """Demands one of the statuses (0: no answer), or anything but 101 if none is named."""
        status = self.status(data)
        if status == 101 or (expect and status not in expect):
            raise Unexpected(f"{status or 'no answer'} instead of {' or '.join(map(str, expect)) or 'a refusal'}")
        return str(status or "ended")

    def closed(self, code: int, path: str = "/ws", **how: object) -> str:
        """Demands that an upgrade is answered by a close with that code, without a greeting; its reason."""
        with self.server.open(path, timeout=10, **how) as peer:
            found = peer.frame()
            if found.opcode != CLOSE or found.code != code:
                raise Unexpected(f"{found} instead of close {code}")
            peer.send(frame(CLOSE, found.payload[:2]))
            return found.payload[2:].decode()

    @contextmanager
    def flat(self, bound: int, settle: Callable[[], bool] | None = None) -> Iterator[list[str]]:
        """Demands that resident memory does not grow by more than `bound` meanwhile; the list gets the figure."""
        before = self.server.memory()
        seen: list[str] = []
        yield seen
        if settle:
            until(settle)
        grown = self.server.memory() - before
        seen.append(f"{grown / MIB:+.1f} MiB")
        if grown > bound:
            raise Unexpected(f"memory has grown by {grown / MIB:.1f} MiB")

    def stat(self, name: str) -> Any:
        return self.server.stats()[name]


def until(condition: Callable[[], bool], timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise Unexpected("what was waited for does not come")
        time.sleep(0.02)


class User:
    """A greeted client that speaks JSON."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def say(self, message: str | bytes | dict[str, Any]) -> None:
        self.peer.send(text(json.dumps(message) if isinstance(message, dict) else message))

    def next(self) -> dict[str, Any]:
        """The next text message, as JSON; heartbeats are passed over."""
        while True:
            found = self.peer.frame()
            if found.opcode == CLOSE:
                raise Unexpected(f"{found} instead of a message")
            if found.opcode == TEXT:
                message: dict[str, Any] = json.loads(found.payload)
                if message.get("type") != "heartbeat":
                    return message

    def error(self, message: str | bytes | dict[str, Any], *codes: str) -> str:
        """Demands that the message is answered by an error of one of the codes, and that the connection goes on."""
        self.say(message)
        answer = self.next()
        code = answer.get("data", {}).get("code") if answer.get("type") == "error" else answer.get("type")
        if code not in codes:
            raise Unexpected(f"{json.dumps(answer)[:200]} instead of error {' or '.join(codes)}")
        self.alive()
        return str(code)

    def alive(self) -> None:
        self.say({"action": "ping", "id": 77})
        answer = self.next()
        if answer.get("type") != "pong" or answer.get("id") != 77:
            raise Unexpected(f"{json.dumps(answer)[:200]} instead of a pong")


@dataclass(frozen=True)
class Attack:
    row: str
    name: str
    source: str
    run: Callable[[Scene], str | None]
    scene: str = "plain"
    kinds: tuple[str, ...] = ("own", "uvicorn")

    def play(self, scene: Scene) -> Result:
        began = time.monotonic()
        try:
            seen, passed = self.run(scene) or "", True
            waited = scene.honest.check()
            if waited > 0.2:
                seen = f"{seen}, honest client waited {waited * 1000:.0f} ms".lstrip(", ")
        except (Unexpected, EOFError, OSError, ValueError) as error:
            seen, passed = f"{type(error).__name__}: {error}", False
        if not scene.server.alive:
            seen, passed = f"THE SERVER HAS ENDED; {seen}", False
        seconds = round(time.monotonic() - began, 4)
        return Result(scene.kind, self.row, self.name, self.source, passed, seen, seconds)


class Attacks:
    """Collects the attacks of one module."""

    def __init__(self, row: str, scene: str = "plain", kinds: tuple[str, ...] = ("own", "uvicorn")) -> None:
        self.row = row
        self.scene = scene
        self.kinds = kinds
        self.all: list[Attack] = []

    def add(self, name: str, source: str, run: Callable[..., str | None], *arguments: object, **how: Any) -> None:
        """`run` is called with the scene, then the arguments."""
        kinds = how.pop("kinds", self.kinds)

        def bound(scene: Scene) -> str | None:
            return partial(run, scene)(*arguments, **how)

        self.all.append(Attack(self.row, name, source, bound, self.scene, kinds))

    def __call__(self, name: str, source: str, **how: Any) -> Callable[..., Any]:
        """As a decorator."""

        def register(run: Callable[..., str | None]) -> Callable[..., str | None]:
            self.add(name, source, run, **how)
            return run

        return register
