#!/usr/bin/python3
"""What `cubby export` writes, against the store's statistics, the emulator's report and itself.

The events of a fleet's fortnight leave the store in every form; from them alone the figures are worked out again, quantiles too.
"""
import collections
import csv
import datetime
import io
import json
import math
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main  # noqa: E402

STATIONS, DAYS = 12, 14
IN, OUT = ("deposited", "dropped_off"), ("collected", "recalled", "dispatched")
PREFIX = "https://lockers.example.org/"


def export(lab, what, *arguments):
    result = lab.run("cubby", "export", what, "--store", str(lab.store), *arguments)
    expect_equal(result.returncode, 0, f"cubby export {what} {' '.join(arguments)}: {result.stderr}; exit code")
    return result.stdout


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def body_of(line):
    kinds = [name for name in line["event"] if name not in ("boot", "uptime_ms", "wall_ms")]
    expect_equal(len(kinds), 1, f"kinds in {line}")
    return kinds[0], line["event"][kinds[0]]


def json_lines_are_the_log(lab, report):
    events = lines(export(lab, "events"))
    expect_equal(len(events), report["events"], "events in the export")
    kinds = collections.Counter(body_of(line)[0] for line in events)
    expect_equal(kinds["deposited"], report["deposits"], "deposits in the export")
    expect_equal(kinds["collected"], report["collections"], "collections in the export")
    newest = {}
    for line in events:
        expect_equal(int(line["seq"]), newest.get(line["journal"], 0) + 1, f"seq of {line['station']}")
        newest[line["journal"]] = int(line["seq"])
    return events


def csv_says_the_same(lab, events):
    rows = list(csv.DictReader(io.StringIO(export(lab, "events", "--format", "csv"))))
    expect_equal(len(rows), len(events), "rows of CSV")
    for row, line in zip(rows, events):
        kind, body = body_of(line)
        expect_equal((row["station"], row["journal"], row["seq"], row["kind"]),
                     (line["station"], line["journal"], line["seq"], kind), "the row's event")
        for name in ("compartment", "carrier", "parcel", "counter", "dwell_ms", "attempts", "open_ms"):
            absent = "0" if row[name] == "0" else ""
            expect_equal(row[name], str(body.get(name, absent)), f"{name} of {line}")
        if "size" in body:
            expect_equal("SIZE_" + row["size"], body["size"], "the size")


