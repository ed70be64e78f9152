"""Recipes of the documents under trouble: their awaits are held by the test, and their clients go meanwhile.

Each async function of a recipe gets gates: one before each of its awaits (`live.0`, `live.1` …), or where it begins if
it awaits nothing as it stands in the page.
A gate does nothing unless the test has armed it. Then it says so in the log, waits until it is released, and goes on or
raises.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
import socket
import struct
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from web_support import TIMEOUT, Process
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

SECRET = "the store is away"

GATE = f'''
import asyncio
import gc
import weakref

from starlette.responses import JSONResponse
from starlette.routing import Route
import ws_manager

armed, released = {{}}, asyncio.Event()
passed = weakref.WeakKeyDictionary()  # of each task, the points that it has passed: a loop is not held in a later turn


async def gate(point, make=None):
    points = passed.setdefault(asyncio.current_task(), set())
    raises = None if point in points else armed.pop(point, None)
    points.add(point)
    if raises is None:
        return await make() if make else None
    print("held", point, flush=True)
    try:
        await released.wait()
        if raises:
            raise RuntimeError("{SECRET}")
        return await make() if make else None
    finally:
        print("done", point, flush=True)


async def arm(request):
    released.clear()
    armed[request.query_params["point"]] = "raises" in request.query_params
    return JSONResponse(None)


async def release(request):
    released.set()
    return JSONResponse(None)


def install(names):
    manager = names.get("manager", ws_manager.ws_manager)

    async def empty(request):
        async with asyncio.timeout({TIMEOUT}):
            while manager.connections():
                await asyncio.sleep(0.005)
        gc.collect()  # what a task has raised and nobody has asked for is said when the task goes
        return JSONResponse(None)

    async def run(request):
        await names["recipe"]()
        return JSONResponse(None)

    routes = {{"/_arm": arm, "/_release": release, "/_empty": empty, "/_run": run}}
    names["app"].router.routes[:0] = [Route(path, call) for path, call in routes.items()]
'''


def is_async(code: str) -> bool:
    """Whether something in it is awaited, or is a coroutine."""
    kinds = (ast.Await, ast.AsyncFunctionDef, ast.AsyncWith, ast.AsyncFor)
    # Parsed as in a function: pages await at the top level as well.
    return any(isinstance(node, kinds) for node in ast.walk(ast.parse(code)))


class _Gates(ast.NodeTransformer):
    """Puts the gates in; `points` are their names."""

    def __init__(self) -> None:
        self.points: list[str] = []
        self._function = ""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        before, self._function = self._function, node.name
        if any(isinstance(inner, ast.Await) for inner in ast.walk(node)):
            self.generic_visit(node)
        else:
            node.body.insert(0, ast.parse(f"await gate({self._next()!r})").body[0])
        self._function = before
        return node

    def visit_Await(self, node: ast.Await) -> ast.AST:
        point = self._next()
        gated = ast.parse(f"await gate({point!r}, lambda: _)", mode="eval").body
        assert isinstance(gated, ast.Await)
        assert isinstance(gated.value, ast.Call)
        assert isinstance(gated.value.args[1], ast.Lambda)
        gated.value.args[1].body = node.value
        return gated

    def _next(self) -> str:
        number = sum(point.startswith(f"{self._function}.") for point in self.points)
        self.points.append(f"{self._function}.{number}")
        return self.points[-1]


def gated(code: str) -> tuple[str, list[str]]:
    """The code with its gates, and their names. What it awaits at the top level becomes a function `recipe`."""
    tree = ast.parse(code)
    alone = [
        statement
        for statement in tree.body
        if not isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    ]
    if any(isinstance(node, ast.Await) for statement in alone for node in ast.walk(statement)):
        tree.body = [statement for statement in tree.body if statement not in alone]
        recipe = ast.parse("async def recipe(): pass").body[0]
        assert isinstance(recipe, ast.AsyncFunctionDef)
        recipe.body = alone
        tree.body.append(recipe)
    gates = _Gates()
    gates.visit(tree)
    return ast.unparse(ast.fix_missing_locations(tree)), gates.points


class Peer:
    """A client that can be stopped anywhere, in the middle of its handshake too."""

    def __init__(self, port: int, path: str, cookie: str = "", http: str = "") -> None:
        self._tcp = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self._heard: list[Any] = []
        self._protocol = None if http else ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}{path}"))
        if self._protocol is None:
            head = f"{http} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nCookie: {cookie}\r\n\r\n"
            self._tcp.sendall(head.encode())
        else:
            request = self._protocol.connect()
            if cookie:
                request.headers["Cookie"] = cookie
            self._protocol.send_request(request)
            self._flush()

    def _flush(self) -> None:
        assert self._protocol is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for data in self._protocol.data_to_send():
                self._tcp.sendall(data)

    def say(self, message: Any) -> None:
        """Once it is let in."""
        assert self._protocol is not None
        while self._protocol.state is State.CONNECTING:
            self._read(self._protocol)
        text = message if isinstance(message, str) else json.dumps(message)
        self._protocol.send_text(text.encode())
        self._flush()

    def hears(self, expected: Mapping[str, Any]) -> None:
        """Reads until a message has these members; of an end, they are `refused` (status) or `closed` (code)."""
        before: list[Any] = []
        while True:
            message = self._next()
            if isinstance(message, dict) and expected.items() <= flat(message).items():
                return
            before.append(message)
            ended = isinstance(message, dict) and {"refused", "closed", "status"} & set(message)
            assert not ended, f"{expected} never came: {before}"

    def _next(self) -> Any:
        if self._protocol is None:
            answer = b""
            while data := self._tcp.recv(65536):
                answer += data
            return {"status": int(answer.split()[1]) if answer else None}
        while not self._heard:
            self._read(self._protocol)
        return self._heard.pop(0)

    def _read(self, protocol: ClientProtocol) -> None:
        data = self._tcp.recv(65536)
        if data:
            protocol.receive_data(data)
        else:
            protocol.receive_eof()
        self._flush()
        for event in protocol.events_received():
            if isinstance(event, Response):
                status = event.status_code
                self._heard.append({"let_in": True} if status == 101 else {"refused": status})
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._heard.append(parsed(event.data))
        if not data or protocol.close_rcvd:
            self._heard.append({"closed": protocol.close_rcvd.code if protocol.close_rcvd else None})

    def leave(self) -> None:
        """As a browser's page that is closed: with a frame that says so, if there is a connection already."""
        if self._protocol is not None and self._protocol.state is State.OPEN:
            self._protocol.send_close(1001)
            self._flush()
        self._tcp.close()

    def reset(self) -> None:
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._tcp.close()


