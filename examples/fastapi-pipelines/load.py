"""The machine's load, read from /proc where there is one (Linux)."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any


class MachineLoad:
    """Reads CPU and memory; shares of time are since the call before. Values that can't be had are None."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._cpu = self._cpu_times()
        self._own = (time.monotonic(), time.process_time())

    def read(self) -> dict[str, Any]:
        """Fields of the event `system_status`, and the share of one core that this process used (percent)."""
        used, total = self._memory()
        return {
            "cpu_utilization": self._cpu_share(),
            "memory_used_mb": used,
            "memory_total_mb": total,
            "process_cpu": self._own_share(),
            "cores": os.cpu_count() or 1,
        }

    def _cpu_times(self) -> tuple[int, int] | None:
        """Busy and total time of all cores, in ticks."""
        try:
            fields = [int(v) for v in (self._proc / "stat").read_text().split("\n", 1)[0].split()[1:9]]
        except (OSError, ValueError):
            return None
        idle = fields[3] + fields[4]  # idle, waiting for a disk
        return sum(fields) - idle, sum(fields)

    def _cpu_share(self) -> float | None:
        before, now = self._cpu, self._cpu_times()
        self._cpu = now
        if before is None or now is None or now[1] <= before[1]:
            return None
        return round(100 * (now[0] - before[0]) / (now[1] - before[1]), 1)

    def _own_share(self) -> float:
        (wall, cpu), now = self._own, (time.monotonic(), time.process_time())
        self._own = now
        return round(100 * (now[1] - cpu) / max(now[0] - wall, 1e-6), 1)

    def _memory(self) -> tuple[float | None, float | None]:
        """Used and total memory in MiB."""
        try:
            rows = dict(line.split(":", 1) for line in (self._proc / "meminfo").read_text().splitlines() if ":" in line)
            total = int(rows["MemTotal"].split()[0]) / 1024
            free = int(rows["MemAvailable"].split()[0]) / 1024
        except (OSError, ValueError, KeyError, IndexError):
            return None, None
        return round(total - free), round(total)
