"""What is taken back while the runtime runs: tokens, users, keys; and that secrets stay secret."""

from __future__ import annotations

import json
import logging
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from token_support import SECRET, Serve, bearer, own_port, token, uvicorn
from web_support import client, closed, receive

from ws_manager import ConfigError, InvalidArgument, NotFound, Overloaded, WebSocketManager

OTHER = "fedcba9876543210fedcba9876543210"


def test_a_token_is_revoked(serve: Serve) -> None:
    with serve(jwt_secret=SECRET) as (manager, port):
        lost = token(jti="t-1")
        with client(port, "/ws", **bearer(lost)) as browser, client(port, "/ws", **bearer(token())) as other:
            receive(browser)
            receive(other)
            manager.revoke(jti="t-1")
            assert closed(browser) == (4401, "the token was revoked")
            with client(port, "/ws", **bearer(lost)) as again:
                assert closed(again) == (4401, "the token was revoked")
            assert manager.rest("GET", "/api/ws/history", "room=@all", authorization=f"Bearer {lost}")[0] == 401
            manager.broadcast({"type": "still-here"})
            receive(other, "still-here")
        stats = manager.stats()
        assert (stats["revoked"], stats["revocations"]) == (3, 1)
        assert "ws_manager_revoked_total 3" in manager.metrics()
        (row,) = manager.revocations()
        assert row["jti"] == "t-1"
        manager.unrevoke(jti="t-1")
        assert manager.revocations() == []
        with client(port, "/ws", **bearer(lost)) as browser:
            receive(browser)


def test_a_user_is_signed_out_everywhere(serve: Serve) -> None:
    with serve(jwt_secret=SECRET) as (manager, port):
        old, new = token(iat=int(time.time()) - 60), token(iat=int(time.time()) - 5)
        with client(port, "/ws", **bearer(old)) as browser, client(port, "/ws", **bearer(token())) as ageless:
            receive(browser)
            receive(ageless)
            manager.revoke(user_id="ana", before=datetime.now(UTC) - timedelta(seconds=30))
            assert closed(browser)[0] == 4401
            assert closed(ageless)[0] == 4401
        for bad in (old, token()):
            with client(port, "/ws", **bearer(bad)) as browser:
                assert closed(browser) == (4401, "the token was revoked")
        for good in (new, token("eve")):
            with client(port, "/ws", **bearer(good)) as browser:
                receive(browser)


@pytest.mark.parametrize("handing_over", [True, False])
def test_whom_connect_has_let_in_goes_too(handing_over: bool) -> None:
    with uvicorn(handing_over, rooms=[])() as (manager, port), client(port, "/live") as browser:
        receive(browser)
        manager.revoke(user_id="checked", before=time.time() + 5)
        assert closed(browser)[0] == 4401


def test_it_holds_over_stop_start_and_configure() -> None:
    manager = WebSocketManager(jwt_secret=SECRET)
    manager.revoke(jti="t-1")  # nothing runs yet
    manager.configure(port=0)
    manager.start()
    try:
        manager.stop()
        manager.start()
        assert [row["jti"] for row in manager.revocations()] == ["t-1"]
        with client(manager.port, "/ws", **bearer(token(jti="t-1"))) as browser:
            assert closed(browser)[0] == 4401
    finally:
        manager.stop()


def test_what_makes_no_sense_is_refused() -> None:
    with own_port(jwt_secret=SECRET, max_revocations=1) as (manager, _):
        with pytest.raises(InvalidArgument, match="neither"):
            manager.revoke()
        with pytest.raises(InvalidArgument, match="both"):
            manager.revoke(jti="a", user_id="b")
        with pytest.raises(TypeError, match="time zone"):
            manager.revoke(user_id="b", before=datetime(2026, 1, 1))
        manager.revoke(user_id=7, until=datetime.now(UTC) + timedelta(hours=1))
        with pytest.raises(Overloaded, match="max_revocations"):
            manager.revoke(jti="a")
        with pytest.raises(NotFound):
            manager.unrevoke(user_id=8)
        manager.unrevoke(user_id=7)


