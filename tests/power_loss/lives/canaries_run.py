#!/usr/bin/env python3
"""Wakes one defect after the other and expects the cuts to catch it. Without one, nothing is found.

usage: canaries_run.py PROGRAM [NAME...]
"""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "mutants"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from canaries import MUTANTS  # noqa: E402

PATIENCE_S = 300  # A defect may make a controller wait for ever.
EXIT_BROKEN = 1


def run(program, name):
    environment = dict(os.environ)
    environment.pop("CUBBY_MUTANT", None)
    environment.update({"CUBBY_MUTANT": name} if name else {})
    stride = "400" if name else "2000"  # Second cuts, where first ones are not enough.
    command = [program, "--failures-max", "1", "--second-stride", stride, "--third-stride", "0"]
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
    after = re.search(r"first failure after (\d+) cuts", output)
    if code != EXIT_BROKEN or first is None:
        return False, f"exit code {code}"
    return True, f"after {after.group(1)} cuts: {first.group(1)}" if after else first.group(1)


def main():
    program, names = sys.argv[1], sys.argv[2:]
    code, output = run(program, "")
    if code != 0:
        print(output)
        print("canaries: without a defect, nothing may be found")
        return 1
    survivors = 0
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    for mutant in chosen:
        caught, how = verdict(*run(program, mutant.name))
        survivors += 0 if caught else 1
        print(f"{'caught' if caught else 'SURVIVES':8}  {mutant.name}: {how}", flush=True)
    print(f"canaries: {len(chosen)}, {survivors} survive")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
