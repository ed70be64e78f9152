"""Endpoints that put what comes from outside into names, and checks that do all that a check may do."""

import asyncio

from fastapi import Depends, FastAPI, HTTPException, WebSocket, WebSocketException

import ws_manager

ws_manager.configure(auth_timeout=2, handshake_timeout=1, heartbeat_interval=1, timeout=4)
ws_manager.configure(max_connections=5000, max_connections_per_ip=5000, max_connections_per_user=5000)
app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)


@app.websocket("/live/{board}")
async def live(websocket: WebSocket, board: str) -> None:
    await ws_manager.connect(websocket, user_id="u1", rooms=[f"board:{board}"])


@app.websocket("/bare")
async def bare(websocket: WebSocket, board: str = "") -> None:
    await ws_manager.connect(websocket, user_id="u1", rooms=[board])


@app.websocket("/team/{team}")
async def team(websocket: WebSocket, team: str) -> None:
    await ws_manager.connect(websocket, user_id="u1", subscribe=[f"{team}:*"])


@app.websocket("/write")
async def write(websocket: WebSocket, board: str = "") -> None:
    await ws_manager.connect(websocket, user_id="u1", publish=[f"{board}*"])


@app.websocket("/several")
async def several(websocket: WebSocket, boards: str = "") -> None:
    await ws_manager.connect(websocket, user_id="u1", rooms=[f"board:{board}".lower() for board in boards.split(",")])


@app.websocket("/inboxes")
async def inboxes(websocket: WebSocket, teams: str = "") -> None:
    nick = websocket.headers.get("x-nick") or websocket.cookies.get("nick", "x")
    patterns = [f"inbox:{nick}", *(f"team:{team.rpartition('-')[2].lower()}" for team in teams.split(","))]
    await ws_manager.connect(websocket, user_id=nick, subscribe=patterns)


@app.websocket("/slow")
async def slow(websocket: WebSocket) -> None:
    await asyncio.sleep(0.3)
    await ws_manager.connect(websocket, user_id="u1")


async def raising() -> None:
    await asyncio.sleep(0.05)
    raise RuntimeError("the check raises")


async def refusing() -> None:
    await asyncio.sleep(0.05)
    raise HTTPException(403)


async def closing() -> None:
    await asyncio.sleep(0.05)
    raise WebSocketException(1008)


@app.websocket("/raises", dependencies=[Depends(raising)])
@app.websocket("/refuses", dependencies=[Depends(refusing)])
@app.websocket("/closes", dependencies=[Depends(closing)])
async def never(websocket: WebSocket) -> None:
    await ws_manager.connect(websocket, user_id="u1")


@app.websocket("/returns")
async def returns(websocket: WebSocket) -> None:
    await asyncio.sleep(0.05)
