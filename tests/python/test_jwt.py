"""Tokens made by PyJWT, over the runtime's own port, handed over by uvicorn, and through the bridge."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from support import Calls
from token_support import SECRET, Serve, bearer, own_port, token, uvicorn
from web_support import client, closed, receive
from websockets.exceptions import InvalidStatus

from ws_manager import ConfigError, WebSocketManager

LONG = ["project:" + "7" * 60, "pipeline:*", "logs"]


def test_a_token_in_the_path_the_header_and_the_first_message(serve: Serve) -> None:
    with serve(jwt_secret=SECRET) as (manager, port):
        with client(port, f"/ws/{token(rooms=LONG)}") as browser:
            assert receive(browser)["data"]["user_id"] == "ana"
            (connection,) = manager.connections()
            assert connection["user_id"] == "ana"
            assert connection["path"] == "/ws/{token}"
        with client(port, "/ws", **bearer(token())) as browser:
            assert receive(browser)["data"]["user_id"] == "ana"
        with client(port, "/ws") as browser:
            browser.send(json.dumps({"action": "auth", "token": token(), "id": 7}))
            assert receive(browser)["data"]["user_id"] == "ana"
            answer = receive(browser)
            assert (answer["type"], answer["id"], answer["data"]["user_id"]) == ("authenticated", 7, "ana")


@pytest.mark.parametrize("order", [1, -1])
def test_a_token_in_a_subprotocol(serve: Serve, order: int) -> None:
    with serve(jwt_secret=SECRET) as (_, port):
        offered = ["ws_manager.v1", "wsm.bearer." + token(rooms=LONG)][::order]
        with client(port, "/ws", subprotocols=offered) as browser:
            assert browser.subprotocol == "ws_manager.v1"
            assert receive(browser)["data"]["user_id"] == "ana"


def test_our_subprotocol_alone_is_selected(serve: Serve) -> None:
    with (
        serve(jwt_secret=SECRET) as (_, port),
        client(port, "/ws", subprotocols=["ws_manager.v1"], **bearer(token())) as browser,
    ):
        assert browser.subprotocol == "ws_manager.v1"


def test_a_token_in_a_cookie_and_in_the_query(serve: Serve) -> None:
    with serve(jwt_secret=SECRET, jwt_cookie="session", jwt_query="token") as (manager, port):
        headers = {"Cookie": f"a=b; session={token()}"}
        with client(port, "/ws", additional_headers=headers, origin=f"http://127.0.0.1:{port}") as browser:
            assert receive(browser)["data"]["user_id"] == "ana"
        with pytest.raises(InvalidStatus) as refused, client(port, "/ws", additional_headers=headers):
            pass
        assert refused.value.response.status_code == 403
        seen = Calls()
        manager.on_connect(seen)
        with client(port, f"/ws?token={token(sid='mine')}&session_id=s1") as browser:
            assert receive(browser)["data"]["session_id"] == "mine"
            (connection,) = seen.wait()
            assert dict(connection.query) == {"session_id": "s1"}


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (lambda: token(seconds=-60), "expired"),
        (lambda: token(key="x" * 32), "signature"),
        (lambda: token(algorithm="HS512", key=SECRET * 2), "algorithm"),
        (lambda: jwt.encode({"sub": "ana", "exp": 2**33}, None, "none"), "algorithm"),
        (lambda: jwt.encode({"sub": "ana"}, SECRET), "exp"),
        (lambda: jwt.encode({"sub": "ana", "exp": time.time() + 60}, SECRET), "exp"),
        (lambda: token(aud="other", iss="us"), "audience"),
        (lambda: token(aud="app", iss="other"), "issuer"),
        (lambda: "x", "malformed"),
    ],
)
def test_bad_tokens_are_refused_where_a_browser_sees_it(bad: Callable[[], str], says: str) -> None:
    with own_port(jwt_secret=SECRET, jwt_audience="app", jwt_issuer="us") as (_, port):
        with client(port, "/ws", **bearer(bad())) as browser:
            code, reason = closed(browser)
        assert code == 4401
        assert reason is not None
        assert says in reason


def test_refusals_are_closes_with_a_reason(serve: Serve) -> None:
    with serve(jwt_secret=SECRET, auth_timeout=0.3) as (_, port):
        with client(port, "/ws", **bearer(token(seconds=-60))) as browser:
            assert closed(browser) == (4401, "the token has expired")
        with client(port, "/ws") as browser:
            assert closed(browser)[0] == 4401
        with client(port, "/ws/project/8", **bearer(token(rooms=["project:7"]))) as browser:
            assert closed(browser)[0] == 4403


@pytest.mark.parametrize("handing_over", [None, True], ids=["own port", "hand-over"])
def test_programs_are_refused_by_a_status_if_that_is_wanted(handing_over: bool | None) -> None:
    serve = own_port if handing_over is None else uvicorn(handing_over)
    with serve(jwt_secret=SECRET, http_refusal=True) as (manager, port):
        for path, options, status in (
            ("/ws", {}, 401),
            ("/ws", bearer(token(seconds=-60)), 401),
            ("/ws/project/8", bearer(token(rooms=["project:7"])), 403),
        ):
            with pytest.raises(InvalidStatus) as refused, client(port, path, **options):
                pass
            assert refused.value.response.status_code == status
        with client(port, "/ws/project/7", **bearer(token(rooms=["project:7"]))) as browser:
            receive(browser)
        with client(port, "/ws", origin=f"http://127.0.0.1:{port}", **bearer(token(seconds=-60))) as browser:
            assert closed(browser)[0] == 4401

        @manager.authenticate
        async def slow(request: Any) -> str | None:
            await asyncio.sleep(0.05)
            return request.query.get("user")

        with pytest.raises(InvalidStatus) as refused, client(port, "/ws"):
            pass
        assert refused.value.response.status_code == 401
        with client(port, "/ws?user=ana") as browser:
            assert receive(browser)["data"]["user_id"] == "ana"


def test_rooms_outside_the_claim_are_forbidden(serve: Serve) -> None:
    with (
        serve(jwt_secret=SECRET) as (manager, port),
        client(port, "/ws/project/7", **bearer(token(rooms=["project:7", "job:*"]))) as browser,
    ):
        receive(browser)
        browser.send(json.dumps({"action": "subscribe", "room": "project:8"}))
        assert receive(browser)["data"]["code"] == "forbidden"
        browser.send(json.dumps({"action": "subscribe", "room": "job:1"}))
        assert receive(browser)["type"] == "subscribed"
        assert manager.subscribers("job:1") == 1


def test_a_token_expires_and_is_renewed(serve: Serve) -> None:
    with serve(jwt_secret=SECRET, heartbeat_interval=0.2) as (_, port):
        with client(port, "/ws", **bearer(token(seconds=2))) as browser:
            receive(browser)
            assert receive(browser, "token_expiring")["data"]["expires_at"].endswith("Z")
            browser.send(json.dumps({"action": "auth", "token": token("eve")}))
            assert receive(browser, "error")["data"]["code"] == "unauthenticated"
            browser.send(json.dumps({"action": "auth", "token": token(seconds=4)}))
            receive(browser, "authenticated")
            receive(browser, "token_expiring")
            code, reason = closed(browser)
        assert (code, reason) == (4401, "the token has expired")


def test_a_jti_is_good_once(serve: Serve) -> None:
    with serve(jwt_secret=SECRET, jwt_replay=True) as (_, port):
        once = bearer(token(jti="t-1"))
        with client(port, "/ws", **once) as browser:
            receive(browser)
            with client(port, "/ws", **once) as second:
                assert closed(second) == (4401, "the token was used before")


@pytest.mark.parametrize("handing_over", [True, False])
def test_who_the_application_has_checked_needs_no_token(handing_over: bool) -> None:
    with uvicorn(handing_over, rooms=[])(jwt_secret=SECRET) as (_, port), client(port, "/live") as browser:
        assert receive(browser)["data"]["user_id"] == "checked"


def test_an_authenticate_handler_is_asked_only_where_there_is_no_token() -> None:
    with own_port(jwt_secret=SECRET) as (manager, port):

        @manager.authenticate
        def let_in(request: Any) -> str:
            return "by-handler"

        with client(port, "/ws") as browser:
            assert receive(browser)["data"]["user_id"] == "by-handler"
        with client(port, "/ws", **bearer(token())) as browser:
            assert receive(browser)["data"]["user_id"] == "ana"
        with client(port, "/ws", **bearer("x")) as browser:
            assert closed(browser)[0] == 4401


@pytest.mark.parametrize("as_path", [True, False])
@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "ES256", "ES384", "ES512"])
def test_public_keys(tmp_path: Path, algorithm: str, as_path: bool) -> None:
    private: Any
    if algorithm.startswith("RS"):
        private = rsa.generate_private_key(65537, 2048)
    else:
        private = ec.generate_private_key(
            {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1()}.get(algorithm, ec.SECP521R1())
        )
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    path = tmp_path / "key.pem"
    path.write_bytes(pem)
    key = str(path) if as_path else pem.decode()
    with own_port(jwt_public_key=key, jwt_algorithm=algorithm) as (_, port):
        with client(port, "/ws", **bearer(token(key=private, algorithm=algorithm))) as browser:
            assert receive(browser)["data"]["user_id"] == "ana"
        with client(port, "/ws", **bearer(token())) as browser:
            assert closed(browser)[0] == 4401


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"jwt_secret": "short"}, "at least 32 bytes"),
        ({"jwt_secret": ""}, "jwt_secret"),
        ({"jwt_secret": SECRET, "jwt_algorithm": "HS512"}, "at least 64 bytes"),
        ({"jwt_secret": SECRET, "jwt_algorithm": "none"}, "jwt_algorithm"),
        ({"jwt_public_key": "/nowhere.pem"}, "jwt_public_key"),
        ({"jwt_audience": "app"}, "jwt_audience"),
    ],
)
def test_mistakes_in_the_configuration_are_found_at_once(config: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        WebSocketManager(**config).start()
    assert SECRET not in str(caught.value)


def test_an_empty_variable_does_not_open_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSOCKET_JWT_SECRET", "")
    with pytest.raises(ConfigError, match="WEBSOCKET_JWT_SECRET"):
        WebSocketManager().start()


def test_the_secret_stands_in_no_answer() -> None:
    with own_port(jwt_secret=SECRET) as (manager, port), client(port, f"/ws/{token()}") as browser:
        receive(browser)
        told = f"{manager.stats()} {manager.connections()} {manager!r}"
        assert SECRET not in told
        assert "eyJ" not in told
