#!/usr/bin/python3
"""A disk that takes nothing for a while: the aggregator acknowledges nothing, says so, and goes on when it can.

Every write of the aggregator's is refused by a limit to the size of its files, as a full disk would refuse it.
"""
import pathlib
import resource
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main, wait_until  # noqa: E402

DOWN_S = 7  # Longer than a handful of tries to open the store.


def limit_files(program, size):
    hard = resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def metric(lab, name):
    lines = [line for line in lab.get("/metrics")[1].splitlines() if line.startswith(name + " ")]
    expect(len(lines) == 1, f"{name} is not among the metrics")
    return float(lines[0].split()[1])


def verify_store(lab):
    result = lab.run("cubby", "verify", "--store", str(lab.store))
    expect(result.returncode == 0, f"cubby verify: {(result.stdout + result.stderr).strip()}")
    return result.stdout


def run(lab):
    aggregator = lab.aggregator()
    emulator = lab.live_emulator("--stations", "20", "--speed", "600", "--seed", "11")
    wait_until(lambda: lab.stats("--by", "station"), 60, "the first station to report")
    limit_files(aggregator, 1)
    wait_until(lambda: lab.get("/health", token=False)[0] == 503, 30, "/health to say that the store cannot commit")
    expect_equal(metric(lab, "cubby_aggregator_store_up"), 0, "store_up while the disk is full")
    expect(metric(lab, "cubby_aggregator_store_errors_total") >= 1, "no failed commit is counted")
    before = verify_store(lab)
    time.sleep(DOWN_S)
    expect(aggregator.running(), f"the aggregator ended:\n{aggregator.tail()}")
    expect_equal(lab.get("/health", token=False)[0], 503, "/health while the disk is full")
    expect_equal(verify_store(lab), before, "the store while the disk is full")
    limit_files(aggregator, resource.RLIM_INFINITY)
    wait_until(lambda: lab.get("/health", token=False)[0] == 200, 30, "/health to say that all is well again")
    expect_equal(metric(lab, "cubby_aggregator_store_up"), 1, "store_up afterwards")
    time.sleep(3)
    expect_equal(emulator.stop(120, signal.SIGINT), 0, "Ctrl-C of the emulator: exit code")
    expect_equal(lab.verify(), "verify: exact", "after a full disk")
    expect(verify_store(lab) != before, "nothing was reported after the disk was full")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")


main("store-faults", run)
