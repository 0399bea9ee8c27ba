#!/usr/bin/python3
"""The start-up code of the microcontroller's images on the emulated board: cubby-self-test says what it found.

Usage: self_test.py BIN_FOLDER_OF_CORTEX_M3
"""
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading

import board
from board import expect


def echo(listener):
    """Sends back what comes, until the line goes."""
    listener.settimeout(30)
    line, _ = listener.accept()
    with line:
        line.settimeout(30)
        while chunk := line.recv(64):
            line.sendall(chunk)


def main():
    image = board.image(sys.argv[1], "cubby-self-test")
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryDirectory(prefix="cubby-self-test-") as folder:
        threading.Thread(target=echo, args=(listener,), daemon=True).start()
        console = pathlib.Path(folder) / "console.log"
        uart = f"tcp:127.0.0.1:{listener.getsockname()[1]},nodelay=on"
        ended = subprocess.run(
            board.command(image, [uart, None, None, f"file:{console}"], ["-semihosting-config", "enable=on,target=native"]),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        said = console.read_text()
        print(said, end="")
        expect(ended.returncode == 0 and said.endswith("self-test passed\n"), f"exit code {ended.returncode}: {ended.stderr}")


if __name__ == "__main__":
    main()
