"""What stands round a `cubby-controller`: a front panel with a person at it, the centre's notifier, a serial adapter that can
be pulled. Written from docs/spec (panel, passes, wire, store), with nothing of Cubby's code."""
import contextlib
import hashlib
import hmac
import os
import pty
import secrets
import select
import socket
import sqlite3
import struct
import threading
import time
import tty

from boards import Terminal, p5
from programs import expect, expect_equal, wait_until

SCREENS = {1: "IDLE", 2: "COURIER_READY", 3: "CHOOSE_SIZE", 4: "OPENING", 5: "PUT_IN", 6: "STORED", 7: "TURNED_AWAY", 8: "WRONG_CODE",
           9: "LOCKED_OUT", 10: "TAKE_OUT", 11: "COLLECTED", 12: "DOOR_FAILED", 16: "WRONG_PASS", 17: "OUT_OF_SERVICE",
           18: "PLEASE_SHUT", 19: "CANCELLED"}


def modbus_crc(data):
    return p5(*data)[len(data):]


class Panel:
    """The panel module's end of docs/spec/panel.md, at the controller's TCP port."""

    def __init__(self, port):
        self.port = port
        self.line = None
        self.pending = b""
        self.seen = []  # (screen, compartment, number)
        self.language = None
        self.connect()

    def connect(self):
        def try_once():
            with contextlib.suppress(OSError):
                self.line = socket.create_connection(("127.0.0.1", self.port), 1)
            return self.line is not None
        self.close()
        self.joined = False
        wait_until(try_once, 20, "the controller to listen for its panel")

    def close(self):
        if self.line is not None:
            self.line.close()
        self.line = None
        self.pending = b""

    def send(self, kind, data):
        body = bytes([kind, len(data)]) + data
        self.line.sendall(b"\x55" + body + modbus_crc(body))

    def key(self, *keys):
        for key in keys:
            self.send(1, key.encode())

    def scan(self, text):
        self.send(2, text.encode())

    def _join(self):
        """Drops what is left of a frame that began before the line was there."""
        while not self.joined and len(self.pending) >= 5:
            size = self.pending[2]
            if self.pending[0] == 0x55 and size <= 80:
                if len(self.pending) < size + 5:
                    return
                self.joined = self.pending[3 + size:5 + size] == modbus_crc(self.pending[1:3 + size])
            if not self.joined:
                self.pending = self.pending[1:]

    def _take(self):
        ready, _, _ = select.select([self.line], [], [], 0.05)
        if ready:
            chunk = self.line.recv(4096)
            expect(chunk, "the controller has closed the panel's connection")
            self.pending += chunk
        self._join()
        while self.joined and len(self.pending) >= 5 and len(self.pending) >= self.pending[2] + 5:
            size = self.pending[2]
            expect_equal(self.pending[0], 0x55, "the first byte of a panel frame")
            expect_equal(self.pending[3 + size:5 + size], modbus_crc(self.pending[1:3 + size]), "its CRC")
            data = self.pending[3:3 + size]
            if self.pending[1] == 0x81:
                self.seen.append((SCREENS.get(data[0], str(data[0])), data[1], struct.unpack("<I", data[2:6])[0]))
            if self.pending[1] == 0x83:
                self.language = data[0]
            self.pending = self.pending[size + 5:]

    def wait(self, screen, seconds=15):
        """(compartment, number) of the next such screen; what came before it is forgotten."""
        deadline = time.monotonic() + seconds
        passed = []
        while True:
            while self.seen:
                shown = self.seen.pop(0)
                if shown[0] == screen:
                    return shown[1:]
                passed.append(shown)
            expect(time.monotonic() < deadline, f"the panel never showed {screen}, but {passed}")
            self._take()

    # A person -----------------------------------------------------------------------------------

    def courier(self, pass_key, carrier="sf"):
        now = int(time.time())
        text = f"CB1.C.{carrier}.{now - 60:x}.{now + 3600:x}.{secrets.randbelow(2**31) + 1:x}"
        self.scan(text + "." + hmac.new(pass_key, text.encode(), hashlib.sha256).hexdigest()[:32])

    def type_code(self, code):
        self.key(*code, "#")


