#!/usr/bin/python3
"""A backup is made while stations report, more is acknowledged, the aggregator dies, the backup is put back, and stations come again.

What stations still keep is sent again; what they have discarded is a Gap with a Snapshot behind it; nothing is counted twice. And
what happens if somebody puts the old file back by hand. CUBBY_SEED=N sets the seeds of the fleets.

Seed 1168094525 found a station whose journal stayed full though all of it was acknowledged, in a third of its runs.
"""
import csv
import json
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from journals import marks  # noqa: E402
from programs import expect, expect_equal, main, thorough, wait_until  # noqa: E402

STATIONS = 8
STATIONS_BEYOND = 6  # To some nobody comes for two days.
DISCARDED_EVENTS = 1_500  # Since the backup, of every station: more than twice what its flash holds.
DRILLS = thorough(1, 2)


def status(lab):
    return json.loads(lab.get("/v1/status")[1])


def query(lab, sql):
    connection = sqlite3.connect(f"file:{lab.store}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def info(lab, store):
    """What `cubby store info` says, by its first word."""
    result = lab.run("cubby", "store", "info", "--store", str(store), "--full")
    expect_equal(result.returncode, 0, f"cubby store info: {result.stderr}; exit code")
    return {line.split()[0]: " ".join(line.split()[1:]) for line in result.stdout.splitlines()}


def back_up(lab, name):
    backup = lab.folder / f"{name}.backup"
    result = lab.run("cubby", "store", "backup", "--store", str(lab.store), "--to", str(backup))
    expect_equal(result.returncode, 0, f"cubby store backup: {result.stderr}; exit code")
    result = lab.run("cubby", "verify", "--store", str(backup))
    expect_equal(result.stdout.strip().splitlines()[-1:], ["verify: exact"], "the backup")
    return backup


def restore(lab, backup):
    return lab.run("cubby", "store", "restore", "--from", str(backup), "--store", str(lab.store))


def restore_after_kill(lab, aggregator, backup):
    """The marks as they had been; the store is the backup's then, with another generation."""
    refused = restore(lab, backup)
    expect_equal((refused.returncode, "another aggregator has it open" in refused.stderr), (1, True), f"restore while it runs: {refused.stderr}")
    aggregator.kill()
    known, before = marks(lab.store), info(lab, lab.store)
    result = restore(lab, backup)
    expect_equal(result.returncode, 0, f"cubby store restore: {result.stderr}; exit code")
    after = info(lab, lab.store)
    expect_equal(after["store"], before["store"], "the store's identity after restore")
    expect(int(after["generation"]) > int(before["generation"]), f"generation {before['generation']} became {after['generation']}")
    expect_equal(marks(lab.store), marks(backup), "marks of the restored store")
    kept = list(lab.folder.glob(f"{lab.store.name}.before-*"))
    expect_equal([marks(one) for one in kept], [known], "the store as it was")
    return known


def beyond(lab, known, more=0):
    """How many stations' marks are that much further than they were."""
    now = marks(lab.store)
    return sum(now.get(station, (0,))[0] >= seq + more for station, (seq, _) in known.items())


def all_beyond(lab, known, more=0):
    return beyond(lab, known, more) == len(known)


def finish(lab, aggregator, emulator, what):
    expect_equal(emulator.stop(120, signal.SIGINT), 0, f"{what}: Ctrl-C of the emulator: exit code")
    verdict = lab.verify()
    counters = status(lab)
    expect_equal(counters["conflicts"], 0, f"{what}: conflicts")
    expect_equal(aggregator.stop(), 0, f"{what}: stopping the aggregator: exit code")
    report = lab.read_report()
    # Collections may be none: in real time, of some seeds nobody comes within the three quarters of an hour that the drill takes.
    expect(report["deposits"] > 0, f"{what}: a run without parcels proves nothing: {report}")
    print(f"{what}: {report['deposits']} deposits, {report['events']} events, {counters['forgotten_acks']} stations with a forgotten "
          f"acknowledgement, {verdict}", flush=True)
    return verdict, counters


def begin_in_real_time(lab, rng, name):
    """Stations have reported, a backup was made, and nearly every one of them has been told of more since."""
    lab.store = lab.folder / f"{name}.db"
    aggregator = lab.aggregator()
    emulator = lab.live_emulator("--stations", str(STATIONS), "--speed", "1000", "--seed", str(rng.randrange(2**31)))
    wait_until(lambda: len(marks(lab.store)) == STATIONS and status(lab)["events"] > 10 * STATIONS, 90, "all stations to report")
    backup = back_up(lab, name)
    at_backup = marks(backup)
    wait_until(lambda: beyond(lab, at_backup, 1) >= STATIONS_BEYOND, 120, "stations to report more than is in the backup")
    return aggregator, emulator, backup


def nothing_discarded(lab, rng, number):
    aggregator, emulator, backup = begin_in_real_time(lab, rng, f"kept-{number}")
    known = restore_after_kill(lab, aggregator, backup)
    aggregator = lab.aggregator()
    wait_until(lambda: all_beyond(lab, known), 120, "stations to send again what was lost")
    verdict, counters = finish(lab, aggregator, emulator, f"in real time, nothing discarded, {number}")
    expect_equal(verdict, "verify: exact", "a restored backup")
    expect_equal(counters["forgotten_acks"], 0, "forgotten acknowledgements after a restore")


def restarted(lab, rng, number):
    """All stations lose their power after the backup and after the restore: what they had room for is still there.

    Boots used to give up all that was acknowledged; 16 of 40 stations then had a Gap.
    """
    lab.store = lab.folder / f"restarted-{number}.db"
    aggregator = lab.aggregator()
    fleet = ["--stations", str(2 * STATIONS), "--speed", "max", "--seed", str(rng.randrange(2**31)),
             "--state", str(lab.folder / f"restarted-{number}.state")]

    def until(days):
        result = lab.emulator(*fleet, "--days", str(days)).wait(120)
        expect_equal(result, 0, f"{days} days: exit code")

    until(3)
    backup = back_up(lab, f"restarted-{number}")
    until(4)
    known = restore_after_kill(lab, aggregator, backup)
    aggregator = lab.aggregator()
    until(5)
    expect(all_beyond(lab, known), "stations have not gone on")
    expect_equal(lab.verify(), "verify: exact", "a restored backup that is a day old")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    print(f"restarted, {number}: {len(known)} stations sent a day again", flush=True)


def levels_of_ledger(lab):
    """Parcels inside by (station, compartment), as people and doors know it; without those that nobody can be sure of."""
    with open(lab.ledger, newline="", encoding="utf-8") as rows:
        return {(row["station"], int(row["compartment"])): int(row["deposits"]) + int(row["drop_offs"]) - int(row["collections"])
                - int(row["recalls"]) - int(row["dispatches"]) for row in csv.DictReader(rows) if row["unsure"] == "0"}


def check_gaps(lab, at_backup):
    """Each begins where the backup ended, has a Snapshot behind it, and leaves no level wrong."""
    gaps = query(lab, "SELECT s.name, g.from_seq, g.to_seq FROM gaps g JOIN stations s USING(station_id)")
    expect_equal(sorted(name for name, _, _ in gaps), sorted(at_backup), "stations with a gap")
    for name, first, last in gaps:
        expect_equal(first, at_backup[name][0] + 1, f"{name}: the gap's beginning")
        expect(last > first, f"{name}: a gap of one event")
    stored = {(name, int(row["compartment"])): row["occupied"] for name in at_backup
              for row in json.loads(lab.get(f"/v1/stats?by=compartment&station={name}")[1])["rows"]}
    for name, _, last in gaps:
        exported = lab.run("cubby", "export", "events", "--store", str(lab.store), "--station", name)
        behind = [event["event"] for event in map(json.loads, exported.stdout.splitlines()) if int(event["seq"]) > last]
        expect(any("snapshot" in event for event in behind), f"{name}: no Snapshot within {len(behind)} events behind its gap")
    for place, level in levels_of_ledger(lab).items():
        expect_equal(stored.get(place, 0), level, f"parcels inside of {place} after the gap")
    return len(gaps)


def discarded(lab, rng, number):
    lab.store = lab.folder / f"discarded-{number}.db"
    aggregator = lab.aggregator()
    emulator = lab.emulator("--stations", str(STATIONS), "--days", "2000", "--speed", "max", "--seed", str(rng.randrange(2**31)))
    wait_until(lambda: len(marks(lab.store)) == STATIONS and status(lab)["events"] > 100 * STATIONS, 60, "all stations to report")
    backup = back_up(lab, f"discarded-{number}")
    at_backup = marks(backup)
    wait_until(lambda: all_beyond(lab, at_backup, DISCARDED_EVENTS), 120, "stations to discard what came after the backup")
    known = restore_after_kill(lab, aggregator, backup)
    aggregator = lab.aggregator()
    wait_until(lambda: all_beyond(lab, known), 120, "stations to go on")
    expect_equal(json.loads(lab.get("/v1/stats?by=city")[1])["complete"], False, "statistics with a gap: complete")
    expect_equal(emulator.stop(120, signal.SIGINT), 0, "Ctrl-C of the emulator: exit code")
    count = check_gaps(lab, at_backup)
    verdict, counters = finish(lab, aggregator, emulator, f"at full speed, all discarded, {number}")
    expect_equal(verdict, f"verify: exact except {count} gaps", "a restored backup that lacks what was discarded")
    expect_equal(counters["forgotten_acks"], 0, "forgotten acknowledgements after a restore")


def put_back_by_hand(lab, rng, number):
    """A plain copy has the old generation; stations hold acknowledgements that it never gave. That is said, and nothing is counted twice."""
    aggregator, emulator, backup = begin_in_real_time(lab, rng, f"by-hand-{number}")
    aggregator.kill()
    known = marks(lab.store)
    for suffix in ("-wal", "-shm"):
        pathlib.Path(f"{lab.store}{suffix}").unlink(missing_ok=True)
    shutil.copyfile(backup, lab.store)
    aggregator = lab.aggregator()
    wait_until(lambda: all_beyond(lab, known), 120, "stations to send again what was lost")
    metric = re.search(r"^cubby_aggregator_forgotten_acks_total (\d+)$", lab.get("/metrics")[1], re.MULTILINE)
    verdict, counters = finish(lab, aggregator, emulator, f"in real time, put back by hand, {number}")
    expect_equal(verdict, "verify: exact", "an old copy that was put back")
    # A station whose last Ack died with the aggregator has nothing to be surprised at.
    expect(STATIONS_BEYOND - 2 < counters["forgotten_acks"] <= STATIONS, f"forgotten acknowledgements of {counters['forgotten_acks']} of {STATIONS} stations")
    expect_equal(int(metric.group(1)), counters["forgotten_acks"], "the metric of it")
    expect("an old copy of it was put back without cubby store restore" in aggregator.log.read_text(), "the log says nothing of it")


def run(lab):
    seed = int(os.environ.get("CUBBY_SEED", random.randrange(2**32)))
    print(f"seed of the fleets: {seed}", flush=True)
    rng = random.Random(seed)
    for number in range(1, DRILLS + 1):
        nothing_discarded(lab, rng, number)
        restarted(lab, rng, number)
        discarded(lab, rng, number)
        put_back_by_hand(lab, rng, number)


main("restore-drill", run)
