"""Those who mean harm to an aggregator, one function each. Each runs in a process of its own, until `seconds` are over or its number is
reached, and returns what it did. Loopback only."""
import collections
import random
import secrets
import selectors
import socket
import ssl
import time

from programs import Failure
from uplink import CHALLENGE, PAUSE, PING, REFUSE, WELCOME, Journal, Peer, client_hello, encoded, frame, hello, station_key, text

ATTACKER = "AT-0001"  # A station with a key, gone bad.
ATTACKER_ADDRESS = "127.0.0.2"
CHUNK_PINGS = 500
TROUBLE = (OSError, Failure, ssl.SSLError)


class Deadline:
    def __init__(self, seconds):
        self.at = time.monotonic() + seconds

    def over(self):
        return time.monotonic() > self.at


def welcomed(target, station=ATTACKER, source=ATTACKER_ADDRESS):
    peer = Peer(target["port"], source=source)
    kind, body = peer.greet(station, station_key(target["key"], station))
    if kind != WELCOME:
        raise Failure(f"the attacker was told {kind}, {body}")
    return peer


def connect(port, source):
    line = socket.socket()
    line.setblocking(False)
    line.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: a port can serve many sources.
    line.bind((source, 0))
    line.connect_ex(("127.0.0.1", port))
    return line


def slow_loris(target, seconds, number, addresses):
    """`number` connections at a time that say a byte of a Hello each second; those that are closed are opened again."""
    deadline, chosen = Deadline(seconds), selectors.DefaultSelector()
    body, lines, opened, closed, at = hello("AT-0002", bytes(16)), {}, 0, 0, 0
    while not deadline.over():
        round_began = time.monotonic()
        while len(lines) < number and opened < 6 * number and not deadline.over():
            line = connect(target["port"], f"127.0.0.{2 + opened % addresses}")
            chosen.register(line, selectors.EVENT_READ)
            lines[line], opened = 0, opened + 1
            if opened % 500 == 0:
                break
        for key, _ in chosen.select(0.01):
            try:
                ended = not key.fileobj.recv(64)
            except BlockingIOError:
                continue
            except OSError:
                ended = True
            if ended:
                chosen.unregister(key.fileobj)
                key.fileobj.close()
                del lines[key.fileobj]
                closed += 1
        if time.monotonic() - at >= 1:
            at = time.monotonic()
            for line, sent in lines.items():
                try:
                    lines[line] += line.send(body[sent:sent + 1])
                except OSError:
                    pass
        time.sleep(max(0, 0.005 - (time.monotonic() - round_began)))
    return {"connections": opened, "closed": closed}


def frame_storm(target, seconds, _number, reads=True):
    """An admitted station that pings without end; told to pause it goes on, and comes back when it is closed."""
    deadline, frames, sessions, pauses, refusals = Deadline(seconds), 0, 0, 0, 0
    while not deadline.over():
        try:
            peer = welcomed(target)
            sessions += 1
            peer.line.settimeout(0.2)
            while not deadline.over():
                peer.line.sendall(PING * CHUNK_PINGS)
                frames += CHUNK_PINGS
                answer = peer.line.recv(262_144) if reads else b"?"
                if not answer:
                    break
                pauses += answer.count(b"\x01" + bytes([PAUSE << 3 | 2]))
                refusals += answer.count(b"\x01" + bytes([REFUSE << 3 | 2]))
        except TROUBLE:
            time.sleep(0.02)
    return {"frames": frames, "sessions": sessions, "pauses": pauses, "refusals": refusals}


def deaf_storm(target, seconds, number):
    return frame_storm(target, seconds, number, reads=False)


def event_flood(target, seconds, _number):
    """An admitted station that sends good events without end, of 2 KiB each, as fast as they are taken; nobody forges its journal."""
    deadline, frames, sessions = Deadline(seconds), 0, 0
    journal = Journal("AT-0003")
    while not deadline.over() and sessions < 2:
        try:
            peer = Peer(target["port"], source=ATTACKER_ADDRESS)
            peer.greet("AT-0003", station_key(target["key"], "AT-0003"), next_seq=1_000_000)
            sessions += 1
            peer.line.settimeout(1)
            while not deadline.over():
                peer.line.sendall(journal.batch(*[secrets.token_bytes(2_000)] * 7))
                frames += 1
        except TROUBLE:
            time.sleep(0.02)
    return {"frames": frames, "sessions": sessions}


def empty_events(target, seconds, number):
    """Batches of 8,000 empty events, 16 KiB each, in sessions of 20 stations in turn; then a frame that announces 1 MiB of them."""
    deadline, done, refused, megabytes = Deadline(seconds), 0, 0, 0
    big = encoded(1 + 2**20) + b"\x01\x1a" + encoded(2**20 - 8) + b"\x22\x00" * 2**19
    while done < number and not deadline.over():
        station = f"AT-1{done % 20:03}"
        journal = Journal(station)
        batch = frame(1, 3, text(1, journal.uid) + b"\x10\x01\x19" + journal.chain + b"\x22\x00" * 8_000)
        done += 1
        try:
            peer = welcomed(target, station)
            peer.line.sendall(batch)
            kind = peer.receive()[0]
            refused += REFUSE in (kind, peer.receive()[0] if kind == PAUSE else kind)
            megabytes += 1
            peer.line.sendall(big)
        except TROUBLE:  # Told to pause before it had a session, or closed.
            time.sleep(0.005)
    return {"batches": done, "refused": refused, "MiB frames": megabytes}


