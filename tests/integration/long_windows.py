#!/usr/bin/python3
"""The longest window that the emulator takes: stations wait until their answers come, and all that they say is acknowledged."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main  # noqa: E402

LONGEST = 1799


def run(lab):
    refused = lab.run("cubby-emulator", "--window", str(LONGEST + 1))
    expect_equal(refused.returncode, 2, f"a longer window: {refused.stderr}; exit code")
    expect("--window" in refused.stderr and str(LONGEST) in refused.stderr, f"the longest one is told: {refused.stderr}")
    aggregator = lab.aggregator()
    emulator = lab.emulator("--speed", "max", "--stations", "2", "--days", "1", "--window", str(LONGEST), "--report-every", "30m")
    expect_equal(emulator.wait(120), 0, "the emulator's exit code")
    rows = lab.stats("--by", "station")
    expect_equal(len(rows), 2, "stations that the centre knows")
    deposits = lab.read_report()["deposits"]
    expect(deposits > 20, f"a quiet day shows nothing: {deposits} deposits")
    expect_equal(sum(int(row["deposits"]) for row in rows), deposits, f"what both have reported of their day: {rows}; deposits")
    expect_equal(lab.verify(), "verify: exact", "the verdict")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")


main("long_windows", run)
