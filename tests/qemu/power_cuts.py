#!/usr/bin/python3
"""Cuts the power of the microcontroller's image at random instructions: while it boots, while it writes its flash, while people stand
before open doors. QEMU is killed (power_cut.cpp), and what its flash then holds is what the next boot gets.

After each cut: `cubby flash verify` finds nothing wrong; what the aggregator has acknowledged is in the journal, to the chain; no event
of an earlier boot is gone or another; each deposit that the panel has confirmed is in the journal; no door opened that nobody asked
for. At the end the books are exact.

Usage: power_cuts.py FOLDER_OF_THE_PROGRAMS
  CUBBY_IMAGES  folder of the images
  CUBBY_CUTS    how many cuts (else 4, with CUBBY_THOROUGH=1 20, with CUBBY_NIGHTLY=1 200)
  CUBBY_SEED    at which instructions the cuts come and what people do (else a random one, which is printed first); what a board has
                done by then hangs on this machine's time, too
"""
import collections
import os
import random
import secrets
import signal
import sys
import time

import board
from station import ImageStation
from controller import Family
from journals import exported, marks
from programs import Failure, expect, expect_equal, main, thorough, wait_until

# Doors enough for those that a cut leaves in doubt: nobody comes to settle them here.
BOARDS = [Family(f"p1:{address}:{doors}", f'family = "p1"\naddress = {address}\nchannels = {doors}', doors, None)
          for address, doors in ((1, 50), (2, 50), (3, 50), (4, 32))]
# In instructions since the start. A boot that finds a journal takes some 900,000 until it serves, and a second with people 600,000.
BOOT_ENDS, LATEST_CUT = 900_000, 8_000_000
CUT_WITHIN_S = 60
POWER_CUT = "cubby_qemu_power_cut.so"
BACK_WITHIN_S = 40