def bad_frames(prng):
    """Frames that break the framing, or hold what no message is; each ends its connection or its channel."""
    good = hello("AT-0004", bytes(16))
    yield from (b"\x00", b"\x82\x00", b"\x01\x80", b"\x81\x80\x04", b"\xff\xff\xff\xff\xff\x01", encoded(4 * 1024 + 1) + b"\x01")
    yield from (frame(1, kind, b"\xff" * 8) for kind in (1, 2, 3, 4, 5, 7, 15))
    yield from (frame(1, 1, text(number, b"\xc3\x28" * 9)) for number in (2, 3, 11))
    yield b"\x03\x01\x0b\x0c"  # A group.
    while True:
        spoilt = bytearray(good)
        for _ in range(1 + prng.randrange(3)):
            spoilt[prng.randrange(len(spoilt))] = prng.randrange(256)
        yield bytes(spoilt)
        yield prng.randbytes(1 + prng.randrange(60))


def malformed(target, seconds, number):
    """`number` malformed frames before any session, several a connection; each tenth within a session. The last 50 connections stay
    open, so that what they sent is read, and come from 50 addresses, so that a million frames find ports enough."""
    deadline, done, lines, open_lines = Deadline(seconds), 0, 0, collections.deque()
    frames = bad_frames(random.Random(7))
    while done < number and not deadline.over():
        source = f"127.0.0.{2 + lines % 50}"
        lines += 1
        if len(open_lines) == 50:
            open_lines.popleft().close()
        try:
            peer = welcomed(target, source=source) if lines % 10 == 1 else Peer(target["port"], source=source)
            open_lines.append(peer)
            for _ in range(5):
                peer.line.sendall(next(frames))
                done += 1
        except TROUBLE:
            pass
    for peer in open_lines:
        peer.ended(0.002)
        peer.close()
    return {"frames": done, "connections": lines}


def many_channels(target, seconds, number):
    """Connections that open every channel they can with a good Hello, prove nothing and read nothing."""
    deadline, frames, lines = Deadline(seconds), 0, []
    while len(lines) < number and not deadline.over():
        line = socket.create_connection(("127.0.0.1", target["port"]), 5, source_address=(ATTACKER_ADDRESS, 0))
        line.settimeout(1)
        lines.append(line)
        first = hello("AT-0005", bytes(16))[2:]
        try:
            for start in range(1, 65_536, 1_024):
                channels = (encoded(channel) + first for channel in range(start, start + 1_024))
                line.sendall(b"".join(encoded(len(body)) + body for body in channels))
                frames += 1_024
        except OSError:
            pass
    time.sleep(max(0.0, min(1.0, deadline.at - time.monotonic())))
    return {"connections": len(lines), "frames": frames}


def deaf_greeter(target, seconds, number):
    """`number` connections that say Hello on one channel again and again and never read the Challenge."""
    deadline, frames, connections, lines = Deadline(seconds), 0, 0, []
    greetings = hello("AT-0007", bytes(16)) * 50
    while not deadline.over():
        try:
            while len(lines) < number:
                lines.append(socket.create_connection(("127.0.0.1", target["port"]), 5, source_address=(ATTACKER_ADDRESS, 0)))
                lines[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                lines[-1].settimeout(0.05)
                connections += 1
        except OSError:
            time.sleep(0.02)
        for line in list(lines):
            try:
                line.sendall(greetings)
                frames += 50
            except TimeoutError:
                pass
            except OSError:
                lines.remove(line)
                line.close()
    return {"connections": connections, "frames": frames}


def hello_flood(target, seconds, _number):
    """Hello after Hello, each on a connection of its own that is dropped when the Challenge comes."""
    deadline, done, number = Deadline(seconds), 0, 0
    while not deadline.over():
        try:
            peer = Peer(target["port"], source=f"127.0.0.{2 + number % 50}")
            number += 1
            peer.line.sendall(hello("AT-0006", secrets.token_bytes(16)))
            done += peer.receive()[0] == CHALLENGE
            peer.close()
        except TROUBLE:
            pass
    return {"connections": number, "challenges": done}


def tls_flood(target, seconds, _number):
    """ClientHello after ClientHello, each on a connection of its own that is dropped when the answer comes."""
    deadline, answered, number, first = Deadline(seconds), 0, 0, client_hello()
    while not deadline.over():
        try:
            with socket.create_connection(("127.0.0.1", target["port"]), 2, source_address=(f"127.0.0.{2 + number % 50}", 0)) as line:
                number += 1
                line.sendall(first)
                answered += len(line.recv(64)) > 0
        except OSError:
            pass
    return {"connections": number, "answered": answered}
