#!/usr/bin/python3
"""The limit of open files: whoever needs more than it allows is told before anything starts, and an aggregator that has less than it would take refuses by
a counter what it has no room for, and goes on serving.
"""
import contextlib
import json
import pathlib
import resource
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main, wait_until  # noqa: E402

STATIONS, ENOUGH, TOO_FEW = 150, 400, 200  # The emulator wants 64 beside its stations.
AGGREGATOR = 300  # Of which half are for connections.


def limited(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def status(lab):
    return json.loads(lab.get("/v1/status")[1])


def emulate(lab, soft, hard):
    return lab.run("cubby-emulator", "--stations", str(STATIONS), "--no-demand", "--speed", "100", "--days", "0.004", "--control", "none", "--seed", "7",
                   "--set", "network_up_per_million=1000000", "--new-journals", "--report", str(lab.report),
                   "--aggregator", f"127.0.0.1:{lab.uplink}", preexec_fn=limited(soft, hard))


def emulator_is_told_at_once(lab):
    result = emulate(lab, TOO_FEW, TOO_FEW)
    expect_equal(result.returncode, 2, f"{STATIONS} stations with {TOO_FEW} open files: exit code")
    for word in ("--stations", str(STATIONS + 64), str(TOO_FEW), "RLIMIT_NOFILE", "ulimit"):
        expect(word in result.stderr, f"the message names {word}: {result.stderr!r}")
    expect_equal(len(result.stderr.strip().splitlines()), 1, "lines of it")


def soft_limit_is_raised(lab):
    result = emulate(lab, 32, ENOUGH)
    expect_equal(result.returncode, 0, f"a low soft limit: {result.stderr.strip()}; exit code")
    connections = lab.read_report()["connections"]
    expect_equal((connections["up_max"], lab.read_report()["unsettled_stations"]), (STATIONS, 0), "stations that were connected at a time, and unsettled")
    expect(connections["events_acknowledged"] >= STATIONS, f"each boot was acknowledged: {connections}")


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


def test(lab):
    aggregator = lab.aggregator()
    emulator_is_told_at_once(lab)
    soft_limit_is_raised(lab)
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    aggregator_refuses_what_has_no_room(lab)


if __name__ == "__main__":
    main("open_files", test)
