"""Clients of `cubby board` as anybody would write them from the frames in docs/spec/boards.md: bytes over a terminal or a
socket, with nothing of Cubby's code."""
import contextlib
import os
import select
import socket
import subprocess
import termios
import time
import tty

from programs import expect, wait_until

SPEEDS = {9600: termios.B9600, 19200: termios.B19200, 57600: termios.B57600, 115200: termios.B115200}


def xor(data):
    value = 0
    for byte in data:
        value ^= byte
    return value


def p1(*data):
    return bytes([*data, xor(data)])


def p2(*data):
    frame = bytes([2, *data, 3])
    return frame + bytes([sum(frame) & 255])


def p5(*data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return bytes([*data, crc & 255, crc >> 8])


def p6(*data):
    return bytes([0xDC, 2, *data, sum(data) & 255])


def p7(*data):
    frame = b"WKLY" + bytes([len(data) + 6, *data])
    return frame + bytes([xor(frame)])


class Terminal:
    """A serial port opened as serial libraries do it."""

    def __init__(self, path, baud=9600):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)
        settings = termios.tcgetattr(self.fd)
        settings[4] = settings[5] = SPEEDS[baud]
        termios.tcsetattr(self.fd, termios.TCSANOW, settings)

    def send(self, data):
        os.write(self.fd, data)

    def receive(self):
        with contextlib.suppress(BlockingIOError):
            return os.read(self.fd, 256)
        return b""

    def fileno(self):
        return self.fd

    def close(self):
        os.close(self.fd)


class Socket:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 5)

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        return self.socket.recv(256)

    def fileno(self):
        return self.socket.fileno()

    def close(self):
        self.socket.close()


def ask(line, data, size, seconds=3.0):
    """(answer of at most `size` bytes, seconds to its first byte, seconds to its last) after these bytes were written."""
    begin = time.monotonic()
    line.send(data)
    answer, first, last = b"", None, None
    while len(answer) < size:
        ready, _, _ = select.select([line], [], [], max(0, begin + seconds - time.monotonic()))
        if not ready:
            break
        chunk = line.receive()
        if not chunk:
            break
        last = time.monotonic() - begin
        first = first if first is not None else last
        answer += chunk
    return answer, first, last


def silent(line, data, seconds=0.4):
    return ask(line, data, 1, seconds)[0] == b""


class Board:
    """A running `cubby board`; its prompt is open."""

    def __init__(self, lab, *arguments, ready, name="board"):
        self.log = lab.folder / f"{name}.log"
        self._out = open(self.log, "ab")
        self.process = subprocess.Popen([str(lab.binary("cubby")), "board", *arguments], stdin=subprocess.PIPE, stdout=self._out,
                                        stderr=self._out, env=lab.environment, cwd=lab.folder, text=True)
        lab.boards = [*getattr(lab, "boards", []), self]
        wait_until(lambda: ready() or self.process.poll() is not None, 20, "cubby board to be there")
        expect(self.process.poll() is None, f"cubby board {' '.join(arguments)} ended at once: {self.text()}")

    def text(self):
        return self.log.read_text(errors="replace")

    def type(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def saw(self, text, seconds=5):
        wait_until(lambda: text in self.text(), seconds, f"{text!r} in the output, which is\n{self.text()}")

    def stop(self, signal_number=None):
        """Its exit code."""
        if signal_number is not None:
            self.process.send_signal(signal_number)
        else:
            self.type("quit")
        code = self.process.wait(10)
        self._out.close()
        return code


def on_pty(lab, name, *arguments):
    path = lab.folder / name
    return Board(lab, *arguments, "--pty", str(path), ready=lambda: path.exists() and (lab.folder / f"{name}.ctl").exists(), name=name), str(path)
