#!/usr/bin/python3
"""Conservation and Little's law, as integers, between the HTTP interface's statistics and a recount of its event log.

Conservation: at every compartment, station, brand, city and day, deposits = collections + recalls + parcels that are inside. Little's
law, on a log that begins and ends with empty lockers: the time-weighted occupancy is the sum of the dwells.
"""
import collections
import datetime
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main  # noqa: E402

SEED = int(os.environ.get("CUBBY_SEED", "47"))
# Few and short: of 54,000 parcels of this profile two stay for good, and a log that is not closed says nothing of Little's law.
STATIONS = 8
DEMAND_DAYS = 4
DAYS = DEMAND_DAYS + 5
BRANDS = ("sf", "zto", "yto", "ems")
FIRST_DAY = datetime.date(2025, 3, 3)
OFFSET_S = 8 * 3600
RECALLS_AT_S = (DEMAND_DAYS + 3) * 86_400  # Everything that nobody wanted is overdue.
OUT = ("collected", "recalled")
NAMES = [f"SX-{'AB'[i % 2]}-{i // 2 + 1:04}" for i in range(STATIONS)]
# Bad days, but nothing after which a door may stay shut for ever.
PROFILE = f"""base = "shanxi"
carriers = {json.dumps(BRANDS)}
brands_per_station_min = 3
brands_per_station_max = 4
cities = [{{name = "Alpha", code = "A", weight = 1}}, {{name = "Beta", code = "B", weight = 1}}]
seasons = [{{from = {FIRST_DAY + datetime.timedelta(DEMAND_DAYS)}, to = 2199-01-01, demand_percent = 0}}]
retention_h = 24
refusal_per_million = 20000
mistype_per_million = 50000
left_open_per_million = 10000
network_up_per_million = 950000
"""


def rows_of(lab, **query):
    status, body = lab.get("/v1/stats?limit=1000&" + "&".join(f"{key}={value}" for key, value in query.items()))
    expect_equal(status, 200, f"{query}: {body}")
    answer = json.loads(body)
    expect(answer["complete"] and answer["total"] == len(answer["rows"]), f"{query}: {answer['complete']}, {answer['total']}")
    return answer["rows"]


def log_of(lab):
    """(station, kind, body, wall_ms) of everything that went in or out, in the log's order."""
    after, log = 0, []
    while True:
        status, body = lab.get(f"/v1/events?limit=1000&after={after}")
        expect_equal(status, 200, body)
        page = json.loads(body)
        for row in page["rows"]:
            for kind in ("deposited", *OUT):
                if kind in row["event"]:
                    log.append((row["station"], kind, row["event"][kind], int(row["event"]["wall_ms"])))
        if page["at_end"]:
            return log
        after = page["next_after"]


