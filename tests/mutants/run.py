#!/usr/bin/env python3
"""Wakes one mutant after the other and expects the test that mutants.py names to fail. All these tests pass without a mutant.

usage: run.py PROGRAM          the check
       run.py PROGRAM --find   runs all tests for each mutant and prints which notice
"""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from mutants import MUTANTS  # noqa: E402

PATIENCE_S = 120  # A mutant may wait for ever.


def run(program, name, tests):
    """The exit code, None when it took too long, and the tests that failed."""
    environment = dict(os.environ)
    environment.pop("CUBBY_MUTANT", None)
    if name:
        environment["CUBBY_MUTANT"] = name
    try:
        done = subprocess.run([program, f"--gtest_filter={tests}", "--gtest_brief=1"], env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return None, [], ""
    return done.returncode, sorted(set(re.findall(r"^\[  FAILED  \] (\S+)", done.stdout, re.MULTILINE))), done.stdout


def main():
    program = sys.argv[1]
    if sys.argv[2:] == ["--find"]:
        for mutant in MUTANTS:
            code, failed, _ = run(program, mutant.name, "*")
            print(f"{mutant.name}: {code} {' '.join(failed)}", flush=True)
        return 0
    code, _, output = run(program, "", ":".join(sorted({mutant.test for mutant in MUTANTS})))
    ran = re.search(r"(\d+) tests? from", output)
    expected = len({mutant.test for mutant in MUTANTS})
    if code != 0 or ran is None or int(ran.group(1)) != expected:
        print(output)
        print(f"mutants: without a mutant, {expected} named tests must run and pass")
        return 1
    survivors = []
    for mutant in MUTANTS:
        code, failed, _ = run(program, mutant.name, mutant.test)
        caught = code != 0
        survivors += [] if caught else [mutant.name]
        print(f"{'caught' if caught else 'SURVIVES':8}  {mutant.name}  ({mutant.test})")
    print(f"mutants: {len(MUTANTS)}, {len(survivors)} survive")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
