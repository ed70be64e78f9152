"""Programs that talk in lines of JSON on standard input and output: how bench and harness start and steer them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, Self

ROOT = Path(__file__).resolve().parents[2]
HARNESS_SCRIPTS = Path(__file__).resolve().parent
CORES = sorted(os.sched_getaffinity(0))


class ProgramError(Exception):
    """A program ended or was silent where it should have answered; the text says which, and its last words."""


def find(name: str) -> Path:
    """The compiled program `name` in build/release (or where WSM_PROGRAMS points to)."""
    folder = Path(os.environ.get("WSM_PROGRAMS", ROOT / "build" / "release"))
    path = folder / name
    if not path.exists():
        raise ProgramError(f"{path} does not exist: run `make bench`, or `cmake --build build/release`, first")
    return path


class Program:
    """A child process, and a context manager.

    core: index of the core that it is pinned to, or None. env: variables to be added.
    """

    log: IO[str] | None = None  # where programs' standard error goes; None: to our own

    def __init__(self, *command: str | Path, core: int | None = None, env: dict[str, str] | None = None) -> None:
        self.command = [str(part) for part in command]
        cores = None if core is None else {CORES[core % len(CORES)]}
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            bufsize=1,
            env=None if env is None else os.environ | env,
            preexec_fn=None if cores is None else lambda: os.sched_setaffinity(0, cores),
        )
        self.pid = self._process.pid

    @classmethod
    def python(cls, script: Path, *args: str, **keywords: Any) -> Self:
        return cls(sys.executable, script, *args, **keywords)

    def read(self, timeout: float = 60.0) -> dict[str, Any]:
        """The next line of its output that is a JSON object; other lines go to standard error."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise ProgramError(f"no answer within {timeout:.0f} s from: {' '.join(self.command)}")
            line = self._process.stdout.readline()
            if not line:
                raise ProgramError(f"ended with status {self._process.wait()}: {' '.join(self.command)}")
            if line.startswith("{"):
                return json.loads(line)  # type: ignore[no-any-return]
            sys.stderr.write(line)

    def send(self, line: str | dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
        self._process.stdin.flush()

    def ask(self, line: str | dict[str, Any], timeout: float = 60.0) -> dict[str, Any]:
        self.send(line)
        return self.read(timeout)

    def wait(self, timeout: float = 60.0) -> int:
        """Its exit status once it has ended."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ProgramError(f"did not end within {timeout:.0f} s: {' '.join(self.command)}") from None

    def kill(self) -> None:
        """kill -9."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def close(self, timeout: float = 10.0) -> int:
        """Ends its input and waits for it; kills it if it does not end. Returns its exit status."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            status = -signal.SIGKILL
        if self._process.stdout is not None:
            self._process.stdout.close()
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
