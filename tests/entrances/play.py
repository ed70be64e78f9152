"""Servers, each started once for all that is asked of its entrance and application."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from raw.peer import Unexpected

from entrances import hearing_table as heard
from entrances.attack import KEYED, Attack, Scene
from entrances.hearing import Somebody
from entrances.server import Entrance, Server
from entrances.table import Table, row_of

EXPECTED = heard.rows()
PROBLEMS = (Unexpected, EOFError, OSError, ValueError, KeyError, IndexError, AttributeError, TypeError, AssertionError)


@dataclass
class Job:
    """hearing: name of an application of the table, or empty. attacks: to be played after it."""

    entrance: Entrance
    module: str
    options: dict[str, str]
    hearing: list[str] = field(default_factory=list)
    attacks: list[Attack] = field(default_factory=list)


def jobs_of(table: Table, entrances: Iterable[Entrance], scenes: dict[str, Scene]) -> list[Job]:
    jobs: dict[tuple[str, str], Job] = {}

    def job(entrance: Entrance, module: str, options: dict[str, str]) -> Job:
        return jobs.setdefault((entrance.name, module), Job(entrance, module, options))

    for entrance in entrances:
        modules = {known.name: known.module(entrance.name, entrance.language) for known in heard.APPLICATIONS}
        if entrance.name == "run, own port":
            modules = dict(heard.BESIDE)
        for name, module in modules.items():
            if module and any(table.applies("hearing", f"{name}, {who}", entrance.name) for who in heard.WHO):
                job(entrance, module, KEYED).hearing.append(name)
        for attack in table.attacks:
            if table.applies("attacks", row_of(attack), entrance.name):
                scene = scenes[attack.scene]
                job(entrance, scene.module(entrance.name, entrance.language), scene.options).attacks.append(attack)
    return sorted(jobs.values(), key=lambda job: -len(job.attacks))


def play(job: Job, table: Table) -> None:
    """All of a job's cells; where the server dies or does not start, what is left fails."""
    try:
        server = Server(job.entrance, job.module, **job.options)
    except PROBLEMS as error:
        fail_all(job, table, f"{type(error).__name__}: {error}")
        return
    try:
        for name in job.hearing:
            listen(job, table, server, name)
        for attack in job.attacks:
            if not server.alive:
                server.stop()
                server = Server(job.entrance, job.module, **job.options)
            strike(job, table, server, attack)
    except PROBLEMS as error:
        fail_all(job, table, f"{type(error).__name__}: {error}")
    finally:
        server.stop()


def fail_all(job: Job, table: Table, why: str) -> None:
    for name in job.hearing:
        for who in heard.WHO:
            if table.applies("hearing", f"{name}, {who}", job.entrance.name):
                table.put("hearing", f"{name}, {who}", job.entrance.name, False, why, 0.0)
    for attack in job.attacks:
        if table.applies("attacks", row_of(attack), job.entrance.name):
            table.put("attacks", row_of(attack), job.entrance.name, False, why, 0.0)


def listen(job: Job, table: Table, server: Server, name: str) -> None:
    for who in heard.WHO:
        row = f"{name}, {who}"
        if not table.applies("hearing", row, job.entrance.name):
            continue
        began = time.monotonic()
        try:
            found = Somebody(server, who, name).find()
            wrong = [
                f"{column}: {'heard' if found[column][0] else 'not heard'} ({found[column][1]})"
                for column, wanted in EXPECTED[name, who].items()
                if found[column][0] != wanted
            ]
            seen = "; ".join(wrong) or ", ".join(column for column, (yes, _) in found.items() if yes) or "nothing"
            table.put("hearing", row, job.entrance.name, not wrong, seen, time.monotonic() - began)
        except PROBLEMS as error:
            seen = f"{type(error).__name__}: {error}"
            table.put("hearing", row, job.entrance.name, False, seen, time.monotonic() - began)


def strike(job: Job, table: Table, server: Server, attack: Attack) -> None:
    began = time.monotonic()
    server.mark()
    try:
        seen, passed = attack.run(server) or "", True
    except PROBLEMS as error:
        seen, passed = f"{type(error).__name__}: {error}", False
    if not server.alive:
        seen, passed = f"THE SERVER HAS ENDED; {seen}", False
    table.put("attacks", row_of(attack), job.entrance.name, passed, seen, time.monotonic() - began)
