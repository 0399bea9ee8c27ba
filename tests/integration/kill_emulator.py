#!/usr/bin/python3
"""kill -9 of an emulator that keeps its state: it resumes, and the books of the whole run are exact."""
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main, thorough  # noqa: E402

KILLS = thorough(10, 30)


def run(lab):
    seed = random.randrange(2**32)
    print(f"seed of the kills' times: {seed}", flush=True)
    rng = random.Random(seed)
    aggregator = lab.aggregator()
    options = ["--stations", "100", "--days", str(thorough(10, 40)), "--speed", "max", "--seed", "9", "--state",
               str(lab.folder / "state")]
    killed = 0
    while True:
        emulator = lab.emulator(*options)
        if killed == KILLS:
            break
        deadline = time.monotonic() + rng.uniform(0.2, 2.5)
        while emulator.running() and time.monotonic() < deadline:
            time.sleep(0.01)
        if not emulator.running():
            break
        emulator.kill()
        killed += 1
    expect_equal(emulator.wait(300), 0, "the resumed emulator: exit code")
    expect(killed >= 3, f"only {killed} kills before the run was over: it proves too little")
    last_line = lab.verify()
    expect_equal(last_line, "verify: exact", "after the kills")
    report = lab.read_report()
    expect(report["deposits"] > 0 and report["collections"] > 0, f"a run without parcels proves nothing: {report}")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    print(f"{killed} kills, {report['deposits']} deposits, {last_line}")


main("kill-emulator", run)
