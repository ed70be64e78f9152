"""Runs the tables: entrance by attack, and entrance by application by who hears what.

    make entrances [ARGS="--only tokens --server hypercorn --quiet"]

A cell that was not run, and one that was left out without a reason of the list, fails. build/entrances.json has all
cells, build/entrances.md what docs/reliability.md shows: its rows, columns and reasons must be those of this run.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from entrances import bodies, checks, floods, forgery, hosts, logs, names, ways
from entrances.attack import SCENES, Attack
from entrances.play import Job, jobs_of, play
from entrances.server import ENTRANCES, node_folder
from entrances.table import Table

MODULES = (ways, names, checks, bodies, forgery, hosts, logs, floods)
ATTACKS: tuple[Attack, ...] = tuple(attack for module in MODULES for group in module.ALL for attack in group.all)
AT_A_TIME = 4


def main() -> int:
    parser = argparse.ArgumentParser(prog="entrances")
    parser.add_argument("--server", help="a part of the entrance's name", default="")
    parser.add_argument("--only", help="a part of the row's name, its kind or its application", default="")
    parser.add_argument("--quiet", action="store_true", help="only what fails, and the tables")
    parser.add_argument("--jobs", type=int, default=AT_A_TIME, help="servers at a time")
    arguments = parser.parse_args()
    server = "" if arguments.server == "both" else arguments.server
    table = Table(ATTACKS, arguments.quiet, arguments.only, server)
    jobs: list[Job] = jobs_of(table, ENTRANCES, SCENES)
    if any(job.entrance.language == "node" for job in jobs):
        node_folder()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for done in [pool.submit(play, job, table) for job in jobs]:
            done.result()
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