def test_secrets_are_exchanged_while_it_runs(serve: Serve) -> None:
    with serve(jwt_secret=SECRET) as (manager, port), client(port, "/ws", **bearer(token())) as stays:
        receive(stays)
        manager.reload_keys(jwt_secret=[OTHER, SECRET])
        for secret in (OTHER, SECRET):
            with client(port, "/ws", **bearer(token(key=secret))) as browser:
                receive(browser)
        manager.reload_keys(jwt_secret=OTHER)
        with client(port, "/ws", **bearer(token(key=SECRET))) as browser:
            assert closed(browser)[0] == 4401
        with pytest.raises(ConfigError, match="at least 32 bytes"):
            manager.reload_keys(jwt_secret="short")
        manager.reload_keys()  # as configured, which is by now
        with client(port, "/ws", **bearer(token(key=OTHER))) as browser:
            receive(browser)
        manager.broadcast({"type": "still-here"})
        receive(stays, "still-here")


def test_the_file_of_a_key_is_read_again(tmp_path: Path) -> None:
    keys: list[Any] = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    pems = [
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        for key in keys
    ]
    path = tmp_path / "keys.pem"
    path.write_bytes(pems[0])
    with own_port(jwt_public_key=str(path)) as (manager, port):
        path.write_bytes(b"".join(pems))
        manager.reload_keys()
        for key in keys:
            with client(port, "/ws", **bearer(token(key=key, algorithm="ES256"))) as browser:
                receive(browser)


def test_there_must_be_keys_to_reload() -> None:
    with own_port() as (manager, _), pytest.raises(ConfigError, match="no keys to reload"):
        manager.reload_keys(jwt_secret=SECRET)


def test_secrets_stand_nowhere(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """Logs, errors, statistics, metrics, what is told about connections, and what clients are told."""
    caplog.set_level(logging.DEBUG, "ws_manager")
    told: list[object] = []
    api_key = "an-api-key-that-nobody-may-see"
    with serve(jwt_secret=[SECRET, OTHER], api_key=api_key, jwt_query="access", jwt_cookie="session") as (
        manager,
        port,
    ):
        manager.on_connect(lambda connection: told.append((vars(connection), connection)))
        good, bad = token(jti="t-1", rooms=["a"]), token(key="x" * 32)
        for path, options in (
            (f"/ws/{good}", {}),
            (f"/ws?access={good}", {}),
            ("/ws", bearer(good)),
            ("/ws", {"subprotocols": ["ws_manager.v1", "wsm.bearer." + good]}),
            ("/ws", {"additional_headers": {"Cookie": f"session={good}"}, "origin": f"http://127.0.0.1:{port}"}),
        ):
            with client(port, path, **options) as browser:
                told += [receive(browser), manager.connections(), manager.presence("@all")]
        for path, options in ((f"/ws/{bad}", {}), (f"/ws?access={bad}", {}), ("/ws", bearer(bad))):
            with client(port, path, **options) as browser:
                told.append(closed(browser))
        with client(port, "/ws", **bearer(good)) as browser:
            receive(browser)
            browser.send(json.dumps({"action": "auth", "token": bad}))
            told.append(receive(browser, "error"))
            manager.revoke(jti="t-1")
            told.append(closed(browser))
        for wrong in ("short", f"{SECRET} short"):
            with pytest.raises(ConfigError) as caught:
                manager.reload_keys(jwt_secret=wrong)
            told.append(caught.value)
        for key in (api_key, api_key + "x"):
            told.append(manager.rest("GET", "/api/ws/stats", ip="192.0.2.1", api_key=key))
        told += [
            manager.stats(),
            manager.metrics(),
            manager.revocations(),
            repr(manager),
            manager.rest("GET", "/metrics"),
        ]
    told += [record.getMessage() for record in caplog.records if record.name.startswith("ws_manager")]
    everything = str(told)
    for secret in (SECRET, OTHER, api_key, good, bad, good.split(".")[2], bad.split(".")[2]):
        assert secret not in everything
    assert not re.search(r"eyJ[\w-]+\.", everything)  # the beginning of any token; three letters alone may be in an id
