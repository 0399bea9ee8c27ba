#!/usr/bin/python3
"""Aggregator and emulator in real time, as in two terminals: a parcel is brought and collected by hand,
wrong codes are refused and counted, faults strike in mid-deposit, and the books are exact at the end.
"""
import json
import pathlib
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main, thorough, wait_until  # noqa: E402

STATION = "SX-TY-0007"


def compartments(lab, station=STATION):
    """Statistics of a station's compartments, by their number."""
    return {int(row["compartment"]): row for row in lab.stats("--by", "compartment", "--station", station)}


def wrong_codes(lab, station=STATION):
    rows = [row for row in lab.stats("--by", "station") if row["station"] == station]
    return int(rows[0]["wrong_codes"]) if rows else 0


def deposit(lab, station=STATION, size="M", carrier="sf", offline=False, **options):
    """(compartment, pickup code) of a parcel that a courier brings now; an offline station's code comes later."""
    result = lab.inject("deposit", "--station", station, "--size", size, "--carrier", carrier, **options)
    expect_equal(result.returncode, 0, f"inject deposit: {result.stdout}{result.stderr}; exit code")
    door = re.search(r"compartment[^0-9]{0,10}(\d+)", result.stdout)
    code = re.search(r"code[^0-9]{0,10}(\d{8})\b", result.stdout)
    expect(door and (code or offline), f"inject deposit prints compartment and code, not {result.stdout!r}")
    return int(door.group(1)), code.group(1) if code else None


def count(table, door, name):
    """0 where nothing has happened yet: such compartments have no row."""
    return int(table[door][name]) if door in table else 0


def collect_with_wrong_and_right_code(lab):
    before = compartments(lab)
    refused_before = wrong_codes(lab)
    door, code = deposit(lab)
    wait_until(lambda: count(compartments(lab), door, "deposits") > count(before, door, "deposits"), 2,
               "the statistics to show the deposit")

    wrong = f"{(int(code) + 1) % 10**8:08d}"
    result = lab.inject("collect", "--station", STATION, "--code", wrong)
    expect_equal(result.returncode, 1, f"collect with a wrong code: {result.stdout}{result.stderr}; exit code")
    wait_until(lambda: wrong_codes(lab) == refused_before + 1, 2, "the wrong code to be counted")

    before = compartments(lab)
    result = lab.inject("collect", "--station", STATION, "--code", code)
    expect_equal(result.returncode, 0, f"collect with the right code: {result.stdout}{result.stderr}; exit code")
    expect(re.search(rf"compartment[^0-9]{{0,10}}{door}\b", result.stdout), f"collect opens door {door}: {result.stdout!r}")
    wait_until(lambda: count(compartments(lab), door, "collections") > count(before, door, "collections"), 2,
               "the statistics to show the collection")
    after = compartments(lab)
    moved = [number for number in after if any(count(after, number, name) != count(before, number, name)
                                               for name in ("deposits", "collections", "recalls"))]
    expect_equal(moved, [door], "doors that the code opened")

    result = lab.inject("collect", "--station", STATION, "--code", code)
    expect_equal(result.returncode, 1, "collecting the same parcel twice: exit code")


def change_size_cancel_and_refuse(lab):
    result = lab.inject("deposit", "--station", STATION, "--size", "S", "--carrier", "sf", "--cancel")
    expect(result.returncode == 0 and "cancelled" in result.stdout, f"a cancelled deposit: {result.stdout}{result.stderr}")
    result = lab.inject("deposit", "--station", STATION, "--size", "S", "--carrier", "sf", "--change-size", "M")
    expect_equal(result.returncode, 0, f"a deposit of another size: {result.stdout}{result.stderr}; exit code")
    door = int(result.stdout.split()[1])
    code = result.stdout.split()[3]
    result = lab.inject("refuse", "--station", STATION, "--code", code)
    expect_equal(result.stdout.split(), ["compartment", str(door), "refused"], "what a refusal prints")
    wait_until(lambda: count(compartments(lab), door, "refusals") == 1, 2, "the refusal in the statistics")
    result = lab.inject("collect", "--station", STATION, "--code", code)
    expect_equal(result.returncode, 1, "collecting a refused parcel: exit code")
    result = lab.inject("recall", "--station", STATION, "--carrier", "sf")
    expect(result.stdout.startswith("recalled ") and result.stdout.split()[1] != "0", f"recall: {result.stdout}{result.stderr}")


def drop_off_and_dispatch(lab):
    result = lab.inject("drop-off", "--station", STATION, "--size", "S", "--carrier", "zto", "--parcel", "RETURN7")
    expect(result.returncode == 0 and result.stdout.endswith("dropped off\n"), f"a drop-off: {result.stdout}{result.stderr}")
    door = int(result.stdout.split()[1])
    wait_until(lambda: count(compartments(lab), door, "drop_offs") == 1, 2, "the drop-off in the statistics")
    result = lab.inject("drop-off", "--station", STATION, "--size", "S", "--carrier", "zto", "--cancel")
    expect(result.returncode == 0 and result.stdout.endswith("cancelled\n"), f"a cancelled one: {result.stdout}{result.stderr}")
    result = lab.inject("recall", "--station", STATION, "--carrier", "zto")
    expect(result.returncode == 0 and result.stdout != "recalled 0\n", f"its courier: {result.stdout}{result.stderr}")
    wait_until(lambda: count(compartments(lab), door, "dispatches") == 1, 2, "the dispatch in the statistics")


