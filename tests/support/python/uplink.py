"""A station's end of docs/spec/wire.md, in Python's own library: certificates, frames, Hello and Proof. Knows nothing of Cubby's code."""
import hashlib
import hmac
import secrets
import socket
import ssl
import time

from cabinet import fields, varint
from programs import expect, expect_equal

CHALLENGE, WELCOME, ACK, PAUSE, REFUSE = 1, 2, 3, 4, 6
UNKNOWN_STATION, BAD_PROOF, CONFLICT, CERTIFICATE = 3, 4, 6, 13
PING = b"\x03\x01\x32\x00"


def encoded(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def text(number, value):
    return encoded(number << 3 | 2) + encoded(len(value)) + value


def frame(channel, kind, body):
    message = text(kind, body)
    return encoded(len(encoded(channel) + message)) + encoded(channel) + message


def journal_uid(station):
    """Of the journal that Peer.greet() speaks of: always the same one of a station."""
    return hashlib.sha256(station.encode()).digest()[:16]


def hello(station, nonce, next_seq=1, previous_session=0, key_version=1):
    """A frame; everything from event 1 on is kept."""
    previous = b"\x61" + previous_session.to_bytes(8, "little") if previous_session else b""
    return frame(1, 1, b"\x08\x01" + text(2, station.encode()) + text(3, journal_uid(station)) + b"\x20\x01\x28\x01\x30" + encoded(next_seq)
                 + text(11, nonce) + previous + (b"\x68" + encoded(key_version) if key_version != 1 else b""))


def proof(station, key, nonce, challenge):
    """The frame that answers `challenge`, for the Hello that had `nonce`."""
    parts = b"cubby uplink v1" + challenge + nonce + journal_uid(station) + station.encode()
    return frame(1, 2, text(1, hmac.new(key, parts, hashlib.sha256).digest()))


def station_key(fleet_key, station, version=1):
    """HKDF of docs/spec/wire.md, 3."""
    extracted = hmac.new(bytes(32), fleet_key, hashlib.sha256).digest()
    return hmac.new(extracted, b"cubby station key" + version.to_bytes(4, "little") + station.encode() + b"\1", hashlib.sha256).digest()


class Journal:
    """A station's events, cut into batches as they are added."""

    def __init__(self, station):
        self.uid = journal_uid(station)
        self.seq = 0
        self.chain = hashlib.sha256(self.uid).digest()[:8]

    def batch(self, *events):
        """The frame of these events, which come next."""
        body = text(1, self.uid) + b"\x10" + encoded(self.seq + 1) + b"\x19" + self.chain
        for event in events:
            self.seq += 1
            self.chain = hashlib.sha256(self.chain + self.seq.to_bytes(8, "little") + event).digest()[:8]
            body += text(4, event)
        return frame(1, 3, body)


def tls_context(folder, ca=None, version=ssl.TLSVersion.TLSv1_3):
    """Of a client with the certificate in `folder`; None: without one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = min(version, ssl.TLSVersion.TLSv1_2)
    context.maximum_version = version
    context.load_verify_locations(str(ca or folder / "ca.pem"))
    if folder is not None:
        context.load_cert_chain(str(folder / "cert.pem"), str(folder / "key.pem"))
    return context


class Peer:
    """One connection to an aggregator at 127.0.0.1, with TLS if there is a context."""

    def __init__(self, port, context=None, source=None):
        self.line = socket.create_connection(("127.0.0.1", port), 10, source_address=(source, 0) if source else None)
        if context is not None:
            self.line = context.wrap_socket(self.line, server_hostname="127.0.0.1")
        self.pending = b""

    def close(self):
        self.line.close()

    def ended(self, seconds):
        """Whether the other side ends the connection within so long; what it says meanwhile is skipped."""
        self.line.settimeout(seconds)
        try:
            while self.line.recv(4096):
                pass
        except TimeoutError:
            return False
        except OSError:  # An alert, or a reset.
            pass
        return True

    def receive(self):
        """(kind, fields) of the next message on channel 1."""
        self.line.settimeout(10)
        while True:
            if self.pending:
                size, at = varint(self.pending + b"\0" * 5, 0)
                if len(self.pending) >= at + size:
                    message, self.pending = self.pending[at:at + size], self.pending[at + size:]
                    expect_equal(message[0], 1, "the channel of an answer")
                    (kind, body), = fields(message[1:]).items()
                    return kind, fields(body)
            chunk = self.line.recv(4096)
            expect(chunk, "the aggregator has closed before it answered")
            self.pending += chunk

    def greet(self, station, key, next_seq=1, previous_session=0, key_version=1):
        """Says Hello and proves the key if there is a Challenge; what the aggregator says in the end."""
        nonce = secrets.token_bytes(16)
        self.line.sendall(hello(station, nonce, next_seq, previous_session, key_version))
        kind, body = self.receive()
        if kind != CHALLENGE:
            return kind, body
        self.line.sendall(proof(station, key, nonce, body[1]))
        return self.receive()


def client_hello():
    """The first flight of a TLS client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class Stalled:
    """Connections that have had the aggregator's flight and then send a part of a record and nothing more: as dear as a handshake gets."""

    def __init__(self, port, number, seconds=3, addresses=50):
        """As many as there can be in so many seconds: after five of them the first one is closed."""
        self.lines, first, until = [], client_hello(), time.monotonic() + seconds
        for i in range(number):
            if time.monotonic() > until:
                break
            line = socket.create_connection(("127.0.0.1", port), 5, source_address=(f"127.0.0.{2 + i % addresses}", 0))
            self.lines.append(line)
            line.sendall(first)
            if line.recv(16384):
                line.sendall(b"\x17\x03\x03\x10\x00" + bytes(3990))

    def alive(self):
        return sum(self._is_open(line) for line in self.lines)

    @staticmethod
    def _is_open(line):
        line.setblocking(False)
        try:
            return line.recv(16384) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self):
        for line in self.lines:
            line.close()
