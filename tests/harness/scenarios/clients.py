"""Faults of clients: they race, read slowly, come all at once, stand still."""

from __future__ import annotations

import os
import signal
import time

from programs import Program, find
from scene import Scene, until


def race(scene: Scene) -> None:
    """recovery_race.c: the core alone, joins and resumptions at random moments of publishing."""
    iterations = 1000 if scene.scale.short else 10_000
    with Program(find("recovery_race"), "--iterations", str(iterations)) as program:
        figures = program.read(300)
        status = program.wait()
    scene.expect(status == 0, f"{figures['faults']} faults: {figures['first_fault']}")
    result = scene.result
    result.clients, result.messages, result.reconnects = 64, figures["messages"], iterations
    result.told = figures["reset"] + figures["gaps"]
    scene.note(joins=iterations, recovered=figures["recovered"], replayed=figures["replayed"])


def slow_readers(scene: Scene) -> None:
    """A third has small receive buffers, and of all those many stop reading for seconds, under 16 KB messages whose sum
    is beyond their queues and beyond history: they lag, are refilled, and are told when that is not possible."""
    host = scene.host("--option", "max_queue=65536", "--option", "history_size=16")
    fleet = scene.fleet(host.port, scene.scale.clients // 2, receive_buffer=4096, history=16)
    host.publish(per_second=25, size=16_000)
    end = time.monotonic() + scene.scale.seconds
    while time.monotonic() < end:
        fleet.ask("pause 6 0 1.5")
        fleet.ask("pause 6 3 6")
        time.sleep(2)
    scene.settle(host)
    stats = host.do("stats")
    scene.note(lags=stats["lags"], gaps=stats["gaps"], paused=fleet.status()["paused"])
    done = stats["lags"] > 0 and stats["gaps"] > 0
    scene.expect(done, "nobody lagged or missed anything: the scenario did not do what it is for")


def bridge(scene: Scene) -> None:
    """The same without hand-over: uvicorn keeps the sockets, and the bridge waits for each. Some drop and resume."""
    host = scene.host("--bridge", "--option", "max_queue=65536", "--option", "history_size=32")
    fleet = scene.fleet(host.port, scene.scale.clients // 4, receive_buffer=4096, history=32)
    host.publish(per_second=20, size=8000)
    end = time.monotonic() + scene.scale.seconds
    while time.monotonic() < end:
        fleet.ask("pause 6 3 5")
        fleet.ask("drop 5 1")
        time.sleep(1)
    scene.expect(fleet.all_joined(), "not every client came back")
    scene.settle(host)
    stats = host.do("stats")
    scene.note(lags=stats["lags"], paused=fleet.status()["paused"], recovered=fleet.status()["recovered"])


def storm(scene: Scene) -> None:
    """Thousands lose their connections at one moment and come back at once, without jitter; a hundred others stay."""
    host = scene.host()
    stayers = scene.fleet(host.port, 100)
    crowd = scene.fleet(host.port, scene.scale.storm, parallel=scene.scale.storm, jitter=0)
    host.publish(per_second=5)
    crowd.moves(crowd.n)
    slowest = 0.0
    for number in range(1, 4):
        started = time.monotonic()
        crowd.ask("drop 1 0")
        scene.expect(crowd.all_joined(crowd.n * (number + 1)), "the crowd was not back within a minute")
        slowest = max(slowest, time.monotonic() - started)
        crowd.moves(crowd.n)
    scene.settle(host)
    scene.expect(stayers.status()["ends"] == 0, "clients lost their connections because others stormed")
    scene.note(all_back_within_s=round(slowest, 2), refused=crowd.status()["refusals"])


def frozen(scene: Scene) -> None:
    """The clients' process stands still for longer than the time-out: as seen from the server, they are gone, while the
    kernel goes on acknowledging until its buffers are full."""
    host = scene.host("--heartbeat", "1")  # time-out 3 s
    watchers = scene.fleet(host.port, 50, seed=2)
    fleet = scene.fleet(host.port)
    host.publish(per_second=20, size=2000)
    fleet.moves(fleet.n)
    os.kill(fleet.pid, signal.SIGSTOP)
    try:
        gone = 30
        ended = until(lambda: host.do("stats")["active_connections"] <= watchers.n, gone)
    finally:
        os.kill(fleet.pid, signal.SIGCONT)
    scene.expect(ended, f"the server still had dead connections after {gone} s")
    scene.expect(fleet.all_joined(2 * fleet.n), "not every client came back")
    scene.settle(host)
    scene.expect(watchers.status()["ends"] == 0, "clients that did answer were closed")
    scene.note(timeouts=host.do("stats")["timeouts"])
