#!/usr/bin/python3
"""Every thread of the two programs at work at once, on a small fleet: what the data-race build watches."""
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main, wait_until  # noqa: E402


def run(lab):
    aggregator = lab.aggregator()
    emulator = lab.emulator("--stations", "12", "--days", "3", "--speed", "max", "--threads", "2")
    asked = 0
    while emulator.running():
        lab.stats("--by", "city")
        asked += 1
        time.sleep(0.05)
    expect_equal(emulator.wait(300), 0, "the emulator: exit code")
    expect(asked > 0, "no question was asked during the run")
    expect_equal(lab.verify(), "verify: exact", "at full speed")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")

    lab.store = lab.folder / "real-time.db"
    aggregator = lab.aggregator()
    emulator = lab.live_emulator("--stations", "12", "--speed", "300")
    wait_until(lambda: len(lab.stats("--by", "station")) == 12, 120, "all stations to report")
    for _ in range(3):
        lab.inject("deposit", "--station", "SX-TY-0001", "--size", "S", "--carrier", "sf")
    expect_equal(emulator.stop(120, signal.SIGINT), 0, "Ctrl-C of the emulator: exit code")
    expect(lab.verify().startswith("verify: exact"), "in real time")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    print(f"{asked} questions during the run")


main("threads", run)
