"""Who hears what, as the three sentences say. Nothing here is computed: a row is what somebody reads in the documents.

1. Under your server, our endpoints and REST calls are routes of your application: they exist where you include them,
   behind whatever you put before them, and after your own routes.
2. Who was let in hears `@all`, what is sent to itself, and the rooms it was put into; every other room needs a grant.
3. Only an application that checks nobody, and has no WebSocket route of its own, is open: everyone may hear every
   public room, and the start says so.

Columns: whether somebody hears, by any way that there is, `@all`, `board:7`, what is sent to the user u1, the history
of `board:7` over REST, every public room (firehose), and gets the statistics: over REST from another machine, and by
the action `stats`. `u1` is somebody who says so by whatever the application looks at, and is given board 7 where it
gives boards; `u2` is given board 8; `key` has the operator's API key and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

COLUMNS = ("@all", "board:7", "@user:u1", "history", "firehose", "statistics", "action stats")

WHO = {"anonymous": "anonymous", "u1": "u1", "u2": "u2", "key": "API key"}

EXPECTED = """
                                           @all  board:7  @user:u1  history  firehose  statistics  stats
the ten lines                   anonymous  yes   yes      -         yes      yes       -           yes
the ten lines                   u1         yes   yes      -         yes      yes       -           yes
the ten lines                   u2         yes   yes      -         yes      yes       -           yes
the ten lines                   key        yes   yes      -         yes      yes       yes         yes

router behind Depends           anonymous  -     -        -         -        -         -           -
router behind Depends           u1         yes   yes      -         yes      yes       -           yes
router behind Depends           u2         yes   yes      -         yes      yes       -           yes
router behind Depends           key        -     -        -         -        -         -           -

own endpoint beside             anonymous  yes   -        -         -        -         -           -
own endpoint beside             u1         yes   yes      yes       -        -         -           -
own endpoint beside             u2         yes   -        -         -        -         -           -
own endpoint beside             key        yes   -        -         yes      -         yes         -

tokens                          anonymous  -     -        -         -        -         -           -
tokens                          u1         yes   yes      yes       yes      -         -           -
tokens                          u2         yes   -        -         -        -         -           -
tokens                          key        -     -        -         yes      -         yes         -

authenticate                    anonymous  -     -        -         -        -         -           -
authenticate                    u1         yes   yes      yes       yes      -         -           -
authenticate                    u2         yes   -        -         -        -         -           -
authenticate                    key        -     -        -         yes      -         yes         -

middleware                      anonymous  -     -        -         -        -         -           -
middleware                      u1         yes   yes      -         yes      yes       -           yes
middleware                      u2         yes   yes      -         yes      yes       -           yes
middleware                      key        -     -        -         -        -         -           -

guarded parent                  anonymous  -     -        -         -        -         -           -
guarded parent                  u1         yes   yes      -         yes      yes       -           yes
guarded parent                  u2         yes   yes      -         yes      yes       -           yes
guarded parent                  key        -     -        -         -        -         -           -

guarded mount                   anonymous  -     -        -         -        -         -           -
guarded mount                   u1         yes   yes      -         yes      yes       -           yes
guarded mount                   u2         yes   yes      -         yes      yes       -           yes
guarded mount                   key        -     -        -         -        -         -           -

no router                       anonymous  -     -        -         -        -         -           -
no router                       u1         -     -        -         -        -         -           -
no router                       u2         -     -        -         -        -         -           -
no router                       key        -     -        -         -        -         -           -

own endpoint alone              anonymous  -     -        -         -        -         -           -
own endpoint alone              u1         yes   yes      yes       -        -         -           -
own endpoint alone              u2         yes   -        -         -        -         -           -
own endpoint alone              key        -     -        -         -        -         -           -

own endpoint alone, and REST    anonymous  -     -        -         -        -         -           -
own endpoint alone, and REST    u1         yes   yes      yes       -        -         -           -
own endpoint alone, and REST    u2         yes   -        -         -        -         -           -
own endpoint alone, and REST    key        -     -        -         yes      -         yes         -

handOver, and REST              anonymous  -     -        -         -        -         -           -
handOver, and REST              u1         yes   yes      yes       -        -         -           -
handOver, and REST              u2         yes   -        -         -        -         -           -
handOver, and REST              key        -     -        -         yes      -         yes         -

REST of users                   anonymous  yes   -        -         -        -         -           -
REST of users                   u1         yes   yes      yes       yes      -         -           -
REST of users                   u2         yes   -        -         -        -         -           -
REST of users                   key        yes   -        -         -        -         yes         -

beside, opened                  anonymous  yes   yes      -         yes      yes       -           yes
beside, opened                  u1         yes   yes      yes       yes      yes       -           yes
beside, opened                  u2         yes   yes      -         yes      yes       -           yes
beside, opened                  key        yes   yes      -         yes      yes       yes         yes

