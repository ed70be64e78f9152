"""Faults of the machine: its clock jumps, descriptors or memory run out."""

from __future__ import annotations

import glob
import resource
import tempfile
import time
from pathlib import Path

from programs import Program, find
from scene import Fleet, Host, NotPermitted, Scene, until


def clock(scene: Scene) -> None:
    """The wall clock jumps by days and seconds, forwards and backwards. Time-outs, heartbeats and the lifetime of
    history must not notice: nobody is closed, everybody who drops recovers."""
    libraries = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not libraries:
        raise NotPermitted("libfaketime is missing (package libfaketime)")
    with tempfile.NamedTemporaryFile("w", suffix=".offset") as file:

        def jump(offset: str) -> None:
            Path(file.name).write_text(offset)

        jump("+0")
        env = {
            "LD_PRELOAD": libraries[0],
            "FAKETIME_TIMESTAMP_FILE": file.name,
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # with its "fix", waits by the monotonic clock never end
        }
        host = scene.host("--heartbeat", "1", env=env)
        fleet = scene.fleet(host.port, scene.scale.clients // 2)
        host.publish(per_second=20)
        started, before = time.monotonic(), fleet.status()["heartbeats"]
        jumps = ["+1d", "-1d", "+90", "-90", "+3650d", "+0"]
        for number, offset in enumerate(jumps):
            jump(offset)
            time.sleep(scene.scale.seconds / len(jumps) / 2)
            joined = fleet.status()["connections"]
            fleet.ask(f"drop 6 {number}")
            scene.expect(fleet.all_joined(joined + 1), f"not every client came back after {offset}")
            fleet.moves(2 * fleet.n)
        expected = (time.monotonic() - started) * fleet.n
        scene.settle(host)
        status, stats = fleet.status(), host.do("stats")
        scene.expect(set(status["ends_by_code"]) <= {"5"}, f"connections were ended: {status['ends_by_code']}")
        scene.expect(status["told"] == 0, f"{status['told']} clients could not recover: history ended with the clock")
        beats = (status["heartbeats"] - before) / expected
        # A client that has just come hears its first heartbeat after half an interval to one.
        # None, or those of a day at once, is what must not be.
        scene.expect(0.3 < beats < 2, f"{beats:.2f} heartbeats per client and interval")
        scene.note(jumps=jumps, heartbeats_per_interval=round(beats, 2), timeouts=stats["timeouts"])


def descriptors(scene: Scene) -> None:
    """Strangers take every descriptor that the server may have. Those inside live on; the strangers wait, and when they
    leave, accepting goes on by itself. On uvicorn's port and on the runtime's own."""
    for which in ("port", "own_port"):
        host = scene.host("--own-port", "0")
        scene.note(**{f"strangers_inside_{which}": _crowd_out(scene, host, getattr(host, which), which)})


def _crowd_out(scene: Scene, host: Host, port: int, which: str, inside: int = 100) -> int:
    before = host.descriptors
    fleet = scene.fleet(port, inside)
    until(lambda: host.descriptors <= before + inside, 10)  # uvicorn has let go of what it handed over
    host.publish(per_second=20)
    limit = host.descriptors + 20
    resource.prlimit(host.pid, resource.RLIMIT_NOFILE, (limit, limit))
    with Fleet.begin(port, 200, parallel=200, seed=3) as strangers:
        # As many of them as there are descriptors get in; then it is full.
        until(lambda: host.descriptors >= limit - 2, 10)
        fleet.moves(40 * inside)
        taken = int(strangers.status()["open"])
        scene.expect(fleet.status()["ends"] == 0, f"{which}: clients inside lost their connections")
    scene.expect(until(lambda: host.descriptors < limit - 10, 20), f"{which}: descriptors did not come back")
    fleet.ask("drop 2 0")
    scene.expect(fleet.all_joined(inside * 3 // 2), f"{which}: accepting did not go on")
    scene.settle(host)
    return taken


def memory(scene: Scene) -> None:
    """The address space is limited to little more than is in use, while slow readers pile up queues, large messages are
    published and strangers come: whoever asks for what is not there is told so, and everybody else is served."""
    host = scene.host("--option", "history_size=64")
    fleet = scene.fleet(host.port, scene.scale.clients // 4, receive_buffer=4096, history=64)
    host.publish(per_second=20, size=20_000)
    fleet.moves(fleet.n)
    size = host.status_file("VmSize") * 1024
    resource.prlimit(host.pid, resource.RLIMIT_AS, (size + 2 * 1024 * 1024, -1))
    with Fleet.begin(host.port, 100, rooms=10, seed=3) as strangers:
        end = time.monotonic() + scene.scale.seconds
        while time.monotonic() < end:
            fleet.ask("pause 2 0 3")
            outcomes = host.do("publish_large", room="project:large", count=10, size=12_000_000)["outcomes"]
            time.sleep(1)
        inside = strangers.status()["open"]
    resource.prlimit(host.pid, resource.RLIMIT_AS, (-1, -1))
    scene.expect(set(outcomes) - {"sent"}, "there was memory for everything: the scenario did not do what it is for")
    scene.expect(fleet.all_joined(), "not every client came back")
    scene.settle(host)
    again = host.do("publish_large", room="project:large", count=3, size=12_000_000)["outcomes"]
    scene.expect(again == {"sent": 3}, f"with memory again: {again}")
    scene.expect(fleet.status()["ends"] == 0, "clients lost their connections")
    scene.note(outcomes=outcomes, strangers_inside=inside, lags=host.do("stats")["lags"])


def lean(scene: Scene) -> None:
    """lean.c, the core alone: one in a hundred, then one in twenty of the runtime's allocations fails, while clients
    come, go and read slowly. Who cannot be served is told or let go; nothing crashes, nothing is lost in silence."""
    starve(scene)


def lean_disk(scene: Scene) -> None:
    """The same with rooms on disk."""
    with tempfile.TemporaryDirectory(prefix="wsm-chaos-") as folder:
        starve(scene, "--store", f"{folder}/ws.db")


def starve(scene: Scene, *options: str) -> None:
    scene.errors_belong_here = True  # `internal`: the server is out of memory
    server = scene.stack.enter_context(Program(find("lean"), *options))
    fleet = scene.fleet(server.read()["port"], 200, rooms=3, receive_buffer=4096, history=0)
    fleet.ask("churn 30 10 30")
    for rarity in ("100", "20"):
        server.ask(rarity)
        time.sleep(scene.scale.seconds)
    figures = server.ask("0")
    fleet.ask("churn 0 0 0")
    scene.expect(fleet.all_joined(), "not every client came back")
    scene.expect(fleet.moves(5 * fleet.n), "no messages any more")
    codes = fleet.status()["ends_by_code"]
    scene.count()
    scene.fleets.clear()
    fleet.close()
    scene.expect(server.close() == 0, "the server did not end as it should")
    scene.note(allocations_failed=figures["failed"], not_published=figures["unsent"], ends_by_code=codes)
