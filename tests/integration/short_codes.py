#!/usr/bin/python3
"""A fleet whose codes have six digits: `cubby inject` needs the second input and says so, `cubby panel` asks for it, a
trace collects, and the books are exact at the end.
"""
import pathlib
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main  # noqa: E402

STATION = ("--station", "SX-TY-0001")


def trace(lab, step_min):
    """A parcel that is collected and one that is refused and recalled, a step of so many minutes each."""
    rows = ["deposit,P80004711,sf,S", "deposit,P80004712,sf,S", "collect,P80004711,sf,", "refuse,P80004712,sf,", "recall,,sf,"]
    file = lab.folder / f"trace_{step_min}.csv"
    file.write_text("time,station,action,parcel,carrier,size\n"
                    + "".join(f"{i * step_min}m,{STATION[1]},{row}\n" for i, row in enumerate(rows)))
    return str(file)


def deposit(lab, parcel):
    result = lab.inject("deposit", *STATION, "--size", "S", "--parcel", parcel)
    told = re.fullmatch(r"compartment (\d+)\ncode        (\d{6})\nsecond      (\d{4})\n", result.stdout)
    expect(result.returncode == 0 and told, f"inject deposit: {result.stdout}{result.stderr}")
    return told.groups()


def refused(lab, code, words, *arguments):
    result = lab.inject(*arguments)
    expect(result.returncode == code and words in result.stderr, f"{arguments}: {result.returncode} {result.stderr}")


def by_errands(lab):
    door, code, second = deposit(lab, "RB473124829CN")
    expect_equal(second, "4829", "second input of RB473124829CN")
    for verb in ("collect", "refuse"):
        refused(lab, 2, "needs a second input", verb, *STATION, "--code", code)
        refused(lab, 2, "a second input: 4 digits", verb, *STATION, "--code", code, "--second", "48290")
        refused(lab, 2, "a code of 6 digits only", verb, *STATION, "--code", "12345678", "--second", second)
    for scan in ((), ("--scan",)):
        refused(lab, 1, "Wrong code", "collect", *STATION, "--code", code, "--second", "4820", *scan)
    result = lab.inject("collect", *STATION, "--code", code, "--second", second)
    expect(f"compartment {door}\n" in result.stdout, f"typing both: {result.stdout}{result.stderr}")
    door, code, second = deposit(lab, "P1")
    result = lab.inject("collect", *STATION, "--code", code, "--second", second, "--scan")
    expect(f"compartment {door}\n" in result.stdout, f"a scan of both: {result.stdout}{result.stderr}")
    door, code, second = deposit(lab, "P22")
    result = lab.inject("refuse", *STATION, "--code", code, "--second", second)
    expect(f"compartment {door}\nrefused" in result.stdout, f"a refusal: {result.stdout}{result.stderr}")


def by_hand(lab):
    def panel(*move):
        return lab.run("cubby", "panel", "--control", f"127.0.0.1:{lab.control}", *STATION, *move).stdout

    door, code, second = deposit(lab, "RB473124829CN")
    expect("screen  SECOND_INPUT" in panel("--keys", f"*{code}#"), "the panel asks for the second input")
    expect("screen  TAKE_OUT" in panel("--keys", f"{second}#"), "both are right")
    panel("--take", door)
    panel("--shut", door)


def at_full_speed(lab):
    result = lab.run("cubby-emulator", "--profile", "shanxi", "--stations", "1", "--speed", "max", "--days", "0.1", "--seed", "5",
                     "--no-demand", "--report-every", "0", "--code-digits", "6", "--trace", trace(lab, 15))
    for line in ("deposits      2", "collections   1", "recalls       1"):
        expect(line in result.stdout, f"a trace at full speed: {result.stdout}{result.stderr}")


def run(lab):
    at_full_speed(lab)
    aggregator = lab.aggregator()
    # From midnight on: nobody else comes before the test is over.
    emulator = lab.live_emulator("--stations", "2", "--speed", "30", "--seed", "11", "--start", "2025-03-02T16:00:00Z",
                                 "--code-digits", "6")
    by_errands(lab)
    by_hand(lab)
    result = lab.inject("replay", trace(lab, 2))
    expect(result.returncode == 0 and "replayed 5" in result.stdout, f"replay: {result.stdout}{result.stderr}")
    expect_equal(emulator.stop(signal_number=signal.SIGINT), 0, "Ctrl-C of the emulator: exit code")
    last_line = lab.verify()
    expect(last_line.startswith("verify: exact"), f"verify: {last_line}")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    print(last_line)


main("short_codes", run)