def hotp(key, counter, digits):
    mac = hmac.new(key, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    at = mac[19] & 15
    return f"{(int.from_bytes(mac[at:at + 4], 'big') & 0x7FFFFFFF) % 10**digits:0{digits}d}"


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(message):
    """Field number -> the last value of a Protobuf message; enough for events."""
    found, at = {}, 0
    while at < len(message):
        tag, at = varint(message, at)
        if tag & 7 == 0:
            value, at = varint(message, at)
        elif tag & 7 == 2:
            size, at = varint(message, at)
            value, at = message[at:at + size], at + size
        else:
            size = 8 if tag & 7 == 1 else 4
            value, at = message[at:at + size], at + size
        found[tag >> 3] = value
    return found


class Notifier:
    """Reads a station's delivered events in the centre's store and derives the codes that recipients are told."""

    BODIES = {4: "deposited", 5: "collected", 9: "code_rejected", 10: "open_failed", 19: "booted", 20: "custody_uncertain",
              21: "door_forced", 24: "board_silent", 25: "board_answered", 26: "out_of_service", 29: "deposit_cancelled"}

    def __init__(self, store, station, station_key):
        self.store = store
        self.station = station
        self.key = station_key

    def events(self):
        """(seq, name, fields of the body), in the journal's order."""
        connection = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=5)
        try:
            rows = connection.execute("SELECT first_seq, payload FROM event_batches JOIN stations USING (station_id) WHERE name = ?"
                                      " ORDER BY batch_id", (self.station,)).fetchall()
        finally:
            connection.close()
        for seq, payload in rows:
            at = 0
            while at < len(payload):
                size, at = varint(payload, at)
                event = fields(payload[at:at + size])
                at += size
                for number, body in event.items():
                    if number >= 4:
                        yield seq, self.BODIES.get(number, str(number)), fields(body) if isinstance(body, bytes) else {}
                seq += 1

    def named(self, name):
        return [body for _, event, body in self.events() if event == name]

    def code(self, parcel, seconds=15):
        """Of a parcel, by the Deposited event that the centre has."""
        def find():
            return next((body for body in self.named("deposited") if body.get(3) == parcel.encode()), None)
        deposited = wait_until(find, seconds, f"the centre to hear of {parcel}")
        digits = deposited.get(10, 8)
        return hotp(self.key, deposited.get(9, deposited[2]), digits)


class Adapter:
    """A serial adapter between the controller and the boards' terminal. It can be pulled, also at the very moment at which an
    unlock passes, and comes back under another name."""

    def __init__(self, folder, board_path, is_unlock):
        self.folder = folder
        self.is_unlock = is_unlock
        self.board = Terminal(board_path)
        self.number = 0
        self.master = self.keeper = self.link = None
        self.pull_at_unlock = None  # "before" or "after" the frame has gone on to the boards.
        self.pulled = threading.Event()
        self.unlocks = []  # Frames of the controller.
        self._lock = threading.RLock()
        self._closed = False
        self.plug()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def plug(self):
        with self._lock:
            self.number += 1
            self.master, self.keeper = pty.openpty()
            tty.setraw(self.keeper)
            os.set_blocking(self.master, False)
            self.link = self.folder / f"adapter-{self.number}"
            self.link.symlink_to(os.ttyname(self.keeper))
            self.pulled.clear()

    def pull(self):
        with self._lock:
            if self.master is None:
                return
            self.link.unlink()
            os.close(self.master)  # Hangs up whoever has the other end.
            os.close(self.keeper)
            self.master = self.keeper = None
            self.pulled.set()

    def close(self):
        self._closed = True
        self._thread.join(5)
        self.pull()
        self.board.close()

    def _from_controller(self, data):
        unlock = self.is_unlock(data)
        if unlock:
            self.unlocks.append(data)
        when = self.pull_at_unlock if unlock else None
        if when != "before":
            self.board.send(data)
        if when is not None:
            self.pull_at_unlock = None
            self.pull()

    def _run(self):
        with contextlib.suppress(OSError):  # The boards are gone: so is what they are asked.
            self._pass_on()

    def _pass_on(self):
        while not self._closed:
            with self._lock:
                watched = [self.board] + ([self.master] if self.master is not None else [])
            ready, _, _ = select.select(watched, [], [], 0.02)
            with self._lock:
                if self.board in ready:
                    data = self.board.receive()
                    if data and self.master is not None:
                        with contextlib.suppress(OSError):
                            os.write(self.master, data)
                if self.master is not None and self.master in ready:
                    with contextlib.suppress(BlockingIOError):
                        self._from_controller(os.read(self.master, 256))
