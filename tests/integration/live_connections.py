#!/usr/bin/python3
"""The connections of an emulated fleet in real time: the limit of open files on both sides, stations that wait for their turn, and an aggregator that says
something and hangs up.
"""
import contextlib
import json
import pathlib
import resource
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main, wait_until  # noqa: E402
from uplink import REFUSE, UNKNOWN_STATION, frame  # noqa: E402

STATIONS, ENOUGH, TOO_FEW = 150, 400, 200  # The emulator wants 64 beside its stations.
AGGREGATOR = 300  # Of which half are for connections.
TURNS = 5
# Somebody shuts a door at every moment, soon after nine o'clock.
BUSY = """base = "shanxi"
rounds = [{from_h = 9, to_h = 10}]
offered_per_station_day_milli = 1000000
burst_min = 25
burst_max = 25
spacing_min_s = 1
spacing_max_s = 1
open_deposit_median_ms = 1000
"""
NO_OUTAGES = ("--set", "network_up_per_million=1000000", "--set", "mains_losses_per_year=0")


def limited(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def status(lab):
    return json.loads(lab.get("/v1/status")[1])


def emulate(lab, soft, hard, *more):
    return lab.run("cubby-emulator", "--stations", str(STATIONS), "--no-demand", "--speed", "100", "--days", "0.004", "--control", "none", "--seed", "7",
                   *NO_OUTAGES, "--new-journals", "--report", str(lab.report),
                   "--aggregator", f"127.0.0.1:{lab.uplink}", *more, preexec_fn=limited(soft, hard))


def emulator_is_told_at_once(lab):
    result = emulate(lab, TOO_FEW, TOO_FEW)
    expect_equal(result.returncode, 2, f"{STATIONS} stations with {TOO_FEW} open files: exit code")
    for word in ("--stations", str(STATIONS + 64), str(TOO_FEW), "RLIMIT_NOFILE", "ulimit"):
        expect(word in result.stderr, f"the message names {word}: {result.stderr!r}")
    expect_equal(len(result.stderr.strip().splitlines()), 1, "lines of it")


def soft_limit_is_raised_and_turns_are_taken(lab):
    log = lab.folder / "live.jsonl"
    result = emulate(lab, 32, ENOUGH, "--opening-max", str(TURNS), "--live-log", str(log))
    expect_equal(result.returncode, 0, f"a low soft limit: {result.stderr.strip()}; exit code")
    connections = lab.read_report()["connections"]
    seconds = [json.loads(line) for line in log.read_text().splitlines()]
    expect(max(second["opening"] for second in seconds) <= TURNS, f"at most {TURNS} are opened at a time: {seconds}")
    for key in ("asked", "opened", "events_sent"):
        expect_equal(sum(second[key] for second in seconds), connections[key], f"{key} of all seconds, as the report has it")
    expect_equal(sum(count for second in seconds for _, count in second["acknowledgement_ms"]), connections["events_acknowledged"],
                 "events that were acknowledged, likewise")
    expect_equal((connections["up_max"], lab.read_report()["unsettled_stations"]), (STATIONS, 0), "stations that were connected at a time, and unsettled")
    expect(connections["events_acknowledged"] >= STATIONS, f"each boot was acknowledged: {connections}")


def ends_in_the_middle_of_everything(lab):
    """Doors are shut also in the moment in which it is asked to end; the controllers have to see that before it does."""
    profile = lab.folder / "busy.toml"
    profile.write_text(BUSY)
    emulator = lab.emulator("--stations", "300", "--speed", "1", "--control", "none", "--seed", "7", "--new-journals", *NO_OUTAGES, profile=str(profile))
    time.sleep(8)
    expect_equal(emulator.stop(), 0, "ending the emulator: exit code")
    expect(lab.read_report()["deposits"] > 0, "people come")
    lab.verify()


def aggregator_refuses_what_has_no_room(lab):
    real, lab.bin = lab.bin, lab.folder / "limited"
    lab.bin.mkdir()
    script = lab.bin / "cubby-aggregator"
    script.write_text(f'#!/bin/sh\nulimit -n {AGGREGATOR}\nexec "{real}/cubby-aggregator" "$@"\n')
    script.chmod(0o755)
    aggregator = lab.aggregator()
    lab.bin = real
    expect("RLIMIT_NOFILE" in aggregator.tail(), f"the log names the limit:\n{aggregator.tail()}")
    with contextlib.ExitStack() as stack:
        for _ in range(AGGREGATOR):
            stack.enter_context(socket.create_connection(("127.0.0.1", lab.uplink), 5))
        wait_until(lambda: status(lab)["refused_connections"]["too_many_connections"] > 0, 20, "the counter of refused connections")
        expect_equal(lab.get("/health", token=False)[0], 200, "/health while there is no room")
        expect("accept:" not in aggregator.log.read_text(), "an accept has failed")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")


def read_hello(connection):
    """VirtualTime comes first and is short; Hello has 16 bytes of journal_uid and of a nonce."""
    got = b""
    while len(got) < 60:
        more = connection.recv(4096)
        expect(more, f"the station has hung up after {got.hex()}")
        got += more


def last_word_is_heard(lab):
    """A centre that refuses for good and hangs up in the same moment: the station looks again in an hour, not in a second."""
    with socket.create_server(("127.0.0.1", 0)) as centre:
        emulator = lab.emulator("--stations", "1", "--no-demand", "--speed", "10", "--control", "none", "--new-journals", *NO_OUTAGES,
                                "--aggregator", f"127.0.0.1:{centre.getsockname()[1]}", centre=False)
        centre.settimeout(30)
        connection = centre.accept()[0]
        with connection:
            connection.settimeout(30)
            read_hello(connection)
            connection.sendall(frame(1, REFUSE, bytes([0x08, UNKNOWN_STATION, 0x10, 1])))
        centre.settimeout(3)  # 30 s of the station's time.
        with contextlib.suppress(TimeoutError):
            centre.accept()[0].close()
            expect(False, "the station came again at once: it has not heard that it is refused for good")
        emulator.kill()


def test(lab):
    last_word_is_heard(lab)
    aggregator = lab.aggregator()
    emulator_is_told_at_once(lab)
    soft_limit_is_raised_and_turns_are_taken(lab)
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    aggregator = lab.aggregator()
    ends_in_the_middle_of_everything(lab)
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    aggregator_refuses_what_has_no_room(lab)


if __name__ == "__main__":
    main("live_connections", test)