class Person:
    """Deposits, collects and mistypes until the power goes. Knows what the panel has confirmed, and nothing else."""

    def __init__(self, station, dice):
        self.station, self.dice = station, dice
        self.inside = {}       # Door: parcel, as confirmed.
        self.confirmed = []    # Parcels whose deposit the panel has confirmed.
        self.begun = collections.Counter()
        self.asked_to_open = 0

    def live(self, seconds):
        """Until the panel's line breaks."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.inside and self.dice.random() < 0.5:
                self.collect()
            elif self.dice.random() < 0.2:
                self.mistype()
            else:
                self.deposit()
        raise Failure(f"the power is still there after {seconds} s")

    def deposit(self):
        station, size = self.station, self.dice.choice("SSSMMMLLLX")
        self.begun["deposits"] += 1
        self.asked_to_open += 1
        parcel = station.begin_deposit(size)
        door, _ = station.panel.wait("PUT_IN")
        station.order("put", door)
        station.shut(door)
        station.panel.wait("STORED")
        self.confirmed.append(parcel)
        self.inside[door] = parcel
        station.done["deposits"] += 1
        station.panel.key("*")
        station.panel.wait("IDLE")

    def collect(self):
        station = self.station
        door = self.dice.choice(sorted(self.inside))
        parcel = self.inside[door]
        code = station.notifier.code(parcel, 30)
        del self.inside[door]  # What becomes of it nobody knows until the panel says so.
        self.begun["collections"] += 1
        self.asked_to_open += 1
        station.panel.type_code(code)
        expect_equal(station.panel.wait("TAKE_OUT")[0], door, f"the door of {parcel}")
        station.order("take", door)
        station.shut(door)
        station.panel.wait("COLLECTED")
        station.done["collections"] += 1
        station.panel.wait("IDLE")

    def mistype(self):
        """Four digits: no guess, so that the keypad is never locked for the others."""
        self.station.panel.type_code("1234")
        self.station.panel.wait("IDLE")

    def leave(self):
        """The power is gone: who has an open door before them shuts it. How many there were."""
        doors = self.station.open_doors()
        for door in doors:
            self.station.shut(door)
        return len(doors)


class Cuts:
    def __init__(self, lab, image, dice):
        self.lab, self.dice = lab, dice
        self.station = ImageStation(lab, image, "TEST-CUTS-0001", BOARDS, 9600).set_up()
        self.person = Person(self.station, dice)
        self.history = {}  # seq: chain, of every event that a boot has shown.
        self.when = collections.Counter()

    def one(self):
        """A boot, life, a cut."""
        station = self.station
        in_boot = self.dice.random() < 0.3
        instruction = self.dice.randint(1, BOOT_ENDS) if in_boot else self.dice.randint(BOOT_ENDS, LATEST_CUT)
        opened, asked = sum(station.openings().values()), self.person.asked_to_open
        station.more = ["-plugin", f"file={station.lab.binary(POWER_CUT)},at={instruction}"]
        station.power_on()
        try:
            station.panel.wait("IDLE", BACK_WITHIN_S)
            self.person.live(CUT_WITHIN_S)
        except (Failure, OSError):
            if not station.ended_within(0.5):  # The panel's line breaks a moment before the process has ended.
                raise
        expect_equal(station.qemu.returncode, -signal.SIGKILL, f"QEMU's end at instruction {instruction}")
        station.cut()
        time.sleep(0.2)  # A bolt that was released has moved, and the boards have said so.
        left_open = self.person.leave()
        self.when["in a boot" if in_boot else "before an open door" if left_open else "else"] += 1
        opened_now = sum(station.openings().values()) - opened
        expect(opened_now <= self.person.asked_to_open - asked, f"{opened_now} doors opened, asked for {self.person.asked_to_open - asked}")
        self.look()

    def look(self):
        """What the flash holds after the cut."""
        station, lab = self.station, self.lab
        journal = station.journal()
        if not station.said().count("serving"):
            return  # Not even formatted once.
        verdict = lab.run("cubby", "flash", "verify", str(journal))
        expect_equal(verdict.returncode, 0, f"flash verify: {verdict.stdout}{verdict.stderr}; exit code")
        events = {int(event["seq"]): event for event in exported(lab, journal)}
        for seq, chain in self.history.items():
            expect(seq not in events or events[seq]["chain"] == chain, f"event {seq} has become another")
        newest = max(events, default=0)
        expect(newest >= max(self.history, default=0), f"the journal ends at {newest}, an earlier boot had {max(self.history, default=0)}")
        self.history.update((seq, event["chain"]) for seq, event in events.items())
        expect_equal(sorted(self.history), list(range(1, newest + 1)), "numbers of the events of all boots")
        acknowledged = marks(lab.store).get(station.station)
        if acknowledged is not None and acknowledged[0]:  # 0: the station is known, and its first event was still on its way.
            expect(newest >= acknowledged[0], f"the aggregator has event {acknowledged[0]}, the journal ends at {newest}")
            expect_equal(int(self.history[acknowledged[0]]), acknowledged[1], "chain at the event acknowledged last")
        known = {body.get(3, b"").decode() for body in station.notifier.named("deposited")}
        known |= {event["event"]["deposited"]["parcel"] for event in events.values() if "deposited" in event["event"]}
        lost = [parcel for parcel in self.person.confirmed if parcel not in known]
        expect(not lost, f"confirmed by the panel and not in the journal: {lost}")

    def finish(self):
        """A last boot: everything arrives, and the books say what happened."""
        station, lab = self.station, self.lab
        station.more = []
        station.power_on()
        station.panel.wait("IDLE", BACK_WITHIN_S)
        newest = max(int(event["seq"]) for event in exported(lab, station.journal()))
        wait_until(lambda: marks(lab.store).get(station.station, (0, 0))[0] >= newest, BACK_WITHIN_S, "the last event to be acknowledged")
        station.cut()
        self.look()
        row = lab.stats("--by", "station", "--station", station.station)[0]
        for what in ("deposits", "collections"):
            expect(station.done[what] <= int(row[what]) <= self.person.begun[what],
                   f"{what}: {row[what]} counted, {station.done[what]} confirmed, {self.person.begun[what]} begun")
        return row


def run(lab):
    cuts = int(os.environ.get("CUBBY_CUTS") or (200 if os.environ.get("CUBBY_NIGHTLY") == "1" else thorough(4, 20)))
    seed = int(os.environ.get("CUBBY_SEED") or secrets.randbelow(2**31))
    print(f"seed {seed}; again: CUBBY_SEED={seed} CUBBY_CUTS={cuts} {' '.join(sys.argv)}", flush=True)
    image = board.image(os.environ.get("CUBBY_IMAGES", board.IMAGES), "cubby-cortex-m3")
    aggregator = lab.aggregator()
    drill = Cuts(lab, image, random.Random(seed))
    try:
        for number in range(cuts):
            try:
                drill.one()
            except Failure as failure:
                raise Failure(f"cut {number + 1}: {failure}") from failure
        row = drill.finish()
    finally:
        drill.station.boards.process.kill()
        drill.station.boards.process.wait()
    result = lab.run("cubby", "verify", "--store", str(lab.store))
    expect_equal((result.returncode, result.stdout.strip().splitlines()[-1]), (0, "verify: exact"), f"cubby verify: {result.stdout}")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    used, size = drill.station.stack_used()
    print(f"{cuts} cuts ({dict(drill.when)}), {len(drill.history)} events, {row['boots']} boots, {row['deposits']} deposits of "
          f"{drill.station.done['deposits']} confirmed and {drill.person.begun['deposits']} begun, {row['collections']} collections, "
          f"verify: exact; stack {used} of {size} bytes")


if __name__ == "__main__":
    main("qemu-power-cuts", run)