access granted                  anonymous  yes   -        -         -        -         -           -
access granted                  u1         yes   -        -         -        -         -           -
access granted                  u2         yes   -        -         -        -         -           -
access granted                  key        yes   -        -         yes      -         yes         -

authorize alone                 anonymous  yes   -        -         -        -         -           -
authorize alone                 u1         yes   -        -         -        -         -           -
authorize alone                 u2         yes   -        -         -        -         -           -
authorize alone                 key        yes   -        -         yes      -         yes         -

own port beside a guard         anonymous  yes   yes      -         yes      yes       -           yes
own port beside a guard         u1         yes   yes      -         yes      yes       -           yes
own port beside a guard         u2         yes   yes      -         yes      yes       -           yes
own port beside a guard         key        yes   yes      -         yes      yes       yes         yes

own port beside an endpoint     anonymous  yes   -        -         -        -         -           -
own port beside an endpoint     u1         yes   -        -         -        -         -           -
own port beside an endpoint     u2         yes   -        -         -        -         -           -
own port beside an endpoint     key        yes   -        -         yes      -         yes         -
"""
"""The last two: the own port is a server of ours; a guard of the application's routes is not in front of it, and an
endpoint of the application's own counts as checking there, too."""


@dataclass(frozen=True)
class Application:
    """Modules of entrances.applications (own: by the own port alone) and of entrances/node, or why there is none."""

    name: str
    asgi: str = ""
    own: str = ""
    node: str = ""
    absent: str = ""

    def module(self, entrance: str, language: str) -> str:
        if entrance == "run, own port":
            return ""
        if language == "node" and self.node == "readme" and entrance != "Node attach":
            return "open"  # the example of docs/node.md attaches
        if entrance == "Node listen" and self.node in NEED_ATTACH:
            return ""
        return {"asgi": self.asgi, "own": self.own, "node": self.node}[language]


NEED_ATTACH = ("beside", "own_alone", "beside_opened", "prefixed", "handed_over")

NO_GUARD = "a guard stands before routes of a server; nothing is routed here"
NODE_HAS_AUTHENTICATE = "in Node the guard is authenticate(), or an endpoint with a check"
ONLY_ATTACH = "an endpoint with a check is an option of attach() and handOver()"
FETCH_HAS_ATTACH = "the sockets and the check are those of Node attach; REST by fetch() is in the other rows"
ROUTED = "of ASGI applications: where the routes of the own port and of attach() are is not theirs to say"

APPLICATIONS = (
    Application("the ten lines", "readme", "readme", "readme"),
    Application("router behind Depends", "router_guarded", absent=NODE_HAS_AUTHENTICATE),
    Application("own endpoint beside", "beside", node="beside", absent=ONLY_ATTACH),
    Application("tokens", "tokens", "tokens", "tokens"),
    Application("authenticate", "authenticated", "authenticated", "authenticated"),
    Application("middleware", "middleware_guarded", absent=NODE_HAS_AUTHENTICATE),
    Application("guarded parent", "parent_guarded", absent=NODE_HAS_AUTHENTICATE),
    Application("guarded mount", "mounted_guarded", absent=NODE_HAS_AUTHENTICATE),
    Application("no router", "no_router", absent=ROUTED),
    Application("own endpoint alone", "own_alone", absent="in Node: 'own endpoint alone, and REST'"),
    Application("own endpoint alone, and REST", node="own_alone", absent="in Python: 'own endpoint alone'"),
    Application("handOver, and REST", node="handed_over", absent="in Python: 'own endpoint alone'"),
    Application("REST of users", "rest_of_users", absent="in Node REST asks authenticate()"),
    Application("beside, opened", "beside_opened", node="beside_opened", absent=ONLY_ATTACH),
    Application("access granted", "granted", "granted", "granted"),
    Application("authorize alone", "authorized", "authorized", "authorized"),
)
BESIDE = {"own port beside a guard": "router_guarded", "own port beside an endpoint": "beside"}
"""Applications under `run` that have an own port as well: what is heard there."""


def rows() -> dict[tuple[str, str], dict[str, bool]]:
    """(application, who) -> column -> whether."""
    found: dict[tuple[str, str], dict[str, bool]] = {}
    for line in EXPECTED.strip("\n").splitlines()[1:]:
        if line.strip():
            name, (who, *cells) = line[:32].strip(), line[32:].split()
            if len(cells) != len(COLUMNS) or who not in WHO or not set(cells) <= {"yes", "-"}:
                raise ValueError(f"not a row: {line}")
            found[name, who] = {column: cell == "yes" for column, cell in zip(COLUMNS, cells, strict=True)}
    return found
