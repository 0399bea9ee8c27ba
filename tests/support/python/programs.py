"""Starts and stops Cubby's programs for whole-program tests; needs nothing but Python's own library.

Everything lives in one temporary folder (CUBBY_HOME, store, ledger, logs) that a failed test keeps.
"""
import argparse
import atexit
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
THOROUGH = os.environ.get("CUBBY_THOROUGH") == "1"


def thorough(usual, more):
    """Counts grow in the thorough run."""
    return more if THOROUGH else usual


class Failure(Exception):
    """One broken expectation, in words."""


def expect(condition, message):
    if not condition:
        raise Failure(message)


def expect_equal(actual, expected, what):
    expect(actual == expected, f"{what}: {actual!r}, expected {expected!r}")


def a_folder(text):
    """An option's type: said at once if it is not there, and not when a long run comes to it."""
    path = pathlib.Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text}")
    return path


def a_new_file(text):
    """Likewise: a file that will be written."""
    path = pathlib.Path(text)
    a_folder(path.parent)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder")
    return path


_given_ports = set()


def free_port():
    """None twice, and none that the system gives to outgoing connections: another test's may take it before its program listens.

    Drawn by chance, so that tests beside each other hardly ever draw the same.
    """
    while True:
        port = random.SystemRandom().randrange(10000, 32768)
        if port in _given_ports:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _given_ports.add(port)
            return port


def wait_until(condition, seconds, what, every=0.05):
    """Polls; the value that `condition` returns, once it is true."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        expect(time.monotonic() < deadline, f"waited {seconds} s in vain for {what}")
        time.sleep(every)


class Program:
    """A program of ours that runs beside the test."""

    def __init__(self, lab, name, arguments):
        self.name = name
        self.log = lab.folder / f"{name}.log"
        with open(self.log, "ab") as log:
            log.write(f"\n$ {name} {' '.join(arguments)}\n".encode())
        self._out = open(self.log, "ab")
        self.process = subprocess.Popen([str(lab.binary(name)), *arguments], stdin=subprocess.DEVNULL, stdout=self._out,
                                        stderr=self._out, env=lab.environment, cwd=lab.folder)
        lab.programs.append(self)

    def running(self):
        return self.process.poll() is None

    def tail(self, lines=15):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def kill(self):
        """As the power would go: no handler of the program runs."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self._out.close()

    def stop(self, seconds=60, signal_number=signal.SIGTERM):
        """Asks it to finish; its exit code."""
        if self.running():
            self.process.send_signal(signal_number)
        return self.wait(seconds)

    def wait(self, seconds):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {seconds} s; its last lines:\n{self.tail()}") from None
        self._out.close()
        return code


