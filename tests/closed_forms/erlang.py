#!/usr/bin/python3
"""Whole stations and an aggregator are a loss system: what the statistics say of parcels turned away must be Erlang's formula.

Which way parcels stay (exponential, lognormal, constant) must not matter, only for how long on average. A controller that turns
away 2 % of what would fit must be caught by the same interval. CUBBY_SEED chooses the seed, CUBBY_NIGHTLY=1 runs all twelve, for a
quarter of an hour.
"""
import datetime
import json
import math
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from loss_system import GOLDEN, biased_b, erlang_b, ratio_interval  # noqa: E402
from programs import expect, expect_equal, main  # noqa: E402

NIGHTLY = os.environ.get("CUBBY_NIGHTLY") == "1"
SEED = int(os.environ.get("CUBBY_SEED", "2301"))
DWELLS = ("exponential", "lognormal", "constant")
QUICK = (((40, 50), "lognormal"), ((70, 79), "constant"))
CASES = [(golden, dwell) for golden in GOLDEN for dwell in DWELLS] if NIGHTLY else QUICK
BIASED = ((40, 50), "exponential")
BIAS = 0.02
# The chance that a healthy build fails is 1 % for all intervals of a run together: each has its share of it.
FALSE_ALARM = 0.01
CONFIDENCE = 1 - FALSE_ALARM / len(CASES)
FIRST_DAY = datetime.date(2025, 3, 3)
WARM_UP_DAYS = 14  # 17 mean dwells: of the load of a station that was always there less than 0.0001 is missing after it.
# Nearer to full, a bias moves the share less, and more stations are needed to see it.
STATIONS = {(40, 50): 80 if NIGHTLY else 60, (70, 79): 80 if NIGHTLY else 60, (80, 79): 300, (100, 100): 220}
DAYS = WARM_UP_DAYS + (28 if NIGHTLY else 14)
WINDOW_S = 900  # Nobody is told a code sooner: of an exponential stay that adds 0.02 %. Longer ones outlast the stations' patience.
DWELL_S = 72_000
# What else a parcel's dwell has, as the stations see it: two seconds to the panel, and the door that is open for the collection.
COLLECTION_S = 2 + 12 * math.exp(0.2**2 / 2)
QUEUE_MAX_S = 10  # Visits of half a minute, a few in an hour, hardly ever meet; of 72,000 s this is nothing.
FIGURES = ("deposits", "turned_away_full", "turned_away", "collections", "dwell_count", "dwell_ms", "door_open_ms")


def stations_of(lab, program, golden, dwell, seed):
    """Rows of the stations after the warm-up, as the aggregator reports them."""
    offered, doors = golden
    lab.store = lab.folder / f"seed-{seed}.db"
    aggregator = lab.aggregator()
    layout = f"layouts=[{{doors_l = 0, doors_m = 0, doors_s = {doors}, weight = 1}}]"
    result = lab.run(program, "--profile", "erlang", "--stations", str(STATIONS[golden]), "--set", f"offered_erlang_milli={offered * 1000}",
                     "--set", layout, "--set", f"dwell={dwell}", "--days", str(DAYS), "--speed", "max", "--seed", str(seed), "--report-every", "0",
                     "--window", str(WINDOW_S), "--aggregator", f"127.0.0.1:{lab.uplink}", seconds=900)
    expect_equal(result.returncode, 0, f"{program}: {result.stderr[-500:]}; exit code")
    begin = FIRST_DAY + datetime.timedelta(WARM_UP_DAYS)
    end = FIRST_DAY + datetime.timedelta(DAYS)
    status, body = lab.get(f"/v1/stats?by=station&from={begin}&to={end}&limit=1000")
    expect_equal(status, 200, body)
    answer = json.loads(body)
    expect(answer["complete"], "something is missing in the statistics")
    rows = answer["rows"]
    expect_equal(len(rows), STATIONS[golden], "stations")
    for row in rows:
        expect_equal(row["turned_away"], row["turned_away_full"], f"{row['station']}: turned away for all reasons and because it was full")
        expect_equal(row["recalls"] + row["overdue"] + row["wrong_codes"] + row["open_failed"] + row["left_open"], 0, f"{row['station']}: what must not happen here")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    lab.store.unlink()
    return [{figure: row[figure] for figure in FIGURES} for row in rows]


def measured(rows):
    lost = [row["turned_away_full"] for row in rows]
    return ratio_interval(lost, [row["deposits"] + away for row, away in zip(rows, lost)], CONFIDENCE)


def mean_dwell_s(rows):
    return sum(row["dwell_ms"] for row in rows) / sum(row["dwell_count"] for row in rows) / 1000


def describe(golden, dwell, rows):
    share, half = measured(rows)
    arrivals = sum(row["deposits"] + row["turned_away_full"] for row in rows)
    return (f"B({golden[0]},{golden[1]}) {dwell:11}  {share:.6f} +- {half:.6f}, formula {GOLDEN[golden]:.9f}; "
            f"{arrivals} arrivals, mean dwell {mean_dwell_s(rows) / 3600:.3f} h")


def run(lab):
    for (offered, doors), golden in GOLDEN.items():
        expect(abs(erlang_b(offered, doors) - golden) < 5e-10, f"B({offered},{doors}) is {erlang_b(offered, doors):.9f}, the table has {golden}")
    print(f"seeds from {SEED}; each interval {CONFIDENCE:.3%}, so that all {len(CASES)} together raise a false alarm in {FALSE_ALARM:.0%} of seeds")
    broken = []
    for number, (golden, dwell) in enumerate(CASES):
        rows = stations_of(lab, "cubby-emulator", golden, dwell, SEED + number)
        share, half = measured(rows)
        print(describe(golden, dwell, rows), flush=True)
        shift = biased_b(*golden, BIAS) - GOLDEN[golden]
        if abs(share - GOLDEN[golden]) > half:
            broken.append(f"{golden} {dwell}: {share:.6f} is not within {half:.6f} of {GOLDEN[golden]}")
        if half > shift / 2:
            broken.append(f"{golden} {dwell}: an interval of {half:.6f} does not see a bias of 2 %, which moves the share by {shift:.6f}")
        if dwell == "constant":
            queue_s = mean_dwell_s(rows) - DWELL_S - COLLECTION_S
            print(f"    waiting for the panel: {queue_s:.1f} s of each stay")
            if not -1 < queue_s < QUEUE_MAX_S:
                broken.append(f"{golden} {dwell}: stays are {queue_s:.1f} s longer than people say")
    expect(not broken, "; ".join(broken))

    lab.environment["CUBBY_MUTANT"] = "two-percent-find-no-door"
    golden, dwell = BIASED
    rows = stations_of(lab, "cubby-emulator-biased", golden, dwell, SEED + len(CASES))
    share, half = measured(rows)
    print(f"with 2 % turned away that would fit: {describe(golden, dwell, rows)}")
    expect(abs(share - GOLDEN[golden]) > half, f"a bias of 2 % is not caught: {share:.6f} is within {half:.6f} of {GOLDEN[golden]}")
    wanted = biased_b(*golden, BIAS)
    expect(abs(share - wanted) < 2 * half, f"the bias is another one: {share:.6f}, the formula for it gives {wanted:.6f}")


main("erlang", run)
