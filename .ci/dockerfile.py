"""dockerfile.py IMAGES DOCKERFILE CONTEXT PROBE: what `docker build` and `docker run` would do, without Docker.

Runs the steps of a Dockerfile in copies of root file systems, which stand in IMAGES under the names that FROM gives
them; then its CMD, as process 1 of its own, with no network but loopback. Tries the HEALTHCHECK until it succeeds, runs
PROBE inside the container (a client that says "ready" once it is served, and prints how it was closed), sends the
STOPSIGNAL and reports. As root, in a throw-away system: it needs chroot, unshare, nsenter and ip. Knows the
instructions and forms that examples/docker uses, and no others.
"""

from __future__ import annotations

import glob
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

STARTED = 90.0
"""Seconds until the HEALTHCHECK must have succeeded."""
STOPPED = 15.0
"""Seconds that `docker stop` would be told to wait."""
CARRIED = ("http_proxy", "https_proxy", "no_proxy", "PIP_", "npm_config_", "NODE_EXTRA_CA_CERTS", "SSL_CERT_")


def fail(what: str) -> None:
    sys.exit(f"*** {what}")


def steps(dockerfile: Path) -> list[tuple[str, str]]:
    """(instruction, rest) of each line; comments are gone, continued lines are one."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in text.splitlines() if line.strip()]


class Stage:
    """One stage: a root file system, and what the steps so far have set."""

    def __init__(self, image: Path, root: Path) -> None:
        self.root = root
        self.workdir = "/"
        self.user = "root"
        self.env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        self.settings: dict[str, str] = {}
        subprocess.run(["cp", "-a", f"{image}/.", root], check=True)
        for kind, name in (("proc", "proc"), ("none", "dev")):
            (root / name).mkdir(exist_ok=True)
            options = ["-t", kind, kind] if kind == "proc" else ["--rbind", "/dev"]
            subprocess.run(["mount", *options, root / name], check=True)

    def command(self, *arguments: str) -> list[str]:
        """The arguments that run a command inside, as the stage's user, in its folder."""
        return [
            "chroot",
            f"--userspec={self.user}",
            str(self.root),
            "/bin/sh",
            "-c",
            'cd "$0" && exec "$@"',
            self.workdir,
            *arguments,
        ]

    def surroundings(self) -> dict[str, str]:
        return {**{key: value for key, value in os.environ.items() if key.startswith(CARRIED)}, **self.env}

    def run(self, line: str) -> None:
        subprocess.run(
            self.command("/bin/sh", "-c", line), env=self.surroundings(), stdin=subprocess.DEVNULL, check=True
        )

    def at(self, path: str) -> Path:
        return self.root / os.path.normpath(os.path.join(self.workdir, path)).lstrip("/")

    def copy(self, rest: str, context: Path, stages: dict[str, Stage]) -> None:
        words = shlex.split(rest)
        options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
        *sources, target = [word for word in words if not word.startswith("--")]
        base = stages[options["from"]].root if "from" in options else context
        found = [Path(hit) for source in sources for hit in sorted(glob.glob(str(base / source.lstrip("/"))))]
        if not found or not all(list(glob.glob(str(base / s.lstrip("/")))) or "*" in s for s in sources):
            fail(f"COPY {rest}: no such file")
        to = self.at(target)
        for source in found:
            # A folder's content is copied, not the folder.
            if source.is_dir():
                to.mkdir(parents=True, exist_ok=True)
                subprocess.run(["cp", "-a", f"{source}/.", to], check=True)
            else:
                into = to / source.name if target.endswith("/") or target == "." else to
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, into)
        owner = options.get("chown", "root:root")
        subprocess.run(["chroot", self.root, "chown", "-R", owner, "/" + str(to.relative_to(self.root))], check=True)

    def set(self, rest: str) -> None:
        for word in shlex.split(rest):
            key, value = word.split("=", 1)
            self.env[key] = re.sub(r"\$(\w+)", lambda match: self.env.get(match[1], ""), value)


def ignored(context: Path, to: Path) -> Path:
    """The context without what .dockerignore names (by base name)."""
    names = [line.removeprefix("**/") for line in (context / ".dockerignore").read_text().split()]
    shutil.copytree(context, to, ignore=shutil.ignore_patterns(*names), symlinks=True)
    return to


