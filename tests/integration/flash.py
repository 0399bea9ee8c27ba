#!/usr/bin/python3
"""`cubby flash` on journals of an emulated fleet, after kill -9 and at the end: nothing is wrong with any of them, and each station's
events are those that the centre has, to the last link of the chain.
"""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from journals import marks, exported  # noqa: E402
from programs import expect, expect_equal, main, thorough, wait_until  # noqa: E402

STATIONS = thorough(20, 60)


def pull(lab, station, out):
    return lab.run("cubby", "flash", "pull", "--state", str(lab.folder / "state"), "--station", station, "--out", str(out))


def look_at(lab, station, image):
    """The image is as it was after it has been looked at in every way; what `inspect` says of it."""
    before = image.read_bytes()
    verdict = lab.run("cubby", "flash", "verify", str(image))
    expect_equal((verdict.returncode, verdict.stdout), (0, ""), f"flash verify of {station}")
    told = lab.run("cubby", "flash", "inspect", str(image), "--format", "json")
    expect_equal(told.returncode, 0, f"flash inspect of {station}: {told.stderr}; exit code")
    expect(image.read_bytes() == before, "the image was changed")
    return json.loads(told.stdout)


def kill_and_look(lab, options):
    """No process closes the state, and nobody else opens it for writing before it is read."""
    emulator = lab.emulator(*options, "--days", "40")
    state = lab.folder / "state/state.db"
    wait_until(lambda: state.exists() or not emulator.running(), 30, "the emulator to make its state", every=0.01)
    time.sleep(0.3)
    expect(emulator.running(), f"the run was over before it could be killed:\n{emulator.tail()}")
    beside = pull(lab, "SX-TY-0001", lab.folder / "beside")
    expect_equal((beside.returncode, "an emulator is using it" in beside.stderr), (1, True), f"pull beside an emulator: {beside.stderr}")
    emulator.kill()
    image = lab.folder / "killed"
    result = pull(lab, "SX-TY-0001", image)
    expect_equal(result.returncode, 0, f"pull after kill -9: {result.stderr}; exit code")
    look_at(lab, "SX-TY-0001", image)


def look_at_all(lab):
    events = boots = 0
    deposits = {row["station"]: int(row["deposits"]) for row in lab.stats("--by", "station")}
    for station, (seq, chain) in marks(lab.store).items():
        image = lab.folder / station
        result = pull(lab, station, image)
        expect_equal(result.returncode, 0, f"pull of {station}: {result.stderr}; exit code")
        expect("erased" in result.stdout, f"pull does not say what the sectors have worn: {result.stdout}")
        history = look_at(lab, station, image)["history"]
        lines = exported(lab, image)
        expect_equal([int(line["seq"]) for line in lines], list(range(1, seq + 1)), f"{station}: exported events")
        expect_equal(int(lines[-1]["chain"]), chain, f"{station}: chain of event {seq}")
        expect_equal(int(history["acknowledged"]["seq"]), seq, f"{station}: acknowledgement mark")
        expect_equal(sum("deposited" in line["event"] for line in lines), deposits[station], f"{station}: deposits")
        events += seq
        boots += history["boots"]
    return events, boots


def run(lab):
    aggregator = lab.aggregator()
    options = ["--stations", str(STATIONS), "--speed", "max", "--seed", "5", "--state", str(lab.folder / "state")]
    kill_and_look(lab, options)
    expect_equal(lab.emulator(*options, "--days", "4").wait(300), 0, "the resumed emulator: exit code")
    events, boots = look_at_all(lab)
    expect(events > 100 * STATIONS and boots > STATIONS, f"{events} events and {boots} boots prove too little")
    missing = pull(lab, "SX-XX-0001", lab.folder / "missing")
    expect_equal((missing.returncode, (lab.folder / "missing").exists()), (1, False), "pull of a station that is not there")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    print(f"{STATIONS} stations, {events} events, {boots} boots")


main("flash", run)
