#!/usr/bin/python3
"""Keys of a higher version at a running fleet: stations change one by one, codes of the old keys open until they are collected, and when the
old key is not taken any more, nobody reports with it. docs/spec/wire.md, 3.7
"""
import json
import pathlib
import re
import secrets
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main, wait_until  # noqa: E402
from uplink import REFUSE, WELCOME, Peer, station_key  # noqa: E402

STATION = "SX-TY-0001"
KEY_VERSION = 12  # Of RefuseCode.


def stations(lab, *words, code=0):
    result = lab.run("cubby", "stations", *words, "--http", f"127.0.0.1:{lab.http}")
    expect_equal(result.returncode, code, f"cubby stations {' '.join(words)}: {result.stdout}{result.stderr}; exit code")
    return result.stdout


def row_of(lab, station):
    rows = json.loads(stations(lab, "list", "--format", "json"))["rows"]
    return next((row for row in rows if row["station"] == station), None)


def deposit(lab):
    result = lab.inject("deposit", "--station", STATION, "--size", "S")
    expect_equal(result.returncode, 0, f"inject deposit: {result.stdout}{result.stderr}; exit code")
    return re.search(r"code[^0-9]{0,10}(\d{8})\b", result.stdout).group(1)


def collect(lab, code):
    result = lab.inject("collect", "--station", STATION, "--code", code)
    expect_equal(result.returncode, 0, f"inject collect: {result.stdout}{result.stderr}; exit code")


def emulator(lab, version):
    return lab.live_emulator("--stations", "1", "--speed", "50", "--no-demand", "--seed", "3", "--state", str(lab.folder / "state"),
                             "--key-version", str(version))


def version_is(lab, version):
    wait_until(lambda: (row := row_of(lab, STATION)) and row["key_version"] == version, 30, f"a session with a key of version {version}")


def make_keys(lab, *options):
    folder = lab.folder / secrets.token_hex(4)
    folder.mkdir()
    result = lab.run("cubby", "station-keys", "--station", STATION, "--to", str(folder), *options)
    expect_equal(result.returncode, 0, f"cubby station-keys: {result.stderr}; exit code")
    return (folder / "station.key").read_text(), (folder / "pass.key").read_text().strip()


def answer(lab, fleet_key, version):
    """What the centre says to a stranger's Hello with that key."""
    peer = Peer(lab.uplink)
    kind, body = peer.greet("TW-0009", station_key(fleet_key, "TW-0009", version), key_version=version)
    peer.line.close()
    return kind, body.get(1) if kind == REFUSE else None


def run(lab):
    aggregator = lab.aggregator()
    key_file = lab.home / "fleet.key"
    first = bytes.fromhex(key_file.read_text().strip())
    stations_program = emulator(lab, 1)
    version_is(lab, 1)
    old_code, other_old_code = deposit(lab), deposit(lab)
    expect_equal(stations_program.stop(), 0, "stopping the emulator: exit code")

    # One station gets a key of its own.
    expect_equal(make_keys(lab)[0], station_key(first, STATION).hex() + "\n", "station.key of version 1")
    text, pass_key = make_keys(lab, "--version", "2")
    expect_equal(text, f"1 {station_key(first, STATION).hex()}\n2 {station_key(first, STATION, 2).hex()}\n", "station.key of version 2")
    stations_program = emulator(lab, 2)
    version_is(lab, 2)
    collect(lab, old_code)
    new_code = deposit(lab)
    stations(lab, "require-key", STATION, "--version", "2")
    collect(lab, new_code)
    expect_equal(stations_program.stop(), 0, "stopping the emulator: exit code")
    peer = Peer(lab.uplink)
    expect_equal(peer.greet(STATION, station_key(first, STATION))[1].get(1), KEY_VERSION, "the answer to whoever has the old key")
    peer.line.close()

    # The fleet gets another key, from version 3 on; it has both for a while.
    second = secrets.token_bytes(32)
    key_file.write_text(f"{first.hex()}\n3 {second.hex()}\n")
    expect_equal(answer(lab, second, 3)[0], REFUSE, "before the centre has read it")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    checked = lab.run("cubby-aggregator", "--check", "--store", str(lab.store), "--listen", f"127.0.0.1:{lab.uplink}",
                      "--http", f"127.0.0.1:{lab.http}")
    expect("fleet key: " in checked.stdout and checked.returncode == 0, f"--check with two keys: {checked.stdout}{checked.stderr}")
    aggregator = lab.aggregator()
    expect_equal(row_of(lab, STATION)["key_version_min"], 2, "the order after a restart")
    expect_equal(answer(lab, first, 1)[0], WELCOME, "a station that still has the first key")
    expect_equal(answer(lab, second, 3)[0], WELCOME, "a station with the second one")
    text, new_pass_key = make_keys(lab)
    expect_equal(text, f"2 {station_key(first, STATION, 2).hex()}\n3 {station_key(second, STATION, 3).hex()}\n", "station.key by default")
    expect(new_pass_key != pass_key, "passes are signed with the fleet's new key")
    stations_program = emulator(lab, 3)
    version_is(lab, 3)
    collect(lab, other_old_code)  # Of version 1.
    collect(lab, deposit(lab))
    expect_equal(stations_program.stop(), 0, "stopping the emulator: exit code")

    # Everybody has moved, so the first key goes.
    key_file.write_text(f"3 {second.hex()}\n")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    aggregator = lab.aggregator()
    expect_equal(answer(lab, first, 1), (REFUSE, KEY_VERSION), "the first key")
    expect_equal(answer(lab, first, 3)[1], 4, "the first key under the second's version: BAD_PROOF")
    expect_equal(answer(lab, second, 3)[0], WELCOME, "the second key")
    for name in ("cubby-aggregator",):
        for log in lab.folder.glob(f"{name}*.log"):
            text = log.read_text()
            expect(not any(key.hex() in text for key in (first, second)), f"a key is in {log.name}")
    expect_equal(lab.verify(), "verify: exact", "the verdict")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")


main("key_rotation", run)
