#!/usr/bin/python3
"""kill -9 of the aggregator, again and again while stations report: nothing is lost, nothing counted twice.

After each kill, what is left must verify and no mark may have fallen; at the end log, statistics and ledger must be equal.
CUBBY_SEED=N repeats the times of the kills and the seeds of the fleets.
"""
import os
import pathlib
import random
import signal
import sqlite3
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main, thorough, wait_until  # noqa: E402

KILLS_A_FLEET = 10  # Then a new one: checking the whole log after each kill takes the longer the longer it is.
FLEETS = thorough(1, 10)


def marks(lab):
    """By journal; of a store whose aggregator is dead."""
    with sqlite3.connect(f"file:{lab.store}?mode=ro", uri=True) as store:
        found = dict(store.execute("SELECT journal_id, seq FROM journals"))
    store.close()
    return found


def check_remains(lab, known):
    """What a dead aggregator has left is whole, and reaches at least as far as before. Returns the marks."""
    result = lab.run("cubby", "verify", "--store", str(lab.store))
    expect(result.returncode == 0, f"after a kill: {(result.stdout + result.stderr).strip()}")
    expect(result.stdout.strip().endswith("verify: exact"), f"after a kill: {result.stdout.strip().splitlines()[-1]}")
    found = marks(lab)
    fallen = [journal for journal, seq in known.items() if found.get(journal, 0) < seq]
    expect(not fallen, f"marks fell after a kill: journals {fallen}")
    return found


def kill_and_restart(lab, aggregator, emulator, rng, pause_s):
    known = {}
    grown = 0
    for _ in range(KILLS_A_FLEET):
        time.sleep(rng.uniform(*pause_s))
        expect(emulator.running(), f"the emulator ended before the last kill:\n{emulator.tail()}")
        aggregator.kill()
        found = check_remains(lab, known)
        grown += found != known
        known = found
        aggregator = lab.aggregator()
    expect(grown > KILLS_A_FLEET / 2, f"events arrived before {grown} of {KILLS_A_FLEET} kills only")
    return aggregator


def check_books(lab, what):
    last_line = lab.verify()
    expect_equal(last_line, "verify: exact", what)
    report = lab.read_report()
    expect(report["deposits"] > 0 and report["collections"] > 0, f"{what}: a run without parcels proves nothing: {report}")
    print(f"{what}: {KILLS_A_FLEET} kills, {report['deposits']} deposits, {report['events']} events, {last_line}", flush=True)


def at_full_speed(lab, rng, number):
    lab.store = lab.folder / f"full-speed-{number}.db"
    aggregator = lab.aggregator()
    # More days than the kills take; Ctrl-C ends it, which is also what a person would do.
    emulator = lab.emulator("--stations", "140", "--days", "2000", "--speed", "max", "--seed", str(rng.randrange(2**31)))
    aggregator = kill_and_restart(lab, aggregator, emulator, rng, (0.05, 0.5))
    time.sleep(0.5)
    expect_equal(emulator.stop(120, signal.SIGINT), 0, "Ctrl-C of the emulator: exit code")
    check_books(lab, f"at full speed, fleet {number}")
    lost = lab.read_report()["connections_lost"]
    expect(lost >= KILLS_A_FLEET / 2, f"the emulator says it lost {lost} connections of {KILLS_A_FLEET} kills")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")


def in_real_time(lab, rng, number):
    lab.store = lab.folder / f"real-time-{number}.db"
    aggregator = lab.aggregator()
    emulator = lab.live_emulator("--stations", "50", "--speed", "600", "--seed", str(rng.randrange(2**31)))
    wait_until(lambda: lab.stats("--by", "station"), 60, "the first station to report")
    aggregator = kill_and_restart(lab, aggregator, emulator, rng, (0.3, 1.0))
    time.sleep(3)
    expect_equal(emulator.stop(120, signal.SIGINT), 0, "Ctrl-C of the emulator: exit code")
    check_books(lab, f"in real time, fleet {number}")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")


def run(lab):
    seed = int(os.environ.get("CUBBY_SEED", random.randrange(2**32)))
    print(f"seed of the kills' times and of the fleets: {seed}", flush=True)
    rng = random.Random(seed)
    for number in range(1, FLEETS + 1):
        at_full_speed(lab, rng, number)
        in_real_time(lab, rng, number)
    print(f"{2 * FLEETS * KILLS_A_FLEET} kills", flush=True)


main("kill-aggregator", run)
