#!/usr/bin/python3
"""`cubby-aggregator --check`: says what is in the way of a start, before one, beside a running aggregator and after a kill; changes nothing."""
import os
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main, wait_until  # noqa: E402


def check(lab, *more, code=0, says=()):
    result = lab.run("cubby-aggregator", "--check", "--listen", f"127.0.0.1:{lab.uplink}", "--http", f"127.0.0.1:{lab.http}",
                     "--store", str(lab.store), *more)
    told = result.stdout + result.stderr
    expect_equal(result.returncode, code, f"--check {' '.join(more)}: {told}; exit code")
    for words in says:
        expect(words in told, f"--check {' '.join(more)}: nothing of '{words}' in: {told}")
    return result.stdout


def files(lab):
    """Every file with its content and mode, but for logs of programs and SQLite's notes of who reads."""
    found = [path for path in lab.folder.rglob("*") if path.is_file() and path.suffix != ".log" and not path.name.endswith("-shm")]
    return {str(path): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns) for path in found}


def unchanged(lab, *more, **expected):
    before = files(lab)
    said = check(lab, *more, **expected)
    after = files(lab)
    expect_equal(sorted(after), sorted(before), "files after --check")
    changed = [path for path, what in before.items() if after[path] != what]
    expect(not changed, f"--check changed {changed}")
    return said


def certificate(lab):
    for arguments in (["init"], ["issue", "aggregator", "centre", "--host", "127.0.0.1"]):
        result = lab.run("cubby", "pki", *arguments)
        expect_equal(result.returncode, 0, f"cubby pki {arguments[0]}: {result.stderr}; exit code")
    return result.stdout.strip().splitlines()[-1]


def run(lab):
    unchanged(lab, says=["free", "fleet.key: not there yet", "http.token: not there yet", "http.viewer.token: not there yet", "http.admin.token: not there yet", "cubby.db: not there yet", "plaintext"])
    expect(not lab.home.exists(), "--check made the state folder")
    aggregator = lab.aggregator()
    emulator = lab.live_emulator("--stations", "3", "--speed", "600", "--seed", "5")
    wait_until(lambda: lab.stats("--by", "station"), 60, "the first station to report")
    said = check(lab, says=["in use, and so is the store", "an aggregator has it open", "fleet.key: good", "generation 1"])
    expect_equal(said.count("in use, and so is the store"), 2, "ports in use beside an aggregator")
    emulator.kill()
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    unchanged(lab, says=["free", "of 3 stations", "0 gaps", "every page was read"])

    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", lab.http))
        other.listen()
        unchanged(lab, code=1, says=[f"HTTP: 127.0.0.1:{lab.http}: in use\n", f"stations: 127.0.0.1:{lab.uplink}: free"])
    unchanged(lab, "--tls", str(lab.folder), code=1, says=["certificate: ", "ca.pem"])
    unchanged(lab, "--upgrade", code=2, says=["--upgrade", "--check"])
    key = lab.home / "fleet.key"
    os.chmod(key, 0o644)
    unchanged(lab, code=1, says=["fleet key: ", "others can read this secret"])
    os.chmod(key, 0o600)
    whole = lab.store.read_bytes()
    log = lab.store.with_name(lab.store.name + "-wal")
    expect(not log.exists() or log.stat().st_size == 0, "an aggregator that has ended left commits beside its store")
    lab.store.write_bytes(whole[:len(whole) // 2 // 4096 * 4096])
    unchanged(lab, code=1, says=["store: ", "HTTP token of the operator"])
    lab.store.write_bytes(b"no store at all, though it has a length that could be one's\n" * 100)
    unchanged(lab, code=1, says=["not a database"])
    lab.store.write_bytes(whole)
    unchanged(lab, says=["every page was read"])
    said = unchanged(lab, "--tls", certificate(lab), says=["of aggregator centre, good until "])
    expect("plaintext" not in said, f"--check with a certificate: {said}")


main("start-check", run)
