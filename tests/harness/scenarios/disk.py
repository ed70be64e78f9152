"""Faults of a server whose rooms are on disk: what was acknowledged is there, and who missed something is told."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from keeper import DISK_RULES, Answer, Keeper, Settings, check_file, column
from programs import ProgramError
from scene import Fleet, NotPermitted, Scene, until

BIG = "room:0:1:50:64"  # one room for most of the clients
SMALL = "room:100:100:2:16"  # a hundred for a few each
USERS = "user:0:50:4:16"  # some of whom are away
FLOOD = "room:900:1:8000:512"  # as fast as it goes, for nobody: what is killed is always inside something
KEPT = ("project:r9*:history_size=5000",)  # and is pruned all the time
EVERYTHING = "history_size=1000000"


@contextmanager
def folder(scene: Scene) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="wsm-chaos-") as name:
        try:
            yield Path(name)
        finally:
            for server in scene.servers:
                server.close()


def start(scene: Scene, settings: Settings) -> Keeper:
    keeper = scene.stack.enter_context(Keeper.begin(settings))
    scene.servers.append(keeper)
    return keeper


def crowd(scene: Scene, port: int, **options: object) -> list[Fleet]:
    """Members of the big room, of the small ones, and users."""
    n = scene.scale.clients
    big = scene.fleet(port, n * 6 // 10, remember=1, history=0, jitter=0.3, **options)
    small = scene.fleet(port, n * 3 // 10, rooms=100, first_room=100, remember=1, history=0, jitter=0.3, **options)
    users = scene.fleet(port, 50, users=1, remember=1, history=0, jitter=0.3, **options)
    return [big, small, users]


def all_at(scene: Scene, fleets: list[Fleet], tops: list[int], seconds: float = 60) -> None:
    """Every client comes to the last message of its room."""
    for fleet, n in zip(fleets, tops, strict=False):
        if not fleet.all_reached(n, seconds):
            reached = fleet.ask(f"reached {n}")["reached"]
            scene.expect(False, f"only {reached} of {fleet.n} clients got message {n}")


def finish(scene: Scene, keeper: Keeper, settings: Settings, fleets: list[Fleet]) -> None:
    """Quiet; everybody gets the rest; a clean stop; the file is beside what was acknowledged."""
    status = keeper.ask("off", 120)
    all_at(scene, fleets, status["n"])
    keeper.ask("stop", 30)
    keeper.wait(30)
    for name in ("failed", "unavailable", "unstored", "wrong"):
        scene.expect(status[name] == 0, f"publications {name}: {status[name]} {status['first_wrong']}")
    problems, kept, sought = check_file(settings)
    for problem in problems:
        scene.expect(False, problem)
    scene.expect(sought > 0, "nothing was acknowledged")
    scene.note(rows=kept, acknowledged=sought)


def nobody_was_told(scene: Scene, fleets: list[Fleet]) -> None:
    for fleet in fleets:
        status = fleet.status()
        told = status["told"] + status["gaps"]
        scene.expect(told == 0, f"{told} clients were told of a gap, though all is on disk")


def end_it(keeper: Keeper, number: int) -> str:
    """Ends the server in one of its ways: from outside, or by itself in the middle of a write to its file."""
    kind, calls = [("", 0), ("wal", 40), ("db", 25), ("sync", 2), ("truncate", 1), ("wal", 1)][number % 6]
    if kind:
        keeper.send(f"die {kind} {random.Random(number).randint(1, calls)}")
        try:
            keeper.wait(1.0 if kind in ("wal", "db") else 0.3)
            return kind
        except ProgramError:
            pass  # it did not come to that
    keeper.kill()
    return "kill -9"


def back_up(settings: Settings, to: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ws_manager", "store", "backup", str(settings.file), str(to)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def end_backup(scene: Scene, backup: subprocess.Popen[bytes], to: Path, killed: bool) -> None:
    """A copy is whole, or is not there."""
    if killed:
        backup.kill()
    status = backup.wait(60)
    scene.expect(killed or status == 0, f"the backup ended with status {status}")
    if to.exists():
        with closing(sqlite3.connect(f"file:{to}?mode=ro", uri=True)) as copy:
            scene.expect(copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "the backup is damaged")
            scene.expect(copy.execute("SELECT count(*) FROM rooms").fetchone()[0] > 0, "the backup is empty")
        to.unlink()
    elif not killed:
        scene.expect(False, "there is no backup")


def kill_9(scene: Scene) -> None:
    """kill -9 under all clients at full rate, or the end of the process in the middle of a write to the log, to the
    file (inside a checkpoint), of a sync: same epoch, nothing twice, nothing missing, and what was acknowledged is in
    the file. Users come and go between the kills; a backup is under way, and is whole or is not there."""
    ways: dict[str, int] = {}
    with folder(scene) as place:
        settings = Settings(place, (BIG, SMALL, USERS, FLOOD), (EVERYTHING,), (*DISK_RULES, *KEPT))
        keeper = start(scene, settings)
        fleets = crowd(scene, keeper.port)
        big, _, users = fleets
        for number in range(3 if scene.scale.short else 100):
            keeper.ask("on")
            scene.expect(big.moves(5 * big.n), f"round {number}: no messages")
            before = [fleet.status()["connections"] for fleet in fleets]
            users.ask(f"leave 3 {number % 3}")
            backup = back_up(settings, place / "backup.db")
            way = end_it(keeper, number)
            ways[way] = ways.get(way, 0) + 1
            end_backup(scene, backup, place / "backup.db", killed=number % 2 > 0)
            keeper = start(scene, settings)
            keeper.ask("on")
            for fleet, connections in zip(fleets[:2], before, strict=False):
                back = fleet.all_joined(connections + fleet.n)
                scene.expect(back, f"round {number}: not every client came back")
            users.ask(f"back 3 {number % 3}")
            scene.expect(users.all_joined(), f"round {number}: not every user came back")
        finish(scene, keeper, settings, fleets)
        nobody_was_told(scene, fleets)
        scene.note(ends=ways)


def slow_readers(scene: Scene) -> None:
    """Clients with small buffers pause, lag behind what memory holds and read from the file, while the server is
    killed and started again."""
    with folder(scene) as place:
        settings = Settings(
            place,
            ("room:0:1:300:64", SMALL, USERS),
            (EVERYTHING, "max_queue=16384"),
            arguments=["--size", "2000"],
        )
        keeper = start(scene, settings)
        fleet = scene.fleet(keeper.port, 60, remember=1, history=0, jitter=0.3, receive_buffer=4096)
        for number in range(3 if scene.scale.short else 20):
            keeper.ask("on")
            fleet.ask("churn 5 0 0" if scene.scale.short else "churn 3 20 0")
            fleet.moves(200 * fleet.n)
            fleet.ask(f"pause 3 {number % 3} 1.5")
            fleet.moves(60 * fleet.n)
            before = fleet.status()["connections"]
            keeper.kill()
            keeper = start(scene, settings)
            scene.expect(fleet.all_joined(before + fleet.n), f"round {number}: not every client came back")
        fleet.ask("churn 0 0 0")
        finish(scene, keeper, settings, [fleet])
        nobody_was_told(scene, [fleet])
        scene.note(paused=fleet.status()["paused"], recovered=fleet.status()["recovered"])


def absent_users(scene: Scene) -> None:
    """Users who are away get what was kept, once: with their positions, and on a device that has none."""
    with folder(scene) as place:
        settings = Settings(place, ("user:0:50:20:16",))
        keeper = start(scene, settings)
        users = scene.fleet(keeper.port, 50, users=1, remember=1, history=0, jitter=0.2)
        for number in range(2 if scene.scale.short else 10):
            keeper.ask("on")
            users.moves(5 * users.n)
            top = keeper.ask("off")["n"][0]
            all_at(scene, [users], [top])
            written = until(lambda top=top: set(column(settings.file, "sent").values()) == {top}, 60)
            scene.expect(written, f"round {number}: the file does not say that users were sent up to {top}")
            users.ask("leave 1 0")
            keeper.kill()
            keeper = start(scene, settings)
            keeper.ask("on")
            until(lambda keeper=keeper: keeper.ask("status")["stored"] > 5 * 50, 60)
            keeper.kill()
            keeper = start(scene, settings)
            before = users.status()
            if number % 2:
                users.ask("forget 1 0")
            users.ask("back 1 0")
            scene.expect(users.all_joined(before["connections"] + users.n), f"round {number}: not every user came")
            n = keeper.ask("off")["n"][0]
            all_at(scene, [users], [n])
            got = users.status()["messages"] - before["messages"]
            due = users.n * (n - top)
            scene.expect(got == due, f"round {number}: users got {got} messages, of {due} that were sent meanwhile")
        finish(scene, keeper, settings, [users])


def kept_too_short(scene: Scene) -> None:
    """The file keeps 300 messages. Who was away for longer, over kills, is told; who was not recovers."""
    with folder(scene) as place:
        short = (*DISK_RULES, "project:r*:history_size=300")
        settings = Settings(place, ("room:0:1:500:64",), rules=short, journal=False)
        keeper = start(scene, settings)
        fleet = scene.fleet(keeper.port, 60, remember=1, history=300, jitter=0.2)
        for number in range(2 if scene.scale.short else 20):
            keeper.ask("on")
            scene.expect(fleet.moves(50 * fleet.n), f"round {number}: no messages")
            fleet.ask("leave 2 0")
            scene.expect(rises(keeper, "stored", 400), f"round {number}: nothing is kept")
            before = fleet.status()
            keeper.kill()
            keeper = start(scene, settings)
            fleet.ask("back 2 0")
            came = fleet.all_joined(before["connections"] + fleet.n)
            scene.expect(came, f"round {number}: not every client came back")
            told = sum(fleet.status()[name] - before[name] for name in ("told", "gaps"))
            scene.expect(told >= fleet.n // 2, f"round {number}: only {told} of {fleet.n // 2} clients were told")
        keeper.ask("on")
        fleet.moves(10 * fleet.n)
        all_at(scene, [fleet], keeper.ask("off", 60)["n"])
        nothing_went_wrong(scene, keeper)


# ---- the machine goes down ----------------------------------------------------------------------------------------


def crash_image(settings: Settings, keeper: Keeper) -> dict[str, bytes]:
    """What a disk would hold of the file and its log if the power failed now."""
    os.kill(keeper.pid, signal.SIGSTOP)
    try:
        return {end: Path(f"{settings.file}{end}").read_bytes() for end in ("", "-wal")}
    finally:
        os.kill(keeper.pid, signal.SIGCONT)


def put_back(settings: Settings, image: dict[str, bytes], boot: str) -> None:
    """Into the same files, as after a boot: they are no copies."""
    for end, content in image.items():
        with Path(f"{settings.file}{end}").open("r+b") as file:
            file.write(content)
            file.truncate()
    Path(f"{settings.file}-shm").unlink()
    with closing(sqlite3.connect(settings.file)) as database:
        database.execute("UPDATE meta SET value = ? WHERE name = 'boot'", (boot,))
        database.commit()
        # SQLite ends its log with the last connection. The mark is what was changed, nothing else.


def another_boot(scene: Scene) -> None:
    """The machine loses its power, and with it the last commits (store_sync=normal): what clients have is no longer in
    the file, and its offsets are given again. Each is told, in a new epoch, and goes on there."""
    with folder(scene) as place:
        settings = Settings(place, (BIG, SMALL, USERS), (EVERYTHING,), journal=False)
        keeper = start(scene, settings)
        fleets = crowd(scene, keeper.port)
        big = fleets[0]
        for number in range(1 if scene.scale.short else 5):
            keeper.ask("on")
            big.moves(5 * big.n)
            image = crash_image(settings, keeper)
            epochs = column(settings.file, "epoch")
            big.moves(5 * big.n)
            keeper.kill()
            put_back(settings, image, f"boot-{number}")
            before = [fleet.status() for fleet in fleets]
            keeper = start(scene, settings)
            for fleet, status in zip(fleets, before, strict=True):
                scene.expect(fleet.all_joined(status["connections"] + fleet.n), "not every client came back")
                told = fleet.status()["told"] - status["told"]
                scene.expect(told == fleet.n, f"only {told} of {fleet.n} clients were told that commits may be lost")
            now = column(settings.file, "epoch")
            same = [room for room, epoch in epochs.items() if now.get(room) == epoch]
            scene.expect(not same, f"{len(same)} rooms have the epoch of before")
        keeper.ask("on")
        big.moves(5 * big.n)
        all_at(scene, fleets, keeper.ask("off", 120)["n"])


# ---- the disk -----------------------------------------------------------------------------------------------------

DISK_AND_MEMORY = ("room:0:1:50:1", "room:800:1:50:1")
ALSO_MEMORY = (*DISK_RULES, "project:r8*:store=memory")


def observers(scene: Scene, port: int) -> tuple[Fleet, Fleet]:
    """Clients of a room on disk, and of one in memory."""
    n = 40
    disk = scene.fleet(port, n, remember=1, history=0, jitter=0.3)
    return disk, scene.fleet(port, n, first_room=800, history=0, jitter=0.3)


def memory_goes_on(scene: Scene, memory: Fleet, when: str) -> None:
    scene.expect(memory.moves(10 * memory.n), f"{when}: rooms in memory stand still")


def rises(keeper: Keeper, name: str, by: int, seconds: float = 60) -> bool:
    goal = keeper.ask("status")[name] + by
    return until(lambda: keeper.ask("status")[name] >= goal, seconds)


def health(keeper: Keeper) -> Answer:
    with urllib.request.urlopen(f"http://127.0.0.1:{keeper.port}/api/ws/health", timeout=30) as answer:
        found: Answer = json.load(answer)
    return found


def breaks(scene: Scene, keeper: Keeper, memory: Fleet, when: str, state: str = "down", why: str = "") -> None:
    """Receipts say `unavailable`, health says so and why, and nothing else fails."""
    scene.expect(rises(keeper, "unavailable", 5), f"{when}: nothing is refused")
    memory_goes_on(scene, memory, when)
    said = health(keeper)
    scene.expect(said["status"] == "ok" and said["store"]["state"] == state, f"{when}: health is {said}")
    scene.expect(why in said["store"].get("reason", ""), f"{when}: {why!r} is not in {said}")
    stats = keeper.ask("stats")["store"]
    scene.expect(stats["state"] == state and stats["unavailable"] >= 5, f"{when}: statistics say {stats}")


def works_again(scene: Scene, keeper: Keeper, disk: Fleet, when: str) -> None:
    scene.expect(rises(keeper, "stored", 20), f"{when}: nothing is kept")
    scene.expect(health(keeper)["store"]["state"] == "up", f"{when}: health is {health(keeper)}")
    scene.expect(disk.moves(10 * disk.n), f"{when}: nothing is sent")


def nothing_went_wrong(scene: Scene, keeper: Keeper) -> None:
    status = keeper.ask("status")
    for name in ("failed", "wrong"):
        scene.expect(status[name] == 0, f"publications {name}: {status[name]} {status['first_wrong']}")


@contextmanager
def small_disk(scene: Scene, megabytes: int = 64) -> Iterator[Path]:
    """A file system of that size. NotPermitted where it cannot be mounted."""
    with folder(scene) as place:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place], stderr=subprocess.DEVNULL, check=False
        )
        if mounted.returncode != 0:
            raise NotPermitted("a file system of its own cannot be mounted")
        try:
            yield place
        finally:
            for server in scene.servers:
                server.close()
            subprocess.run(["umount", place], check=True)


def fill(place: Path) -> Path:
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return filler


def full_disk(scene: Scene) -> None:
    """The disk is full, twice; then there is room again. What was refused reached nobody, rooms in memory go on, and
    no client notices anything but that a room is silent. Then files may not grow, and the server is killed."""
    with small_disk(scene) as place:
        settings = Settings(place, DISK_AND_MEMORY, (EVERYTHING,), ALSO_MEMORY)
        keeper = start(scene, settings)
        disk, memory = observers(scene, keeper.port)
        keeper.ask("on")
        for _ in range(2):
            disk.moves(10 * disk.n)
            filler = fill(place)
            breaks(scene, keeper, memory, "full disk", why="disk is full")
            filler.unlink()
            works_again(scene, keeper, disk, "room again")
        size = (place / "ws.db-wal").stat().st_size
        resource.prlimit(keeper.pid, resource.RLIMIT_FSIZE, (min(size, 65536), resource.RLIM_INFINITY))
        breaks(scene, keeper, memory, "files may not grow")
        # Killed while it cannot write: what it had acknowledged is there.
        keeper.kill()
        keeper = start(scene, settings)
        keeper.ask("on")
        scene.expect(disk.all_joined() and memory.all_joined(), "not every client came back")
        works_again(scene, keeper, disk, "after a restart")
        status = keeper.ask("off", 60)
        all_at(scene, [disk, memory], status["n"])
        nothing_went_wrong(scene, keeper)
        keeper.ask("stop")
        keeper.wait(30)
        problems, _, sought = check_file(settings)
        scene.expect(not problems and sought > 0, f"the file: {problems}")
        nobody_was_told(scene, [disk])


def refuses(scene: Scene, settings: Settings, word: str) -> None:
    """It does not start, says why, and leaves the file as it was."""
    before = settings.file.read_bytes()
    try:
        with Keeper.begin(settings):
            scene.expect(False, f"it starts, though: {word}")
    except ProgramError as error:
        scene.expect(word in str(error), f"not in the error: {word!r}: {error}")
    scene.expect(settings.file.read_bytes() == before, f"{word}: the file was changed")


def edit(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def damage(file: Path, page: int = 4096) -> None:
    """Every page but the first two is garbage."""
    with file.open("r+b") as opened:
        for place in range(2 * page, file.stat().st_size, page):
            opened.seek(place)
            opened.write(b"\xa5" * page)


def refused_files(scene: Scene) -> None:
    """A file that cannot be used, when the server starts: of a newer version, damaged, of another program, on a file
    system that is read-only, in use by another process. The error says so, and nothing is changed."""
    with small_disk(scene) as place:
        settings = Settings(place, ("room:0:1:500:64",), (EVERYTHING,))
        keeper = start(scene, settings)
        keeper.ask("on")
        rises(keeper, "stored", 200)
        refuses(scene, replace(settings, port=0), "belongs to process")
        keeper.ask("stop")
        keeper.wait(30)
        edit(settings.file, "PRAGMA user_version = 99")
        refuses(scene, settings, "newer version")
        edit(settings.file, "PRAGMA user_version = 1", "PRAGMA application_id = 1")
        refuses(scene, settings, "something else")
        settings.file.write_bytes(b"this is no database, and was never one")
        refuses(scene, settings, "no store")
        settings.file.unlink()
        keeper = start(scene, settings)
        keeper.ask("on")
        rises(keeper, "stored", 200)
        keeper.ask("stop")
        keeper.wait(30)
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        refuses(scene, settings, "ws.db")
        subprocess.run(["mount", "-o", "remount,rw", place], check=True)
        damage(settings.file)
        refuses(scene, settings, "damaged")


def waiting(scene: Scene) -> None:
    """store_wait: the next process of a rolling restart starts while the first has the file. Its rooms on disk answer
    `unavailable` until the first has gone, those in memory work; then all is there."""
    with folder(scene) as place:
        settings = Settings(place, DISK_AND_MEMORY, (EVERYTHING, "store_wait=60"), ALSO_MEMORY)
        first = start(scene, settings)
        first.ask("on")
        scene.expect(rises(first, "stored", 50), "nothing is kept")
        second = start(scene, replace(settings, port=0))
        memory = scene.fleet(second.port, 20, first_room=800, history=0, jitter=0.3)
        second.ask("on")
        breaks(scene, second, memory, "while another has the file", "waiting", "process")
        first.ask("stop") if scene.scale.short else first.kill()
        first.wait(30)
        scene.expect(rises(second, "stored", 20), "the file is free, and nothing is kept")
        disk = scene.fleet(second.port, 20, remember=1, history=0, jitter=0.3)
        works_again(scene, second, disk, "once the file is free")
        status = second.ask("off", 60)
        all_at(scene, [memory], status["n"][1:])
        all_at(scene, [disk], status["n"])
        nothing_went_wrong(scene, second)
        second.ask("stop")
        second.wait(30)
        problems, _, sought = check_file(settings)
        scene.expect(not problems and sought > 0, f"the file: {problems}")


def lost_file(scene: Scene) -> None:
    """The file is removed under the server: rooms in memory go on, who comes back is let in, and a restart begins anew:
    everybody is told."""
    with folder(scene) as place:
        settings = Settings(place, DISK_AND_MEMORY, (EVERYTHING,), ALSO_MEMORY, journal=False)
        keeper = start(scene, settings)
        disk, memory = observers(scene, keeper.port)
        keeper.ask("on")
        scene.expect(disk.moves(10 * disk.n), "no messages")
        for end in ("", "-wal", "-shm"):
            Path(f"{settings.file}{end}").unlink()
        breaks(scene, keeper, memory, "file removed", why="removed")
        disk.ask("drop 3 0")
        scene.expect(disk.all_joined(), "file removed: who drops the connection cannot come back")
        keeper.kill()
        before = disk.status()
        keeper = start(scene, settings)
        keeper.ask("on")
        scene.expect(disk.all_joined(before["connections"] + disk.n), "not every client came back")
        told = disk.status()["told"] - before["told"]
        scene.expect(told == disk.n, f"{told} of {disk.n} clients were told that the file has gone")
        works_again(scene, keeper, disk, "with a new file")
        all_at(scene, [disk, memory], keeper.ask("off", 60)["n"])
        nothing_went_wrong(scene, keeper)


def damaged_pages(scene: Scene) -> None:
    """Pages become garbage while the server runs, and clients come back who need what stood there: they are told, and
    rooms in memory go on. The file is larger than what SQLite has in memory."""
    with folder(scene) as place:
        memory_room = "room:800:1:50:1"
        arguments = ["--size", "4000"]
        fast = Settings(
            place, ("room:0:1:4000:256", memory_room), (EVERYTHING,), ALSO_MEMORY, journal=False, arguments=arguments
        )
        keeper = start(scene, fast)
        disk, memory = observers(scene, keeper.port)
        keeper.ask("on")
        scene.expect(disk.moves(10 * disk.n), "no messages")
        disk.ask("leave 1 0")
        scene.expect(rises(keeper, "stored", 8000), "nothing is kept")
        keeper.ask("stop")
        keeper.wait(30)
        keeper = start(scene, replace(fast, groups=("room:0:1:50:1", memory_room)))
        damage(fast.file)
        before = disk.status()
        disk.ask("back 1 0")
        keeper.ask("on")
        scene.expect(memory.all_joined(), "not every client of the room in memory came back")
        memory_goes_on(scene, memory, "damaged pages")
        said = until(lambda: sum(disk.status()[n] for n in ("told", "gaps", "errors")) >= before["told"] + disk.n, 60)
        scene.expect(said, "not every client was told that messages cannot be read")
        nothing_went_wrong(scene, keeper)
        scene.note(**{name: disk.status()[name] for name in ("told", "gaps", "errors", "joined")})
        scene.errors_belong_here = True
