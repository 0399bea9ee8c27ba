#!/usr/bin/python3
"""Runs the commands of README.md as a reader would: what stands in a ```sh block must work as printed.

Usage: run_readme.py FOLDER_OF_THE_PROGRAMS

Left out are the two commands that set up a machine (tools/demo and tools/test). A block that follows
the comment <!-- runs until stopped --> is started and left running, as in a terminal of its own. The
commands run in a temporary folder in which build/release/bin is this build's folder, and with a
CUBBY_HOME of their own. A word in angle brackets, such as <code>, is what an earlier command printed.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SET_UP = re.compile(r"^(tools/demo|tools/test|\.ci/run)\b")
BLOCK = re.compile(r"(<!-- runs until stopped -->\s*)?```sh\n(.*?)```", re.DOTALL)
PLACEHOLDER = re.compile(r"<(\w+)>")
# What a placeholder stands for in the output of an earlier command.
VALUES = {"code": re.compile(r"code[^0-9]{0,10}(\d{8})\b")}
DEFAULT_PORTS = (7400, 7480, 7500)


def commands(readme):
    """(runs until stopped, command) in reading order."""
    for match in BLOCK.finditer(readme):
        text = match.group(2).replace("\\\n", " ")
        for line in text.splitlines():
            command = line.split(" #")[0].strip()
            if command and not command.startswith("#") and not SET_UP.match(command):
                yield bool(match.group(1)), command


def listening(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 0.5):
            return True
    except OSError:
        return False


class Reader:
    def __init__(self, binaries):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cubby-readme-"))
        (self.folder / "build/release").mkdir(parents=True)
        (self.folder / "build/release/bin").symlink_to(pathlib.Path(binaries).resolve())
        for name in ("tests", "docs", "tools"):
            (self.folder / name).symlink_to(ROOT / name)
        self.environment = {**os.environ, "CUBBY_HOME": str(self.folder / "home"), "LC_ALL": "C.UTF-8"}
        self.values = {}
        self.running = []

    def start(self, command):
        before = [port for port in DEFAULT_PORTS if listening(port)]
        with open(self.folder / f"terminal-{len(self.running)}.log", "wb") as log:
            process = subprocess.Popen(["/bin/sh", "-c", f"exec {command}"], cwd=self.folder, env=self.environment,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.running.append((command, process, log.name))
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and process.poll() is None:
            if [port for port in DEFAULT_PORTS if listening(port)] != before:
                time.sleep(0.5)
                return None
            time.sleep(0.1)
        return f"did not come up:\n{pathlib.Path(log.name).read_text(errors='replace')}"

    def run(self, command):
        for name in PLACEHOLDER.findall(command):
            if name not in self.values:
                return f"nothing before it printed a {name}"
            command = command.replace(f"<{name}>", self.values[name])
        try:
            result = subprocess.run(["/bin/sh", "-c", command], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                    capture_output=True, text=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            return "did not end within 120 s"
        for name, pattern in VALUES.items():
            found = pattern.search(result.stdout)
            if found:
                self.values[name] = found.group(1)
        print(result.stdout, end="")
        if result.returncode != 0:
            return f"exit code {result.returncode}: {result.stderr.strip()}"
        return None

    def close(self):
        for _, process, _ in reversed(self.running):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


def main(binaries):
    taken = [port for port in DEFAULT_PORTS if listening(port)]
    if taken:
        print(f"port {taken[0]} is taken; the README's commands use the default ports {DEFAULT_PORTS}")
        return 1
    reader = Reader(binaries)
    count, failure = 0, None
    try:
        for stays, command in commands((ROOT / "README.md").read_text(encoding="utf-8")):
            print(f"$ {command}", flush=True)
            count += 1
            failure = reader.start(command) if stays else reader.run(command)
            if failure:
                print(f"FAILED: {command}\n{failure}")
                for _, _, log in reader.running:
                    print(f"--- {log}\n" + "\n".join(pathlib.Path(log).read_text(errors="replace").splitlines()[-12:]))
                break
    finally:
        reader.close()
    if not failure:
        shutil.rmtree(reader.folder, ignore_errors=True)
    print(f"readme: {count} commands{', the last of them failed' if failure else ' work as printed'}")
    return 1 if failure or not count else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        sys.exit(2)
    sys.exit(main(sys.argv[1]))
