#!/usr/bin/python3
"""Plays every actor at one emulated station, key by key, and holds docs/tour.md against what the programs print.

Usage: tour.py FOLDER_OF_THE_PROGRAMS             the test
       UPDATE_GOLDEN=1 tour.py FOLDER             writes docs/tour.md anew; read what changed

Keys and seed are fixed, nobody else comes (the station's time is past midnight), and ages of tones are left out: the same text each time.
"""
import difflib
import os
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import ROOT, expect, expect_equal, main, wait_until  # noqa: E402

PAGE = ROOT / "docs/tour.md"
STATION = "SX-TY-0001"
FLEET_KEY = "5a" * 32  # Codes follow from it; a tour needs no secret.
NEXT_DOOR = "32"  # The small door that is next in turn when the audit's story begins.
SPEED = 4


class Tour:
    def __init__(self, lab):
        self.lab = lab
        self.page = []

    def say(self, text):
        self.page.append(text.strip() + "\n")

    def run(self, *words):
        """Runs `cubby WORDS` and prints it as a reader would type it."""
        where = ["--http", f"127.0.0.1:{self.lab.http}"] if words[0] in ("stats", "operate") else ["--control", f"127.0.0.1:{self.lab.control}"]
        result = self.lab.run("cubby", *words, *where, seconds=60)
        expect_equal(result.returncode, 0, f"cubby {' '.join(words)}: {result.stdout}{result.stderr}; exit code")
        shown = re.sub(r"^(buzzer +\w+), \d+ s ago$", r"\1", result.stdout, flags=re.MULTILINE)
        # Means and quantiles are of seconds that a loaded machine makes longer.
        shown = re.sub(r"(?<= )\d+\.\d+(?= |$)", lambda number: "<n>".rjust(len(number[0])), shown, flags=re.MULTILINE)
        shown = re.sub(r"^newest event \S+,", "newest event <time>,", shown, flags=re.MULTILINE)
        self.page.append(f"```console\n$ cubby {' '.join(words)}\n{shown.rstrip()}\n```\n")
        return shown

    def panel(self, *move):
        return self.run("panel", "--station", STATION, *move)

    def look_at(self, screen):
        """At the panel once it shows that, behind what was brief."""
        wait_until(lambda: f"screen  {screen}\n" in self.look(), 20, f"the panel to show {screen}")
        return self.panel()

    def look(self):
        return self.lab.run("cubby", "panel", "--station", STATION, "--control", f"127.0.0.1:{self.lab.control}").stdout

    def open_door(self, shown):
        found = re.search(r"^open +(\d+)$", shown, re.MULTILINE)
        expect(found is not None, f"a door stands open: {shown}")
        return found.group(1)

    def wait_for_code(self, door):
        def told():
            return re.search(rf"^code +(\d{{8}}) .* door {door}$", self.look(), re.MULTILINE)
        return wait_until(told, 30, "the recipient to be told a code").group(1)


def wrong_size(tour):
    tour.say("## A deposit with a wrong size\n\nThe courier scans the pass and the parcel and asks for a small door. The station's language is "
             "Chinese; `G` asks for English.")
    tour.panel("--courier", "sf")
    tour.panel("--keys", "G")
    tour.panel("--scan", "RB473124829CN")
    first = tour.open_door(tour.panel("--keys", "S"))
    tour.say(f"The parcel does not fit. A size key at the open door asks for another one, for the same parcel; door {first} must be shut first. "
             "Nothing was put in, so nothing is booked there.")
    tour.panel("--keys", "M")
    second = tour.open_door(tour.panel("--shut", first))
    tour.panel("--put", second)
    tour.panel("--shut", second)
    return second


def cancel(tour):
    tour.say("## A cancel\n\nThe next parcel is damaged: the courier takes it along again. `*` at the open door, then shut.")
    tour.panel("--scan", "RB473124832CN")
    door = tour.open_door(tour.panel("--keys", "S"))
    tour.panel("--keys", "*")
    tour.panel("--shut", door)
    tour.panel("--keys", "*")


def refusal(tour, door):
    code = tour.wait_for_code(door)
    tour.say(f"## A refusal\n\nThe recipient was told the code {code}, which the controller never shows. With the door open, `N` leaves the parcel "
             "inside: it was not ordered, or it is broken.")
    tour.panel("--keys", code + "#")
    tour.panel("--keys", "N")
    tour.panel("--shut", door)
    tour.say("The code is dead from then on; that is a wrong code like any other, and counted.")
    tour.panel("--keys", code + "#")


