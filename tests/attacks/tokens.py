"""JSON Web Tokens that should not open anything (RFC 7519, RFC 8725)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from raw.frames import text
from raw.peer import Unexpected, request

from attacks.attack import Attacks, Scene

SECRET = "0123456789abcdef0123456789abcdef"
AUDIENCE, ISSUER = "wsm-tests", "https://login.example"


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def public_pem() -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private_key().public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(**change: Any) -> dict[str, Any]:
    """Good ones; None leaves one out."""
    good = {"sub": "ana", "exp": int(time.time()) + 600, "aud": AUDIENCE, "iss": ISSUER}
    return {name: value for name, value in {**good, **change}.items() if value is not None}


def signed(
    head: str | dict[str, Any], body: str | dict[str, Any], key: str = SECRET, digest: Any = hashlib.sha256
) -> str:
    """A token with these texts, whatever they say, and an HMAC."""
    parts = [b64((part if isinstance(part, str) else json.dumps(part)).encode()) for part in (head, body)]
    return ".".join([*parts, b64(hmac.new(key.encode(), ".".join(parts).encode(), digest).digest())])


HS256 = {"alg": "HS256", "typ": "JWT"}


def good() -> str:
    return signed(HS256, claims())


def unsigned(token: str) -> str:
    return token.rsplit(".", 1)[0] + "."


def flipped(token: str, part: int) -> str:
    """One character in the middle of a part is another one."""
    parts = token.split(".")
    middle = len(parts[part]) // 2
    other = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + other + parts[part][middle + 1 :]
    return ".".join(parts)


def raw_claims(exp: str) -> str:
    return f'{{"sub":"ana","aud":"{AUDIENCE}","iss":"{ISSUER}","exp":{exp}}}'


later = int(time.time()) + 600
BAD: dict[str, str] = {
    **{
        f"alg {alg!r} with the right HMAC": signed({"alg": alg}, claims())
        for alg in (
            "none",
            "None",
            "nOnE",
            "NONE",
            "",
            "hs256",
            "HS256 ",
            "HS384",
            "HS512",
            "RS256",
            "ES256",
            "PS256",
            "EdDSA",
            "dir",
            "HS2567",
        )
    },
    **{
        f"alg {alg!r} without a signature": unsigned(signed({"alg": alg}, claims()))
        for alg in ("none", "None", "NONE", "HS256")
    },
    "alg none, written with escapes": unsigned(signed('{"alg":"\\u006eone"}', claims())),
    "no alg": signed({"typ": "JWT"}, claims()),
    "alg is a number": signed({"alg": 256}, claims()),
    "alg is null": signed({"alg": None}, claims()),
    "alg is a list": signed({"alg": ["HS256"]}, claims()),
    "alg twice, none first": signed('{"alg":"none","alg":"HS256"}', claims()),
    "alg twice, none last": signed('{"alg":"HS256","alg":"none"}', claims()),
    "HS384 with the same key": signed({"alg": "HS384"}, claims(), digest=hashlib.sha384),
    "another key": signed(HS256, claims(), key="another key of thirty-two bytes!"),
    "an empty key": signed(HS256, claims(), key=""),
    "a key that begins like ours": signed(HS256, claims(), key=SECRET[:-1]),
    "typ of another kind": signed({"alg": "HS256", "typ": "at+jwt-not"}, claims()),
    "typ JWE": signed({"alg": "HS256", "typ": "JWE"}, claims()),
    "crit that nobody knows": signed({"alg": "HS256", "crit": ["exp"], "exp": 1}, claims()),
    "b64 false": signed({"alg": "HS256", "b64": False, "crit": ["b64"]}, claims()),
    "kid is a path, signed with an empty key": signed(
        {"alg": "HS256", "kid": "../../../../../dev/null"}, claims(), key=""
    ),
    "kid is SQL, signed with what it selects": signed({"alg": "HS256", "kid": "x' UNION SELECT 'k"}, claims(), key="k"),
    "kid is a command": signed({"alg": "HS256", "kid": "| sleep 60"}, claims(), key="k"),
    "kid of 4 KiB": signed({"alg": "HS256", "kid": "k" * 4096}, claims(), key="k"),
    "jwk that is its own key": signed({"alg": "HS256", "jwk": {"kty": "oct", "k": b64(b"mine")}}, claims(), key="mine"),
    "jku elsewhere": signed({"alg": "HS256", "jku": "http://evil.example/keys"}, claims(), key="mine"),
    "x5u elsewhere": signed({"alg": "HS256", "x5u": "http://evil.example/cert"}, claims(), key="mine"),
    "x5c of its own": signed({"alg": "HS256", "x5c": [b64(b"cert")]}, claims(), key="mine"),
    "expired": signed(HS256, claims(exp=int(time.time()) - 60)),
    "no exp": signed(HS256, claims(exp=None)),
    **{
        f"exp {exp}": signed(HS256, raw_claims(exp))
        for exp in (
            f'"{later}"',
            f"{later}.5",
            f"{later}e0",
            "1e99",
            "9223372036854775808",
            "18446744073709551616",
            "-1",
            "0",
            "-9223372036854775809",
            "true",
            "null",
            "[]",
            "{}",
            "1" * 400,
            "NaN",
            "Infinity",
        )
    },
    "exp twice, the bad one first": signed(HS256, raw_claims(f'1,"exp":{later}')),
    "exp twice, the bad one last": signed(HS256, raw_claims(f'{later},"exp":1')),
    "not valid yet": signed(HS256, claims(nbf=int(time.time()) + 300)),
    "nbf is text": signed(HS256, claims(nbf="0")),
    "nbf is a fraction": signed(HS256, claims(nbf=0.5)),
    "another audience": signed(HS256, claims(aud="somebody-else")),
    "no audience": signed(HS256, claims(aud=None)),
    "an audience that begins like ours": signed(HS256, claims(aud=AUDIENCE + "-2")),
    "the audience in other letters": signed(HS256, claims(aud=AUDIENCE.upper())),
    "a list of other audiences": signed(HS256, claims(aud=["a", "b"])),
    "an empty list of audiences": signed(HS256, claims(aud=[])),
    "an audience that is an object": signed(HS256, claims(aud={AUDIENCE: True})),
    "an audience with a NUL": signed(HS256, claims(aud=AUDIENCE + "\0x")),
    "another issuer": signed(HS256, claims(iss="https://evil.example")),
    "no issuer": signed(HS256, claims(iss=None)),
    "an issuer that begins like ours": signed(HS256, claims(iss=ISSUER + ".evil.example")),
    "an issuer that is a list": signed(HS256, claims(iss=[ISSUER])),
    "no subject": signed(HS256, claims(sub=None)),
    "an empty subject": signed(HS256, claims(sub="")),
    "a subject that is a number": signed(HS256, claims(sub=7)),
    "a subject that is a list": signed(HS256, claims(sub=["ana"])),
    "a subject of 121 bytes": signed(HS256, claims(sub="s" * 121)),
    "a subject with a NUL": signed(HS256, claims(sub="ana\0admin")),
    "a subject with a line end": signed(HS256, claims(sub="ana\nadmin")),
    "rooms that is text": signed(HS256, claims(rooms="project:7")),
    "rooms with a room of ours": signed(HS256, claims(rooms=["@user:admin"])),
    "rooms with numbers": signed(HS256, claims(rooms=[1])),
    "claims that are a list": signed(HS256, "[1]"),
    "claims that are text": signed(HS256, '"ana"'),
    "claims that are no JSON": signed(HS256, "ana"),
    "claims with rubbish behind them": signed(HS256, json.dumps(claims()) + "x"),
    "claims 500 deep": signed(HS256, '{"sub":"ana","x":' + "[" * 500 + "]" * 500 + f',"exp":{later}}}'),
    "a head that is a list": signed('["HS256"]', claims()),
    "a head that is no JSON": signed("HS256", claims()),
    "a changed head": flipped(good(), 0),
    "changed claims": flipped(good(), 1),
    "a changed signature": flipped(good(), 2),
    "a signature cut off": good()[:-4],
    "a signature with more behind it": good() + "AAAA",
    "a signature with padding": good() + "=",
    "a signature of nothing": unsigned(good()),
    "no signature part": good().rsplit(".", 1)[0],
    "four parts": good() + ".x",
    "five parts, as an encrypted one has": "a.b.c.d.e",
    "a dot": ".",
    "two dots": "..",
    "three empty parts and a dot": "...",
    "no base64": "!!!.!!!.!!!",
    "a NUL": good()[:20] + "%00" + good()[20:],
    "8 KiB and a byte": signed(HS256, claims(x="x" * 8192)),
}

tokens = Attacks("tokens", "tokens")


def refused_everywhere(scene: Scene, token: str) -> str:
    """In the path, the header and the first message: each time a close with a reason that does not repeat the token."""
    reasons = [scene.closed(4401, extra=[f"Authorization: Bearer {token}"])] if token else []
    if token.strip("."):
        status = 0
        try:
            reasons.append(scene.closed(4401, f"/ws/{token}"))
        except Unexpected as error:
            if "no 101" not in str(error):
                raise
            status = 1
        if status and scene.status(request(f"/ws/{token}")) not in (0, 400, 403, 404, 414, 431):
            raise Unexpected("the path is served")
    with scene.server.open("/ws") as peer:
        peer.send(text(json.dumps({"action": "auth", "token": token.replace("%00", "\0")})))
        found = peer.frame()
        if found.code != 4401:
            raise Unexpected(f"{found} instead of close 4401, by the first message")
        reasons.append(found.payload[2:].decode())
    for reason in reasons:
        if not reason or (len(token) > 8 and token[:8] in reason) or SECRET in reason:
            raise Unexpected(f"the reason says {reason!r}")
    return reasons[0]


for name, token in BAD.items():
    tokens.add(name, "RFC 8725, libjwt #200", refused_everywhere, token)


@tokens("a good one opens", "the honest side")
def good_token(scene: Scene) -> None:
    for how in (
        {"extra": [f"Authorization: Bearer {good()}"]},
        {"extra": [f"Sec-WebSocket-Protocol: ws_manager.v1, wsm.bearer.{good()}"]},
    ):
        with scene.user(**how) as user:
            user.alive()
    with scene.user(f"/ws/{good()}") as user:
        user.alive()


@tokens("none in time", "Centrifugo #639")
def no_token(scene: Scene) -> str:
    with scene.server.open("/ws") as peer:
        code = peer.close_code()
        if code != 4401:
            raise Unexpected(f"close {code}")
    return f"close {code}"


@tokens("commands before the token are not carried out", "Centrifugo #639")
def commands_first(scene: Scene) -> str:
    with scene.server.open("/ws") as peer:
        peer.send(text('{"action":"subscribe","room":"secret"}') + text('{"action":"stats"}'))
        found = peer.frame()
        if found.code != 4401:
            raise Unexpected(f"{found} instead of close 4401")
    return "close 4401"


@tokens("1,000 messages before the token", "Centrifugo #639")
def much_before_the_token(scene: Scene) -> str:
    with scene.server.open("/ws") as peer:
        peer.send(text('{"action":"ping"}') * 1000)
        code = peer.close_code()
        if code not in (1013, 4401, 4429):
            raise Unexpected(f"close {code}")
    return f"close {code}"


@tokens("a token ends while its client is connected", "attack table")
def expiry(scene: Scene) -> str:
    with scene.user(extra=[f"Authorization: Bearer {signed(HS256, claims(exp=int(time.time()) + 2))}"]) as user:
        code = user.peer.close_code()
        if code != 4401:
            raise Unexpected(f"close {code}")
    return f"close {code}"


@tokens("renewal with another user's token", "attack table")
def other_user(scene: Scene) -> str:
    with scene.user(extra=[f"Authorization: Bearer {good()}"]) as user:
        return user.error({"action": "auth", "token": signed(HS256, claims(sub="admin"))}, "unauthenticated")


@tokens("a cookie without an Origin", "cross-site WebSocket hijacking")
def cookie(scene: Scene) -> str:
    return scene.refused(request("/ws", extra=[f"Cookie: session={good()}"]), 403)


@tokens("a cookie with a foreign Origin", "cross-site WebSocket hijacking")
def foreign_cookie(scene: Scene) -> str:
    return scene.refused(request("/ws", extra=[f"Cookie: session={good()}", "Origin: https://evil.example"]), 403)


@tokens("the firehose with a token for one room", "attack table: grants")
def firehose(scene: Scene) -> str:
    some = signed(HS256, claims(rooms=["project:7"]))
    return scene.closed(4403, "/ws/notifications", extra=[f"Authorization: Bearer {some}"])


@tokens("rooms that the token does not grant", "attack table: grants")
def other_rooms(scene: Scene) -> str:
    some = signed(HS256, claims(rooms=["project:7", "pipeline:*"]))
    with scene.user(extra=[f"Authorization: Bearer {some}"]) as user:
        for room in (
            "project:8",
            "project:77",
            "project:",
            "Project:7",
            "project:7 ",
            "pipeline",
            "secret",
            "project\uff1a7",
        ):
            for action in ("subscribe", "history", "presence", "publish"):
                user.error({"action": action, "room": room, "data": {}}, "forbidden", "room_invalid")
        user.error({"action": "subscribe", "project_id": "8"}, "forbidden")
        user.error({"action": "subscribe", "channel": "secret"}, "forbidden")
    return "forbidden"


@tokens("the secret stands nowhere", "attack table")
def no_secret(scene: Scene) -> None:
    with scene.user(extra=[f"Authorization: Bearer {good()}"]) as user:
        user.say({"action": "stats"})
        found = json.dumps(user.next()) + json.dumps(scene.server.stats()) + scene.server.logged()
    for secret in (SECRET, good()[:40], "Bearer"):
        if secret in found:
            raise Unexpected(f"{secret[:8]}... is told")


replay = Attacks("tokens", "replay")


@replay("the same jti twice", "attack table")
def same_jti(scene: Scene) -> str:
    once = signed(HS256, claims(jti="one"))
    with scene.user(extra=[f"Authorization: Bearer {once}"]) as user:
        user.alive()
        reason = scene.closed(4401, extra=[f"Authorization: Bearer {once}"])
    again = signed(HS256, claims(jti="one", x=1))
    scene.closed(4401, extra=[f"Authorization: Bearer {again}"])
    return reason


@replay("no jti", "attack table")
def no_jti(scene: Scene) -> str:
    return scene.closed(4401, extra=[f"Authorization: Bearer {good()}"])


@replay("a jti of the wrong type", "attack table")
def odd_jti(scene: Scene) -> str:
    for jti in (1, ["one"], {}, "", "x" * 10000):
        scene.closed(4401, extra=[f"Authorization: Bearer {signed(HS256, claims(jti=jti))[:9000]}"])
    return "close 4401"


keys = Attacks("tokens", "keys")


def rs256(**change: Any) -> str:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    parts = f"{b64(json.dumps({'alg': 'RS256'}).encode())}.{b64(json.dumps(claims(**change)).encode())}"
    return f"{parts}.{b64(private_key().sign(parts.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@keys("the public key as an HMAC secret", "RS to HS: libjwt #200, CVE-2016-10555")
def public_key_as_secret(scene: Scene) -> str:
    pem = public_pem()
    reason = ""
    for key in (
        pem,
        pem.strip(),
        pem.replace("\n", "\\n"),
        pem.replace("\n", ""),
        "".join(pem.splitlines()[1:-1]),
        " " + pem,
    ):
        for alg, digest in (
            ("HS256", hashlib.sha256),
            ("HS384", hashlib.sha384),
            ("HS512", hashlib.sha512),
            ("RS256", hashlib.sha256),
        ):
            reason = scene.closed(4401, extra=[f"Authorization: Bearer {signed({'alg': alg}, claims(), key, digest)}"])
    return reason


@keys("a signature of zeros, of ones, of nothing", "CVE-2022-21449 and its kin")
def empty_signatures(scene: Scene) -> str:
    reason = ""
    parts = rs256().rsplit(".", 1)[0]
    for signature in (b"", b"\0", b"\0" * 256, b"\xff" * 256, b"\0" * 64, b"\0" * 255 + b"\1"):
        reason = scene.closed(4401, extra=[f"Authorization: Bearer {parts}.{b64(signature)}"])
    return reason


@keys("a good one opens", "the honest side")
def good_rsa(scene: Scene) -> None:
    with scene.user(extra=[f"Authorization: Bearer {rs256()}"]) as user:
        user.alive()


refusal = Attacks("tokens", "refusal")


def refused_by_status(scene: Scene, token: str) -> str:
    """Who is no browser gets a status; a browser, which could not see it, a close."""
    header = f"Authorization: Bearer {token}"
    status = scene.refused(request("/ws", extra=[header]), 401)
    scene.closed(4401, extra=[header, "Origin: http://127.0.0.1"])
    return status


for name in list(BAD)[::8]:
    refusal.add(f"by a status: {name}", "docs/configuration.md, http_refusal", refused_by_status, BAD[name])


@refusal("none at all, by a status", "docs/configuration.md, http_refusal")
def none_by_status(scene: Scene) -> str:
    return scene.refused(request("/ws"), 401)


@tokens("one that is revoked while its client is connected", "attack table")
def revoked(scene: Scene) -> str:
    token = signed(HS256, claims(jti="stolen"))
    with scene.user(extra=[f"Authorization: Bearer {token}"]) as user:
        user.alive()
        scene.server.do("revoke", jti="stolen")
        code = user.peer.close_code()
    if code != 4401:
        raise Unexpected(f"close {code}")
    return scene.closed(4401, extra=[f"Authorization: Bearer {token}"])


@tokens("all of a user, and renewal with another one of the same age", "attack table")
def revoked_user(scene: Scene) -> str:
    old = signed(HS256, claims(sub="mallory", iat=int(time.time()) - 5))
    with scene.user(extra=[f"Authorization: Bearer {old}"]) as user:
        scene.server.do("revoke", user_id="mallory")
        code = user.peer.close_code()
    if code != 4401:
        raise Unexpected(f"close {code}")
    scene.closed(4401, extra=[f"Authorization: Bearer {old}"])
    return scene.closed(4401, extra=[f"Authorization: Bearer {signed(HS256, claims(sub='mallory'))}"])


ALL = (tokens, replay, keys, refusal)
