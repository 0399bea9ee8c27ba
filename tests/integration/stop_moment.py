#!/usr/bin/python3
"""A run at full speed that ends in any second of a visit: what the door did is in the journal, whenever that was."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main  # noqa: E402

VISIT_S = 100  # From the courier's arrival on.
STEPS = 25     # Of a second.


def visit(lab, arrival_s, end_s):
    """(deposits as people did them, events that the centre acknowledged) of one parcel."""
    trace, report = lab.folder / "visit.csv", lab.folder / "report.json"
    trace.write_text(f"time,station,action,parcel,carrier,size\n{arrival_s:.3f},SX-TY-0001,deposit,SF1234567890,sf,S\n")
    result = lab.run("cubby-emulator", "--speed", "max", "--stations", "1", "--seed", "5", "--no-demand", "--trace", str(trace), "--window", "1",
                     "--report-every", "0", "--days", f"{end_s / 86400:.9f}", "--report", str(report))
    expect_equal(result.returncode, 0, f"the run of {end_s} s: {result.stderr}; exit code")
    told = json.loads(report.read_text())
    expect_equal(told["unsettled_stations"], 0, f"unsettled after {end_s} s")
    return told["deposits"], told["events"]


def run(lab):
    begin, end = 3600, 3600 + VISIT_S
    before, after = visit(lab, begin, begin), visit(lab, begin, end)
    expect_equal((before[0], after[0], after[1] - before[1]), (0, 1, 1), "deposits before the visit, after it, and its events")
    while end - begin > 1:  # The second in which the door is shut.
        middle = (begin + end) // 2
        begin, end = (middle, end) if visit(lab, 3600, middle)[0] == 0 else (begin, middle)
    seen = [visit(lab, 3600 + step / STEPS, end) for step in range(2 * STEPS)]
    expect_equal(set(seen), {before, after}, f"(deposits, events) with the door shut up to {2 * STEPS} steps earlier or later")
    print(f"{seen.count(after)} of {len(seen)} runs ended with the door shut")


main("stop_moment", run)
