#!/usr/bin/python3
"""The microcontroller's image in real time: it reports to an unmodified aggregator, drives emulated lock boards, and people stand at
its panel. Deposits, wrong codes, pickups, a jam, a power cut with a door open, a supply that fails, an aggregator that goes away.
The aggregator's statistics are what was done here, no more and no less; the stack that was used is measured by its paint.

Usage: live.py FOLDER_OF_THE_PROGRAMS   (CUBBY_IMAGES: the folder of the images)
"""
import os
import signal

import board
from station import ImageStation
from controller import Family, compare, jam, serve_people
from journals import exported, marks
from programs import THOROUGH, expect, expect_equal, main, thorough, wait_until

FLEET = 2  # Emulated stations that report to the same aggregator.
P2 = [Family("p2:0:12", 'family = "p2"\naddress = 0\nchannels = 12', 12, None)]
MIXED = [Family("p5:1:8", 'family = "p5"\naddress = 1\nchannels = 8', 8, None),
         Family("p1:1:8", 'family = "p1"\naddress = 1\nchannels = 8', 8, None)]


def cut_in_mid_deposit(station, size):
    """The power goes while a courier stands before an open door: the door is not opened again, the parcel is not lost."""
    door, code = station.deposit(size)
    parcel = station.begin_deposit(size)
    open_door, _ = station.panel.wait("PUT_IN")
    before = station.openings()
    station.cut()
    station.start()
    station.order("put", open_door)
    station.shut(open_door)
    station.count("deposits", open_door)
    station.collect(door, code)
    opened = {it: number - before[it] for it, number in station.openings().items()}
    expect_equal(opened, {it: int(it == door) for it in before}, "how often each door was opened after the cut")
    station.collect(open_door, station.notifier.code(parcel, 60))


def fail_the_supply(station, size):
    """While the supply fails nothing is pulsed; afterwards everything is as it was."""
    door, code = station.deposit(size)
    before = station.openings()
    station.set_supply(2)
    station.panel.type_code(code)
    station.panel.wait("OUT_OF_SERVICE")
    expect_equal(station.openings(), before, "openings while the supply failed")
    station.set_supply(0)
    station.collect(door, code)


def lose_the_centre(station, aggregator, size):
    """The aggregator goes away; the cabinet serves, and tells all of it when there is one again."""
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    parcel = station.begin_deposit(size)
    door = station.finish_deposit()
    aggregator = station.lab.aggregator()
    station.collect(door, station.notifier.code(parcel, 120))
    return aggregator


def inject(station):
    """`cubby inject` as the person: at the board's panel, in place of this test."""
    station.panel.close()
    panel = ["--station", station.station, "--panel", f"127.0.0.1:{station.panel_port}", "--boards", str(station.control)]
    done = station.lab.run("cubby", "inject", "deposit", *panel, "--size", "M", "--parcel", "INJECTED1", seconds=60)
    expect_equal((done.returncode, done.stdout.split()[:1]), (0, ["compartment"]), f"inject deposit: {done.stdout}{done.stderr}")
    door = int(done.stdout.split()[1])
    station.count("deposits", door)
    wrong = station.lab.run("cubby", "inject", "collect", *panel, "--code", "00000000", seconds=60)
    expect_equal((wrong.returncode, "WRONG_CODE" in wrong.stderr), (1, True), f"inject collect: {wrong.stderr}")
    station.done["wrong_codes"] += 1
    done = station.lab.run("cubby", "inject", "collect", *panel, "--code", station.notifier.code("INJECTED1"), seconds=60)
    expect_equal((done.returncode, done.stdout), (0, f"compartment {door}\ncollected\n"), f"inject collect: {done.stderr}")
    station.count("collections", door)
    station.panel.connect()


def look_at_page(station):
    """It holds keys: only its owner may read it, and none is written over another."""
    expect_equal(station.page.stat().st_mode & 0o777, 0o600, "mode of the station page")
    before = station.page.read_bytes()
    again = station.lab.run("cubby-controller", "--config", str(station.config), "--write-station-page", str(station.page))
    expect_equal((again.returncode, station.page.read_bytes()), (1, before), f"a second station page: {again.stderr}")
    said = station.said()
    for secret in (station.pass_key.hex(), station.notifier.key.hex(), "PARCEL", *station.codes):
        expect(secret not in said, "a key, a parcel or a code is on the console")


def look_into_flash(station):
    journal = station.journal()
    verdict = station.lab.run("cubby", "flash", "verify", str(journal))
    expect_equal((verdict.returncode, verdict.stdout + verdict.stderr), (0, ""), "flash verify of the journal")
    seq, chain = marks(station.lab.store)[station.station]
    events = exported(station.lab, journal)
    expect_equal((int(events[seq - 1]["seq"]), int(events[seq - 1]["chain"])), (seq, chain), "the event that was acknowledged last")


def run(lab):
    image = board.image(os.environ.get("CUBBY_IMAGES", board.IMAGES), "cubby-cortex-m3")
    aggregator = lab.aggregator()
    fleet = lab.live_emulator("--stations", str(FLEET), "--no-demand")
    wait_until(lambda: len(lab.stats("--by", "station")) == FLEET, 60, "the fleet to report")
    station = ImageStation(lab, image, "TEST-CORTEX-0001", MIXED, 9600).set_up()
    try:
        station.start()
        expect_equal(station.panel.language, 1, "the language that the panel was told")
        wait_until(lambda: len(lab.stats("--by", "station")) == FLEET + 1, 20, "the station to be one more row beside the fleet's")
        for size in "SM"[:thorough(1, 2)]:
            serve_people(station, size)
        jam(station, "S")
        inject(station)
        cut_in_mid_deposit(station, "S")
        fail_the_supply(station, "M")
        if THOROUGH:  # It takes the deadlines of the uplink.
            aggregator = lose_the_centre(station, aggregator, "S")
        compare(station)
        used, size = station.stack_used()
        expect(used < size, f"the stack was used to its end: {used} of {size} bytes")
        station.cut()
        look_into_flash(station)
        look_at_page(station)
    finally:
        station.boards.process.kill()
        station.boards.process.wait()
    expect_equal(fleet.stop(60, signal.SIGINT), 0, "Ctrl-C of the fleet: exit code")
    result = lab.run("cubby", "verify", "--store", str(lab.store))
    expect_equal((result.returncode, result.stdout.strip().splitlines()[-1]), (0, "verify: exact"), f"cubby verify: {result.stdout}")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    print(f"{dict(station.done)}, verify: exact; stack {used} of {size} bytes")


if __name__ == "__main__":
    main("qemu-live", run)