def build(images: Path, dockerfile: Path, context: Path) -> Stage:
    work = Path("/containers") / dockerfile.parent.name
    work.mkdir(parents=True)
    context = ignored(context, work / "context")
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for instruction, rest in steps(dockerfile):
        started = time.monotonic()
        print(f"--> {instruction} {rest[:150]}", flush=True)
        if instruction == "FROM":
            image, _, name = rest.partition(" AS ")
            root = work / (name or "final")
            root.mkdir()
            stage = stages[name or "final"] = Stage(images / image.replace(":", "_"), root)
            continue
        if stage is None:
            fail("no FROM")
        elif instruction == "RUN":
            stage.run(rest)
        elif instruction == "COPY":
            stage.copy(rest, context, stages)
        elif instruction == "WORKDIR":
            stage.workdir = rest
            stage.at(".").mkdir(parents=True, exist_ok=True)
        elif instruction == "ENV":
            stage.set(rest)
        elif instruction == "USER":
            stage.user = rest
        elif instruction in ("EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "CMD"):
            stage.settings[instruction] = rest
        else:
            fail(f"{instruction} is not known here")
        print(f"    {time.monotonic() - started:.1f} s", flush=True)
    return stages["final"]


def first_process(outer: int) -> int:
    """The process that is number 1 in its namespace: the child of unshare."""
    for _ in range(1000):
        children = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
        if children and "unshare" not in Path(f"/proc/{children[0]}/comm").read_text():
            comm = Path(f"/proc/{children[0]}/comm").read_text().strip()
            if comm not in ("sh", "chroot", "mount", "ip"):
                return int(children[0])
        time.sleep(0.01)
    fail("the container's process did not start")
    return 0


def serve(stage: Stage, probe: Path) -> None:
    stage.env["HOME"] = "/"
    inside = stage.command(*json.loads(stage.settings["CMD"]))
    prepare = f'ip link set lo up && mount -t proc proc {stage.root}/proc && exec "$@"'
    outer = subprocess.Popen(
        ["unshare", "--net", "--pid", "--mount", "--fork", "--kill-child", "sh", "-c", prepare, "sh", *inside],
        env=stage.env,
    )
    try:
        pid = first_process(outer.pid)
        status = Path(f"/proc/{pid}/status").read_text()
        print(f"    process 1 is {stage.settings['CMD']} with {re.search('Uid:.*', status)[0].split()[:2]}", flush=True)  # type: ignore[index]
        enter = ["nsenter", f"--net=/proc/{pid}/ns/net"]
        health(stage, enter, outer)
        print(f"--> the client {probe.name}", flush=True)
        to = stage.root / "tmp" / probe.name
        shutil.copy(probe, to)
        program = "python3" if probe.suffix == ".py" else "node"
        port = stage.settings["EXPOSE"].strip()
        client = subprocess.Popen(
            [*enter, *stage.command(program, f"/tmp/{probe.name}", port)],
            env=stage.env,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert client.stdout is not None
        for line in client.stdout:
            print(f"    client: {line.strip()}", flush=True)
            if line.strip() == "ready":
                break
        started = time.monotonic()
        os.kill(pid, signal.Signals[stage.settings["STOPSIGNAL"]])
        ending = client.communicate(timeout=STOPPED)[0].strip()
        print(f"    client: {ending}", flush=True)
        try:
            code = outer.wait(STOPPED)
        except subprocess.TimeoutExpired:
            fail(f"{stage.settings['STOPSIGNAL']} did not end the process within {STOPPED} s")
        print(
            f"    ended {time.monotonic() - started:.1f} s after {stage.settings['STOPSIGNAL']}, with {code}",
            flush=True,
        )
        if not re.search(r"closed 1001 .*reconnect in \d", ending):
            fail("the client was not sent away with 1001 and a hint")
    finally:
        if outer.poll() is None:
            outer.kill()


def health(stage: Stage, enter: list[str], outer: subprocess.Popen[bytes]) -> None:
    check = json.loads(stage.settings["HEALTHCHECK"].partition("CMD ")[2])
    print(f"--> HEALTHCHECK {check}", flush=True)
    end = time.monotonic() + STARTED
    tries = 0
    while True:
        tries += 1
        if subprocess.run([*enter, *stage.command(*check)], env=stage.env, capture_output=True).returncode == 0:
            break
        if outer.poll() is not None or time.monotonic() > end:
            fail("the HEALTHCHECK never succeeded")
        time.sleep(0.2)
    print(f"    healthy at the {tries}. try", flush=True)


if __name__ == "__main__":
    images, dockerfile, context, probe = (Path(argument) for argument in sys.argv[1:])
    final = build(images, dockerfile, context)
    serve(final, probe)