class Lab:
    """A temporary home for a test: folder, ports, programs."""

    def __init__(self, bin_folder, name):
        self.bin = pathlib.Path(bin_folder).resolve()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"cubby-{name}-"))
        self.home = self.folder / "home"
        self.store = self.folder / "cubby.db"
        self.ledger = self.folder / "ledger.csv"
        self.report = self.folder / "report.json"
        self.environment = {**os.environ, "CUBBY_HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        self.uplink, self.http, self.control = free_port(), free_port(), free_port()
        self.programs = []

    def binary(self, name):
        path = self.bin / name
        expect(path.is_file(), f"{path} is missing: build the programs first")
        return path

    def fix_fleet_key(self):
        """The same key in every lab, before the first program: in large fleets the trace hash depends on it."""
        self.home.mkdir(mode=0o700)
        key = self.home / "fleet.key"
        key.touch(mode=0o600)
        key.write_text(32 * "5a" + "\n")

    # Programs -----------------------------------------------------------------------------------

    def aggregator(self, *more, wait=True):
        program = Program(self, "cubby-aggregator", [
            "--listen", f"127.0.0.1:{self.uplink}", "--http", f"127.0.0.1:{self.http}", "--store", str(self.store), *more])
        if wait:
            self.wait_for_port(program, self.uplink)
            self.wait_for_health(program)
        return program

    def emulator(self, *more, centre=True, profile="shanxi"):
        arguments = ["--profile", profile, "--ledger", str(self.ledger), "--report", str(self.report)]
        if centre:
            arguments += ["--aggregator", f"127.0.0.1:{self.uplink}"]
        return Program(self, "cubby-emulator", [*arguments, *more])

    def live_emulator(self, *more, centre=True):
        """In real time with a control port, and up: every station has reported at least once."""
        program = self.emulator("--control", f"127.0.0.1:{self.control}", *more, centre=centre)
        self.wait_for_port(program, self.control)
        return program

    def wait_for_port(self, program, port, seconds=30):
        def answers():
            expect(program.running(), f"{program.name} ended at once; its last lines:\n{program.tail()}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return True
            return False
        wait_until(answers, seconds, f"{program.name} to listen on port {port}")

    def wait_for_health(self, program, seconds=30):
        """The aggregator listens before it has opened its store, and answers behind that only."""
        def answers():
            expect(program.running(), f"{program.name} ended at once; its last lines:\n{program.tail()}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.get("/health", token=False)
            return None
        wait_until(answers, seconds, f"{program.name} to answer on port {self.http}")

    def run(self, name, *arguments, seconds=120, **options):
        """Runs a program of ours to its end."""
        try:
            return subprocess.run([str(self.binary(name)), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  env=self.environment, cwd=self.folder, timeout=seconds, check=False, **options)
        except subprocess.TimeoutExpired:
            raise Failure(f"{name} {' '.join(arguments)} did not end within {seconds} s") from None

    def begin(self, name, *arguments):
        """Starts a program of ours whose words do not matter; the caller waits for it."""
        return subprocess.Popen([str(self.binary(name)), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, env=self.environment, cwd=self.folder)

    # The command line ---------------------------------------------------------------------------

    def inject(self, what, *arguments, seconds=120):
        return self.run("cubby", "inject", what, "--control", f"127.0.0.1:{self.control}", *arguments, seconds=seconds)

    def stats(self, *arguments):
        """Rows of `cubby stats`, as dictionaries."""
        result = self.run("cubby", "stats", "--http", f"127.0.0.1:{self.http}", "--format", "json", *arguments)
        expect(result.returncode == 0, f"cubby stats {' '.join(arguments)}: {result.stderr.strip()}")
        answer = json.loads(result.stdout)
        return answer["rows"] if isinstance(answer, dict) else answer

    def verify(self, seconds=300):
        """Last line of `cubby verify`, which must not find a difference."""
        result = self.run("cubby", "verify", "--store", str(self.store), "--ledger", str(self.ledger), seconds=seconds)
        expect(result.returncode == 0, f"cubby verify: {(result.stdout + result.stderr).strip()}")
        return result.stdout.strip().splitlines()[-1]

    def get(self, path, token=True):
        """(status, body) of the aggregator's HTTP interface."""
        return self.ask("GET", path, "http.token" if token else None)[:2]

    def ask(self, method, path, token_file, body=None):
        """(status, body, headers) of the aggregator's HTTP interface, with the token of a file in the state folder."""
        headers = {"Authorization": f"Bearer {(self.home / token_file).read_text().strip()}"} if token_file else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=10)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode(), response.headers
        finally:
            connection.close()

    def read_report(self):
        return json.loads(self.report.read_text())

    # The end ------------------------------------------------------------------------------------

    def kill_everything(self):
        for program in self.programs:
            if program.running():
                program.kill()


def main(name, test):
    """Runs test(lab) with the binaries' folder from the command line and ends with 0, 1 or 2."""
    if len(sys.argv) != 2:
        print(f"usage: {pathlib.Path(sys.argv[0]).name} FOLDER_OF_THE_PROGRAMS", file=sys.stderr)
        sys.exit(2)
    lab = Lab(sys.argv[1], name)
    atexit.register(lab.kill_everything)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = time.monotonic()
    try:
        test(lab)
    except Failure as failure:
        print(f"{name}: FAILED: {failure}")
        for log in sorted(lab.folder.glob("*.log")):
            print(f"--- last lines of {log.name}")
            print("\n".join(log.read_text(errors="replace").splitlines()[-12:]))
        print(f"kept: {lab.folder}")
        sys.exit(1)
    lab.kill_everything()
    shutil.rmtree(lab.folder, ignore_errors=True)
    print(f"{name}: passed in {time.monotonic() - started:.1f} s")
