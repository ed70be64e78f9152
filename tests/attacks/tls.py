"""The own port with TLS: what comes before there is an encrypted byte, and versions that should be gone."""

from __future__ import annotations

import ssl
import time
from contextlib import suppress

from raw.peer import Peer, Unexpected, request

from attacks.attack import MIB, Attacks, Scene, until

tls = Attacks("TLS", "tls", kinds=("own",))


def plain(scene: Scene) -> Peer:
    """A connection without TLS."""
    return Peer(scene.server.port, timeout=10)


def hello(**how: object) -> bytes:
    """The first bytes of a client."""
    context = ssl.create_default_context()
    for name, value in how.items():
        setattr(context, name, value)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def ends(scene: Scene, data: bytes) -> str:
    """The connection ends; at most a sentence says that this is a TLS port."""
    with plain(scene) as peer:
        peer.send(data)
        while not peer.ended:
            if not peer.wait():
                raise Unexpected("the server waits")
        if b"HTTP/" in peer.buffer and not peer.buffer.startswith(b"HTTP/1.1 400 "):
            raise Unexpected(f"an answer in clear: {bytes(peer.buffer[:60])!r}")
        return f"{len(peer.buffer)} bytes, then the end"


tls.add("a request in clear", "RFC 8446 6.2", ends, request("/ws"))
tls.add("garbage", "RFC 8446 6.2", ends, bytes(range(256)) * 8)
tls.add("a record of another type", "RFC 8446 6.2", ends, b"\x17\x03\x03\x00\x10" + bytes(16) * 40)
tls.add("a record that is too long", "RFC 8446 5.1", ends, b"\x16\x03\x01\xff\xff" + bytes(70000))
tls.add(
    "SSLv2",
    "RFC 6176",
    ends,
    bytes.fromhex("802e0100020015000000100100800200800300800400800500800600400700c0") + bytes(200),
)
tls.add(
    "a hello with a bad length inside",
    "OpenSSL: Heartbleed and its kin",
    ends,
    hello()[:40] + b"\xff\xff\xff" + hello()[43:] + bytes(400),
)
tls.add(
    "a heartbeat of 64 KiB that has 3 bytes", "CVE-2014-0160", ends, b"\x18\x03\x02\x00\x03\x01\xff\xff" + bytes(300)
)


@tls("versions before 1.2", "RFC 8996")
def old_versions(scene: Scene) -> str:
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = version, version
        try:
            with Peer(scene.server.port, timeout=10, tls=context):
                raise Unexpected(f"{version.name} is spoken")
        except OSError:
            pass
    return "refused"


@tls("h2 alone is not agreed on", "libwebsockets: HPACK parser before authentication")
def only_h2(scene: Scene) -> str:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with Peer(scene.server.port, timeout=10, tls=context) as peer:
            assert isinstance(peer.socket, ssl.SSLSocket)
            chosen = peer.socket.selected_alpn_protocol()
    except OSError:
        return "refused"
    if chosen:
        raise Unexpected(f"{chosen} is agreed on")
    return "none is agreed on"


@tls("300 half handshakes of TLS", "slowloris")
def half_handshakes(scene: Scene) -> str:
    data = hello()
    base = scene.server.descriptors()
    began = time.monotonic()
    with scene.flat(40 * MIB) as seen:
        peers = [plain(scene) for _ in range(300)]
        for number, peer in enumerate(peers):
            peer.send(data[: 1 + number % len(data)] if number % 2 else data)
        scene.honest.check()
        while any(not peer.ended for peer in peers) and time.monotonic() < began + 25:
            for peer in peers:
                if not peer.ended:
                    peer.wait(0)
            time.sleep(0.1)
        left = sum(not peer.ended for peer in peers)
        for peer in peers:
            peer.close()
        if left:
            raise Unexpected(f"{left} are still open after 25 s")
    until(lambda: scene.server.descriptors() <= base + 2)
    return f"all closed after {time.monotonic() - began:.0f} s, {seen[0]}"


@tls("1,000 resets in the middle of a handshake", "leaks")
def resets(scene: Scene) -> str:
    data = hello()
    base = scene.server.descriptors()
    with scene.flat(16 * MIB, settle=lambda: scene.server.descriptors() <= base + 2) as seen:
        for number in range(1000):
            peer = plain(scene)
            peer.send(data if number % 2 else data[:100])
            if number % 4 == 0:
                peer.wait(0.01)
            peer.reset()
        scene.honest.check()
    return seen[0]


@tls("a foreign Origin is refused here, too", "cross-site WebSocket hijacking")
def origin(scene: Scene) -> str:
    return scene.refused(request("/ws", extra=["Origin: https://evil.example"]), 403)


@tls("an Origin without TLS is another one", "mixed content")
def mixed_origin(scene: Scene) -> str:
    return scene.refused(request("/ws", change={"Host": "app.example"}, extra=["Origin: http://app.example"]), 403)


ALL = (tls,)
