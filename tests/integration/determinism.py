#!/usr/bin/python3
"""The same seed gives the same run, whatever the number of threads, the compiler and the optimisation."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import ROOT, THOROUGH, expect, expect_equal, main, thorough  # noqa: E402

COUNTS = ("deposits", "collections", "recalls", "turned_away", "events", "bus_frames", "flash_operations", "trace_hash")


def result_of(lab, seed, threads, centre):
    arguments = ["--stations", str(thorough(280, 2800)), "--days", "1", "--speed", "max", "--seed", str(seed), "--threads", str(threads)]
    emulator = lab.emulator(*arguments, centre=centre)
    expect_equal(emulator.wait(300), 0, f"seed {seed}, {threads} thread(s): exit code")
    report = lab.read_report()
    expect_equal(int(report["threads"]), threads, "threads in the report")
    expect_equal(report["connections_lost"], 0, "connections that were lost")
    return {name: report[name] for name in COUNTS}


def run(lab):
    first = result_of(lab, 7, 1, centre=False)
    expect(first["deposits"] > 0, f"a run without parcels proves nothing: {first}")
    expect_equal(result_of(lab, 7, 2, centre=False), first, "two threads")
    other = result_of(lab, 8, 1, centre=False)
    expect(other["trace_hash"] != first["trace_hash"], f"another seed gave the same hash {first['trace_hash']}")

    # Against a real aggregator, whose store's identity and session numbers differ from run to run.
    for threads in (1, 2):
        lab.store = lab.folder / f"threads-{threads}.db"
        aggregator = lab.aggregator()
        with_centre = result_of(lab, 7, threads, centre=True)
        expect_equal(lab.verify(), "verify: exact", f"{threads} thread(s)")
        expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
        if threads == 1:
            first_with_centre = with_centre
    expect_equal(with_centre, first_with_centre, "two threads against an aggregator")

    compared = 0
    own = lab.bin
    for preset in ("clang", "release", "dev"):
        other_bin = ROOT / "build" / preset / "bin"
        if other_bin == own or not (other_bin / "cubby-emulator").is_file():
            continue
        # A build that is not of this very source is another program; tools/test --thorough has just built clang.
        if not (THOROUGH and preset == "clang"):
            continue
        lab.bin = other_bin
        expect_equal(result_of(lab, 7, 2, centre=False), first, f"the build in {preset}")
        lab.bin = own
        compared += 1
    print(f"trace hash {first['trace_hash']} of seed 7, {other['trace_hash']} of seed 8; {compared} other build(s) compared")


main("determinism", run)