def parsed(data: bytes | bytearray | memoryview) -> Any:
    """A message; a text that is no JSON as {"text": …}."""
    text = bytes(data).decode()
    try:
        return json.loads(text)
    except ValueError:
        return {"text": text}


def flat(message: dict[str, Any]) -> dict[str, Any]:
    """A message's scalar members, and with them those of its `data`."""
    data = message.get("data")
    members = {**data, **message} if isinstance(data, dict) else message
    return {key: value for key, value in members.items() if not isinstance(value, (dict, list))}


class Held:
    """A served recipe, and its gates."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.port = process.port
        self._count: dict[str, int] = {}

    def control(self, path: str) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=TIMEOUT + 5) as answer:
            answer.read()

    def arm(self, point: str, raises: bool = False) -> None:
        self._count[point] = self._count.get(point, 0) + 1
        self.control(f"/_arm?point={point}{'&raises' if raises else ''}")

    def held(self, point: str) -> None:
        self.process.expect(rf"^held {re.escape(point)}$", self._count[point])

    def release(self) -> None:
        self.control("/_release")

    def done(self, point: str) -> None:
        self.process.expect(rf"^done {re.escape(point)}$", self._count[point])

    def empty(self) -> None:
        """Returns when nobody is connected any more."""
        self.control("/_empty")


def serving(folder: Path, code: str, server: str) -> Process:
    """A program in a process of its own: by `ws_manager run` (hand-over), or plain uvicorn (bridge)."""
    (folder / "main.py").write_text(code, "utf-8")
    command = ["uvicorn"] if server == "uvicorn" else ["ws_manager", "run"]
    return Process("-X", "dev", "-m", *command, "main:app", "--port", "0", cwd=folder)


@contextlib.contextmanager
def holding(folder: Path, code: str, server: str) -> Iterator[Held]:
    """Serves a program with gates."""
    (folder / "gate.py").write_text(GATE, "utf-8")
    with serving(folder, f"from gate import gate, install\n{code}\ninstall(globals())\n", server) as process:
        yield Held(process)
