"""Faults of the network: the clients live in a network namespace, at the other end of a wire that we hold."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from programs import Program, find
from scene import NotPermitted, Scene, until

NEAR, FAR = "10.213.7.1", "10.213.7.2"
EXEMPT = ("--option", "exempt_ips=10.213.7.0/30")  # hundreds of clients have one address
_one_wire = threading.Lock()


def _ip(*arguments: str, prefix: tuple[str, ...] = (), check: bool = True) -> None:
    done = subprocess.run([*prefix, "ip", *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise NotPermitted(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


@contextmanager
def wire() -> Iterator[tuple[Program, tuple[str, ...]]]:
    """The wire, and what a command is begun with to run at its far end. One at a time: it has fixed addresses.

    It takes `delay MS`, `loss PERCENT`, `cut`, `join`.
    """
    if os.geteuid() != 0:
        raise NotPermitted("network namespaces need root")
    if shutil.which("ip") is None:
        raise NotPermitted("the program ip is missing (package iproute2)")
    name = f"wsm{os.getpid()}"
    near, far, space = f"{name}n", f"{name}f", name
    # Not `ip netns exec` and `ip -n`: they change mounts, for which / must be a mount point. In a chroot it is none.
    beyond = ("nsenter", f"--net=/run/netns/{space}")
    with _one_wire, ExitStack() as stack:
        _ip("netns", "add", space)
        stack.callback(_ip, "netns", "delete", space, check=False)
        with Program(find("wire"), near, far) as program:
            hello = program.read()
            if "error" in hello:
                raise NotPermitted(hello["error"])
            _ip("link", "set", far, "netns", space)
            for prefix, device, address in (((), near, NEAR), (beyond, far, FAR)):
                _ip("address", "add", f"{address}/30", "dev", device, prefix=prefix)
                _ip("link", "set", device, "up", prefix=prefix)
            yield program, beyond


def half_open(scene: Scene) -> None:
    """The wire is cut without a word, for longer than the time-outs: both ends must find out for themselves, let go,
    and come together again when the wire is whole. A shorter cut must end no connection at all."""
    with wire() as (line, prefix):
        host = scene.host("--address", NEAR, "--heartbeat", "1", *EXEMPT)  # time-out 3 s
        fleet = scene.fleet(host.port, scene.scale.clients // 2, prefix=prefix, address=NEAR, silence=4)
        host.publish(per_second=10)
        fleet.moves(fleet.n)
        line.ask("cut")
        time.sleep(1)
        line.ask("join")
        fleet.moves(10 * fleet.n)
        scene.expect(fleet.status()["ends"] == 0, "a cut of one second ended connections")
        line.ask("cut")
        started = time.monotonic()
        gone = until(lambda: host.do("stats")["active_connections"] == 0, 20)
        scene.note(server_let_go_within_s=round(time.monotonic() - started, 1))
        scene.expect(gone, "the server still holds half-open connections after 20 s")
        fleet_gone = until(lambda: fleet.status()["open"] == 0, 20)
        scene.expect(fleet_gone, "clients still hold half-open connections")
        line.ask("join")
        scene.expect(fleet.all_joined(2 * fleet.n), "not every client came back")
        fleet.moves(fleet.n)
        scene.settle(host)
        # A close frame that nobody answers: the socket goes after close_timeout (5 s).
        let_go = until(lambda: host.descriptors < fleet.n + 40, 15)
        scene.expect(let_go, f"{host.descriptors} descriptors for {fleet.n} clients")
        scene.note(timeouts=host.do("stats")["timeouts"])


def loss(scene: Scene) -> None:
    """5 % of the packets are lost and the rest are late by 40 ms in each direction, while clients drop and resume."""
    with wire() as (line, prefix):
        host = scene.host("--address", NEAR, *EXEMPT)
        line.ask("delay 40")
        line.ask("loss 5")
        fleet = scene.fleet(host.port, scene.scale.clients // 4, prefix=prefix, address=NEAR)
        host.publish(per_second=10)
        end = time.monotonic() + scene.scale.seconds
        while time.monotonic() < end:
            fleet.ask("drop 10 3")
            time.sleep(1)
        scene.expect(fleet.all_joined(seconds=120), "not every client came back")
        scene.settle(host, 120)
        figures = line.ask("status")
        scene.note(packets=figures["packets"], lost=figures["lost"], recovered=fleet.status()["recovered"])