def drop_off(tour):
    tour.say("## A return\n\nA sender has a pass for one parcel of one brand at one station.")
    tour.panel("--sender", "sf")
    tour.panel("--scan", "RB473124846CN")
    door = tour.open_door(tour.panel("--keys", "S"))
    tour.panel("--put", door)
    tour.panel("--shut", door)
    return door


def recall(tour):
    tour.say("## A recall\n\nThe courier comes again. `R` opens every door with something to take along, one after the other: what is overdue, "
             "what was refused, what senders dropped off.")
    tour.panel("--courier", "sf")
    shown = tour.panel("--keys", "R")
    for _ in range(2):
        door = tour.open_door(shown)
        tour.panel("--take", door)
        shown = tour.panel("--shut", door)
    tour.panel("--keys", "*")


def jam_and_audit(tour):
    tour.say("## An audit\n\nThe bolt of the next door does not release. The station makes three attempts, each written down before its pulse and "
             "two seconds apart, then takes the door out of service and opens another for the parcel.")
    tour.run("inject", "fault", "--station", STATION, "--door", NEXT_DOOR, "--kind", "jam", "--for", "2m")
    jammed_at = time.monotonic()
    tour.panel("--courier", "sf")
    tour.panel("--scan", "RB473124850CN")
    tour.panel("--keys", "S")
    door = tour.open_door(tour.look_at("PUT_IN"))
    tour.panel("--put", door)
    tour.panel("--shut", door)
    tour.panel("--keys", "*")
    time.sleep(max(0.0, jammed_at + 120 / SPEED + 1 - time.monotonic()))
    tour.say("A technician, with a personal pass of a quarter of an hour, goes through all that is disputed or out of service. `#` would look inside; "
             "`5` puts an empty one back into service.")
    tour.panel("--technician", "li")
    tour.panel("--keys", "G")
    expect(f"Door {NEXT_DOOR}:" in tour.panel("--keys", "1"), "the audit begins at the door that jammed")
    tour.panel("--keys", "5")
    tour.panel("--keys", "*")


def books(tour):
    tour.say("## What the centre knows\n\nIt was told by the stations' events alone.")
    wait_until(lambda: sum(row["recalls"] for row in tour.lab.stats("--by", "compartment", "--station", STATION)) == 1, 30, "the recall to be reported")
    tour.run("stats", "--by", "station", "--station", STATION)


def run(lab):
    lab.home.mkdir(mode=0o700)
    (lab.home / "fleet.key").write_text(FLEET_KEY + "\n")
    (lab.home / "fleet.key").chmod(0o600)
    aggregator = lab.aggregator()
    emulator = lab.live_emulator("--stations", "1", "--speed", str(SPEED), "--seed", "11", "--start", "2025-03-02T16:00:00Z")
    wait_until(lambda: len(lab.stats("--by", "station")) == 1, 60, "the station to report")
    tour = Tour(lab)
    tour.say("# A tour of the front panel\n\nMade by `tests/integration/tour.py`, which runs it against the programs; a test compares. Every command stands as "
             "typed, without the ports. `cubby inject` plays the same errands in one command each (`cubby inject --help`).")
    door = wrong_size(tour)
    cancel(tour)
    refusal(tour, door)
    drop_off(tour)
    recall(tour)
    jam_and_audit(tour)
    books(tour)
    expect_equal(emulator.stop(), 0, "stopping the emulator: exit code")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    tour.say(f"And the proof, against what people and doors really did: `cubby verify` says `{lab.verify()}`.")

    page = "\n".join(tour.page)
    if os.environ.get("UPDATE_GOLDEN") == "1":
        PAGE.write_text(page, encoding="utf-8")
    kept = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    difference = list(difflib.unified_diff(kept.splitlines(), page.splitlines(), "docs/tour.md", "what the programs print", lineterm=""))
    expect(not difference, "\n".join(difference[:40]) + "\nif it is meant: UPDATE_GOLDEN=1 tests/integration/tour.py build/dev/bin")
    print(f"docs/tour.md: {page.count('$ cubby')} commands print what stands there")


main("tour", run)