class Recount:
    """What the log says, door by door, with none of the aggregator's sums."""

    def __init__(self, log):
        self.counts = collections.defaultdict(collections.Counter)  # By (level, name).
        self.inside = {}  # (station, door): carrier.
        for station, kind, body, wall_ms in log:
            door = (station, int(body["compartment"]))
            if kind == "deposited":
                expect(door not in self.inside, f"{door} has two parcels")
                self.inside[door] = body["carrier"]
            else:
                expect_equal(self.inside.pop(door), body["carrier"], f"the brand of what left {door}")
            day = str(datetime.date(1970, 1, 1) + datetime.timedelta(days=(wall_ms // 1000 + OFFSET_S) // 86_400))
            for level in (("compartment", door), ("station", station), ("brand", body["carrier"]), ("city", city_of(station)), ("day", day),
                          ("all", None)):
                self.counts[level][kind] += 1

    def stored(self):
        """Parcels inside, by level."""
        stored = collections.Counter()
        for (station, door), carrier in self.inside.items():
            for level in (("compartment", (station, door)), ("station", station), ("brand", carrier), ("city", city_of(station)), ("all", None)):
                stored[level] += 1
        return stored


def city_of(station):
    return {"A": "Alpha", "B": "Beta"}[station.split("-")[1]]


def check_row(recount, level, row, stored):
    counts = recount.counts[level]
    expect_equal((row["deposits"], row["collections"], row["recalls"]), (counts["deposited"], counts["collected"], counts["recalled"]),
                 f"{level}: deposits, collections and recalls, by the statistics and by the log")
    if "occupied" in row:  # Not kept by brand.
        expect_equal(row["occupied"], stored, f"{level}: parcels inside")
    return row["deposits"] - row["collections"] - row["recalls"]


def conservation(lab, log):
    recount = Recount(log)
    stored = recount.stored()
    rows = 0

    def check(by, row, name):
        nonlocal rows
        rows += 1
        expect_equal(check_row(recount, (by, name), row, stored[by, name]), stored[by, name], f"{by} {name}: accepted less what left")

    for station in NAMES:
        for row in rows_of(lab, by="compartment", station=station):
            check("compartment", row, (station, int(row["compartment"])))
    for by in ("station", "brand", "city"):
        for row in rows_of(lab, by=by):
            check(by, row, row[by])
    inside = 0
    for row in rows_of(lab, by="day"):
        level = ("day", row["day"])
        inside += recount.counts[level]["deposited"] - recount.counts[level]["collected"] - recount.counts[level]["recalled"]
        before = row["occupied"] - check_row(recount, level, row, inside)
        expect_equal(before + row["deposits"], row["collections"] + row["recalls"] + row["occupied"], f"{level}: what came is gone or inside")
        rows += 1
    expect_equal(inside, stored["all", None], "parcels inside at the end of the last day")
    return rows, recount.counts["all", None], stored["all", None]


def occupancy_s(rows):
    """Parcels inside x seconds, over all days: an integer, which the mean of a day is a 86,400th of."""
    area, level, expected = 0, 0, None
    for row in rows:
        day = datetime.date.fromisoformat(row["day"])
        while expected is not None and expected < day:
            area += level * 86_400  # Nothing happened.
            expected += datetime.timedelta(1)
        moment = row["mean_occupied"] * 86_400
        expect(abs(moment - round(moment)) < 1e-5, f"{row['day']}: {moment} parcel-seconds are no integer")
        area += round(moment)
        level = row["occupied"]
        expected = day + datetime.timedelta(1)
    expect_equal(level, 0, "parcels inside at the end")
    return area


def littles_law(lab, log):
    for station in (None, *NAMES):
        own = [entry for entry in log if station in (None, entry[0])]
        scope = {"station": station} if station else {}
        area_s = occupancy_s(rows_of(lab, by="day", **scope))
        life = rows_of(lab, by="station", **scope)
        dwell_ms = sum(row["dwell_ms"] for row in life)
        expect_equal(sum(row["dwell_count"] for row in life), sum(row["deposits"] for row in life), f"{station}: dwells and deposits")
        ends = sum(wall_ms for _, kind, _, wall_ms in own if kind in OUT)
        begins = sum(wall_ms for _, kind, _, wall_ms in own if kind == "deposited")
        expect_equal(dwell_ms, ends - begins, f"{station}: the sum of the dwells in ms, and the times of the log")
        # The moments count whole seconds; what that leaves out of each time is known.
        rest_ms = sum((1 if kind in OUT else -1) * (wall_ms % 1000) for _, kind, _, wall_ms in own)
        expect_equal(area_s * 1000 + rest_ms, dwell_ms, f"{station}: occupancy over time, and the sum of the dwells, in parcel-milliseconds")


def play(lab, days, *more):
    result = lab.run("cubby-emulator", "--profile", str(lab.folder / "books.toml"), "--stations", str(STATIONS), "--days", str(days), "--speed",
                     "max", "--seed", str(SEED), "--state", str(lab.folder / "state"), "--aggregator", f"127.0.0.1:{lab.uplink}",
                     "--ledger", str(lab.ledger), *more, seconds=600)
    expect_equal(result.returncode, 0, f"cubby-emulator: {result.stderr[-500:]}; exit code")


def run(lab):
    (lab.folder / "books.toml").write_text(PROFILE)
    trace = lab.folder / "recalls.csv"
    trace.write_text("time,station,action,parcel,carrier,size\n" + "".join(
        f"{RECALLS_AT_S + 1200 * number},{station},recall,,{brand},\n" for number, brand in enumerate(BRANDS * 2) for station in NAMES))
    aggregator = lab.aggregator()
    play(lab, DEMAND_DAYS, "--trace", str(trace))
    rows, total, stored = conservation(lab, log_of(lab))
    expect(stored > 20 * STATIONS, f"{stored} parcels inside prove little")
    print(f"seed {SEED}, after {DEMAND_DAYS} days: {rows} rows, {total['deposited']} deposits = {total['collected']} collections + {total['recalled']} recalls + {stored} inside")
    play(lab, DAYS)
    log = log_of(lab)
    rows, total, stored = conservation(lab, log)
    expect_equal(stored, 0, "parcels inside at the end")
    expect(total["recalled"] > STATIONS, f"{total['recalled']} recalls prove little")
    print(f"when all is over: {rows} rows, {total['deposited']} deposits = {total['collected']} collections + {total['recalled']} recalls")
    littles_law(lab, log)
    print(f"Little's law is exact for the fleet and each of {STATIONS} stations")
    expect_equal(lab.verify(), "verify: exact", "cubby verify")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")


main("books", run)