def filters_part_the_log(lab, events):
    station = events[0]["station"]
    own = lines(export(lab, "events", "--station", station))
    expect(own == [line for line in events if line["station"] == station], f"events of {station} alone are others than among all")
    days = sorted({local_day(line) for line in own})
    expect(len(days) > DAYS // 2, f"days of {station}: {days}")
    parts = []
    for first, after in zip(days, days[1:] + ["2100-01-01"]):
        part = lines(export(lab, "events", "--station", station, "--from", first, "--to", after))
        expect({local_day(line) for line in part} == {first}, f"{first} has events of other days")
        parts += part
    key = lambda line: (line["journal"], int(line["seq"]))
    expect(sorted(parts, key=key) == sorted(own, key=key), f"the days of {station} together are not its events")


def local_day(line):
    """As statistics place it: before its first configuration a station's local time is UTC."""
    offset_s = 0 if "journal_opened" in line["event"] or int(line["seq"]) == 1 else 8 * 3600
    moment = int(line["event"]["wall_ms"]) / 1000 + offset_s
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%d")


def nearest_rank(values, percent):
    return sorted(values)[max(1, math.ceil(len(values) * percent / 100)) - 1]


def quantiles_are_those_of_the_events(lab, events):
    dwells = collections.defaultdict(list)
    for line in events:
        kind, body = body_of(line)
        if kind in OUT and "dwell_ms" in body:
            for group in (("station", line["station"]), ("brand", body["carrier"]), ("size", body["size"][5:]),
                          ("day", local_day(line))):
                dwells[group].append(int(body["dwell_ms"]) / 3.6e6)
    station, day = events[0]["station"], local_day(events[-1])
    for line in events:
        kind, body = body_of(line)
        if kind in OUT and "dwell_ms" in body and (line["station"], local_day(line)) == (station, day):
            dwells["compartment", str(body["compartment"])].append(int(body["dwell_ms"]) / 3.6e6)
    expect(any(group[0] == "compartment" for group in dwells), f"nothing left {station} on {day}")
    checked = 0
    for by in ("station", "brand", "size", "day", "compartment"):
        one_day = ("--station", station, "--from", day) if by == "compartment" else ()
        rows = list(csv.DictReader(io.StringIO(export(lab, "stats", "--by", by, *one_day))))
        for row in rows:
            own = dwells.get((by, row[by]), [])
            expect_equal(int(row["dwell_count"]), len(own), f"parcels that left, {by} {row[by]}")
            for percent in (50, 90, 99) if own else ():
                told, exact = float(row[f"dwell_p{percent}_h"]), nearest_rank(own, percent)
                expect(abs(told - exact) <= 0.02 * exact + 1e-9, f"p{percent} of {by} {row[by]}: {told}, exactly {exact}")
                checked += 1
    expect(checked > 100, f"only {checked} quantiles were compared")


def statistics_leave_as_they_are_answered(lab):
    for query in ("by=station", "by=day&sort=deposits:desc", "by=city&from=2000-01-01", "by=brand"):
        arguments = [word for part in query.split("&") for word in ("--" + part.split("=")[0], part.split("=")[1])]
        status, body = lab.get(f"/v1/stats?{query}")
        expect_equal(status, 200, f"/v1/stats?{query}")
        expect(lines(export(lab, "stats", "--format", "jsonl", *arguments)) == json.loads(body)["rows"],
               f"export stats and /v1/stats?{query} differ")
    deposits = [row["deposits"] for row in lines(export(lab, "stats", "--format", "jsonl", "--by", "day", "--sort", "deposits:desc"))]
    expect_equal(deposits, sorted(deposits, reverse=True), "the order of days")


def epcis_follows_each_parcel(lab, events):
    document = json.loads(export(lab, "events", "--format", "epcis", "--uri-prefix", PREFIX))
    expect_equal((document["type"], document["schemaVersion"]), ("EPCISDocument", "2.0"), "the head")
    expect_equal(document["@context"][0], "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", "the context")
    told = document["epcisBody"]["eventList"]
    moved = [line for line in events if body_of(line)[0] in (*IN, *OUT, "refused")]
    expect_equal(len(told), len(moved), "object events")
    expect_equal(len({event["eventID"] for event in told}), len(told), "different ids")
    inside = {}
    steps = collections.Counter()
    for event, line in zip(told, moved):
        kind, body = body_of(line)
        epc, place = event["epcList"][0], event["readPoint"]["id"]
        expect_equal(event["type"], "ObjectEvent", "the type")
        expect_equal(place, f"{PREFIX}station/{line['station']}/compartment/{body['compartment']}", "the read point")
        expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["eventTime"]), event["eventTime"])
        expect_equal(event["eventTimeZoneOffset"], "+08:00", "the time zone")
        steps[kind, event["action"], event["bizStep"]] += 1
        if kind in IN:
            expect(epc not in inside, f"{epc} is put in twice")
            expect(body.get("parcel", "") in epc or not body.get("parcel"), f"{body} as {epc}")
            inside[epc] = place
        elif kind in OUT:
            expect_equal(inside.pop(epc, None), place, f"where {epc} was put in")
        else:
            expect_equal(inside.get(epc), place, f"where {epc} is")
    expect({("deposited", "OBSERVE", "storing"), ("collected", "OBSERVE", "accepting")} <= set(steps), f"steps: {steps}")
    # A part of the log still knows the number of a parcel that was put in before.
    late = json.loads(export(lab, "events", "--format", "epcis", "--uri-prefix", PREFIX, "--from", local_day(moved[-1])))
    whole = {event["eventID"]: event for event in told}
    expect(0 < len(late["epcisBody"]["eventList"]) < len(told), "a part of the log")
    for event in late["epcisBody"]["eventList"]:
        expect_equal(event, whole[event["eventID"]], "the same event of a part")


def nobody_reads(lab):
    """A reader that goes away is a failure, not an endless write."""
    with subprocess.Popen([str(lab.binary("cubby")), "export", "events", "--store", str(lab.store)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=lab.environment) as process:
        process.stdout.read(100)
        process.stdout.close()
        expect(process.wait(20) != 0, "an export that nobody reads ended well")


def test(lab):
    aggregator = lab.aggregator()
    emulator = lab.emulator("--stations", str(STATIONS), "--days", str(DAYS), "--speed", "max", "--seed", "11")
    expect_equal(emulator.wait(120), 0, "the emulator: exit code")
    report = lab.read_report()
    events = json_lines_are_the_log(lab, report)
    csv_says_the_same(lab, events)
    filters_part_the_log(lab, events)
    quantiles_are_those_of_the_events(lab, events)
    statistics_leave_as_they_are_answered(lab)
    epcis_follows_each_parcel(lab, events)
    nobody_reads(lab)
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    expect_equal(len(lines(export(lab, "events"))), len(events), "events without the aggregator")
    for arguments in (("events", "--store", str(lab.store), "--station", "SX-XX-9999"), ("stats", "--store", str(lab.store), "--city", "Atlantis"),
                      ("events", "--store", "/dev/null"), ("stats", "--store", str(lab.store), "--sort", "no_such")):
        expect_equal(lab.run("cubby", "export", *arguments).returncode, 1, f"cubby export {' '.join(arguments)}: exit code")


if __name__ == "__main__":
    main("export", test)