def send_a_technician(lab):
    door, code = deposit(lab)
    for task, said in ((("look", "--door", str(door)), "look done"), (("self-test",), "self-test done, 0 doors"),
                       (("release-keypad",), "release-keypad done"), (("audit",), "audit done, ")):
        result = lab.inject("technician", "--station", STATION, "--task", *task)
        expect(result.returncode == 0 and result.stdout.startswith(said), f"{task}: {result.stdout}{result.stderr}")
    result = lab.inject("technician", "--station", STATION, "--task", "take-out", "--door", str(door))
    expect(result.returncode == 1 and "Not possible" in result.stderr, f"take-out: {result.stdout}{result.stderr}")
    result = lab.inject("technician", "--station", STATION, "--task", "look")
    expect(result.returncode == 2 and "door" in result.stderr, f"look at no door: {result.stdout}{result.stderr}")
    result = lab.inject("collect", "--station", STATION, "--code", code)
    expect_equal(result.stdout.split()[:2], ["compartment", str(door)], "the door after a technician's look")


def operate(lab, *arguments):
    return lab.run("cubby", "operate", *arguments, "--station", STATION, "--http", f"127.0.0.1:{lab.http}")


def give_orders(lab):
    door, code = deposit(lab)
    result = operate(lab, "open", "--door", str(door))
    expect_equal((result.returncode, result.stdout), (0, "done\n"), f"a door opened from afar ({result.stderr})")
    wait_until(lambda: operate(lab, "settle", "--door", str(door), "--inside", "yes").returncode == 0, 10, "the door to be shut")
    result = operate(lab, "block", "--door", str(door))
    expect(result.returncode == 1 and "not in a state" in result.stderr, f"blocking an occupied one: {result.stdout}{result.stderr}")
    expect_equal(operate(lab, "reissue", "--door", str(door)).returncode, 0, "a new code")
    result = lab.inject("collect", "--station", STATION, "--code", code)
    expect_equal(result.returncode, 1, "collecting with the code of before")
    expect_equal(operate(lab, "expire", "--door", str(door)).returncode, 0, "the end of a retention period")
    expect_equal(operate(lab, "release-keypad").returncode, 0, "the keypad's release")
    expect("recalled" in lab.inject("recall", "--station", STATION, "--carrier", "sf").stdout, "its courier")
    result = operate(lab, "reserve", "--size", "S", "--carrier", "sf", "--for", "2h")
    expect(result.stdout.startswith("done: compartment "), f"a reservation: {result.stdout}{result.stderr}")
    kept = int(result.stdout.split()[-1])
    result = lab.inject("deposit", "--station", STATION, "--size", "S", "--carrier", "yto")
    expect(int(result.stdout.split()[1]) != kept, "another brand got the reserved door")
    result = lab.inject("deposit", "--station", STATION, "--size", "S", "--carrier", "sf")
    expect_equal(int(result.stdout.split()[1]), kept, "the brand's own door")
    result = operate(lab, "release", "--door", str(kept))
    expect(result.returncode == 1 and "not in a state" in result.stderr, f"a reservation that is over: {result.stderr}")
    result = operate(lab, "reserve", "--size", "S", "--carrier", "sf", "--for", "5s")
    expect(result.returncode == 1 and "ttl_s must be" in result.stderr, f"too short: {result.stdout}{result.stderr}")
    result = lab.run("cubby", "operate", "open", "--station", "SX-NO-0001", "--door", "1", "--http", f"127.0.0.1:{lab.http}")
    expect(result.returncode == 1 and "no such station" in result.stderr, f"an unknown station: {result.stderr}")
    result = operate(lab, "open", "--door", "191")
    expect(result.returncode == 1 and "no such compartment" in result.stderr, f"an unknown door: {result.stderr}")


