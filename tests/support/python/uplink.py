"""A station's end of docs/spec/wire.md, in Python's own library: certificates, frames, Hello and Proof. Knows nothing of Cubby's code."""
import hashlib
import hmac
import secrets
import socket
import ssl

from cabinet import fields, varint
from programs import expect, expect_equal

CHALLENGE, WELCOME, ACK, REFUSE = 1, 2, 3, 6
UNKNOWN_STATION, BAD_PROOF = 3, 4


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

    def greet(self, station, key):
        """Says Hello with an empty journal, always the same one of a station, and proves the key if there is a Challenge; what
        the aggregator says in the end."""
        name = station.encode()
        uid, nonce = hashlib.sha256(name).digest()[:16], secrets.token_bytes(16)
        hello = b"\x08\x01" + text(2, name) + text(3, uid) + b"\x20\x01\x28\x01\x30\x01" + text(11, nonce)
        self.line.sendall(frame(1, 1, hello))
        kind, body = self.receive()
        if kind != CHALLENGE:
            return kind, body
        mac = hmac.new(key, b"cubby uplink v1" + body[1] + nonce + uid + name, hashlib.sha256).digest()
        self.line.sendall(frame(1, 2, text(1, mac)))
        return self.receive()
