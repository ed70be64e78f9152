"""Runs the cases against a runtime on its own port, plain and with TLS, and against one that uvicorn hands over to.

    make conformance [ARGS="--server own --only 'ping and pong' --quiet"]

Prints a line per case with its section of RFC 6455, and a table; build/conformance.json has the same for machines.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from raw.report import Report
from raw.server import Certificate, Server

from conformance import closing, control, fragmentation, framing, handshake, limits, utf8
from conformance.case import Case
from conformance.handshake import Handshake

TABLES = [table for module in (framing, fragmentation, control, utf8, closing) for table in module.TABLES]


KINDS = ("own", "own TLS", "uvicorn")


@contextmanager
def started(kind: str) -> Iterator[Server]:
    """A server with the echo endpoint; with a certificate of its own for TLS."""
    options: dict[str, object] = {"test_echo_path": "/echo", "close_timeout": 30}
    with ExitStack() as stack:
        certificate = stack.enter_context(Certificate()) if kind == "own TLS" else None
        server = stack.enter_context(Server(kind, certificate, **options))
        yield server


def cases() -> list[Case | Handshake]:
    found: list[Case | Handshake] = [case for table in TABLES for case in table.cases]
    return [*found, *limits.limits.cases, *limits.USERS, *handshake.CASES]


def main() -> int:
    parser = argparse.ArgumentParser(prog="conformance")
    parser.add_argument("--server", choices=[*KINDS, "all"], default="all")
    parser.add_argument("--only", help="a part of the category or the name")
    parser.add_argument("--quiet", action="store_true", help="only what fails, and the table")
    arguments = parser.parse_args()
    report = Report("conformance", arguments.quiet)
    chosen = [
        case for case in cases() if not arguments.only or arguments.only in case.category or arguments.only in case.name
    ]
    for kind in KINDS if arguments.server == "all" else (arguments.server,):
        with started(kind) as server:
            for case in chosen:
                if isinstance(case, Handshake) and case.only not in ("", kind.split()[0]):
                    continue
                report.add(case.play(server))
            server.serves()
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
