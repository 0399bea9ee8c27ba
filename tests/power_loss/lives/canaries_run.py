#!/usr/bin/env python3
"""Wakes one defect after the other and expects the cuts, or each kind of fault, to catch it. Without one, nothing is found.

usage: canaries_run.py PROGRAM [NAME...]            cuts, or those that catch these defects
       canaries_run.py PROGRAM --faults [FAULT...]  faults, or these
       canaries_run.py PROGRAM --pulses             cuts within an unlock
"""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "mutants"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from canaries import FAULTS, FLASH, MUTANTS, PULSES  # noqa: E402

PATIENCE_S = 300  # A defect may make a controller wait for ever.
EXIT_BROKEN = 1


def run(program, name, options):
    environment = dict(os.environ)
    environment.pop("CUBBY_MUTANT", None)
    environment.update({"CUBBY_MUTANT": name} if name else {})
    command = [program, *options]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stdout


def verdict(code, output):
    """Whether it was caught, and what caught it."""
    if code is None:
        return True, "it does not end"
    first = re.search(r"^FAILED: (.*)$", output, re.MULTILINE)
    after = re.search(r"first failure after (\d+ (?:cuts|trials))", output)
    if code != EXIT_BROKEN or first is None:
        return False, f"exit code {code}"
    return True, f"after {after.group(1)}: {first.group(1)}" if after else first.group(1)


def cuts_of(names):
    """Defects and the options with which they are caught. Second cuts, where first ones are not enough."""
    return [(mutant.name, ["--failures-max", "1", "--second-stride", "400", "--third-stride", "0"]) for mutant in MUTANTS if (mutant.name in names or not names and mutant.test != FLASH)]


def faults_of(names):
    return [(mutant, ["--fault", fault, "--stride", "1", "--failures-max", "1"]) for fault, mutant in FAULTS.items() if not names or fault in names]


def main():
    program, faults, pulses = sys.argv[1], "--faults" in sys.argv, "--pulses" in sys.argv
    names = [name for name in sys.argv[2:] if not name.startswith("--")]
    one_family = ["--family", "p2", "--step-ms", "500"]
    code, output = run(program, "", ["--stride", "200"] if faults else one_family if pulses else ["--second-stride", "2000", "--third-stride", "0"])
    if code != 0:
        print(output)
        print("canaries: without a defect, nothing may be found")
        return 1
    survivors = 0
    chosen = faults_of(names) if faults else [(name, one_family) for name in PULSES] if pulses else cuts_of(names)
    for mutant, options in chosen:
        caught, how = verdict(*run(program, mutant, options))
        survivors += 0 if caught else 1
        by = f" by {options[1]}" if faults or pulses else ""
        print(f"{'caught' if caught else 'SURVIVES':8}  {mutant}{by}: {how}", flush=True)
    print(f"canaries: {len(chosen)}, {survivors} survive")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
