"""What every scenario of chaos and soak needs: a host, a fleet of clients with an oracle, and a verdict.

A scenario is a function of a Scene. It starts programs through it, does harm, and tells by expect() what must hold
beside the invariant of delivery, which is looked at in any case: no silent gap, no duplicate, nothing that contradicts
itself.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from programs import HARNESS_SCRIPTS, Program, ProgramError, find

HOST = HARNESS_SCRIPTS / "host.py"
Answer = dict[str, Any]


class NotPermitted(Exception):
    """The environment does not allow the fault; the text says what is missing."""


@dataclass(frozen=True)
class Scale:
    """How large: the long run, or the one that is a part of the tests."""

    short: bool
    clients: int  # what most scenarios have
    storm: int  # that reconnect at once
    exits: int  # processes that end in a callback
    seconds: float  # how long a scenario goes on doing harm


FULL = Scale(short=False, clients=1000, storm=5000, exits=1000, seconds=15)
SHORT = Scale(short=True, clients=200, storm=1000, exits=50, seconds=2)


@dataclass
class Result:
    """A row of the report."""

    name: str
    clients: int = 0
    messages: int = 0
    told: int = 0
    duplicates: int = 0
    silent: int = 0
    reconnects: int = 0
    seconds: float = 0.0
    notes: Answer = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    not_run: str = ""

    @property
    def verdict(self) -> str:
        return "not run" if self.not_run else "BROKEN" if self.problems else "held"


def until(condition: Callable[[], Any], seconds: float, pause: float = 0.05) -> bool:
    """Whether it came true within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


class Host(Program):
    """host.py: a FastAPI application with ws_manager under a real uvicorn."""

    port = own_port = 0

    @classmethod
    def begin(cls, *options: str, port: int = 0, **keywords: Any) -> Host:
        host = cls.python(HOST, "--manager", "ours", "--port", str(port), *options, **keywords)
        hello = host.read()
        host.port, host.own_port = hello["port"], hello["own_port"]
        return host

    def do(self, what: str, timeout: float = 60.0, **fields: Any) -> Answer:
        answer = self.ask({"do": what, **fields}, timeout)
        if "error" in answer:
            raise ProgramError(f"{what}: {answer['error']}")
        return answer

    def publish(self, rooms: int = 1, per_second: float = 50, **fields: Any) -> None:
        """Goes on publishing to the rooms of the fleet."""
        names = [f"project:r{index}" for index in range(rooms)]
        self.do("publish_on", rooms=names, per_second=per_second, **fields)

    def status_file(self, name: str) -> int:
        """A number of /proc/<pid>/status: VmRSS in kB, Threads."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
        raise ProgramError(f"/proc/{self.pid}/status has no {name}")

    @property
    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


class Fleet(Program):
    """fleet.c: clients that come back whatever happens, and see every gap."""

    n = port = 0

    @classmethod
    def begin(cls, port: int, n: int, prefix: tuple[str, ...] = (), **options: Any) -> Fleet:
        arguments: list[str] = []
        for name, value in options.items():
            arguments += ["--" + name.replace("_", "-"), str(value)]
        fleet = cls(*prefix, find("fleet"), "--port", str(port), "--clients", str(n), *arguments)
        fleet.n, fleet.port = n, port
        return fleet

    def status(self) -> Answer:
        return self.ask("status")

    def all_joined(self, connections: int = 0, seconds: float = 60.0) -> bool:
        """Waits until every client is in its room, after `connections` in all at least."""

        def there() -> bool:
            status = self.status()
            return bool(status["joined"] == self.n and status["connections"] >= connections)

        return until(there, seconds)

    def somebody_joined(self, seconds: float = 10.0) -> bool:
        return until(lambda: self.status()["joined"] > 0, seconds, 0.01)

    def moves(self, messages: int, seconds: float = 60.0) -> bool:
        """Waits until the clients have got that many messages more."""
        goal = self.status()["messages"] + messages
        return until(lambda: self.status()["messages"] >= goal, seconds)

    def all_reached(self, n: int, seconds: float = 60.0) -> bool:
        """Waits until message n is the newest of every client."""
        return until(lambda: self.ask(f"reached {n}")["reached"] == self.n, seconds)


class Scene:
    """One scenario under way. Ends all programs that it has started."""

    errors_belong_here = False  # whether the server may answer with messages of type `error`

    def __init__(self, name: str, scale: Scale) -> None:
        self.scale = scale
        self.result = Result(name)
        self.stack = ExitStack()
        self.fleets: list[Fleet] = []
        self.servers: list[Program] = []  # that must have ended before what they use goes
        self._started = time.monotonic()

    def host(self, *options: str, **keywords: Any) -> Host:
        return self.stack.enter_context(Host.begin(*options, **keywords))

    def fleet(self, port: int, n: int | None = None, **options: Any) -> Fleet:
        fleet = self.stack.enter_context(Fleet.begin(port, n or self.scale.clients, **options))
        self.fleets.append(fleet)
        self.expect(fleet.all_joined(fleet.n), "not every client could join at first")
        return fleet

    def expect(self, condition: object, problem: str) -> None:
        """What must hold; otherwise it is told as a problem."""
        if not condition:
            self.result.problems.append(problem)

    def note(self, **figures: Any) -> None:
        self.result.notes.update(figures)

    def settle(self, host: Host, seconds: float = 60.0) -> None:
        """No more is published; every client of that host must come to the last message, and its statistics add up."""
        n = host.do("publish_off")["n"]
        for fleet in self.fleets:
            if fleet.port not in (host.port, host.own_port):
                continue
            if not fleet.all_reached(n, seconds):
                reached = fleet.ask(f"reached {n}")["reached"]
                self.expect(False, f"only {reached} of {fleet.n} clients got the last message within {seconds:.0f} s")

        stats = host.do("stats")
        fates = {name: n for name, n in stats.items() if name.startswith("deliveries_") and "replayed" not in name}
        adds_up = sum(fates.values()) == stats["deliveries"]
        self.expect(adds_up, f"{stats['deliveries']} deliveries, of which the statistics know {fates}")

    def count(self) -> None:
        for fleet in self.fleets:
            status, result = fleet.status(), self.result
            result.clients += status["clients"]
            result.messages += status["messages"]
            result.told += status["told"] + status["gaps"]
            result.duplicates += status["duplicates"]
            result.silent += status["silent"]
            result.reconnects += status["connections"] - status["clients"]
            for name in ("silent", "duplicates", "twice", "wrong", "needless", "protocol_errors", "errors"):
                if name == "errors" and self.errors_belong_here:
                    continue
                self.expect(status[name] == 0, f"{name}: {status[name]} ({status['first_fault']})")

    def run(self, scenario: Callable[[Scene], None]) -> Result:
        try:
            with self.stack:
                scenario(self)
                self.count()
        except NotPermitted as reason:
            self.result.not_run = str(reason)
        except ProgramError as error:
            self.result.problems.append(str(error))
        self.result.seconds = round(time.monotonic() - self._started, 1)
        return self.result
