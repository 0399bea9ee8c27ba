#!/usr/bin/python3
"""A controller in lock-step: the program of the host through the command line, then the image for the microcontroller on
an emulated board through all of cubby_lockstep_compare.

Usage: lockstep.py BIN_FOLDER          with the images' folder in CUBBY_IMAGES
"""
import os
import shlex
import sys

import board
from board import expect
from programs import expect_equal, main

FLEET = ["--profile", "town", "--stations", "2", "--seed", "7", "--threads", "2"]
SAME = ("deposits", "collections", "events", "bus_frames", "bus_idle_frames", "flash_operations", "flash_bytes", "frames_up", "ticks",
        "trace_hash")


def live(lab, days, *more):
    result = lab.run("cubby-emulator", *FLEET, "--speed", "max", "--days", str(days), "--report", str(lab.report), "--ledger", str(lab.ledger), *more)
    expect_equal(result.returncode, 0, f"{days} day(s) with {more}: {result.stderr.strip()}")
    report = lab.read_report()
    return {name: report[name] for name in SAME} | {"ledger": lab.ledger.read_text()}


def refused(lab, words, *arguments, speed="max"):
    result = lab.run("cubby-emulator", *FLEET, "--speed", speed, "--days", "1", *arguments)
    expect(result.returncode in (1, 2) and words in result.stderr, f"{arguments}: exit code {result.returncode}, {result.stderr.strip()}")
    return result.returncode


def check_command_line(lab, guest):
    local = live(lab, 1)
    expect(local["deposits"] > 0, f"a day without parcels proves nothing: {local}")
    for _ in range(2):
        expect_equal(live(lab, 1, "--guest", guest), local, "the day of a guest on the host")
    # A state that a run with a guest has left is gone on from without one, and the other way round.
    second_days = []
    for name, first, second in (("one", ["--guest", guest], []), ("two", [], ["--guest", guest])):
        state = ["--state", str(lab.folder / name)]
        live(lab, 1, *first, *state)
        second_days.append(live(lab, 2, *second, *state))
    expect_equal(second_days[1], second_days[0], "the second day of a guest")

    expect_equal(refused(lab, "it has ended", "--guest", "exit 3"), 1, "a guest that ends: exit code")
    refused(lab, "it sent a frame that is too long or does not verify", "--guest", "yes")
    refused(lab, "it said nothing for longer than it may", "--guest", "sleep 60", "--guest-silence", "1")
    expect_equal(refused(lab, "give --speed max", "--guest", guest, speed="1"), 2, "a guest in real time: exit code")


def run(lab):
    check_command_line(lab, f"exec {shlex.quote(str(lab.binary('cubby-lockstep-guest')))}")
    image = board.image(os.environ["CUBBY_IMAGES"], "cubby-cortex-m3-lockstep")
    guest = "exec " + shlex.join(board.command(image, ["stdio"]))
    lab.environment["CUBBY_GUEST"] = guest
    tests = lab.run("cubby_lockstep_compare", "--gtest_brief=1", seconds=3000)
    print(tests.stdout, end="")
    expect_equal(tests.returncode, 0, f"cubby_lockstep_compare on the board: {tests.stderr.strip()}")
    expect("'cortex-m3'" in tests.stdout, "no guest said that it is the board")


main("lockstep", run)
