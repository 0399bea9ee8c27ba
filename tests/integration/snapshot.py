#!/usr/bin/python3
"""A fleet that goes on from a snapshot does what it would have done; other parameters make another future; a store tells two futures apart."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main  # noqa: E402

UNTIL = "2025-03-04T08:10:00Z"  # In the afternoon's round.
FLEET = ["--stations", "15", "--seed", "11"]


def run_fleet(lab, *options, centre=False, code=0):
    """Runs a fleet to its end: its report; with another exit code what it said."""
    profile = [] if "--restore" in options else ["--profile", "shanxi"]
    uplink = ["--aggregator", f"127.0.0.1:{lab.uplink}"] if centre else []
    result = lab.run("cubby-emulator", "--speed", "max", "--ledger", str(lab.ledger), "--report", str(lab.report), *profile, *options,
                     *uplink, seconds=300)
    expect_equal(result.returncode, code, f"{options}: {result.stderr[-1200:]}: exit code")
    return result.stderr if code else lab.read_report()


def run(lab):
    snapshot = str(lab.folder / "fleet.snap")
    whole = run_fleet(lab, *FLEET, "--days", "3")
    ledger = lab.ledger.read_text()
    run_fleet(lab, *FLEET, "--until", UNTIL, "--snapshot", snapshot, "--threads", "1")
    for more in (["--threads", "1"], ["--threads", "2"], ["--no-skip-idle-polls"]):
        again = run_fleet(lab, "--restore", snapshot, "--days", "3", *more)
        expect_equal(again["trace_hash"], whole["trace_hash"], f"{more}: trace hash")
        expect_equal(again["events"], whole["events"], f"{more}: events")
        expect(lab.ledger.read_text() == ledger, f"{more}: another ledger")

    double = run_fleet(lab, "--restore", snapshot, "--days", "3", "--set", "offered_per_station_day_milli=93500", "--from", UNTIL)
    single = run_fleet(lab, "--restore", snapshot, "--days", "3", "--from", UNTIL)
    expect(double["turned_away"] > single["turned_away"], "1.87 times the parcels and no more turned away")
    expect(0 < single["deposits"] < whole["deposits"], "--from counts what came before")
    said = run_fleet(lab, "--restore", snapshot, "--days", "3", "--set", "stations=2", code=2)
    expect("cannot change under way" in said, said)
    said = run_fleet(lab, "--restore", snapshot, "--until", "2025-03-03T00:00:00Z", code=2)
    expect("after the beginning" in said, said)
    said = run_fleet(lab, "--restore", snapshot, "--days", "3", "--seed", "1", code=2)
    expect("--seed" in said, said)

    aggregator = lab.aggregator()
    run_fleet(lab, *FLEET, "--until", UNTIL, "--snapshot", snapshot, centre=True)
    copy = lab.folder / "fork.db"
    expect_equal(lab.run("cubby", "store", "backup", "--store", str(lab.store), "--to", str(copy)).returncode, 0, "store backup")
    run_fleet(lab, "--restore", snapshot, "--days", "3", centre=True)
    expect_equal(lab.verify(), "verify: exact", "the run that went on")
    said = run_fleet(lab, "--restore", snapshot, "--days", "2", "--set", "offered_per_station_day_milli=93500", centre=True, code=1)
    expect("the mark lies beyond the journal's end" in said, said)
    status, quarantined = lab.get("/v1/stations?state=quarantined")
    expect_equal(status, 200, quarantined)
    expect("SX-" in quarantined, f"a second future in one store was not found out: {quarantined}")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")

    lab.store = copy
    aggregator = lab.aggregator()
    run_fleet(lab, "--restore", snapshot, "--days", "3", "--set", "offered_per_station_day_milli=93500", centre=True)
    expect_equal(lab.verify(), "verify: exact", "the fork with a store of its own")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    print(f"trace hash {whole['trace_hash']}; turned away {single['turned_away']} of a normal day, {double['turned_away']} of a busy one")


main("snapshot", run)