def change_rules(lab):
    rules = json.loads(operate(lab, "configure").stdout)
    expect(rules["retention_h"] >= 1 and "brands" in rules, f"the rules in force: {rules}")
    result = operate(lab, "configure", "--retention", "100h", "--brand", "yto:share=1")
    expect_equal((result.returncode, result.stdout), (0, "done\n"), f"a change of rules ({result.stderr})")
    wait_until(lambda: json.loads(operate(lab, "configure").stdout)["retention_h"] == 100, 10, "the new rules to be told")
    told = json.loads(operate(lab, "configure").stdout)
    kept = [brand for brand in rules["brands"] if brand["carrier"] != "yto"]
    expect_equal(sorted(told["brands"], key=str), sorted(kept + [{"carrier": "yto", "share_percent": 1}], key=str), "the brands")
    expect_equal(told["upsizing_steps"], rules["upsizing_steps"], "what was not changed")
    lab.inject("fault", "--station", STATION, "--kind", "power-cut")
    result = operate(lab, "configure", "--brand", "yto:share=5,guaranteed=6")
    expect(result.returncode == 1 and "rules.brands[" in result.stderr, f"more kept than shared: {result.stdout}{result.stderr}")
    wait_until(lambda: operate(lab, "configure", "--without-brand", "yto").returncode == 0, 20, "the station to be back with its rules")
    expect_equal(json.loads(operate(lab, "configure").stdout)["retention_h"], 100, "the rules after a power cut")


def ask_for_a_low_door(lab):
    result = lab.inject("deposit", "--station", STATION, "--size", "S", "--low-door")
    expect_equal(result.returncode, 0, f"a deposit behind a low door: {result.stdout}{result.stderr}; exit code")
    door = int(result.stdout.split()[1])
    lower_edge_cm = 20 + (door - 1) % 11 * 16  # As emulator/fleet/station_builder.cpp builds its columns.
    expect(38 <= lower_edge_cm <= 122, f"a low door: {door} begins at {lower_edge_cm} cm")


def collect_a_group(lab):
    codes = set()
    for _ in range(2):
        result = lab.inject("deposit", "--station", STATION, "--size", "S", "--carrier", "jd", "--recipient", "a1")
        expect_equal(result.returncode, 0, f"a deposit for a recipient: {result.stdout}{result.stderr}; exit code")
        codes.add(result.stdout.split()[3])
    expect_equal(len(codes), 1, "codes of two parcels for one recipient")
    result = lab.inject("collect", "--station", STATION, "--code", codes.pop(), "--scan")
    expect("collected 2 parcels" in result.stdout, f"collecting a group: {result.stdout}{result.stderr}")


def strike_with_faults(lab):
    """Power cuts while the courier stands before the open door, a jam and a lost link."""
    for round_number in range(thorough(6, 30)):
        station = f"SX-TY-{round_number % 6 + 1:04d}"
        courier = lab.begin("cubby", "inject", "deposit", "--control", f"127.0.0.1:{lab.control}", "--station", station,
                            "--size", "S", "--carrier", "sf")
        time.sleep(0.1 * (round_number % 5))
        cut = lab.inject("fault", "--station", station, "--kind", "power-cut", "--for", f"{5 * (round_number % 3 + 1)}s")
        expect_equal(cut.returncode, 0, f"inject power-cut: {cut.stdout}{cut.stderr}; exit code")
        courier.wait(150)  # Whatever it says: the parcel is in, or the courier was sent away.

    jam = lab.inject("fault", "--station", "SX-DT-0001", "--kind", "jam", "--door", "1", "--for", "10m")
    expect_equal(jam.returncode, 0, f"inject jam: {jam.stdout}{jam.stderr}; exit code")
    down = lab.inject("fault", "--station", "SX-DT-0002", "--kind", "link-down", "--for", "5m")
    expect_equal(down.returncode, 0, f"inject link-down: {down.stdout}{down.stderr}; exit code")
    door, _ = deposit(lab, "SX-DT-0002", offline=True)
    # Five minutes at sixty times real time are five seconds; then what was kept at the station arrives.
    wait_until(lambda: count(compartments(lab, "SX-DT-0002"), door, "deposits") > 0, 60, "the deposit made while offline")

    for kind in ("board-silent", "force"):
        result = lab.inject("fault", "--station", "SX-DT-0003", "--kind", kind, "--door", "3", "--for", "3m")
        expect_equal(result.returncode, 0, f"inject {kind}: {result.stdout}{result.stderr}; exit code")
    rot = lab.inject("fault", "--station", STATION, "--kind", "bit-rot", "--for", "10m")
    expect_equal(rot.returncode, 1, "a fault that does not exist yet: exit code")
    expect("not supported" in rot.stdout + rot.stderr, f"says not supported: {rot.stdout}{rot.stderr}")


def run(lab):
    aggregator = lab.aggregator()
    emulator = lab.live_emulator("--stations", "50", "--speed", "60", "--seed", "11")
    wait_until(lambda: len(lab.stats("--by", "station")) == 50, 60, "all stations to report")
    collect_with_wrong_and_right_code(lab)
    change_size_cancel_and_refuse(lab)
    drop_off_and_dispatch(lab)
    give_orders(lab)
    change_rules(lab)
    send_a_technician(lab)
    ask_for_a_low_door(lab)
    collect_a_group(lab)
    strike_with_faults(lab)
    expect_equal(emulator.stop(signal_number=signal.SIGINT), 0, "Ctrl-C of the emulator: exit code")
    last_line = lab.verify()
    expect(last_line.startswith("verify: exact"), f"verify: {last_line}")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    print(last_line)


main("live", run)
