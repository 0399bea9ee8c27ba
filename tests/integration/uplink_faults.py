#!/usr/bin/python3
"""Stations in real time behind a proxy that cuts, loses, repeats, delays, garbles and swallows what they say and hear.

While it does, the store must verify; once it is honest again, everything must arrive: log, statistics and ledger equal, no
station in conflict. CUBBY_SEED=N repeats the draws.
"""
import json
import os
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from fault_proxy import FaultProxy, Plan, Way  # noqa: E402
from programs import expect, expect_equal, main, thorough, wait_until  # noqa: E402

STATIONS = 20
FRAMES = 3  # Of a connection, either way: greeting, first report, first Ack.
GARBAGE_MAX = 200
CUT_UP_END, CUT_DOWN_END = 660, 200  # About the end of a station's first report, and of its first Ack.
# What every station says and hears at once: at the slower speed, the next report is a minute away.
AT_ONCE_UP, AT_ONCE_DOWN = 600, 110
OPENING_EVENTS = 4  # Of each station; the rest is parcels.
# In the six minutes of theirs that are watched, a few stations bring no parcel at all: with so many beside the slow ones some twenty come.
TRICKLE_WATCH_S, TRICKLE_STATIONS = 6, 120
# A station that loses an Ack, or hears one twice, may go on as if nothing were: it would take no other plan. Longer than it waits for an answer.
AFTER_AN_EDIT_S = 0.5
STRIKE_S, STRIKE_OF_EACH_S, GRACE_S = 60, 1, 5  # A quiet station comes to its place with the next hourly report only.


def cuts(end, stride, plan):
    """At each byte up to `end`, in order: nothing arrives before the greeting has, and so the first report is cut too."""
    return [plan(offset, bool(i % 2)) for i, offset in enumerate(range(0, end, stride))]


def edits(edit, times):
    return [plan for _ in range(times) for number in range(FRAMES)
            for plan in (Plan(up=Way(frames={number: edit()}), then_cut_s=AFTER_AN_EDIT_S),
                         Plan(down=Way(frames={number: edit()}), then_cut_s=AFTER_AN_EDIT_S))]


def drills(rng):
    """(name, speed, plans): virtual seconds pass fast where a fault means waiting for deadlines."""
    stride = thorough(3, 1)
    places = [rng.randrange(CUT_UP_END) for _ in range(thorough(20, 40))]
    some_down = [rng.randrange(CUT_DOWN_END) for _ in places]
    return [
        ("cut on the way up", 600, cuts(CUT_UP_END, stride, lambda at, abort: Plan(up=Way(cut_at=at), abort=abort))),
        ("cut on the way down", 600, cuts(CUT_DOWN_END, stride, lambda at, abort: Plan(down=Way(cut_at=at), abort=abort))),
        ("a frame lost", 600, edits(lambda: "lost", thorough(4, 10))),
        ("a frame twice", 600, edits(lambda: "twice", thorough(4, 10))),
        ("garbage", 600, edits(lambda: rng.randbytes(rng.randint(1, GARBAGE_MAX)), thorough(10, 25))),
        ("half open", 600, [Plan(up=Way(swallow_at=at), forgets_centre=True) for at in places]
         + [Plan(down=Way(swallow_at=at), forgets_centre=True) for at in some_down]),
        # Such connections live on: one for each station.
        ("late and in pieces", 60, [Plan(up=Way(delay_s=0.03, pieces=True), down=Way(delay_s=0.03)),
                                    Plan(up=Way(delay_s=0.3), down=Way(delay_s=0.3))] * (STATIONS // 2)),
        ("a byte a second", 60, [Plan(up=Way(trickle_at=rng.randrange(AT_ONCE_UP))) for _ in range(8)]
         + [Plan(down=Way(trickle_at=rng.randrange(AT_ONCE_DOWN))) for _ in range(8)]),
    ]


def status(lab):
    return json.loads(lab.get("/v1/status")[1])


def expect_no_conflict(lab, name):
    lines = [line for line in lab.get("/metrics")[1].splitlines() if line.startswith("cubby_aggregator_refusals_total{")]
    conflicts = [line for line in lines if "conflict" in line.lower()]
    expect(len(conflicts) == 1, f"{name}: refusals for conflict are not among the metrics: {lines}")
    expect_equal(float(conflicts[0].split()[1]), 0, f"{name}: refusals for conflict")
    expect_equal(status(lab)["conflicts"], 0, f"{name}: conflicts")


def check_store(lab, name):
    result = lab.run("cubby", "verify", "--store", str(lab.store))
    expect(result.returncode == 0, f"{name}: {(result.stdout + result.stderr).strip()}")


def drill(lab, number, seed, name, speed, plans):
    began = time.monotonic()
    stations = TRICKLE_STATIONS if name == "a byte a second" else STATIONS
    lab.store = lab.folder / f"drill-{number}.db"
    aggregator = lab.aggregator()
    proxy = FaultProxy(lab.uplink, seed)
    proxy.plans.extend(plans)
    # No outage but the proxy's.
    emulator = lab.live_emulator("--stations", str(stations), "--speed", str(speed), "--seed", str(seed % 2**31),
                                 "--aggregator", f"127.0.0.1:{proxy.port}", "--set", "network_up_per_million=1000000", centre=False)
    wait_until(lambda: not proxy.plans, STRIKE_S + len(plans) * STRIKE_OF_EACH_S, f"{len(plans)} connections ({name})")
    # A place behind what a quiet station has to say is not reached.
    deadline = time.monotonic() + GRACE_S
    while proxy.struck < len(plans) and time.monotonic() < deadline:
        time.sleep(0.05)
    expect(proxy.struck >= len(plans) * 3 // 4, f"{name}: only {proxy.struck} of {len(plans)} faults came to pass")
    check_store(lab, name)
    if name == "a byte a second":
        events = status(lab)["events"]
        time.sleep(TRICKLE_WATCH_S)
        expect(status(lab)["events"] > events, "slow connections held up the others")
    proxy.heal()
    wait_until(lambda: status(lab)["sessions"] == stations, 60, f"all stations to be back after: {name}")
    wait_until(lambda: status(lab)["events"] >= OPENING_EVENTS * stations + 8, 60, f"parcels after: {name}")
    expect_equal(emulator.stop(120, signal.SIGINT), 0, f"{name}: Ctrl-C of the emulator: exit code")
    expect_no_conflict(lab, name)
    expect_equal(lab.verify(), "verify: exact", name)
    report = lab.read_report()
    expect(report["events"] > 0 and report["deposits"] > 0, f"{name}: a run without parcels proves nothing: {report}")
    expect_equal(aggregator.stop(), 0, f"{name}: stopping the aggregator: exit code")
    print(f"{name}: {proxy.struck} of {len(plans)} faults on {proxy.accepted} connections, {report['deposits']} deposits, {report['events']} events, "
          f"verify: exact, {time.monotonic() - began:.1f} s", flush=True)
    proxy.close()


def run(lab):
    seed = int(os.environ.get("CUBBY_SEED", random.randrange(2**32)))
    print(f"seed: {seed}", flush=True)
    rng = random.Random(seed)
    for number, (name, speed, plans) in enumerate(drills(rng)):
        drill(lab, number, seed, name, speed, plans)


main("uplink-faults", run)
