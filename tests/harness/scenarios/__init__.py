"""The faults, by what is hit. Each is a function of a Scene; SCENARIOS lists them in the order of the report."""

from __future__ import annotations

from collections.abc import Callable

from scene import Scene

from . import clients, disk, machine, network, processes

SCENARIOS: dict[str, Callable[[Scene], None]] = {
    "publications racing with joins": clients.race,
    "slow readers": clients.slow_readers,
    "slow readers over the bridge": clients.bridge,
    "reconnect storm": clients.storm,
    "clients stand still (SIGSTOP)": clients.frozen,
    "kill -9 and restart": processes.kill_9,
    "SIGTERM while publishing": processes.sigterm,
    "server stands still (SIGSTOP)": processes.sigstop,
    "host loop blocked": processes.blocked,
    "exit in a callback": processes.exit_in_callback,
    "fork after start": processes.fork,
    "uvicorn --reload": processes.reload,
    "all of that at once": processes.everything,
    "half-open TCP": network.half_open,
    "packet loss and delay": network.loss,
    "wall clock jumps": machine.clock,
    "out of file descriptors": machine.descriptors,
    "out of memory": machine.memory,
    "allocations fail": machine.lean,
    "disk: kill -9 at full rate": disk.kill_9,
    "disk: slow readers and kill -9": disk.slow_readers,
    "disk: users away over kills": disk.absent_users,
    "disk: kept too short": disk.kept_too_short,
    "disk: another boot": disk.another_boot,
    "disk: full": disk.full_disk,
    "disk: files that are refused": disk.refused_files,
    "disk: waiting for the file": disk.waiting,
    "disk: file removed": disk.lost_file,
    "disk: damaged pages": disk.damaged_pages,
    "disk: allocations fail": machine.lean_disk,
}
