"""Runs the attacks on a runtime with its own port, and on one that uvicorn hands over to.

    make attacks [ARGS="--server own --only tokens --quiet"]

Prints a line per attack with where it comes from, and a table; build/attacks.json has the same for machines. An attack
has failed if the server does not answer as it should, does not serve the honest client meanwhile, holds too much
memory, or ends.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from threading import Thread

from raw.peer import Unexpected
from raw.report import Report, Result

from attacks import floods, handshakes, messages, panel, peers, rest, tls, tokens
from attacks.attack import MIB, Attack, Scene

MODULES = (handshakes, messages, tokens, peers, rest, panel, tls, floods)
UNLIMITED = {"rate": 0, "byte_rate": 0, "subscription_rate": 0}
MANY: dict[str, object] = {"max_connections": 20000, "max_connections_per_ip": 20000, **UNLIMITED}
TOKENS = {"jwt_secret": tokens.SECRET, "jwt_audience": tokens.AUDIENCE, "jwt_issuer": tokens.ISSUER, "jwt_leeway": 1}
WAITING = ("slow", "tls", "busy", "bans")
"""Mostly waiting: they go on beside the others."""
RULES = {
    "closed:*": {"subscribe": "nobody"},
    "project:9": {"subscribe": "granted"},
    "quiet:*": {"history": "nobody"},
}
SCENES: dict[str, dict[str, object]] = {
    "plain": {**MANY, "heartbeat_interval": 5},
    "slow": {**MANY},
    "limits": {"rate": 20, "max_connections_per_ip": 40},
    "tokens": {**MANY, **TOKENS, "auth_timeout": 1, "heartbeat_interval": 1, "jwt_cookie": "session"},
    "refusal": {**MANY, **TOKENS, "http_refusal": "true"},
    "replay": {**MANY, **TOKENS, "jwt_replay": "true"},
    "panel": {**MANY, "admin": "true", "api_key": panel.KEY},
    "tls": {**MANY, "tls": True},
    "busy": {**MANY, "busy": 0.003},
    "distrust": {**MANY, "trusted_proxies": "none"},
    "bans": {"ban_time": 1, "ban_time_max": 2, "max_connections_per_ip": 20},
    # Few enough that no machine is too slow to break it.
    "arrivals": {"connection_rate_per_ip": 2, "max_connections_per_ip": 5},
    "access": {**MANY, "rooms": json.dumps(RULES)},
    "keys": {**MANY, "jwt_audience": tokens.AUDIENCE, "jwt_issuer": tokens.ISSUER},
}


def make(name: str, kind: str) -> Scene:
    options = dict(SCENES[name])
    headers: list[str] = []
    if name == "keys":
        options["jwt_public_key"] = tokens.public_pem()
        headers = [f"Authorization: Bearer {tokens.rs256()}"]
    elif name in ("tokens", "replay", "refusal"):
        honest = tokens.signed(tokens.HS256, tokens.claims(jti="honest"))
        headers = [f"Authorization: Bearer {honest}"]
    return Scene(kind, headers, options)


def run(report: Report, name: str, kind: str, attacks: list[Attack]) -> None:
    try:
        scene = make(name, kind)
    except Unexpected as error:
        report.add(Result(kind, "start", f"the server of {name}", "", False, str(error), 0.0))
        return
    began = scene.server.memory()
    for attack in attacks:
        report.add(attack.play(scene))
        if not scene.server.alive:
            break
    figures = {
        "slowest answer to the honest client (ms)": round(scene.honest.slowest * 1000, 1),
        "its answers": scene.honest.answers,
        "memory from the first attack to the last (MiB)": round((scene.server.memory() - began) / MIB, 1),
    }
    report.figures[f"{kind}, {name}"] = figures
    status = scene.stop()
    if status != 0:
        report.add(Result(kind, "end", f"the server of {name} stops", "", False, f"status {status}", 0.0))


def main() -> int:
    parser = argparse.ArgumentParser(prog="attacks")
    parser.add_argument("--server", choices=["own", "uvicorn", "both"], default="both")
    parser.add_argument("--only", help="a part of the row or the name")
    parser.add_argument("--quiet", action="store_true", help="only what fails, and the table")
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000) if hard > 0 else soft, hard))
    report = Report("attacks", arguments.quiet)
    chosen = [
        attack
        for module in MODULES
        for collected in module.ALL
        for attack in collected.all
        if not arguments.only or arguments.only in attack.row or arguments.only in attack.name
    ]
    kinds = ("own", "uvicorn") if arguments.server == "both" else (arguments.server,)
    jobs = [
        (name, kind, attacks)
        for kind in kinds
        for name in SCENES
        if (attacks := [attack for attack in chosen if attack.scene == name and kind in attack.kinds])
    ]
    waiting = [Thread(target=run, args=(report, *job)) for job in jobs if job[0] in WAITING]
    for thread in waiting:
        thread.start()
    for job in jobs:
        if job[0] not in WAITING:
            run(report, *job)
    for thread in waiting:
        thread.join()
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
