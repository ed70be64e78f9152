"""Faults of the server's process: killed, stopped, forked, reloaded, ended at the worst moment."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from programs import HARNESS_SCRIPTS, Program
from scene import Fleet, Scene


def kill_9(scene: Scene) -> None:
    """A third drops and resumes on the living server; then it is killed under all of them and started again: memory is
    gone, so each must be told. Half resume at connection, half by subscribing."""
    host = scene.host()
    fleet = scene.fleet(host.port)
    for number in range(1 if scene.scale.short else 3):
        host.publish(per_second=20)
        fleet.moves(2 * fleet.n)
        fleet.ask(f"drop 3 {number}")
        scene.expect(fleet.all_joined(), "not every client came back after dropping")
        before = fleet.status()
        host.kill()
        host = scene.host(port=host.port)
        scene.expect(fleet.all_joined(before["connections"] + fleet.n), "not every client came back after kill -9")
        told = fleet.status()["told"] - before["told"]
        scene.expect(told >= fleet.n, f"only {told} of {fleet.n} clients were told that history was lost")
    host.publish(per_second=20)
    fleet.moves(2 * fleet.n)
    scene.settle(host)
    scene.note(recovered=fleet.status()["recovered"])


def sigterm(scene: Scene) -> None:
    """SIGTERM in full flight: everybody gets a close code, the process ends in time, and nothing of what was delivered
    until then has a hole."""
    host = scene.host()
    fleet = scene.fleet(host.port)
    slowest = 0.0
    for _ in range(1 if scene.scale.short else 3):
        host.publish(per_second=100)
        fleet.moves(5 * fleet.n)
        before = fleet.status()
        started = time.monotonic()
        host.signal(signal.SIGTERM)
        status = host.wait(30)
        slowest = max(slowest, time.monotonic() - started)
        scene.expect(status in (0, -signal.SIGTERM), f"exit status {status}")
        host = scene.host(port=host.port)
        scene.expect(fleet.all_joined(before["connections"] + fleet.n), "not every client came back")
    codes = fleet.status()["ends_by_code"]
    scene.expect(set(codes) == {"1001"}, f"ends without 1001: {codes}")
    host.publish(per_second=20)
    fleet.moves(fleet.n)
    scene.settle(host)
    hinted = fleet.status()["hinted"]
    scene.expect(hinted == codes.get("1001"), f"{hinted} of {codes} were told when to come back")
    scene.note(ended_within_s=round(slowest, 2), ends_by_code=codes)


def sigstop(scene: Scene) -> None:
    """The server stands still for longer than its own time-out, and goes on. Its clients have done nothing wrong: none
    may be closed because the server did not look at the clock."""
    host = scene.host("--heartbeat", "1")  # time-out 3 s
    fleet = scene.fleet(host.port)
    host.publish(per_second=20)
    stop = 5.0 if scene.scale.short else 10.0
    for _ in range(1 if scene.scale.short else 3):
        fleet.moves(20 * fleet.n)
        host.signal(signal.SIGSTOP)
        time.sleep(stop)
        host.signal(signal.SIGCONT)
        fleet.moves(40 * fleet.n)
    scene.settle(host)
    ends = fleet.status()["ends_by_code"]
    scene.expect(not ends, f"clients that had answered every ping were closed: {ends}")
    scene.note(stopped_s=stop, ends_by_code=ends)


def blocked(scene: Scene) -> None:
    """stalled_host.py, another client library: loop blocked with the GIL held; clients keep their connections, get
    heartbeats, subscribe, resume, connect anew."""
    seconds = "8" if scene.scale.short else "60"
    clients = str(min(scene.scale.clients, 300 if scene.scale.short else 1000))
    script = HARNESS_SCRIPTS / "stalled_host.py"
    with Program.python(script, "--seconds", seconds, "--clients", clients, "--hold-gil") as program:
        figures = program.read(float(seconds) + 180)
    for problem in [*figures["problems"], *figures["faults"]]:
        scene.expect(False, problem)
    scene.result.clients, scene.result.messages = figures["clients"], figures["messages"]
    scene.note(
        **{name: figures[name] for name in ("kept", "resumed", "heartbeats_min")},
        blocked_s=round(figures["blocked_seconds"], 1),
    )


WAYS = ["os._exit", "sys.exit", "SIGKILL", "SIGTERM", "end of main"]
PLACES = ["on_connect", "on_command", "authorize", "authenticate"]


def exit_in_callback(scene: Scene) -> None:
    """Processes that end while one of their handlers runs, in each way a process can end, while a thread publishes."""
    scene.errors_belong_here = True  # a handler that is cancelled has failed
    port, slow, statuses = 0, 0.0, set()
    for number in range(scene.scale.exits):
        way, place = WAYS[number % len(WAYS)], PLACES[number // len(WAYS) % len(PLACES)]
        with Program.python(HARNESS_SCRIPTS / "leaver.py", str(port), place, way) as leaver:
            port = leaver.read(30)["port"]
            if not scene.fleets:
                scene.fleets.append(scene.stack.enter_context(Fleet.begin(port, 10, jitter=0.02)))
            fleet = scene.fleets[0]
            started = time.monotonic()
            if place == "on_command":
                fleet.somebody_joined()
                fleet.ask('say 1 0 {"action":"leave"}')
            status = leaver.wait(20)
            slow = max(slow, time.monotonic() - started)
        statuses.add(status)
        expected = -getattr(signal, way) if way.startswith("SIG") else 0
        scene.expect(status == expected, f"{place}, {way}: exit status {status}")
    scene.note(processes=scene.scale.exits, slowest_end_s=round(slow, 2), statuses=sorted(statuses))


def everything(scene: Scene) -> None:
    """Clients of many rooms drop, read slowly and visit other rooms all the time, while the server is killed, stopped,
    told to end, and started again."""
    rooms = 7
    options = ("--option", "history_size=64", "--option", "max_queue=16384", "--option", "drain_spread=1")
    host = scene.host(*options)
    fleet = scene.fleet(host.port, rooms=rooms, jitter=0.3, receive_buffer=4096, history=64)
    fleet.ask(f"churn {fleet.n / 20} {fleet.n / 40} {fleet.n / 20}")
    for harm in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM) * (1 if scene.scale.short else 4):
        host.publish(rooms, 10, size=2000)
        fleet.moves(20 * fleet.n)
        host.signal(harm)
        if harm is signal.SIGSTOP:
            time.sleep(2)
            host.signal(signal.SIGCONT)
            fleet.moves(10 * fleet.n)
            host.do("publish_off")
            host.kill()
        host.wait(30)
        host = scene.host(*options, port=host.port)
    fleet.ask("churn 0 0 0")
    host.publish(rooms, 10, size=2000)
    fleet.moves(5 * fleet.n)
    scene.settle(host, 120)
    status = fleet.status()
    scene.note(dropped=status["dropped"], paused=status["paused"], visits=status["visited"])


def fork(scene: Scene) -> None:
    """The application forks under its clients, and the children use ws_manager and end: no client notices."""
    host = scene.host()
    fleet = scene.fleet(host.port)
    host.publish(per_second=50)
    fleet.moves(fleet.n)
    children = 10 if scene.scale.short else 100
    statuses = host.do("fork", 300, room="project:r0", children=children)["statuses"]
    scene.expect(set(statuses) == {0}, f"children ended with {sorted(set(statuses))} (-1: not within 10 s)")
    fleet.moves(5 * fleet.n)
    scene.settle(host)
    ends = fleet.status()["ends_by_code"]
    scene.expect(not ends, f"connections ended: {ends}")
    scene.note(children=children)


def reload(scene: Scene) -> None:
    """`uvicorn --reload`: each time that a source file is saved, the server's process is replaced under its clients."""
    application = (HARNESS_SCRIPTS / "reloaded.py").read_text()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "reloaded.py")
        path.write_text(application)
        port = random.randint(20001, 29999)
        command = [sys.executable, "-m", "ws_manager", "run", "reloaded:app", "--port", str(port), "--reload"]
        server = subprocess.Popen([*command, "--log-level", "critical"], cwd=folder)
        try:
            fleet = scene.fleet(port, scene.scale.clients // 2)
            edits = 2 if scene.scale.short else 6
            for number in range(edits):
                scene.expect(fleet.moves(2 * fleet.n), "no messages")
                before = fleet.status()
                path.write_text(f"{application}\n# edit {number}\n")
                scene.expect(
                    fleet.all_joined(before["connections"] + fleet.n, 90), f"not everybody was back after edit {number}"
                )
            scene.expect(fleet.moves(2 * fleet.n), "no messages after the last edit")
            codes = fleet.status()["ends_by_code"]
            scene.note(edits=edits, ends_by_code=codes)
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                scene.expect(False, "uvicorn --reload did not end within 20 s")
