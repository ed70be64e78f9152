"""A runtime, or a FastAPI application under uvicorn that hands over to it, steered over lines of JSON.

    python -m raw.serve [--uvicorn]

The configuration comes from WEBSOCKET_… variables. It prints {"port": P} once it listens, answers one line per command,
and ends with its standard input:

    {"do": "stats"}                                            the manager's statistics
    {"do": "revoke", "jti": J}                                 or "user_id"
    {"do": "connections"}, {"do": "bans"}                      lists
    {"do": "send", "room": R, "type": T, "data": D}            publishes, and answers when it is done
    {"do": "flood", "room": R, "count": N, "size": B}          N messages of B bytes
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import threading
import time
from typing import Any

import uvicorn
from fastapi import FastAPI

from ws_manager import WebSocketManager
from ws_manager._router import add_endpoint
from ws_manager.uvicorn import WebSocketProtocol


def make() -> WebSocketManager:
    """WSM_TEST_ROOMS: rules about rooms, as JSON. WSM_TEST_BUSY: seconds that a message keeps the application busy."""
    manager = WebSocketManager()
    busy = float(os.environ.get("WSM_TEST_BUSY", "0"))
    if busy:

        @manager.on_message
        def handle(connection: object, message: object) -> None:
            time.sleep(busy)

    for pattern, settings in json.loads(os.environ.get("WSM_TEST_ROOMS", "{}")).items():
        manager.room(pattern, **settings)
    return manager


def send(manager: WebSocketManager, room: str, type: str, data: Any) -> None:
    message = {"type": type, "data": data}
    if room == "@all":
        manager.broadcast(message)
    else:
        manager.send_to_room(room, message)


def carry_out(manager: WebSocketManager, command: dict[str, Any]) -> Any:
    match command["do"]:
        case "stats":
            return manager.stats()
        case "revoke":
            manager.revoke(**{name: value for name, value in command.items() if name != "do"})
        case "connections":
            return {"rows": manager.connections()}
        case "bans":
            return {"rows": manager.bans()}
        case "send":
            send(manager, command["room"], command["type"], command["data"])
        case "flood":
            filler = "x" * command["size"]
            for number in range(command["count"]):
                send(manager, command["room"], "flood", {"n": number, "filler": filler})
    return {}


def obey(manager: WebSocketManager) -> None:
    for line in sys.stdin:
        try:
            answer = carry_out(manager, json.loads(line))
        except Exception as error:  # the suite is to see it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


class Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print(json.dumps({"port": self.servers[0].sockets[0].getsockname()[1]}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--uvicorn", action="store_true")
    arguments = parser.parse_args()
    if not arguments.uvicorn:
        manager = make()
        manager.configure(port=0, host="127.0.0.1")
        manager.start()
        print(json.dumps({"port": manager.port}), flush=True)
        obey(manager)
        manager.stop(deadline=1.0)
        return
    manager = make()
    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(manager.router)
    if echo := os.environ.get("WEBSOCKET_TEST_ECHO_PATH"):
        add_endpoint(app.router, manager, echo)  # users get no route to it
    server = Server(uvicorn.Config(app, port=0, ws=WebSocketProtocol, log_level="warning"))

    def obey_and_stop() -> None:
        obey(manager)
        server.should_exit = True

    threading.Thread(target=obey_and_stop, daemon=True).start()
    asyncio.run(server.serve())


if __name__ == "__main__":
    main()
