#!/usr/bin/python3
"""kill -9 of the aggregator, again and again while stations report: nothing is lost, nothing counted twice."""
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main, thorough, wait_until  # noqa: E402

KILLS = thorough(10, 40)


def kill_and_restart(lab, aggregator, emulator, rng, pause_s):
    for _ in range(KILLS):
        time.sleep(rng.uniform(*pause_s))
        expect(emulator.running(), f"the emulator ended before the last kill:\n{emulator.tail()}")
        aggregator.kill()
        aggregator = lab.aggregator(wait=False)
    lab.wait_for_port(aggregator, lab.http)
    return aggregator


def check_books(lab, what):
    last_line = lab.verify()
    expect_equal(last_line, "verify: exact", what)
    report = lab.read_report()
    expect(report["deposits"] > 0 and report["collections"] > 0, f"{what}: a run without parcels proves nothing: {report}")
    print(f"{what}: {KILLS} kills, {report['deposits']} deposits, {report['events']} events, {last_line}")


def at_full_speed(lab, rng):
    lab.store = lab.folder / "full-speed.db"
    aggregator = lab.aggregator()
    # More days than the kills take; Ctrl-C ends it, which is also what a person would do.
    emulator = lab.emulator("--stations", "280", "--days", "2000", "--speed", "max", "--seed", "3")
    aggregator = kill_and_restart(lab, aggregator, emulator, rng, (0.2, 1.2))
    time.sleep(1)
    expect_equal(emulator.stop(120, signal.SIGINT), 0, "Ctrl-C of the emulator: exit code")
    check_books(lab, "at full speed")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")


def in_real_time(lab, rng):
    lab.store = lab.folder / "real-time.db"
    aggregator = lab.aggregator()
    emulator = lab.live_emulator("--stations", "50", "--speed", "600", "--seed", "5")
    wait_until(lambda: lab.stats("--by", "station"), 60, "the first station to report")
    aggregator = kill_and_restart(lab, aggregator, emulator, rng, (0.5, 1.5))
    time.sleep(5)
    expect_equal(emulator.stop(120, signal.SIGINT), 0, "Ctrl-C of the emulator: exit code")
    check_books(lab, "in real time")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")


def run(lab):
    seed = random.randrange(2**32)
    print(f"seed of the kills' times: {seed}", flush=True)
    rng = random.Random(seed)
    at_full_speed(lab, rng)
    in_real_time(lab, rng)


main("kill-aggregator", run)
